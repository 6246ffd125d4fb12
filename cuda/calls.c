/* SPDX-License-Identifier: ISC */
/* Runs a block: moves its samples to the GPU and back, and captures and replays graphs.
 *
 * The second block of a kind is captured; it and later ones replay the graph. The first one runs
 * directly, so that cuBLAS can set up whatever it needs. A block that is observed always runs
 * directly, and each module waits until its work is done. */
#include "workspace.h"

/* The properties that a graph depends on. */
static bsm_known_block known_as(const bsm_cuda_space *space, const bsm_block *block)
{
    bsm_known_block known = {.block = *block, .state = block->commit ? space->state : 0};
    for (size_t s = 0; s < space->weights->config.num_stems; s++) {
        known.stems |= block->stems[s] ? UINT32_C(1) << s : 0;
    }
    known.block.shared = 0;
    known.block.audio = NULL;
    known.block.stems = NULL;
    return known;
}

static bool same(const bsm_known_block *a, const bsm_known_block *b)
{
    return a->stems == b->stems && a->state == b->state && a->block.first == b->block.first &&
           a->block.frames == b->block.frames && a->block.wanted == b->block.wanted &&
           a->block.commit == b->block.commit;
}

/* Find the entry of a block of this kind, or make one in place of the oldest. */
static bsm_known_block *look_up(bsm_cuda_space *space, const bsm_block *block)
{
    const bsm_known_block wanted = known_as(space, block);
    for (size_t i = 0; i < BSM_KNOWN_BLOCKS; i++) {
        if (space->known[i].seen && same(&space->known[i], &wanted)) {
            return &space->known[i];
        }
    }
    bsm_known_block *known = &space->known[space->next_known];
    space->next_known = (space->next_known + 1) % BSM_KNOWN_BLOCKS;
    bsm_gpu_graph_free(known->graph);
    *known = wanted;
    return known;
}

/* Capture a block. A kind that cannot be captured is not tried again; if the GPU itself is broken,
 * running the block directly will show it. */
static bsm_status record(const bsm_cuda_space *space, bsm_known_block *known,
                         const bsm_block *block, const bsm_device_modules *modules,
                         bsm_error *error)
{
    bsm_gpu_begin_capture(space->gpu);
    bsm_status status = modules->run(modules->network, block, error);
    bsm_gpu_graph *graph = bsm_gpu_end_capture(space->gpu);
    if (status && status != BSM_DEVICE_FAILED) {
        bsm_gpu_graph_free(graph);
        return status;
    }
    known->graph = graph;
    known->unrecordable = graph == NULL;
    return BSM_OK;
}

static bsm_status compute(const bsm_cuda_space *space, bsm_known_block *known,
                          const bsm_block *block, const bsm_device_modules *modules,
                          bsm_error *error)
{
    bsm_status status = BSM_OK;
    if (known->seen && !known->graph && !known->unrecordable && !space->observed) {
        status = record(space, known, block, modules, error);
    }
    if (!status && known->graph && !space->observed) {
        bsm_gpu_replay(space->gpu, known->graph);
    } else if (!status) {
        status = modules->run(modules->network, block, error);
    }
    return status;
}

bsm_status bsm_cuda_run(void *workspace, const bsm_block *block, const bsm_device_modules *modules,
                        bsm_error *error)
{
    bsm_cuda_space *space = workspace;
    bsm_gpu_use(space->gpu);
    bsm_gpu_wait(space->gpu); /* for work of a block that was abandoned after a failure */
    bsm_status status = bsm_cuda_sound_begin(space, block, error);
    if (status) {
        return status;
    }
    bsm_known_block *known = look_up(space, block);
    space->observed = modules->observed;
    status = bsm_gpu_status(space->gpu, error);
    if (!status) {
        status = compute(space, known, block, modules, error);
    }
    if (!status) {
        bsm_gpu_wait(space->gpu);
        status = bsm_gpu_status(space->gpu, error);
    }
    if (!status) {
        known->seen = true;
        bsm_cuda_sound_end(space, block);
    }
    return status;
}
