/* SPDX-License-Identifier: ISC */
/** The one list of a configuration's keys. From it are made the members of the settings, the
 *  schema, the published values, the ranges, the output of --list-keys and the manual's list
 *  (tests/lint/keys.py --write).
 *
 *  K(S, KIND, KEY, DEFAULT, LOW, HIGH, HELP): S is for the user of the list; a default of "" means
 *  none. LOW and HIGH are the range of a number, or the number of entries that a list may have; if
 *  both are 0, other code checks the value, such as bsm_config_validate and the loader.
 *
 *  The published values are those of Kim and Choi, "Mamba2 Meets Silence" (2025), and of its
 *  published code, as far as these state any. They state neither num_epochs and steps_per_epoch
 *  (as many as it takes; the best is kept), nor schedules other than the constant one. */
#ifndef BSM_TRAINER_KEYS_H
#define BSM_TRAINER_KEYS_H

#define BSM_MODEL_KEYS(K, S)                                                                       \
    K(S, WHOLE, hidden_dim, "256", 0, 0, "Width of the network.")                                  \
    K(S, WHOLE, num_layers, "6", 0, 0, "Pairs of paths, along time and along bands.")              \
    K(S, WHOLE, num_subbands, "", 0, 0, "62 or 48 bands, as published; 62 if nothing is said.")    \
    K(S, WHOLES, bands, "", 1, BSM_MAX_BANDS, "The bins of each band, in place of num_subbands.")  \
    K(S, WHOLE, d_state, "128", 0, 0, "Size of a head's state.")                                   \
    K(S, WHOLE, d_conv, "4", 0, 0, "Taps of the convolution before the scan.")                     \
    K(S, WHOLE, expand, "4", 0, 0, "Width inside a mixer over that of the network.")               \
    K(S, WHOLE, headdim, "64", 0, 0, "Width of a head.")                                           \
    K(S, WHOLE, mask_expansion, "4", 0, 0, "Width inside the mask's layers over the network's.")   \
    K(S, FLAG, use_gradient_checkpointing, "false", 0, 0,                                          \
      "Compute twice what it then need not keep.")

#define BSM_AUDIO_KEYS(K, S)                                                                       \
    K(S, WHOLE, sample_rate, "44100", 0, 0, "Hz.")                                                 \
    K(S, WHOLE, n_fft, "2048", 0, 0, "Length of the transform's window in samples.")               \
    K(S, WHOLE, hop_length, "441", 0, 0, "Samples from one frame to the next.")                    \
    K(S, NUMBER, segment_length, "8", 0.01, 60, "Seconds of an example.")

#define BSM_TRAINING_KEYS(K, S)                                                                    \
    K(S, WHOLE, batch_size, "5", 1, 1e6,                                                           \
      "A step has this many times gradient_accumulation_steps examples, in all processes "         \
      "together.")                                                                                 \
    K(S, WHOLE, gradient_accumulation_steps, "6", 1, 1e6, "See batch_size.")                       \
    K(S, NUMBER, learning_rate, "0.0005", 0, 10, "AdamW's.")                                       \
    K(S, NUMBER, weight_decay, "0.01", 0, 10, "AdamW's.")                                          \
    K(S, NUMBER, clip_norm, "3", 0, 1e30, "The most that the gradient's norm may be; 0: any.")     \
    K(S, BELOW, ema, "0.999", 0, 1,                                                                \
      "Decay of the average of the weights, which is validated and written.")                      \
    K(S, WHOLE, num_epochs, "500", 1, 1e9, "Epochs.")                                              \
    K(S, WHOLE, steps_per_epoch, "200", 1, 1e9, "Steps of an epoch.")                              \
    K(S, PRECISION, precision, "float32", 0, 0,                                                    \
      "How products are computed: bfloat16 on a GPU, or on a processor with AMX or AVX512-BF16; "  \
      "tf32 on a GPU.")                                                                            \
    K(S, NUMBER, lambda_time, "10", 0, 1e9, "Weight of the loss's part in time.")                  \
    K(S, BELOW, dropout, "0", 0, 1, "Chance that a path's output is left out.")                    \
    K(S, TEXT, output_dir, "output", 0, 0, "Folder of all that the training writes.")              \
    K(S, TEXT, resume_from, "", 0, 0,                                                              \
      "A checkpoint of the same data.sources and data.target to go on from, or latest.")           \
    K(S, TEXT, init_from, "", 0, 0, "A model of the same shapes to start from.")                   \
    K(S, WHOLE, save_every_n_epochs, "1", 1, 1e9, "Epochs from one checkpoint to the next.")       \
    K(S, WHOLE, keep_last_n_checkpoints, "3", 0, 0, "Checkpoints that are kept; 0: all.")          \
    K(S, SEED, seed, "42", 0, 0, "Of all that is left to chance.")                                 \
    K(S, DEVICE, device, "auto", 0, 0, "What the network computes on.")                            \
    K(S, WHOLE, threads, "0", 0, 1024, "Processor threads; 0: one per core.")                      \
    K(S, TEXT, licence, "", 0, 0, "Of the weights; goes into the models.")

