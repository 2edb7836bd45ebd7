#include "cost_mode.h"

const cost_mode_t cost_modes[] = {
    {"uncompressed", 0, 0, 0, 0, 0},
    {"shared preset: 12/5, level 6", 12, 15, 5, 6, 0},
    {"shared 9/1", 9, 15, 1, 6, 0},
    {"shared 10/3", 10, 15, 3, 6, 0},
    {"shared 11/4", 11, 15, 4, 6, 0},
    {"shared 13/6", 13, 15, 6, 6, 0},
    {"shared 15/8", 15, 15, 8, 6, 0},
    {"shared 12/5, level 1", 12, 15, 5, 1, 0},
    {"shared 12/5, level 3", 12, 15, 5, 3, 0},
    {"shared 12/5, level 9", 12, 15, 5, 9, 0},
    {"dedicated 15/8", 15, 15, 8, 6, 1},
    {"dedicated 12/5", 12, 12, 5, 6, 1},
};

const size_t cost_nmodes = sizeof cost_modes / sizeof cost_modes[0];
