/* record.c: see record.h. */
#include "record.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 12

static int refuse(const char **why, const char *text)
{
	*why = text;
	return -1;
}

static int check_start(const struct record_start *start, size_t size, size_t fd_count, size_t runtime_count,
	const char **why)
{
	if (start->payload_size > PAYLOAD_INLINE_BYTES || size != record_start_size(start))
		return refuse(why, "start record with a payload of another size than it says");
	if (fd_count != record_start_fds(start))
		return refuse(why, "start record with the wrong number of descriptors");
	if (start->runtime >= runtime_count)
		return refuse(why, "start record for an unknown runtime");
	if (start->level >= SANDBOX_LEVELS)
		return refuse(why, "start record for an unknown level");
	return 0;
}

int record_check(const void *data, size_t size, size_t fd_count, size_t runtime_count,
	const char **why)
{
	union record record;
	if (size < sizeof record.header || size > sizeof record)
		return refuse(why, "record of a wrong size");
	size_t head = offsetof(struct record_start, payload);	/* no payload is to be left on the stack */
	memcpy(&record, data, size < head ? size : head);
	if (record.header.magic != RECORD_MAGIC)
		return refuse(why, "record without the magic number");
	if (record.header.type == RECORD_START && size >= offsetof(struct record_start, payload))
		return check_start(&record.start, size, fd_count, runtime_count, why);
	if (record.header.type == RECORD_KILL && size == sizeof record.kill)
		return fd_count == 0 ? 0 : refuse(why, "kill record with descriptors");
	if (record.header.type == RECORD_LEASE && size == sizeof record.lease)
		return fd_count == 0 ? 0 : refuse(why, "lease record with descriptors");
	return refuse(why, "record of an unknown type");
}

static uint64_t clamp(uint64_t asked, uint64_t ceiling)
{
	return asked == 0 || asked > ceiling ? ceiling : asked;
}

struct sandbox_limits limits_clamp(const struct sandbox_limits *asked,
	const struct sandbox_limits *ceiling)
{
	return (struct sandbox_limits){
		.wall_ms = clamp(asked->wall_ms, ceiling->wall_ms),
		.cpu_ms = clamp(asked->cpu_ms, ceiling->cpu_ms),
		.memory_bytes = clamp(asked->memory_bytes, ceiling->memory_bytes),
		.disk_bytes = clamp(asked->disk_bytes, ceiling->disk_bytes),
		.processes = clamp(asked->processes, ceiling->processes),
		.output_bytes = clamp(asked->output_bytes, ceiling->output_bytes),
		.open_files = clamp(asked->open_files, ceiling->open_files),
	};
}

int record_send(int socket, const void *data, size_t size, const int *fds, size_t fd_count)
{
	return record_send_two(socket, data, size, NULL, 0, fds, fd_count);
}

int record_send_two(int socket, const void *data, size_t size, const void *more, size_t more_size,
	const int *fds, size_t fd_count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = {0};
	struct iovec parts[2] = {{(void *)data, size}, {(void *)more, more_size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = more_size > 0 ? 2 : 1};
	if (fd_count > MAX_FDS) {
		errno = EINVAL;
		return -1;
	}
	if (fd_count > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
	}
	ssize_t sent;
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

static void take_fds(const struct cmsghdr *head, int *fds, size_t max_fds, size_t *fd_count)
{
	size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < count; i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
		if (*fd_count < max_fds)
			fds[(*fd_count)++] = fd;
		else
			close(fd);
	}
}

long record_receive(int socket, void *data, size_t size, int *fds, size_t max_fds,
	size_t *fd_count)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof control};
	ssize_t got;
	*fd_count = 0;
	do
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head;
			head = CMSG_NXTHDR(&message, head))
		if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
			take_fds(head, fds, max_fds, fd_count);
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (*fd_count > 0)
			close(fds[--*fd_count]);
		errno = EMSGSIZE;
		return -1;
	}
	return got;
}
