/* bench_nothing.h: a whole static program: an ELF header, one segment, exit_group(0). elf(5). Of one byte where there
 * is none for this architecture. */
#ifndef WORKER_BENCH_NOTHING_H
#define WORKER_BENCH_NOTHING_H

#if defined(__x86_64__)
static const unsigned char bench_nothing[] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	2, 0, 62, 0, 1, 0, 0, 0, 0x78, 0, 0x40, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	1, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0,
	0x81, 0, 0, 0, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0,
	0x31, 0xff, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05};
#else
static const unsigned char bench_nothing[1];
#endif

#endif
