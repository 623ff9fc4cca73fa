/* unreached.h: what a file under test calls and no test of it reaches. */
#ifndef TEST_UNREACHED_H
#define TEST_UNREACHED_H

#include <stdlib.h>

/* Its parameters have names and no use. */
#define UNREACHED(result, name, ...)                                                          \
	_Pragma("GCC diagnostic push")                                                        \
	_Pragma("GCC diagnostic ignored \"-Wunused-parameter\"")                              \
	result name(__VA_ARGS__)                                                              \
	{                                                                                     \
		abort();                                                                      \
	}                                                                                     \
	_Pragma("GCC diagnostic pop")

#endif
