#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tests bsm-model as a user runs it: bsm_model_test.py PROGRAM CHECKPOINTS."""
import io
import json
import os
import pathlib
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

PROGRAM = os.path.abspath(sys.argv[1])
CHECKPOINTS = pathlib.Path(sys.argv[2]).resolve()


def read_header(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))


class Sparse(io.FileIO):
    """A file that has holes where whole blocks of zeros are written."""

    BLOCK = bytes(1 << 24)

    def write(self, data):
        if data == self.BLOCK:
            self.seek(len(data), os.SEEK_CUR)
            return len(data)
        return super().write(data)


class Test(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def run_model(self, *arguments, status=0, **options):
        options.setdefault("stdout", subprocess.PIPE)
        result = subprocess.run([PROGRAM, *map(str, arguments)], stderr=subprocess.PIPE, text=True,
                                cwd=self.path, check=False, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        if status:
            self.assertTrue(result.stderr.startswith("bsm-model: "), result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        else:
            self.assertEqual(result.stderr, "")
        return result.stderr if status else result.stdout

    def files(self):
        return sorted(os.listdir(self.path))

    # ---- The command line

    def test_help_fits_a_screen(self):
        text = self.run_model("--help")
        self.assertLessEqual(text.count("\n"), 23)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertEqual(text, self.run_model("-h"))

    def test_version(self):
        self.assertRegex(self.run_model("--version"), r"^bsm-model \d+\.\d+\.\d+\n$")

    def test_usage(self):
        for arguments in ([], ["frobnicate"], ["list", "a"], ["info", "a", "b"], ["convert", "a"],
                          ["convert", "a", "b", "--dtype", "f64"], ["info", "a", "--force"],
                          ["check", "a", "--json"], ["create", "tiny", "a", "--ema"],
                          ["create", "enormous", "a"]):
            self.run_model(*arguments, status=2)
        self.run_model("info", "--nonsense", status=2)
        self.assertIn("-t: is now --dtype", self.run_model("convert", "-t", "f16", "a", "b", status=2))

    # ---- The names of models

    def test_names(self):
        home, more = self.path / "home/bsm/models", self.path / "more"
        environment = dict(os.environ, XDG_DATA_HOME=str(self.path / "home"),
                           BSM_MODELS="%s:%s" % (self.path / "none", more), BSM_MODEL="")
        for folder in (home, more):
            folder.mkdir(parents=True)
        self.run_model("create", "tiny", home / "small.safetensors")
        (more / "other.ckpt").write_bytes((CHECKPOINTS / "tiny.ckpt").read_bytes())
        (more / "notes.txt").write_text("no model")
        (more / "bad.pt").write_text("no model")
        text = self.run_model("list", env=environment)
        self.assertRegex(text, r"  small  0\.7 million parameters, 3 MB  vocals\n")
        self.assertRegex(text, r"  other  0\.7 million parameters")
        self.assertRegex(text, r"  bad  cannot be used: ")
        self.assertNotIn("notes", text)
        self.assertIn("small.safetensors", self.run_model("info", "small", env=environment))
        self.assertIn("other.ckpt", self.run_model("info", "other.ckpt", env=environment))
        self.assertIn("nor a model of this name", self.run_model("info", "none", env=environment,
                                                                 status=3))
        environment["BSM_MODEL"] = "small"
        self.assertIn("small.safetensors", self.run_model("info", env=environment))
        self.assertIn("* small", self.run_model("list", env=environment))
        os.rename(home / "small.safetensors", home / "default.safetensors")
        environment["BSM_MODEL"] = ""
        self.assertIn("default.safetensors", self.run_model("info", env=environment))

    # ---- info and check

    def test_info(self):
        text = self.run_model("info", CHECKPOINTS / "tiny.ckpt")
        for part in ("pytorch", "tiny: dim 16, depth 2", "62: 24x2 12x4 8x12 8x24 8x48 128 129",
                     "44100 Hz, stereo, n_fft 2048, hop 441", "vocals", "704,348 in 515 tensors",
                     "epoch 3, step 4000", "not stated"):
            self.assertIn(part, text)
        text = self.run_model("info", "--ema", CHECKPOINTS / "tiny.ckpt")
        self.assertIn("averaged weights", text)

    def test_info_json(self):
        info = json.loads(self.run_model("info", "--json", CHECKPOINTS / "tiny-half.pth"))
        self.assertEqual(info["parameters"], 704348)
        self.assertEqual(info["config"]["dim"], 16)
        self.assertEqual(sum(info["config"]["bands"]), 1025)
        self.assertEqual(info["config"]["stems"], ["vocals"])
        self.assertEqual(sum(info["types"].values()), 704348)
        self.assertGreater(info["types"]["float16"], 600000)
        self.assertEqual(info["bytes"], os.path.getsize(CHECKPOINTS / "tiny-half.pth"))

    def write_with_metadata(self, name, metadata):
        """Write a model with `metadata`, which are bytes, instead of the model's licence."""
        self.run_model("create", "--force", "tiny", "a.safetensors")
        data = (self.path / "a.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        text = data[8:8 + length].replace(b'"__metadata__":{', b'"__metadata__":{' + metadata, 1)
        (self.path / name).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])

    def test_metadata_cannot_control_the_terminal(self):
        self.write_with_metadata("b.safetensors",
                                 b'"licence":"CC0\\u001b[2J","\\u0007bell":"one\\ntwo\xc2\x9b",'
                                 b'"caf\xc3\xa9\\u0085":"\xe2\x82\xac",')
        shown = self.run_model("info", "b.safetensors")
        self.assertIn("CC0?[2J", shown)
        self.assertIn("?bell: one\n                two?\n", shown)
        self.assertIn("caf\u00e9?: \u20ac\n", shown)
        for control in "\x1b\x07\x85\x9b":
            self.assertNotIn(control, shown)

    def test_names_cannot_control_the_terminal(self):
        name = b"c\x1b[2J\xc2\x9b\n\xff\xc3\xa9"
        self.run_model("create", "tiny", "a")
        os.rename(self.path / "a", os.path.join(os.fsencode(self.path), name))
        for command in ("check", "info"):
            result = subprocess.run([os.fsencode(PROGRAM), command, name], cwd=self.path,
                                    capture_output=True, check=True)
            self.assertNotIn(b"\x1b", result.stdout)
            self.assertNotIn(b"\x9b", result.stdout)
            self.assertNotIn(b"\xff", result.stdout)
        result = subprocess.run([os.fsencode(PROGRAM), "check", name], cwd=self.path,
                                capture_output=True, check=True)
        self.assertEqual(result.stdout, b"c?[2J???\xc3\xa9: OK, 704,348 parameters\n")

    def test_json_is_valid_whatever_the_metadata(self):
        """Bytes that are not UTF-8: alone, cut short, overlong, a surrogate, beyond Unicode."""
        bad = (b"\xff", b"\xc3", b"\xe2\x82", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80",
               b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80", b"\x80")
        pairs = b"".join(b'"k%d%s":"a%sz",' % (i, b, b) for i, b in enumerate(bad))
        self.write_with_metadata("b.safetensors", pairs + '"gut":"\u00e9\u20ac\U0001f3b5",'.encode())
        result = subprocess.run([PROGRAM, "info", "--json", "b.safetensors"], cwd=self.path,
                                capture_output=True, check=True)
        metadata = json.loads(result.stdout.decode("utf-8"))["metadata"]
        self.assertEqual(metadata["gut"], "\u00e9\u20ac\U0001f3b5")
        for i, b in enumerate(bad):
            mark = "\ufffd" * len(b)
            self.assertEqual(metadata[f"k{i}{mark}"], f"a{mark}z")
        shown = subprocess.run([PROGRAM, "info", "b.safetensors"], cwd=self.path,
                               capture_output=True, check=True).stdout.decode("utf-8")
        self.assertIn("k0?: a?z\n", shown)

    def test_check(self):
        self.assertEqual(self.run_model("check", CHECKPOINTS / "tiny.ckpt"),
                         f"{CHECKPOINTS / 'tiny.ckpt'}: OK, 704,348 parameters\n")
        self.assertIn("no-such-file: cannot open: No such file",
                      self.run_model("check", "no-such-file", status=3))
        self.assertIn("holds no averaged weights",
                      self.run_model("check", "--ema", CHECKPOINTS / "tiny-half.pth", status=3))

    def test_check_sees_nan(self):
        self.run_model("create", "tiny", "a")
        with open(self.path / "a", "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(struct.pack("<f", float("nan")))
        for arguments in (["check", "a"], ["convert", "a", "b"]):
            self.assertIn("a: mask_estimators.0.to_freqs.61.0.2.bias: element 1031 is not a finite",
                          self.run_model(*arguments, status=3))
        self.assertIn("704,348", self.run_model("info", "a"))
        self.assertEqual(self.files(), ["a"])

    def test_full_standard_output(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            self.assertIn("No space left",
                          self.run_model("info", CHECKPOINTS / "tiny.ckpt", status=5, stdout=full))

    # ---- convert and create

    def test_convert(self):
        self.assertEqual(self.run_model("convert", CHECKPOINTS / "tiny.ckpt", "a.safetensors"), "")
        self.run_model("create", "tiny", "b.safetensors")
        a = (self.path / "a.safetensors").read_bytes()
        b = (self.path / "b.safetensors").read_bytes()
        self.assertEqual(a[-4 * 704348:], b[-4 * 704348:])
        metadata = read_header(self.path / "a.safetensors")["__metadata__"]
        self.assertEqual(metadata["training"], "epoch 3, step 4000")
        self.assertEqual(metadata["stems"], "vocals")
        self.assertEqual(metadata["bands"].count(","), 61)
        self.assertEqual(read_header(self.path / "b.safetensors")["__metadata__"]["training"],
                         "none: the weights are a hash of their names")

    def test_convert_sets_metadata(self):
        self.run_model("convert", "-s", "licence=CC0=1.0", "--set", "figures=good", "-s", "x=",
                       "--set", "training=" + "many words " * 20, CHECKPOINTS / "tiny.ckpt", "a")
        metadata = read_header(self.path / "a")["__metadata__"]
        self.assertEqual(metadata["licence"], "CC0=1.0")
        self.assertEqual(metadata["figures"], "good")
        self.assertEqual(metadata["x"], "")
        shown = self.run_model("info", "a")
        self.assertIn("\nlicence         CC0=1.0\n", shown)
        self.assertIn("\nfigures         good\n", shown)
        self.assertIn("\nmetadata        x: \n", shown)
        self.assertIn("\ntraining        many words many", shown)
        self.assertIn("\n                words many", shown)
        words = [line for line in shown.splitlines() if "many" in line]
        self.assertGreater(len(words), 2)
        self.assertLessEqual(max(map(len, words)), 80)
        for bad in ("dim=64", "stems=a,b", "licence", "=x", "expander=loud", "expander=121",
                    "expander=-1", "expander=", "expander=1e1"):
            self.assertIn("--set", self.run_model("convert", "-s", bad, "a", "b", status=2))
        self.assertIn("does not take", self.run_model("info", "-s", "a=b", "a", status=2))
        self.run_model("convert", "-s", "expander=12.5", "a", "b")
        self.assertIn("12.5 dB or more below", self.run_model("info", "b"))

    def rename(self, name, change):
        """Write a copy of a safetensors file, renamed.safetensors, with other names in it."""
        with open(self.path / name, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header, data = json.loads(file.read(length)), file.read()
        renamed = json.dumps({change(key) if key != "__metadata__" else key: value
                              for key, value in header.items()}).encode()
        (self.path / "renamed.safetensors").write_bytes(
            struct.pack("<Q", len(renamed)) + renamed + data)
        return "renamed.safetensors"

    def test_names_that_wrappers_have_changed(self):
        self.run_model("create", "tiny", "a.safetensors")
        expected = self.run_model("info", "--json", "a.safetensors")
        for change in (lambda key: "module." + key,
                       lambda key: "model." + key.replace(".mixer.", "._orig_mod.mixer."),
                       lambda key: "net." + key):
            self.rename("a.safetensors", change)
            shown = json.loads(self.run_model("info", "--json", "renamed.safetensors"))
            self.assertEqual(shown["parameters"], json.loads(expected)["parameters"])
        name = self.rename("a.safetensors", lambda key: "x" + key)
        error = self.run_model("info", name, status=3)
        self.assertIn("its names begin with: xband_split, xfinal_norm, xlayers", error)

    def test_convert_types(self):
        for name, code in (("f16", "F16"), ("bf16", "BF16"), ("f32", "F32")):
            self.run_model("convert", "--dtype", name, CHECKPOINTS / "tiny.ckpt", name)
            header = read_header(self.path / name)
            self.assertEqual(header["final_norm.gamma"]["dtype"], "F32")
            self.assertEqual(header["layers.0.0.linear.weight"]["dtype"], code)
            self.run_model("check", name)
        # The reference and bsm round to float16 in the same way.
        self.run_model("convert", "--dtype", "f16", CHECKPOINTS / "tiny-half.pth", "reference")
        data = [(self.path / name).read_bytes()[-1400000:] for name in ("f16", "reference")]
        self.assertEqual(data[0], data[1])

    def test_convert_averages(self):
        self.run_model("convert", "--ema", CHECKPOINTS / "tiny.ckpt", "a")
        self.run_model("create", "tiny", "b")
        first, second = (struct.unpack("<f", (self.path / name).read_bytes()[-4:])
                         for name in ("a", "b"))
        self.assertEqual(first[0], second[0] / 2)

    def test_average(self):
        self.run_model("convert", "-s", "licence=CC0-1.0", CHECKPOINTS / "tiny.ckpt", "whole")
        self.run_model("convert", "--ema", CHECKPOINTS / "tiny.ckpt", "half")
        self.run_model("average", "-s", "figures=good", "whole", "half", "whole", "mean")
        whole, mean = (struct.unpack("<100f", (self.path / name).read_bytes()[-400:])
                       for name in ("whole", "mean"))
        for a, b in zip(whole, mean):
            self.assertAlmostEqual(b, a * 5 / 6, delta=1e-6)
        metadata = read_header(self.path / "mean")["__metadata__"]
        self.assertEqual((metadata["licence"], metadata["figures"]), ("CC0-1.0", "good"))
        self.run_model("create", "lite", "other")
        self.assertIn("other: its network is not that of whole",
                      self.run_model("average", "whole", "other", "out", status=3))
        self.assertIn("two operands", self.run_model("average", "out", status=2))
        self.assertIn("nowhere", self.run_model("average", "whole", "nowhere", "out", status=3))

    def test_outputs_are_kept(self):
        (self.path / "out").write_text("precious")
        self.assertIn("out: exists already", self.run_model("create", "tiny", "out", status=5))
        self.assertEqual((self.path / "out").read_text(), "precious")
        self.run_model("create", "tiny", "--force", "out")
        self.run_model("convert", "-f", "out", "out", "--dtype", "f16")
        self.run_model("check", "out")
        self.assertEqual(self.files(), ["out"])

    def test_outputs_that_cannot_be(self):
        self.assertIn("No such file", self.run_model("create", "tiny", "no/folder", status=5))
        self.run_model("create", "tiny", "--force", "/dev/null", status=5)
        if os.geteuid() != 0:
            self.path.chmod(0o500)
            self.assertIn("Permission denied", self.run_model("create", "tiny", "out", status=5))
            self.path.chmod(0o700)
        self.assertEqual(self.files(), [])

    def test_full_disk(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        self.assertIn("out: cannot write",
                      self.run_model("create", "tiny", "out", status=5, preexec_fn=limit))
        self.assertEqual(self.files(), [])

    # ---- Large and hostile files

    def test_checkpoint_over_4_gb(self):
        """The first member of the checkpoint has 4.5 GB, in a hole that needs no disk space."""
        with zipfile.ZipFile(CHECKPOINTS / "tiny-half.pth") as source, \
                Sparse(self.path / "large.pth", "w") as file:
            with zipfile.ZipFile(file, "w") as target:
                with target.open("tiny-half/data/9999", "w", force_zip64=True) as member:
                    for _ in range(4500000000 // len(Sparse.BLOCK)):
                        member.write(Sparse.BLOCK)
                for info in source.infolist():
                    target.writestr(zipfile.ZipInfo(info.filename), source.read(info))
        self.assertGreater(os.path.getsize(self.path / "large.pth"), 1 << 32)
        self.assertIn("704,348", self.run_model("check", "large.pth"))

    def test_code_is_not_run(self):
        """The first thing in the checkpoint is a call of os.system."""
        with zipfile.ZipFile(CHECKPOINTS / "tiny-wrapped.pt") as source, \
                zipfile.ZipFile(self.path / "evil.pt", "w") as target:
            for info in source.infolist():
                data = source.read(info)
                if info.filename.endswith("data.pkl"):
                    call = b"cos\nsystem\nX\x0c\x00\x00\x00touch pwned!\x85R0"
                    data = data[:2] + call + data[2:]
                target.writestr(info.filename, data)
        self.assertIn("704,348", self.run_model("check", "evil.pt"))
        self.assertEqual(self.files(), ["evil.pt"])

    def test_bomb(self):
        """False sizes in an archive's directory cost neither memory nor time."""
        with zipfile.ZipFile(self.path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as target:
            with target.open("x/data.pkl", "w") as member:
                for _ in range(8):
                    member.write(Sparse.BLOCK)

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
        sanitized = "asan" in subprocess.run(["ldd", PROGRAM], capture_output=True, text=True,
                                             check=False).stdout
        options = {} if sanitized else {"preexec_fn": limit}
        self.assertIn("cannot be weights", self.run_model("check", "bomb.pt", status=3, **options))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
