/* SPDX-License-Identifier: ISC */
/** Training a BSMamba2 network: gradients of the paper's loss, and AdamW with an average of the
 *  weights.
 *
 *  Kim and Choi, "Mamba2 Meets Silence" (2025); AdamW: Loshchilov and Hutter, "Decoupled Weight
 *  Decay Regularization" (2019).
 *
 *  A training holds one item (a mixture and its stems) at a time; a batch is several items whose
 *  gradients are summed. All that it needs is allocated when it is made. It belongs to one thread
 *  at a time, not the audio thread. With the same options, the same calls give the same bits on
 *  the CPU. */
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

/** Added to the mean square of the L2 norm: -90 dB, below which a silent item's gradient ends. */
#define BSM_SQUARE_FLOOR 1e-9

/** lambda_time * mean |p - t| + sum over windows of mean |STFT(p) - STFT(t)|, the complex modulus,
 *  of a stem's waveform p and of t, the target after the model's own transform and its inverse.
 *  n_fft = max(window, the model's n_fft), the window centred in it; centred frames, reflected.
 *
 *  With the time_norm BSM_NORM_L2 the first term is lambda_time * sqrt(mean (p - t)^2 +
 *  BSM_SQUARE_FLOOR). Its best guess under doubt is the mean of what may be sung, where that of a
 *  mean of moduli is their median, which is silence as soon as silence is more probable.
 *
 *  With lambda_silence, + lambda_silence * mean over pieces of 10 log10(1 + |p|^2 / (f |m|^2)), dB,
 *  of those pieces of the item whose target is silent: |t|^2 < f |m|^2, where m is the mixture and
 *  10 log10(f) = silence_floor. The other terms hardly see what is left where nobody sings. From
 *  the loss for inactive sources of Wisdom et al., "What's All the FUSS About Free Universal Sound
 *  Separation Data?" (2021). */
typedef struct bsm_loss_options {
    double lambda_time;                   /**< 10 */
    unsigned time_norm;                   /**< BSM_NORM_L1 as published (0, too), or BSM_NORM_L2 */
    size_t num_windows;                   /**< up to BSM_MAX_LOSS_WINDOWS */
    size_t windows[BSM_MAX_LOSS_WINDOWS]; /**< samples: 4096, 2048, 1024, 512, 256 */
    size_t hop;                           /**< samples: 147 */
    double lambda_silence;                /**< per dB; 0 as published: without the rest of it */
    double silence_floor;                 /**< dB over the mixture: -50 */
    size_t silence_piece;                 /**< samples: 22050 */
} bsm_loss_options;

/** The published loss, and what silence takes where it is asked for. */
BSM_API bsm_loss_options bsm_loss_published(void);

/** A loss and its terms, as they are before their factors: averages over stems. */
typedef struct bsm_loss {
    double total;
    double time;
    double silence; /**< dB */
    double spectral[BSM_MAX_LOSS_WINDOWS];
} bsm_loss;

typedef struct bsm_training_options {
    bsm_device_kind device;
    bsm_precision precision; /**< on the CPU float32 and, where that is faster, bfloat16; nowhere
                                  int8 */
    size_t threads;          /**< 0: one per core. Another number gives other rounding */
    size_t samples;          /**< of every item, per channel */
    bool checkpointing;      /**< keep only what goes into each path, and compute the rest again */
    double dropout;          /**< of what each mixer gives, 0 to below 1; 0 as published */
    bsm_loss_options loss;
} bsm_training_options;

/** Bytes that a training needs, planned before anything is allocated. */
typedef struct bsm_training_memory {
    size_t parameters;  /**< weights, gradients, both moments, average */
    size_t activations; /**< kept from forward to backward */
    size_t scratch;     /**< of all threads, and the item's signals and spectra */
    bool on_gpu;        /**< these are bytes of the GPU's memory */
} bsm_training_memory;

/** BSM_INVALID_ARGUMENT, BSM_NO_DEVICE, BSM_UNSUPPORTED (the device has no such precision). */
BSM_API BSM_NODISCARD bsm_status bsm_training_plan(const bsm_config *config,
                                                   const bsm_training_options *options,
                                                   bsm_training_memory *memory, bsm_error *error);

/** Start from the weights of `initial`, which is copied. The average starts there, too; moments
 *  and gradients at zero. As bsm_training_plan, and BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_training_new(const bsm_model *initial,
                                                  const bsm_training_options *options,
                                                  bsm_training **training, bsm_error *error);
BSM_API void bsm_training_free(bsm_training *training);

/** "cpu (oneDNN 2.6.3, AVX-512)" and the like. */
BSM_API const char *bsm_training_device_name(const bsm_training *training);

/** One example. */
typedef struct bsm_training_item {
    const float *const *mixture;      /**< per channel `samples` floats */
    const float *const *const *stems; /**< per stem of the model, per channel */
    double scale;         /**< of its gradients: 1 / items in the step, for their mean */
    uint64_t dropout_key; /**< which values are dropped: the same key, the same values */
} bsm_training_item;

/** Forward, loss and backward: add the item's gradients times `scale` to those held.
 *  @param loss the item's own, not scaled */
