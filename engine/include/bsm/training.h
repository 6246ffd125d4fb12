/* SPDX-License-Identifier: ISC */
/** Training a BSMamba2 network: gradients of the paper's loss, and AdamW with an average of the
 *  weights.
 *
 *  Kim and Choi, "Mamba2 Meets Silence" (2025); AdamW: Loshchilov and Hutter, "Decoupled Weight
 *  Decay Regularization" (2019).
 *
 *  A training processes one item (a mixture and its stems) at a time; a batch is several items
 *  whose gradients are summed. Its memory is allocated when it is made. It belongs to one thread at
 *  a time, which is never the audio thread. On the CPU, the same calls with the same options give
 *  the same bits. */
#ifndef BSM_TRAINING_H
#define BSM_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/device.h"
#include "bsm/model.h"
#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_training bsm_training;

enum { BSM_MAX_LOSS_WINDOWS = 8 };

enum { BSM_NORM_L1 = 1, BSM_NORM_L2 = 2 };

/** Added to the mean square in the L2 norm, -90 dB. Where the error is far below that, as in silent
 *  items, the gradient becomes small; without it, the gradient's norm would stay the same. */
#define BSM_SQUARE_FLOOR 1e-9

/** The loss of a stem. With p the predicted waveform and t the target after the model's own
 *  transform and its inverse, it is
 *
 *      lambda_time * mean |p - t| + sum over windows of mean |STFT(p) - STFT(t)|
 *
 *  where the second |.| is the modulus of complex numbers. These STFTs have n_fft = max(window, the
 *  model's n_fft), with the window centred in it, and centred frames of the reflected signal.
 *
 *  With the time_norm BSM_NORM_L2, the first term is lambda_time * sqrt(mean (p - t)^2 +
 *  BSM_SQUARE_FLOOR). If several targets are possible, this term is smallest for their mean,
 *  whereas mean |p - t| is smallest for their median, which is silence as soon as silence is more
 *  probable than not.
 *
 *  With lambda_silence > 0, the item is also divided into pieces of silence_piece samples. With m
 *  the mixture and 10 log10(f) = silence_floor, a piece is silent if |t|^2 < f |m|^2, and each
 *  silent piece adds
 *
 *      lambda_silence * (its part of the item's length) * 10 log10(1 + |p|^2 / (f |m|^2))
 *
 *  because the other terms hardly depend on what remains where nobody sings. This follows the loss
 *  for inactive sources of Wisdom et al., "What's All the FUSS About Free Universal Sound
 *  Separation Data?" (2021). */
typedef struct bsm_loss_options {
    double lambda_time;                   /**< at least 0; 10 as published */
    unsigned time_norm;                   /**< BSM_NORM_L1, as published, or 0, which means the
                                               same; or BSM_NORM_L2 */
    size_t num_windows;                   /**< 0 to BSM_MAX_LOSS_WINDOWS */
    size_t windows[BSM_MAX_LOSS_WINDOWS]; /**< samples, 2 to 2^20; 4096, 2048, 1024, 512 and
                                               256 as published */
    size_t hop;                           /**< samples, 1 to the model's n_fft; 147 as published */
    double lambda_silence;                /**< per dB, at least 0; 0, as published, leaves this term
                                               out */
    double silence_floor;                 /**< dB relative to the mixture, -120 to below 0 */
    size_t silence_piece;                 /**< samples, at least 1 */
} bsm_loss_options;

/** Return the options of the published loss, with a silence_floor of -50 dB and a silence_piece of
 *  22050 samples in case lambda_silence is set. Any thread. */
BSM_API bsm_loss_options bsm_loss_published(void);

/** The total loss, and its terms before they are multiplied by their lambdas; all are averages over
 *  stems. */
typedef struct bsm_loss {
    double total;
    double time;
    double silence;                        /**< dB */
    double spectral[BSM_MAX_LOSS_WINDOWS]; /**< one term per window */
} bsm_loss;

