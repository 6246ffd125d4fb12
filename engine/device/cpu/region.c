/* SPDX-License-Identifier: ISC */
#include "device/cpu/region.h"

#include "base/team.h"
#include "device/cpu/product.h"

typedef struct tasks {
    bsm_cpu_task *task;
    void *job;
} tasks;

static void run_tasks(void *job, size_t thread, bsm_region *region)
{
    const tasks *t = job;
    const bsm_thread_mode mode = bsm_cpu_enter_thread();
    for (size_t index; bsm_region_next(region, &index);) {
        t->task(t->job, thread, index);
    }
    bsm_cpu_leave_thread(mode);
}

void bsm_cpu_run(size_t threads, size_t count, bsm_cpu_task *task, void *job)
{
    bsm_team_run(threads, count, run_tasks, &(tasks){task, job});
}
