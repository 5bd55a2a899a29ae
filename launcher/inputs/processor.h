#ifndef LAUNCHER_INPUTS_PROCESSOR_H
#define LAUNCHER_INPUTS_PROCESSOR_H

#include "decision/plan/profile.h"

/* "model name" of the first CPU in /proc/cpuinfo, cut to fit; "" where the kernel names none (most of arm64). */
void processor_name(char name[PROFILE_WORD]);

#endif
