/* runtime_files.h: the harnesses of sandbox/runtimes, carried in the launcher's image. */
#ifndef LAUNCHER_RUNTIME_FILES_H
#define LAUNCHER_RUNTIME_FILES_H

#include <stddef.h>

extern const char runtime_python[], runtime_python_value[], runtime_node[];
extern const size_t runtime_python_size, runtime_python_value_size, runtime_node_size;

#endif
