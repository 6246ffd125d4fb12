/* SPDX-License-Identifier: ISC */
#include "device/scan_case.h"

#include <stdio.h>

static golden_tensor find(const golden *file, char letter, const char *part)
{
    char name[32];
    snprintf(name, sizeof name, "%c.%s", letter, part);
    return golden_find(file, name);
}

scan_case scan_case_load(const golden *file, char letter)
{
    scan_case c = {.x = find(file, letter, "x"),
                   .B = find(file, letter, "B"),
                   .C = find(file, letter, "C"),
                   .dt = find(file, letter, "dt"),
                   .A = find(file, letter, "A"),
                   .D = find(file, letter, "D"),
                   .state_in = find(file, letter, "state_in"),
                   .y = find(file, letter, "y"),
                   .state_out = find(file, letter, "state_out"),
                   .dy = find(file, letter, "grad_y"),
                   .dx = find(file, letter, "grad_x"),
                   .dB = find(file, letter, "grad_B"),
                   .dC = find(file, letter, "grad_C"),
                   .ddt = find(file, letter, "grad_dt"),
                   .dA = find(file, letter, "grad_A"),
                   .dD = find(file, letter, "grad_D"),
                   .dstate_in = find(file, letter, "grad_state_in")};
    c.batch = c.x.shape[0];
    c.steps = c.x.shape[1];
    c.config.headdim = c.x.shape[3];
    c.config.dim = c.x.shape[2] * c.x.shape[3];
    c.config.expand = 1;
    c.config.d_state = c.B.shape[2];
    c.config.d_conv = 1;
    return c;
}
