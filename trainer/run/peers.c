/* SPDX-License-Identifier: ISC */
/* Joint work of several processes: each takes a GPU, and gradients are summed over all of them, on
 * the GPUs if they can, otherwise on the host. */
#include <stdlib.h>
#include <string.h>

#include "run/run.h"

enum { SUM_NUMBERS = sizeof(bsm_loss_sum) / sizeof(double) };

bsm_status bsm_run_take_gpu(const bsm_run *run, bsm_error *error)
{
    const bsm_device_kind kind = bsm_settings_training(run->settings).device;
    if (run->collective->size == 1 || (kind != BSM_DEVICE_CUDA && kind != BSM_DEVICE_AUTO)) {
        return BSM_OK;
    }
    const bsm_status status =
        bsm_device_take_gpu(run->collective->place, run->collective->here, error);
    return status == BSM_NO_DEVICE && kind == BSM_DEVICE_AUTO ? BSM_OK : status;
}

/* ---- Choosing the method ---- */

/* `all` becomes true if no process fails. Otherwise `why` is this process's failure, or says that
 * another one failed. */
static bsm_status agree(const bsm_run *run, bsm_status mine, bool *all, bsm_error *why,
                        bsm_error *error)
{
    double failures = mine ? 1 : 0;
    const bsm_status status = bsm_collective_sum(run->collective, &failures, 1, error);
    *all = failures == 0;
    if (!*all && !mine) {
        bsm_fail(why, BSM_DEVICE_FAILED, "not all processes can sum on their GPUs");
    }
    return status;
}

/* Begin to join only if every process can, because joining waits for all. */
static bsm_status join(bsm_run *run, char *name, size_t size, bool *joined, bsm_error *why,
                       bsm_error *error)
{
    const bsm_collective *collective = run->collective;
    bsm_peers_id id = {{0}};
    bsm_status mine = bsm_training_peers_describe(run->training, name, size, why);
    if (!mine && collective->rank == 0) {
        mine = bsm_training_peers_id(run->training, &id, why);
    }
    bsm_status status = agree(run, mine, joined, why, error);
    if (status || !*joined) {
        return status;
    }
    status = bsm_collective_share(collective, &id, sizeof id, error);
    if (status) {
        return status;
    }
    mine = bsm_training_peers_join(run->training, &id, collective->rank, collective->size, why);
    if (mine == BSM_IO) {
        return bsm_fail(error, mine, "%s", why->message);
    }
    return agree(run, mine, joined, why, error);
}

static bsm_status sum_on_host(bsm_run *run, const bsm_error *why, bsm_error *error)
{
    const size_t size = bsm_training_vector_size(run->training);
    if (why->status == BSM_UNSUPPORTED) { /* this device can never sum on GPUs */
        bsm_console_say(&run->console, "gradients: summed on the host, over MPI");
    } else {
        bsm_console_say(&run->console, "gradients: summed on the host, over MPI (%s)",
                        why->message);
    }
    run->gradients = malloc(size * sizeof *run->gradients);
    return run->gradients ? BSM_OK
                          : bsm_fail(error, BSM_NO_MEMORY, "no memory for %zu gradients", size);
}

bsm_status bsm_run_join_peers(bsm_run *run, bsm_error *error)
{
    char name[64] = "";
    bool joined = false;
    bsm_error why = {0};
    if (run->collective->size == 1) {
        return BSM_OK;
    }
    const bsm_status status = join(run, name, sizeof name, &joined, &why, error);
    if (status) {
        return status;
    }
    if (!joined) {
        return sum_on_host(run, &why, error);
    }
    bsm_console_say(&run->console, "gradients: summed on the GPUs, by %s", name);
    return BSM_OK;
}

/* ---- Summing ---- */

static bsm_status sum_gradients(const bsm_run *run, bsm_error *error)
{
    if (!run->gradients) {
        return bsm_training_sum_gradients(run->training, error);
    }
    bsm_status status = bsm_training_read(run->training, BSM_GRADIENTS, run->gradients, error);
    if (!status) {
        status = bsm_collective_sum_floats(run->collective, run->gradients,
                                           bsm_training_vector_size(run->training), error);
    }
    return status ? status
                  : bsm_training_write(run->training, BSM_GRADIENTS, run->gradients, error);
}

bsm_status bsm_run_sum_gradients(bsm_run *run, bsm_error *error)
{
    if (run->collective->size == 1) {
        return BSM_OK;
    }
    bsm_status status = sum_gradients(run, error);
    double sums[SUM_NUMBERS];
    memcpy(sums, &run->state.step_sum, sizeof sums);
    if (!status) {
        status = bsm_collective_sum(run->collective, sums, SUM_NUMBERS, error);
    }
    memcpy(&run->state.step_sum, sums, sizeof sums);
    return status;
}
