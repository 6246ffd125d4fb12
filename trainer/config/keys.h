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
    K(S, WHOLE, num_layers, "6", 0, 0, "Layers, each with a path along time and one along bands.") \
    K(S, WHOLE, num_subbands, "", 0, 0,                                                            \
      "Number of bands: 62 or 48, as published; 62 if it is not set.")                             \
    K(S, WHOLES, bands, "", 1, BSM_MAX_BANDS,                                                      \
      "Number of bins of each band, instead of num_subbands.")                                     \
    K(S, WHOLE, d_state, "128", 0, 0, "Size of a head's state.")                                   \
    K(S, WHOLE, d_conv, "4", 0, 0, "Taps of the convolution before the scan.")                     \
    K(S, WHOLE, expand, "4", 0, 0, "Width inside a mixer, as a multiple of the network's.")        \
    K(S, WHOLE, headdim, "64", 0, 0, "Width of a head.")                                           \
    K(S, WHOLE, mask_expansion, "4", 0, 0,                                                         \
      "Width inside the mask's layers, as a multiple of the network's.")                           \
    K(S, FLAG, use_gradient_checkpointing, "false", 0, 0,                                          \
      "Keep only what goes into each layer, and compute the rest again for the backward pass.")

#define BSM_AUDIO_KEYS(K, S)                                                                       \
    K(S, WHOLE, sample_rate, "44100", 0, 0, "Sample rate in Hz.")                                  \
    K(S, WHOLE, n_fft, "2048", 0, 0, "Length of the transform's window in samples.")               \
    K(S, WHOLE, hop_length, "441", 0, 0, "Samples from one frame to the next.")                    \
    K(S, NUMBER, segment_length, "8", 0.01, 60, "Length of an example in seconds.")

#define BSM_TRAINING_KEYS(K, S)                                                                    \
    K(S, WHOLE, batch_size, "5", 1, 1e6,                                                           \
      "A step has batch_size times gradient_accumulation_steps examples, in all processes "        \
      "together.")                                                                                 \
    K(S, WHOLE, gradient_accumulation_steps, "6", 1, 1e6, "See batch_size.")                       \
    K(S, NUMBER, learning_rate, "0.0005", 0, 10, "Learning rate of AdamW.")                        \
    K(S, NUMBER, weight_decay, "0.01", 0, 10, "Weight decay of AdamW.")                            \
    K(S, NUMBER, clip_norm, "3", 0, 1e30,                                                          \
      "Largest norm that a gradient may have; 0 means no limit.")                                  \
    K(S, BELOW, ema, "0.999", 0, 1,                                                                \
      "Decay of the weights' average, which is what is validated and written.")                    \
    K(S, WHOLE, num_epochs, "500", 1, 1e9, "Number of epochs.")                                    \
    K(S, WHOLE, steps_per_epoch, "200", 1, 1e9, "Steps of an epoch.")                              \
    K(S, PRECISION, precision, "float32", 0, 0,                                                    \
      "Precision of the products: bfloat16 needs a GPU, or a processor with AMX or AVX512-BF16; "  \
      "tf32 needs a GPU.")                                                                         \
    K(S, NUMBER, lambda_time, "10", 0, 1e9, "Weight of the loss's time term.")                     \
    K(S, BELOW, dropout, "0", 0, 1, "Chance that the output of a path is left out.")               \
    K(S, TEXT, output_dir, "output", 0, 0, "Folder that the training writes everything to.")       \
    K(S, TEXT, resume_from, "", 0, 0,                                                              \
      "Checkpoint to go on from, or latest; its data.sources and data.target must be the same.")   \
    K(S, TEXT, init_from, "", 0, 0,                                                                \
      "Model of the same shapes whose weights the training starts from.")                          \
    K(S, WHOLE, save_every_n_epochs, "1", 1, 1e9,                                                  \
      "Number of epochs from one checkpoint to the next.")                                         \
    K(S, WHOLE, keep_last_n_checkpoints, "3", 0, 0,                                                \
      "Number of checkpoints that are kept; 0 means all.")                                         \
    K(S, SEED, seed, "42", 0, 0, "Seed of everything that is left to chance.")                     \
    K(S, DEVICE, device, "auto", 0, 0, "Device that the network computes on.")                     \
    K(S, WHOLE, threads, "0", 0, 1024, "Number of processor threads; 0 means one per core.")       \
    K(S, TEXT, licence, "", 0, 0, "Licence of the weights, which is written into the models.")

