/* record.h: what passes between the caller's library and the launcher.
 *
 * One record is one datagram over SOCK_SEQPACKET (unix(7)); descriptors travel beside it
 * (SCM_RIGHTS). The launcher treats its peer as hostile: a record is checked in full by
 * record_check() and a bad one ends the peer. Records carry numbers only, never a path, a uid or an
 * argument vector; a job's code, input and environment are its payload, bytes that only the locked-down child
 * parses: behind the numbers where there are few, else in a sealed memfd.
 */
#ifndef CODESANDBOX_RECORD_H
#define CODESANDBOX_RECORD_H

#include <stddef.h>

#include "../sandbox.h"

#define RECORD_MAGIC 0x43534258u	/* "CSBX" */
#define PAYLOAD_MAX_BYTES (80u << 20)
#define PAYLOAD_INLINE_BYTES 4096u	/* up to which one is in the record itself */

enum record_type { RECORD_START = 1, RECORD_KILL, RECORD_HELLO, RECORD_OUTCOME, RECORD_LEASE };

struct record_header {
	uint32_t magic, type;
};

/* Beside it exactly these descriptors, in this order; the last only with no payload in the record. */
enum start_fd { START_OUT, START_ERR, START_VALUE, START_PAYLOAD, START_FDS };

struct record_start {
	struct record_header header;
	uint32_t runtime;		/* index into the set-up's table */
	uint32_t level;
	uint64_t tag;
	struct sandbox_limits limits;
	uint32_t unused, payload_size;	/* 0: a memfd */
	char payload[PAYLOAD_INLINE_BYTES];	/* sent as far as it goes */
};

static inline size_t record_start_size(const struct record_start *start)
{
	return offsetof(struct record_start, payload) + start->payload_size;
}

static inline size_t record_start_fds(const struct record_start *start)
{
	return start->payload_size > 0 ? START_PAYLOAD : START_FDS;
}

struct record_kill {
	struct record_header header;
	uint64_t tag;
};

struct record_lease {
	struct record_header header;
	int64_t until_ms;		/* CLOCK_BOOTTIME */
};

struct record_hello {
	struct record_header header;
	struct sandbox_self_test self_test;
};

/* Beside it the job's CODE_OUTPUT, opened for reading, when has_output. */
struct record_outcome {
	struct record_header header;
	uint64_t tag;
	uint32_t verdict, level, limit, mechanisms;
	int32_t exit_code, signal;
	uint32_t sampled, has_output, warm, unused;
	uint32_t syscall_arch;		/* AUDIT_ARCH_*, 0 where the kernel can't tell */
	int32_t syscall_number;
	uint64_t limit_value, limit_peak;
	uint64_t wall_ms, cpu_ms, memory_peak_bytes, processes_peak;
	int64_t created_at_ms;
	struct sandbox_limits limits;
	char reason[256];
	char sandbox_id[40];
};

union record {
	struct record_header header;
	struct record_start start;
	struct record_kill kill;
	struct record_lease lease;
};

/* Checks a record from the library: size, magic, type, level, number of descriptors, runtime.
 * Returns 0, or -1 with *why naming the fault. Pure. */
int record_check(const void *data, size_t size, size_t fd_count, size_t runtime_count,
	const char **why);

/* Lowers each limit to the ceiling; 0 becomes the ceiling. */
struct sandbox_limits limits_clamp(const struct sandbox_limits *asked,
	const struct sandbox_limits *ceiling);

/* Sends one datagram with up to 12 descriptors. 0, or -1 with errno (EAGAIN where the socket is
 * non-blocking and full). */
int record_send(int socket, const void *data, size_t size, const int *fds, size_t fd_count);

/* The same of two parts, one behind the other; the second may be empty. */
int record_send_two(int socket, const void *data, size_t size, const void *more, size_t more_size,
	const int *fds, size_t fd_count);

/* Receives one datagram. Descriptors come close-on-exec; those beyond max_fds are closed. Returns the
 * size, 0 at the end, -1 with errno; EMSGSIZE when data or descriptors were cut. */
long record_receive(int socket, void *data, size_t size, int *fds, size_t max_fds,
	size_t *fd_count);

#endif
