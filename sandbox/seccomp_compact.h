/* seccomp_compact.h: a filter's program in fewer instructions. */
#ifndef CODESANDBOX_SECCOMP_COMPACT_H
#define CODESANDBOX_SECCOMP_COMPACT_H

#include "seccomp.h"

/* Replaces a program by a shorter one with the same verdict for every possible struct seccomp_data, which is
 * proved for the very program that is put in its place. Leaves it as it is, and returns false, where
 * there is none, there is no memory, or it does something that seccomp_diagram.h does not know. */
bool seccomp_compact(struct seccomp_program *program);

#endif