BSM_API BSM_NODISCARD bsm_status bsm_training_add(bsm_training *training,
                                                  const bsm_training_item *item, bsm_loss *loss,
                                                  bsm_error *error);

/* ---- Several processes, each with a GPU of its own ---- */

/** What says which sum processes belong to: made by one of them, carried to the others. */
typedef struct bsm_peers_id {
    unsigned char bytes[128];
} bsm_peers_id;

/** What the device sums gradients over processes with, "NCCL 2.21.5" and the like.
 *  BSM_UNSUPPORTED: a device that cannot, as the CPU. BSM_NOT_FOUND: its library is not there, and
 *  why. Sums are then the caller's, with bsm_training_read and bsm_training_write. */
BSM_API BSM_NODISCARD bsm_status bsm_training_peers_describe(bsm_training *training, char *text,
                                                             size_t size, bsm_error *error);

/** A new id, by one process. As bsm_training_peers_describe, and BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_training_peers_id(bsm_training *training, bsm_peers_id *id,
                                                       bsm_error *error);

/** Join the others with the same id, as number `rank` (from 0) of `size`; once per training. Waits
 *  for all of them. BSM_DEVICE_FAILED: it cannot be done, and the training goes on without.
 *  BSM_IO: another one did not come in two minutes; the program is then to end. */
BSM_API BSM_NODISCARD bsm_status bsm_training_peers_join(bsm_training *training,
                                                         const bsm_peers_id *id, size_t rank,
                                                         size_t size, bsm_error *error);

/** Make the gradients held the sum of all processes', on the device; after a join, by all of them.
 *  BSM_IO: another process was lost, or does not answer. BSM_DEVICE_FAILED. */
BSM_API BSM_NODISCARD bsm_status bsm_training_sum_gradients(bsm_training *training,
                                                            bsm_error *error);

/* ---- Steps ---- */

/** The Euclidean norm of the gradients held; not finite if any gradient is not. */
BSM_API BSM_NODISCARD bsm_status bsm_training_norm(bsm_training *training, double *norm,
                                                   bsm_error *error);

/** One step of AdamW, and what goes with it. */
typedef struct bsm_adamw {
    double learning_rate;  /**< 5e-4 */
    double beta1, beta2;   /**< 0.9, 0.999 */
    double epsilon;        /**< 1e-8 */
    double weight_decay;   /**< 0.01, of every parameter */
    uint64_t step;         /**< this step's number, from 1: corrects the moments' start at zero */
    double gradient_scale; /**< clipping: min(1, clip_norm / (norm + 1e-6)) */
    double ema; /**< average = ema * average + (1 - ema) * weights, after the step; 0.999 */
} bsm_adamw;

/** Move the weights, the moments and the average; then the gradients are zero. */
BSM_API BSM_NODISCARD bsm_status bsm_training_update(bsm_training *training, const bsm_adamw *step,
                                                     bsm_error *error);

/** What a training holds, each as one vector of float32: the tensors one after the other in the
 *  order of bsm_model_tensor, with padding (zeros) so that each starts at a multiple of 16. */
typedef enum bsm_training_vector {
    BSM_PARAMETERS,
    BSM_GRADIENTS,
    BSM_FIRST_MOMENTS,
    BSM_SECOND_MOMENTS,
    BSM_AVERAGES,
    BSM_NUM_TRAINING_VECTORS,
} bsm_training_vector;

/** Floats of each vector. */
BSM_API size_t bsm_training_vector_size(const bsm_training *training);

/** Copy a vector out of or into the training, for checkpoints and for sums over processes. */
BSM_API BSM_NODISCARD bsm_status bsm_training_read(bsm_training *training,
                                                   bsm_training_vector vector, float *values,
                                                   bsm_error *error);
BSM_API BSM_NODISCARD bsm_status bsm_training_write(bsm_training *training,
                                                    bsm_training_vector vector, const float *values,
                                                    bsm_error *error);

/** A copy of BSM_PARAMETERS or BSM_AVERAGES as a model, to be validated or saved. */
BSM_API BSM_NODISCARD bsm_status bsm_training_model(bsm_training *training,
                                                    bsm_training_vector vector, bsm_model **model,
                                                    bsm_error *error);

/** The parts of bsm_training_add, in the order in which they end. */
typedef enum bsm_training_part {
    BSM_PART_SIGNALS, /**< the item's transforms */
    BSM_PART_FORWARD,
    BSM_PART_LOSS,
    BSM_PART_BACKWARD,
    BSM_NUM_TRAINING_PARTS,
} bsm_training_part;

/** Called when a part has ended, once per stem for those that are run per stem. For benchmarks,
 *  and to stop: if it returns false, bsm_training_add ends with BSM_CANCELLED, and the gradients
 *  are undefined until the next update or write of them. While there is an observer, a device that
 *  queues its work is waited for, after each part and in bsm_training_update. */
typedef bool bsm_training_observer(void *user, bsm_training_part part);
BSM_API void bsm_training_observe(bsm_training *training, bsm_training_observer *observer,
                                  void *user);

BSM_END_DECLS

#endif