typedef struct bsm_training_options {
    bsm_device_kind device;
    bsm_precision precision; /**< on the CPU float32 or, if it is faster there, bfloat16; int8 is
                                  not supported */
    size_t threads;          /**< 1 to 1024; 0: one per processor. The number changes rounding */
    size_t samples;          /**< samples per channel of every item, at least the model's n_fft */
    bool checkpointing; /**< keep only the inputs of the paths, and compute the rest again in the
                             backward pass, which saves memory */
    double dropout;     /**< the part of each mixer's output that is dropped, 0 to below 1; 0 as
                             published */
    bsm_loss_options loss;
} bsm_training_options;

/** The bytes that a training needs, known before anything is allocated. */
typedef struct bsm_training_memory {
    size_t parameters;  /**< for weights, gradients, both moments and averages */
    size_t activations; /**< for what the forward pass keeps for the backward pass */
    size_t scratch;     /**< for all threads, and for the item's signals and spectra */
    bool on_gpu;        /**< this is GPU memory, not the host's */
} bsm_training_memory;

/** Compute how much memory a training with these options needs. With BSM_DEVICE_AUTO, the CPU
 *  trains if the fastest device cannot. BSM_INVALID_ARGUMENT, BSM_NO_DEVICE, BSM_UNSUPPORTED (the
 *  device cannot train, or not in this precision). */
BSM_API BSM_NODISCARD bsm_status bsm_training_plan(const bsm_config *config,
                                                   const bsm_training_options *options,
                                                   bsm_training_memory *memory, bsm_error *error);

/** Make a training. Weights and averages start with a copy of the weights of `initial`, moments and
 *  gradients with zero. The errors are those of bsm_training_plan, BSM_NO_MEMORY and
 *  BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_training_new(const bsm_model *initial,
                                                  const bsm_training_options *options,
                                                  bsm_training **training, bsm_error *error);
BSM_API void bsm_training_free(bsm_training *training);

/** Return the device that trains, such as "cpu (AVX-512, oneDNN 2.6.3)". */
BSM_API const char *bsm_training_device_name(const bsm_training *training);

/** One training example. */
typedef struct bsm_training_item {
    const float *const *mixture;      /**< [channels][samples] */
    const float *const *const *stems; /**< [num_stems][channels][samples], in the model's order */
    double scale;         /**< factor of the gradients: 1 / (items in the step) gives their mean */
    uint64_t dropout_key; /**< determines the values that are dropped: equal keys drop equal ones */
} bsm_training_item;

/** Run the forward pass, the loss and the backward pass of an item, and add its gradients, times
 *  `scale`, to the gradients of the training.
 *  @param loss  the loss of this item, not multiplied by `scale`
 *  BSM_INVALID_ARGUMENT (`scale` is not finite), BSM_CANCELLED (by the observer), BSM_NO_MEMORY,
 *  BSM_DEVICE_FAILED. After an error, the gradients are undefined. */
BSM_API BSM_NODISCARD bsm_status bsm_training_add(bsm_training *training,
                                                  const bsm_training_item *item, bsm_loss *loss,
                                                  bsm_error *error);

/* ---- Several processes with one GPU each ---- */

/** Identifies the processes whose gradients are summed. One of them makes it, and the program
 *  copies it to the others. */
typedef struct bsm_peers_id {
    unsigned char bytes[128];
} bsm_peers_id;

/** Describe how the device sums gradients over processes, such as "NCCL 2.21.5". BSM_UNSUPPORTED:
 *  the device cannot do so, as the CPU. BSM_NOT_FOUND: its library cannot be used, with a message
 *  that says why. In both cases, the caller can compute the sums with bsm_training_read and
 *  bsm_training_write. */
BSM_API BSM_NODISCARD bsm_status bsm_training_peers_describe(bsm_training *training, char *text,
                                                             size_t size, bsm_error *error);

/** Make a new id, in one of the processes. The errors are those of bsm_training_peers_describe, and
 *  BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_training_peers_id(bsm_training *training, bsm_peers_id *id,
                                                       bsm_error *error);

/** Join the processes that have the same id, as number `rank` (from 0) of `size`, once per
 *  training. Waits until all have joined. The errors are those of bsm_training_peers_describe, and
 *  BSM_INVALID_ARGUMENT (`rank`, `size`, or a second call); BSM_NO_MEMORY; BSM_DEVICE_FAILED:
 *  joining is not possible, and the training can be used without; BSM_IO: a process did not join
 *  within two minutes (four for ranks above 0, so that rank 0 reports it first), and the program
 *  should end. */
