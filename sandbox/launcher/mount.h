/* mount.h: what of the file system a sandbox sees. mount_namespaces(7), move_mount(2),
 * mount_setattr(2), fsmount(2).
 *
 * A view is a mount namespace made once, holding a root of its own: for VIEW_SYSTEM the host's
 * /usr, /bin, /lib*, a synthetic /etc and a small /dev, all read-only; for VIEW_HOST everything of
 * the host. Each sandbox copies its view's namespace and adds what is the job's alone: /proc, and
 * one tmpfs that stands at /job and gives /tmp and /dev/shm too.
 */
#ifndef LAUNCHER_MOUNT_H
#define LAUNCHER_MOUNT_H

#include "host.h"

#define JOB_DIRECTORY "/job"
#define RUNTIME_DIRECTORY "/.codesandbox"	/* run.py, run.js */

/* Makes a view; *ns_fd is close-on-exec and the caller's. */
int view_make(const struct host *host, enum view view, int *ns_fd, struct err *err);

/* The tmpfs of one sandbox, not yet attached anywhere: work, tmp and shm in it, owned by owner, bytes large. The
 * descriptor stays usable after the sandbox is gone. -1 with err. */
int job_files_make(const struct host *host, uid_t owner, uint64_t bytes, struct err *err);

/* Sets size and number of inodes; from outside, before the job starts. */
int job_files_resize(const struct host *host, int mount_fd, uint64_t bytes, struct err *err);

/* In the sandbox's init: enters a copy of the view and mounts the job's own. On failure returns
 * the name of the step with errno set, NULL on success. */
const char *mounts_enter(const struct host *host, enum view view, int mount_fd);

#endif
