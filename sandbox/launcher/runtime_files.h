/* runtime_files.h: the harnesses of sandbox/runtimes, carried in the launcher's image. */
#ifndef LAUNCHER_RUNTIME_FILES_H
#define LAUNCHER_RUNTIME_FILES_H

#include <stddef.h>

extern const char runtime_python[], runtime_python_value[], runtime_python_warm[],
	runtime_node[], runtime_node_warm[];
extern const size_t runtime_python_size, runtime_python_value_size, runtime_python_warm_size,
	runtime_node_size, runtime_node_warm_size;

/* The libraries that make zygotes of stock interpreters; empty where the build had no headers. */
#define ZYGOTE_PYTHON "zygote_python.so"
#define ZYGOTE_NODE "zygote_node.node"
#define ZYGOTE_NODE_FORKABLE "node_forkable.so"
extern const char zygote_python[], zygote_node[], zygote_node_forkable[];
extern const size_t zygote_python_size, zygote_node_size, zygote_node_forkable_size;

#endif