#define BSM_SCHEDULE_KEYS(K, S)                                                                    \
    K(S, SCHEDULE, kind, "constant", 0, 0, "How the learning rate goes on after the warming up.")  \
    K(S, WHOLE, warmup_steps, "0", 0, 1e9, "Steps in which the learning rate grows from 0.")       \
    K(S, NUMBER, minimum, "0.00001", 0, 10, "The least learning rate.")                            \
    K(S, BELOW, factor, "0.5", 0, 1, "What a plateau multiplies the learning rate by.")            \
    K(S, WHOLE, patience, "5", 0, 0, "Validations without a better one that are a plateau.")

#define BSM_LOSS_KEYS(K, S)                                                                        \
    K(S, WHOLES, stft_windows, "[4096, 2048, 1024, 512, 256]", 0, BSM_MAX_LOSS_WINDOWS,            \
      "Windows of the loss's transforms in samples.")                                              \
    K(S, WHOLE, time_norm, "1", 1, 2,                                                              \
      "The part in time: 1, the mean of moduli, or 2, the root of the mean square.")               \
    K(S, WHOLE, stft_hop, "147", 1, 1e6, "Samples from one frame of these to the next.")           \
    K(S, NUMBER, lambda_silence, "0", 0, 1e9,                                                      \
      "Weight of each dB that is left in pieces whose target is silent. A hundredth teaches a "    \
      "model that separates to be silent where nobody sings; one that cannot yet separate learns " \
      "to be silent everywhere.")                                                                  \
    K(S, BELOW, silence_floor, "-50", -120, 0, "What counts as left, in dB of the mixture.")       \
    K(S, NUMBER, silence_seconds, "0.5", 0.001, 60, "Length of these pieces.")

#define BSM_ROOT_KEYS(K, S)                                                                        \
    K(S, TEXT, path, "", 0, 0, "The folder.")                                                      \
    K(S, LAYOUT, layout, "", 0, 0, "Its layout; auto if nothing is said.")                         \
    K(S, MAYBE, weight, "", 0, 0,                                                                  \
      "How often it is drawn from, over the other folders; 1 if nothing is said.")

#define BSM_SILENT_KEYS(K, S)                                                                      \
    K(S, TEXT, source, "", 0, 0, "The source.")                                                    \
    K(S, NUMBER, probability, "", 0, 1, "Chance that it is left out.")

#define BSM_AUGMENT_KEYS(K, S)                                                                     \
    K(S, TEXT, source, "", 0, 0, "The source.")                                                    \
    K(S, CHANCE, channel_swap, "", 0, 1, "Exchanges left and right.")                              \
    K(S, CHANCE, polarity, "", 0, 1, "Turns the sign.")                                            \
    K(S, CHANCE, eq, "", 0, 1, "Three filters, peaks or shelves, up to 6 dB each way.")            \
    K(S, CHANCE, pitch, "", 0, 1,                                                                  \
      "Reads faster or slower, up to semitones; not where sources stay together.")                 \
    K(S, MAYBE_RANGE, semitones, "", -12, 12, "[low, high] of pitch.")                             \
    K(S, CHANCE, layers, "", 0, 1, "One to three more pieces of the source on top.")               \
    K(S, CHANCE, compression, "", 0, 1, "Louder parts become quieter.")                            \
    K(S, CHANCE, reverb, "", 0, 1, "A tail of 0.3 to 3 s.")                                        \
    K(S, CHANCE, doubling, "", 0, 1, "One or two wavering copies, 12 to 30 ms late.")              \
    K(S, CHANCE, width, "", 0, 1, "The channels' difference times 0 (mono) to 1.5.")               \
    K(S, CHANCE, pan, "", 0, 1, "To a side.")

