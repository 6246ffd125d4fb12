/* SPDX-License-Identifier: ISC */
/** Streams of the emulated GPU: queued work runs at once, or is captured. */
#ifndef BSM_TESTS_CUDA_EXEC_STREAM_H
#define BSM_TESTS_CUDA_EXEC_STREAM_H

#include <functional>
#include <vector>

struct bsm_exec_stream {
    bool capturing = false;
    std::vector<std::function<void()>> recorded;
    void (*around)(bool inside) = nullptr; /* called before and after each piece of work */

    void run(const std::function<void()> &work) const
    {
        if (around) {
            around(true);
        }
        work();
        if (around) {
            around(false);
        }
    }

    void queue(const std::function<void()> &work)
    {
        if (capturing) {
            recorded.push_back(work);
        } else {
            run(work);
        }
    }
};

#endif