#define BSM_SCHEDULE_KEYS(K, S)                                                                    \
    K(S, SCHEDULE, kind, "constant", 0, 0, "How the learning rate changes after the warm-up.")     \
    K(S, WHOLE, warmup_steps, "0", 0, 1e9,                                                         \
      "Number of steps in which the learning rate grows from 0.")                                  \
    K(S, NUMBER, minimum, "0.00001", 0, 10, "Smallest learning rate.")                             \
    K(S, BELOW, factor, "0.5", 0, 1,                                                               \
      "Factor that the learning rate is multiplied by at a plateau.")                              \
    K(S, WHOLE, patience, "5", 0, 0,                                                               \
      "Number of validations without a better result that count as a plateau.")

#define BSM_LOSS_KEYS(K, S)                                                                        \
    K(S, WHOLES, stft_windows, "[4096, 2048, 1024, 512, 256]", 0, BSM_MAX_LOSS_WINDOWS,            \
      "Window lengths of the loss's transforms in samples.")                                       \
    K(S, WHOLE, time_norm, "1", 1, 2,                                                              \
      "Norm of the time term: 1 is the mean of moduli, 2 the root of the mean square.")            \
    K(S, WHOLE, stft_hop, "147", 1, 1e6,                                                           \
      "Samples from one frame of these transforms to the next.")                                   \
    K(S, NUMBER, lambda_silence, "0", 0, 1e9,                                                      \
      "Weight of each dB that is left in pieces whose target is silent. With 0.01, a model that "  \
      "separates learns to be silent where nobody sings; a model that cannot separate yet learns " \
      "to be silent everywhere.")                                                                  \
    K(S, BELOW, silence_floor, "-50", -120, 0,                                                     \
      "Level from which something counts as left, in dB relative to the mixture.")                 \
    K(S, NUMBER, silence_seconds, "0.5", 0.001, 60, "Length of these pieces in seconds.")

#define BSM_ROOT_KEYS(K, S)                                                                        \
    K(S, TEXT, path, "", 0, 0, "Path of the folder.")                                              \
    K(S, LAYOUT, layout, "", 0, 0, "Layout of the folder; auto if it is not set.")                 \
    K(S, MAYBE, weight, "", 0, 0,                                                                  \
      "How often the folder is drawn from, relative to the others; 1 if it is not set.")

#define BSM_SILENT_KEYS(K, S)                                                                      \
    K(S, TEXT, source, "", 0, 0, "The source.")                                                    \
    K(S, NUMBER, probability, "", 0, 1, "Chance that the source is left out.")

#define BSM_AUGMENT_KEYS(K, S)                                                                     \
    K(S, TEXT, source, "", 0, 0, "The source.")                                                    \
    K(S, CHANCE, channel_swap, "", 0, 1, "Chance that left and right are exchanged.")              \
    K(S, CHANCE, polarity, "", 0, 1, "Chance that the sign is turned.")                            \
    K(S, CHANCE, eq, "", 0, 1,                                                                     \
      "Chance of three filters, peaks or shelves, of up to 6 dB each way.")                        \
    K(S, CHANCE, pitch, "", 0, 1,                                                                  \
      "Chance that the source is read faster or slower, within semitones; not where sources stay " \
      "together.")                                                                                 \
    K(S, MAYBE_RANGE, semitones, "", -12, 12, "[low, high] of pitch in semitones.")                \
    K(S, CHANCE, layers, "", 0, 1,                                                                 \
      "Chance that one to three more pieces of the source are added on top.")                      \
    K(S, CHANCE, compression, "", 0, 1, "Chance that louder parts are made quieter.")              \
    K(S, CHANCE, reverb, "", 0, 1, "Chance of a reverberation of 0.3 to 3 s.")                     \
    K(S, CHANCE, doubling, "", 0, 1, "Chance of one or two wavering copies, 12 to 30 ms late.")    \
    K(S, CHANCE, width, "", 0, 1,                                                                  \
      "Chance that the channels' difference is multiplied by 0 (mono) to 1.5.")                    \
    K(S, CHANCE, pan, "", 0, 1, "Chance that the source is panned to a side.")