#define BSM_DATA_KEYS(K, S)                                                                        \
    K(S, TEXTS, sources, "[vocals, drums, bass, other]", 1, BSM_MAX_STEMS,                         \
      "What adds up to a mixture.")                                                                \
    K(S, TEXTS, target, "[vocals]", 1, BSM_MAX_STEMS, "Those that the network learns.")            \
    K(S, TEXT, root, "", 0, 0, "Folder of the music.")                                             \
    K(S, LAYOUT, layout, "auto", 0, 0, "How it lies there.")                                       \
    K(S, ROOTS, roots, "", 1, CYAML_UNLIMITED, "Several such folders.")                            \
    K(S, NUMBER, random_mix, "1", 0, 1,                                                            \
      "Chance that sources come from different tracks; else they stay together.")                  \
    K(S, NUMBER, silent_prob, "0.1", 0, 1, "Chance that a source is left out.")                    \
    K(S, SILENTS, silent, "", 0, BSM_MAX_STEMS, "The same for single sources.")                    \
    K(S, RANGE, loudness, "[0.5, 1.5]", 0, 0, "[low, high] of each source's factor.")              \
    K(S, MAYBE_RANGE, level, "", 0, 0,                                                             \
      "[low, high] of the target over the others in dB, for files of any level.")                  \
    K(S, NUMBER, channel_swap, "0", 0, 1, "Chance that left and right are exchanged.")             \
    K(S, NUMBER, polarity, "0", 0, 1, "Chance that the sign is turned.")                           \
    K(S, NUMBER, eq, "0", 0, 1, "Chance of three filters.")                                        \
    K(S, NUMBER, pitch, "0", 0, 1, "Chance that a source is read faster or slower.")               \
    K(S, AUGMENTS, augment, "", 0, BSM_MAX_STEMS,                                                  \
      "The same chances, and more, for single sources.")                                           \
    K(S, TEXT, segments_cache, "", 0, 0, "Folder for what is known of where sources sound.")       \
    K(S, WHOLE, workers, "2", 1, 64, "Threads that make examples.")

#define BSM_SAD_KEYS(K, S)                                                                         \
    K(S, FLAG, enabled, "true", 0, 0, "Take examples only from where a source sounds.")            \
    K(S, NUMBER, window, "8", 0.1, 3600, "Seconds that are looked at together.")                   \
    K(S, WHOLE, chunks, "10", 1, 10000, "Pieces of a window.")                                     \
    K(S, NUMBER, quantile, "0.15", 0, 1,                                                           \
      "A piece below this quantile of its file's pieces counts as silent.")                        \
    K(S, NUMBER, floor, "0.001", 0, 1, "So does a piece below this, of full scale.")               \
    K(S, NUMBER, active, "0.5", 0, 1, "Part of a window's pieces that have to sound.")

#define BSM_VALIDATION_KEYS(K, S)                                                                  \
    K(S, TEXT, root, "", 0, 0, "Folder of the tracks; that of the data if nothing is said.")       \
    K(S, LAYOUT, layout, "auto", 0, 0, "How they lie there.")                                      \
    K(S, SUBSET, subset, "valid", 0, 0, "Which of them.")                                          \
    K(S, WHOLE, every_n_epochs, "1", 0, 0, "Epochs from one validation to the next; 0: none.")     \
    K(S, NUMBER, max_seconds, "0", 0, 1e6, "Of each track, from its middle; 0: all of it.")        \
    K(S, NUMBER, duration, "0", 0, 60, "Seconds of a window; 0: audio.segment_length.")            \
    K(S, NUMBER, overlap, "0", 0, 0.9, "Of windows; 0.5 is what bsm-separate does.")               \
    K(S, WHOLE, commit, "0", 0, 6000, "As live, committing so many frames; 0: in windows.")        \
    K(S, WHOLE, lookahead, "0", 0, 6000, "Frames that each commit looks ahead.")                   \
    K(S, MEMORY, memory, "model", 0, 0, "Of the live engine.")                                     \
    K(S, WHOLE, history, "0", 0, 1e6, "Frames of bounded memory; 0: the training's segment.")      \
    K(S, NUMBER, warmup, "0", 0, 60,                                                               \
      "Seconds, of rolling memory; 0: 2, or a quarter of a segment.")                              \
    K(S, ANY_PRECISION, precision, "float32", 0, 0, "How exactly the network has to multiply.")

#endif
