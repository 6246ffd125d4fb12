# SPDX-License-Identifier: ISC
"""Separate music into vocals and instrumental with libbsm: numpy arrays in, numpy arrays out.

    import bsm
    model = bsm.Model("model.safetensors")        # or PyTorch's .ckpt
    stems = model.separate(audio)                 # float32 [channels][samples] at model.sample_rate
    vocals, instrumental = stems["vocals"], audio - stems["vocals"]

The library is the file named by $BSM_LIBRARY, or else the one that the linker finds. Only one thread at a time may use a Model.
"""
import ctypes
import ctypes.util
import os

import numpy

__all__ = ["Error", "Model", "version"]

_MAX_BANDS, _MAX_STEMS, _STEM_NAME = 512, 16, 32
_DEVICES = {"auto": 0, "cpu": 1, "reference": 2, "cuda": 3}
_PRECISIONS = {"float32": 0, "bfloat16": 1, "tf32": 2, "int8": 3}


class Error(Exception):
    """An error of the library: one line that names the file and the cause. `status` is its bsm_status, a number of bsm/status.h."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


# The structs of bsm/status.h, config.h, network.h and separate.h. Their fields must have the same order and types as there.

class _Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("message", ctypes.c_char * 512)]


class _Config(ctypes.Structure):
    _fields_ = ([(name, ctypes.c_size_t) for name in ("dim", "depth", "expand", "headdim", "d_state", "d_conv", "mask_expansion", "num_bands")]
                + [("bands", ctypes.c_size_t * _MAX_BANDS)]
                + [(name, ctypes.c_size_t) for name in ("n_fft", "hop", "sample_rate", "channels", "num_stems")]
                + [("stems", ctypes.c_char * _STEM_NAME * _MAX_STEMS), ("segment", ctypes.c_double), ("expander", ctypes.c_double)])


class _NetworkOptions(ctypes.Structure):
    _fields_ = [("device", ctypes.c_int), ("precision", ctypes.c_int), ("threads", ctypes.c_size_t), ("max_frames", ctypes.c_size_t),
                ("streaming", ctypes.c_bool), ("segment", ctypes.c_size_t), ("warmup", ctypes.c_size_t)]


class _SeparateOptions(ctypes.Structure):
    _fields_ = [("output_dir", ctypes.c_char_p), ("format", ctypes.c_int), ("bits", ctypes.c_int), ("all_stems", ctypes.c_bool),
                ("force", ctypes.c_bool), ("only", ctypes.c_int), ("name", ctypes.c_char_p), ("gain", ctypes.c_double),
                ("normalize", ctypes.c_bool), ("stream", ctypes.c_int), ("window", ctypes.c_double), ("overlap", ctypes.c_double),
                ("commit", ctypes.c_size_t), ("lookahead", ctypes.c_size_t), ("memory", ctypes.c_int), ("history", ctypes.c_size_t),
                ("warmup", ctypes.c_double), ("progress", ctypes.c_void_p), ("user", ctypes.c_void_p), ("listen", ctypes.c_void_p),
                ("listener", ctypes.c_void_p)]


_Plane = ctypes.POINTER(ctypes.c_float)
_Planes = ctypes.POINTER(_Plane)


def _load():
    library = ctypes.CDLL(os.environ.get("BSM_LIBRARY") or ctypes.util.find_library("bsm") or "libbsm.so.0")
    pointer, error = ctypes.c_void_p, ctypes.POINTER(_Error)
    library.bsm_version.restype = ctypes.c_char_p
    library.bsm_model_open.argtypes = [ctypes.c_char_p, pointer, ctypes.POINTER(pointer), error]
    library.bsm_model_config.argtypes, library.bsm_model_config.restype = [pointer], ctypes.POINTER(_Config)
    library.bsm_model_metadata.argtypes, library.bsm_model_metadata.restype = [pointer, ctypes.c_char_p], ctypes.c_char_p
    library.bsm_model_free.argtypes = library.bsm_network_free.argtypes = [pointer]
    library.bsm_network_device_name.argtypes, library.bsm_network_device_name.restype = [pointer], ctypes.c_char_p
    library.bsm_separate_network.argtypes = [pointer, ctypes.POINTER(_SeparateOptions), ctypes.POINTER(_NetworkOptions), error]
    library.bsm_network_new.argtypes = [pointer, ctypes.POINTER(_NetworkOptions), ctypes.POINTER(pointer), error]
    library.bsm_separate_array.argtypes = [pointer, _Planes, ctypes.c_size_t, ctypes.c_size_t, ctypes.POINTER(_SeparateOptions),
                                           ctypes.POINTER(_Planes), error]
    return library


_bsm = _load()


def _call(function, *arguments):
    error = _Error()
    if function(*arguments, ctypes.byref(error)):
        raise Error(error.status, error.message.decode(errors="replace"))


def _planes(audio):
    """Return pointers to the rows of an array of float32."""
    return (_Plane * len(audio))(*(row.ctypes.data_as(_Plane) for row in audio))


def version():
    """Return the version of the library."""
    return _bsm.bsm_version().decode()


class Model:
    """A model on a device, which is "auto", "cpu", "reference" or "cuda". It separates in windows of `window` seconds (None: the length
    of its training segment), each of which shares the part `overlap`, 0 to 0.9, with the next."""

    def __init__(self, path, device="auto", precision="float32", threads=0, window=None, overlap=0.5):
        self._model, self._network = ctypes.c_void_p(), ctypes.c_void_p()
        self._options = _SeparateOptions(window=window or 0, overlap=overlap)
        options = _NetworkOptions(device=_DEVICES[device], precision=_PRECISIONS[precision], threads=threads)
        _call(_bsm.bsm_model_open, os.fsencode(path), None, ctypes.byref(self._model))
        try:
            _call(_bsm.bsm_separate_network, self._model, ctypes.byref(self._options), ctypes.byref(options))
            _call(_bsm.bsm_network_new, self._model, ctypes.byref(options), ctypes.byref(self._network))
        except Error:
            self.close()
            raise
        config = _bsm.bsm_model_config(self._model).contents
        self.sample_rate, self.channels = config.sample_rate, config.channels
        self.stems = [config.stems[i].value.decode() for i in range(config.num_stems)]
        self.device = _bsm.bsm_network_device_name(self._network).decode()

    def metadata(self, key):
        """Return the text of a key of the model's metadata ("licence", "training", ...), or None."""
        text = _bsm.bsm_model_metadata(self._model, key.encode())
        return None if text is None else text.decode(errors="replace")

    def separate(self, audio):
        """Separate `audio`, float [channels][samples] at sample_rate. Return a dict from the names of the stems to float32 arrays of the
        same shape."""
        audio = numpy.ascontiguousarray(audio, dtype=numpy.float32)
        if audio.ndim != 2:
            raise ValueError("audio is an array [channels][samples]")
        result = {stem: numpy.empty_like(audio) for stem in self.stems}
        planes = [_planes(result[stem]) for stem in self.stems]  # must exist until the call returns
        stems = (_Planes * _MAX_STEMS)(*(ctypes.cast(p, _Planes) for p in planes))
        _call(_bsm.bsm_separate_array, self._network, _planes(audio), len(audio), audio.shape[1], ctypes.byref(self._options), stems)
        return result

    def close(self):
        """Free the network and the model. This also happens when the object is deleted."""
        _bsm.bsm_network_free(self._network)
        _bsm.bsm_model_free(self._model)
        self._network, self._model = ctypes.c_void_p(), ctypes.c_void_p()

    def __del__(self):
        if hasattr(self, "_network"):
            self.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
