/* mount_api.h: the calls of the new mount API, which glibc 2.36 has in part and older ones lack. */
#ifndef LAUNCHER_MOUNT_API_H
#define LAUNCHER_MOUNT_API_H

#include <fcntl.h>
#include <linux/mount.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

static inline int sys_move_mount(int from, int to_dir, const char *to_path)
{
	return (int)syscall(SYS_move_mount, from, "", to_dir, to_path, MOVE_MOUNT_F_EMPTY_PATH);
}

static inline int sys_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set,
	uint64_t propagation)
{
	struct mount_attr attr = {.attr_set = set, .propagation = propagation};
	return (int)syscall(SYS_mount_setattr, dir, path, flags, &attr, sizeof attr);
}

static inline int sys_fsopen(const char *type)
{
	return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int sys_fsconfig_string(int fd, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fd, FSCONFIG_SET_STRING, key, value, 0);
}

static inline int sys_fsconfig_command(int fd, unsigned command)
{
	return (int)syscall(SYS_fsconfig, fd, command, NULL, NULL, 0);
}

static inline int sys_fsmount(int fd, unsigned attributes)
{
	return (int)syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, attributes);
}

static inline int sys_fspick(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_fspick, dir, path, flags);
}

#endif