#define BSM_DATA_KEYS(K, S)                                                                        \
    K(S, TEXTS, sources, "[vocals, drums, bass, other]", 1, BSM_MAX_STEMS,                         \
      "Sources that add up to a mixture.")                                                         \
    K(S, TEXTS, target, "[vocals]", 1, BSM_MAX_STEMS, "Sources that the network learns.")          \
    K(S, TEXT, root, "", 0, 0, "Folder of the music.")                                             \
    K(S, LAYOUT, layout, "auto", 0, 0, "How the music is laid out in that folder.")                \
    K(S, ROOTS, roots, "", 1, CYAML_UNLIMITED, "Several such folders, in addition to root.")       \
    K(S, NUMBER, random_mix, "1", 0, 1,                                                            \
      "Chance that the sources of an example come from different tracks; else they stay "          \
      "together.")                                                                                 \
    K(S, NUMBER, silent_prob, "0.1", 0, 1, "Chance that a source is left out of an example.")      \
    K(S, SILENTS, silent, "", 0, BSM_MAX_STEMS, "silent_prob for single sources.")                 \
    K(S, RANGE, loudness, "[0.5, 1.5]", 0, 0,                                                      \
      "[low, high] of the factor that each source is multiplied by.")                              \
    K(S, MAYBE_RANGE, level, "", 0, 0,                                                             \
      "[low, high] of the target's level relative to the others in dB, for files of any level.")   \
    K(S, NUMBER, channel_swap, "0", 0, 1, "Chance that left and right are exchanged.")             \
    K(S, NUMBER, polarity, "0", 0, 1, "Chance that the sign is turned.")                           \
    K(S, NUMBER, eq, "0", 0, 1, "Chance of three filters.")                                        \
    K(S, NUMBER, pitch, "0", 0, 1, "Chance that a source is read faster or slower.")               \
    K(S, AUGMENTS, augment, "", 0, BSM_MAX_STEMS,                                                  \
      "The same chances, and more, for single sources.")                                           \
    K(S, TEXT, segments_cache, "", 0, 0,                                                           \
      "Folder that keeps the lists of where each source sounds.")                                  \
    K(S, WHOLE, workers, "2", 1, 64, "Number of threads that make examples.")

#define BSM_SAD_KEYS(K, S)                                                                         \
    K(S, FLAG, enabled, "true", 0, 0, "Take examples only from where a source sounds.")            \
    K(S, NUMBER, window, "8", 0.1, 3600, "Length in seconds of the windows that are examined.")    \
    K(S, WHOLE, chunks, "10", 1, 10000, "Number of pieces that a window is cut into.")             \
    K(S, NUMBER, quantile, "0.15", 0, 1,                                                           \
      "A piece below this quantile of its file's pieces counts as silent.")                        \
    K(S, NUMBER, floor, "0.001", 0, 1,                                                             \
      "A piece below this level also counts as silent, as a part of full scale.")                  \
    K(S, NUMBER, active, "0.5", 0, 1, "Part of a window's pieces that must sound.")

#define BSM_VALIDATION_KEYS(K, S)                                                                  \
    K(S, TEXT, root, "", 0, 0, "Folder of the tracks; the training data's if it is not set.")      \
    K(S, LAYOUT, layout, "auto", 0, 0, "How the tracks are laid out in that folder.")              \
    K(S, SUBSET, subset, "valid", 0, 0, "Which of the tracks are validated on.")                   \
    K(S, WHOLE, every_n_epochs, "1", 0, 0,                                                         \
      "Number of epochs from one validation to the next; 0 means no validation.")                  \
    K(S, NUMBER, max_seconds, "0", 0, 1e6,                                                         \
      "Seconds of each track that are used, from its middle; 0 means the whole track.")            \
    K(S, NUMBER, duration, "0", 0, 60,                                                             \
      "Length of a window in seconds; 0 means audio.segment_length.")                              \
    K(S, NUMBER, overlap, "0", 0, 0.9,                                                             \
      "Part of a window that overlaps the next; bsm-separate uses 0.5.")                           \
    K(S, WHOLE, commit, "0", 0, 6000,                                                              \
      "Number of frames to commit at a time, as live; 0 means to separate in windows.")            \
    K(S, WHOLE, lookahead, "0", 0, 6000, "Number of frames that each commit looks ahead.")         \
    K(S, MEMORY, memory, "model", 0, 0, "Kind of memory, as in live separation.")                  \
    K(S, WHOLE, history, "0", 0, 1e6,                                                              \
      "Frames that bounded memory holds; 0 means the training's segment.")                         \
    K(S, NUMBER, warmup, "0", 0, 60,                                                               \
      "Warm-up of rolling memory in seconds; 0 means 2, or a quarter of a segment.")               \
    K(S, ANY_PRECISION, precision, "float32", 0, 0, "Least precision of the network's products.")

#endif
