/* SPDX-License-Identifier: ISC */
/* Adds gradients of two processes by NCCL, each with a GPU of its own. The test is skipped, with a
 * reason, if there are not two GPUs or no NCCL.
 *
 *      peers [share] [lose]
 *      share   both use the first GPU: NCCL, which does not allow that, is told that they are on
 *              two machines
 *      lose    then the second process ends without notice, which the first must detect */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bsm/training.h"
#include "device_under_test.h"

enum { PROCESSES = 2 };

static bool share, lose;

static int skip(const bsm_error *why)
{
    printf("skipped: %s\n", why->message);
    return TEST_SKIPPED;
}

static bsm_status make_training(bsm_training **training, bsm_error *error)
{
    bsm_config config;
    bsm_model *model = NULL;
    bsm_status status = bsm_config_preset("tiny", &config, error);
    if (!status) {
        status = bsm_model_new_untrained(&config, &model, error);
    }
    const bsm_training_options options = {.device = BSM_DEVICE_CUDA,
                                          .threads = 1,
                                          .samples = 2 * config.n_fft,
                                          .loss = bsm_loss_published()};
    if (!status) {
        status = bsm_training_new(model, &options, training, error);
    }
    bsm_model_free(model);
    return status;
}

/* The first process makes the id, and the other one reads it. */
static bsm_status join(bsm_training *training, size_t rank, const int *pipe_ends, bsm_error *error)
{
    bsm_peers_id id;
    bsm_status status = BSM_OK;
    if (rank == 0) {
        status = bsm_training_peers_id(training, &id, error);
        if (!status && write(pipe_ends[1], &id, sizeof id) != sizeof id) {
            status = bsm_fail(error, BSM_IO, "the other process is gone");
        }
    } else if (read(pipe_ends[0], &id, sizeof id) != sizeof id) {
        status = bsm_fail(error, BSM_IO, "the first process made no id");
    }
    return status ? status : bsm_training_peers_join(training, &id, rank, PROCESSES, error);
}

/* Sum (i + 1) from the first process and 2 (i + 1) from the second, which are all exact. */
static bsm_status sum(bsm_training *training, size_t rank, bsm_error *error)
{
    const size_t size = bsm_training_vector_size(training);
    float *values = malloc(size * sizeof *values);
    bsm_status status = values ? BSM_OK : bsm_fail(error, BSM_NO_MEMORY, "no memory");
    for (size_t i = 0; !status && i < size; i++) {
        values[i] = (float)((rank + 1) * (i % 1000 + 1));
    }
    if (!status) {
        status = bsm_training_write(training, BSM_GRADIENTS, values, error);
    }
    if (!status) {
        status = bsm_training_sum_gradients(training, error);
    }
    if (!status) {
        status = bsm_training_read(training, BSM_GRADIENTS, values, error);
    }
    for (size_t i = 0; !status && i < size; i++) {
        if (values[i] != (float)(3 * (i % 1000 + 1))) {
            expect(false, "gradient %zu is %g", i, (double)values[i]);
            break;
        }
    }
    free(values);
    return status;
}

static bsm_status take_gpu(size_t rank, bsm_error *error)
{
    if (!share) {
        return bsm_device_take_gpu(rank, PROCESSES, error);
    }
    setenv("NCCL_HOSTID", rank == 0 ? "bsm-one" : "bsm-two", 1);
    setenv("NCCL_SOCKET_IFNAME", "lo", 1);
    return bsm_device_take_gpu(0, 1, error);
}

/* The second process waits until the first has all sums, because data that is on its way would be
 * lost with it. */
static void lose_the_other(bsm_training *training, size_t rank, const int *pipe_ends)
{
    bsm_error error = {0};
    char done = 1;
    if (rank > 0) {
        expect(read(pipe_ends[0], &done, 1) == 1, "the first process is gone");
        fflush(stdout);
        _exit(failures() ? 1 : 0);
    }
    expect(write(pipe_ends[1], &done, 1) == 1, "the other process is gone too early");
    const bsm_status status = bsm_training_sum_gradients(training, &error);
    printf("the other one is gone: %s\n", error.message);
    expect(status == BSM_IO, "a sum with nobody is status %d", (int)status);
}

static int run(size_t rank, const int *pipe_ends)
{
    bsm_training *training = NULL;
    bsm_error error = {0};
    char name[64] = "";
    bsm_status status = take_gpu(rank, &error);
    if (status == BSM_NO_DEVICE || status == BSM_INVALID_ARGUMENT) {
        return skip(&error);
    }
    status = status ? status : make_training(&training, &error);
    if (!status) {
        status = bsm_training_peers_describe(training, name, sizeof name, &error);
        if (status == BSM_NOT_FOUND) {
            bsm_training_free(training);
            return skip(&error);
        }
    }
    status = status ? status : join(training, rank, pipe_ends, &error);
    for (size_t i = 0; i < 3 && !status; i++) {
        status = sum(training, rank, &error);
    }
    expect(!status, "process %zu: %s", rank, error.message);
    printf("process %zu: %s\n", rank, name);
    if (!status && lose) {
        lose_the_other(training, rank, pipe_ends);
    }
    bsm_training_free(training);
    return failures() ? 1 : 0;
}

static int exit_status_of(pid_t process)
{
    int status = 0;
    return waitpid(process, &status, 0) == process && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        share = share || !strcmp(argv[i], "share");
        lose = lose || !strcmp(argv[i], "lose");
    }
    int pipe_ends[2], worst = 0;
    pid_t processes[PROCESSES];
    if (pipe(pipe_ends)) {
        return 1;
    }
    for (size_t rank = 0; rank < PROCESSES; rank++) {
        processes[rank] = fork(); /* before any call of CUDA, which does not survive a fork */
        if (processes[rank] == 0) {
            /* so that the end of the other process is noticed */
            close(pipe_ends[rank == 0 ? 0 : 1]);
            const int status = run(rank, pipe_ends);
            fflush(stdout);
            exit(status);
        }
    }
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    for (size_t rank = 0; rank < PROCESSES; rank++) {
        const int status = exit_status_of(processes[rank]);
        worst = status == 1 || !worst ? status : worst;
    }
    return worst;
}
