/* runtime_files.c: see runtime_files.h. Paths are relative to the project's root, where make runs. */
#include "runtime_files.h"

#define CARRY(name, path)                                                                     \
	__asm__(".section .rodata\n.global " #name "\n.balign 16\n" #name ":\n"               \
		".incbin \"" path "\"\n" #name "_end:\n.byte 0\n"                             \
		".balign 8\n.global " #name "_size\n" #name "_size:\n"                          \
		".quad " #name "_end - " #name "\n.previous\n")

CARRY(runtime_python, "sandbox/runtimes/python/run.py");
CARRY(runtime_python_value, "sandbox/runtimes/python/value.py");
CARRY(runtime_python_warm, "sandbox/runtimes/python/warm.py");
CARRY(runtime_node, "sandbox/runtimes/node/run.js");
CARRY(runtime_node_warm, "sandbox/runtimes/node/warm.js");
CARRY(zygote_python, ZYGOTE_DIRECTORY "/" ZYGOTE_PYTHON);
CARRY(zygote_node, ZYGOTE_DIRECTORY "/" ZYGOTE_NODE);
CARRY(zygote_node_forkable, ZYGOTE_DIRECTORY "/" ZYGOTE_NODE_FORKABLE);
