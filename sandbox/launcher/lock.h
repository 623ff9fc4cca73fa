/* lock.h: files whose flock(2) says that their owner lives, and which go with it. */
#ifndef LAUNCHER_LOCK_H
#define LAUNCHER_LOCK_H

#include <stdbool.h>

/* Takes the lock of directory's file name, made if missing. Never one that its last owner has removed
 * meanwhile: such a lock would hold nobody off. wait: for who holds it now. Returns a descriptor, or -1
 * with errno (EWOULDBLOCK: another has it). */
int lock_take(int directory_fd, const char *name, bool wait);

/* Removes the file while its lock is held, then lets go. */
void lock_remove(int directory_fd, const char *name, int lock_fd);

#endif
