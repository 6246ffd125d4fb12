/* SPDX-License-Identifier: ISC */
/* live MODEL <IN >OUT: takes the vocals out of a stream of interleaved stereo float samples at
 * 48 kHz. "arecord -f FLOAT_LE -r 48000 -c 2 -t raw" records such a stream, and aplay plays it. */
#include <bsm/stream.h>
#include <stdio.h>

enum { BLOCK = 256 };

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: live MODEL <SAMPLES >INSTRUMENTAL\n");
        return 2;
    }
    /* Freewheeling waits for each result, which a pipe allows and an audio thread does not. */
    const bsm_stream_options options = {
        .sample_rate = 48000, .max_block = BLOCK, .freewheel = true};
    bsm_stream *stream = NULL;
    bsm_model *model = NULL;
    bsm_error error = {0};
    bsm_status status = bsm_model_open(argv[1], NULL, &model, &error);
    status = status ? status : bsm_stream_new(model, &options, &stream, &error);
    static float frames[BLOCK][2], in[2][BLOCK], vocals[2][BLOCK], rest[2][BLOCK];
    while (!status && fread(frames, sizeof frames, 1, stdin) == 1) {
        for (size_t i = 0; i < BLOCK; i++) {
            in[0][i] = frames[i][0];
            in[1][i] = frames[i][1];
        }
        const float *heard[] = {in[0], in[1]};
        float *voice[] = {vocals[0], vocals[1]}, *music[] = {rest[0], rest[1]};
        bsm_stream_process(stream, heard, voice, music, BLOCK);
        for (size_t i = 0; i < BLOCK; i++) {
            frames[i][0] = rest[0][i];
            frames[i][1] = rest[1][i];
        }
        fwrite(frames, sizeof frames, 1, stdout);
    }
    if (status) {
        fprintf(stderr, "%s\n", error.message);
    }
    bsm_stream_free(stream);
    bsm_model_free(model);
    return status ? 1 : 0;
}
