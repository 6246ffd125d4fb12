/* SPDX-License-Identifier: ISC */
/** TensorBoard event files: figures over steps.
 *
 *  A file is a row of records: the length (8 bytes, little-endian), its checksum, a protocol buffer
 *  (an Event of
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto), its
 * checksum. The checksums are CRC-32C, rotated and shifted
 *  (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h).
 */
#ifndef BSM_TRAINER_TENSORBOARD_H
#define BSM_TRAINER_TENSORBOARD_H

#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"

typedef struct bsm_tensorboard bsm_tensorboard;

/** A new file in `folder`. What older files say of steps from `step` on no longer counts. */
BSM_NODISCARD bsm_status bsm_tensorboard_open(const char *folder, uint64_t step,
                                              bsm_tensorboard **board, bsm_error *error);
bsm_status bsm_tensorboard_close(bsm_tensorboard *board, bsm_error *error);

/** Add a figure to those of a step. Not finite ones are left out. */
void bsm_tensorboard_add(bsm_tensorboard *board, const char *tag, double value);

/** Write the figures that were added, as those of `step`. BSM_NO_SPACE, BSM_IO. */
BSM_NODISCARD bsm_status bsm_tensorboard_write(bsm_tensorboard *board, uint64_t step,
                                               bsm_error *error);

/** Castagnoli's CRC, and what the format makes of it. */
uint32_t bsm_crc32c(const void *data, size_t size);
uint32_t bsm_crc32c_masked(const void *data, size_t size);

#endif