BSM_API BSM_NODISCARD bsm_status bsm_training_peers_join(bsm_training *training,
                                                         const bsm_peers_id *id, size_t rank,
                                                         size_t size, bsm_error *error);

/** Replace the gradients by their sums over all processes, on the device. All processes that have
 *  joined must call it. BSM_INVALID_ARGUMENT (none has joined), BSM_UNSUPPORTED, BSM_IO (a process
 *  was lost or does not answer), BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_training_sum_gradients(bsm_training *training,
                                                            bsm_error *error);

/* ---- Steps ---- */

/** Compute the Euclidean norm of all gradients. It is not finite if any gradient is not.
 *  BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_training_norm(bsm_training *training, double *norm,
                                                   bsm_error *error);

/** One step of AdamW, the scale of its gradients, and the update of the averages. */
typedef struct bsm_adamw {
    double learning_rate;  /**< 5e-4 */
    double beta1, beta2;   /**< 0.9, 0.999 */
    double epsilon;        /**< 1e-8 */
    double weight_decay;   /**< 0.01; applies to every weight */
    uint64_t step;         /**< this step's number, from 1; corrects for moments starting at zero */
    double gradient_scale; /**< factor of the gradients; min(1, clip_norm / (norm + 1e-6)) clips */
    double ema; /**< 0.999; after the step, average = ema * average + (1 - ema) * weights */
} bsm_adamw;

/** Update the weights, the moments and the averages, and set the gradients to zero.
 *  BSM_INVALID_ARGUMENT (a value of `step` is out of range), BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_training_update(bsm_training *training, const bsm_adamw *step,
                                                     bsm_error *error);

/** The vectors of a training. Each contains float32 numbers for all tensors in the order of
 *  bsm_model_tensor, where each tensor is padded with zeros to a multiple of 16. */
typedef enum bsm_training_vector {
    BSM_PARAMETERS,
    BSM_GRADIENTS,
    BSM_FIRST_MOMENTS,
    BSM_SECOND_MOMENTS,
    BSM_AVERAGES,
    BSM_NUM_TRAINING_VECTORS,
} bsm_training_vector;

/** Return the number of floats in each vector. */
BSM_API size_t bsm_training_vector_size(const bsm_training *training);

/** Copy a vector out of the training or into it, for checkpoints and for sums over processes.
 *  BSM_INVALID_ARGUMENT (no such vector), BSM_DEVICE_FAILED.
 *  @param values  bsm_training_vector_size floats */
BSM_API BSM_NODISCARD bsm_status bsm_training_read(bsm_training *training,
                                                   bsm_training_vector vector, float *values,
                                                   bsm_error *error);
BSM_API BSM_NODISCARD bsm_status bsm_training_write(bsm_training *training,
                                                    bsm_training_vector vector, const float *values,
                                                    bsm_error *error);

/** Make a model from a copy of BSM_PARAMETERS or BSM_AVERAGES, to be validated or saved.
 *  BSM_INVALID_ARGUMENT (another vector), BSM_NO_MEMORY, BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_training_model(bsm_training *training,
                                                    bsm_training_vector vector, bsm_model **model,
                                                    bsm_error *error);

/** The parts of bsm_training_add. Each stem has its own forward part (its mask), loss and backward
 *  part, after the forward part of the features and before their backward part. */
typedef enum bsm_training_part {
    BSM_PART_SIGNALS, /**< the transforms of the item's signals */
    BSM_PART_FORWARD,
    BSM_PART_LOSS,
    BSM_PART_BACKWARD,
    BSM_NUM_TRAINING_PARTS,
} bsm_training_part;

/** Called when a part has ended, for benchmarks and to cancel. If it returns false,
 *  bsm_training_add ends with BSM_CANCELLED, and the gradients are undefined until they are written
 *  or updated. As long as there is an observer, a device that queues its work completes it at the
 *  end of each part and of bsm_training_update. */
typedef bool bsm_training_observer(void *user, bsm_training_part part);

/** Set the observer. NULL: there is none. */
BSM_API void bsm_training_observe(bsm_training *training, bsm_training_observer *observer,
                                  void *user);

BSM_END_DECLS

#endif
