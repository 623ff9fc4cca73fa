/* seccomp_policy.h: which system calls a job may make, as data.
 *
 * KILL: calls that only an attack makes. The job dies and the result names the call.
 * EPERM, ENOSYS: calls that harmless programs try and do without. Everything that strict does not
 * list is ENOSYS, as on an older kernel; restricted allows what it does not list, up to the last
 * call that was looked at for this policy.
 */
#ifndef CODESANDBOX_SECCOMP_POLICY_H
#define CODESANDBOX_SECCOMP_POLICY_H

/* The first call that was not looked at (the numbers of all architectures agree from 424 on). Each
 * kernel brings new ones, such as open_tree_attr, which a denying tier would let pass. */
#define POLICY_FIRST_UNKNOWN 450

/* New mounts, other namespaces, the kernel itself, other processes' memory, handles past path checks. */
static const char *const policy_kill[] = {"mount", "umount2", "pivot_root", "move_mount", "open_tree",
	"fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "setns", "bpf", "init_module",
	"finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff",
	"ptrace", "process_vm_readv", "process_vm_writev", "open_by_handle_at", "userfaultfd", "acct",
	"settimeofday", "clock_settime", "quotactl", "lookup_dcookie", "iopl", "ioperm", "vhangup",
	"nfsservctl", "uselib", "create_module", "get_kernel_syms", "query_module", "_sysctl",
	"perf_event_open", "fanotify_init", "fanotify_mark", NULL};

/* Programs probe for these, or a library tries them first. chroot would fail anyway. keyctl and its
 * kin: keys outlive a job. inotify: watches on shared files see others. process_madvise and kcmp:
 * allocators and graphics libraries use them on themselves. sync and syncfs: one job could have
 * the machine write out everyone's files without end. personality: see seccomp.c. */
static const char *const policy_eperm[] = {"chroot", "sethostname", "setdomainname", "add_key",
	"request_key", "keyctl", "adjtimex", "clock_adjtime", "syslog", "name_to_handle_at",
	"inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "modify_ldt", "seccomp", "setpriority",
	"ioprio_set", "sched_setscheduler", "sched_setattr", "sched_setparam", "shmget", "shmat",
	"shmctl", "shmdt", "semget", "semop", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv",
	"msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify",
	"mq_getsetattr", "unshare", "move_pages", "migrate_pages", "mbind", "set_mempolicy",
	"vmsplice", "process_madvise", "kcmp", "sync", "syncfs", NULL};

/* libuv, glibc and others fall back when a kernel lacks these. io_setup and its kin: the machine has one
 * number of them for all. */
static const char *const policy_enosys[] = {"io_uring_setup", "io_uring_enter", "io_uring_register",
	"io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents",
	"clone3", "memfd_secret", "pidfd_getfd", "landlock_create_ruleset", "landlock_add_rule",
	"landlock_restrict_self", NULL};

/* At none: what would outlive the job. */
static const char *const policy_none_eperm[] = {"shmget", "semget", "msgget", "mq_open", "add_key",
	"request_key", "keyctl", NULL};

/* Strict: everything that a program of the supported languages needs. clone, socket, socketpair,
 * mknod, prctl, ioctl, personality, memfd_create and mmap have conditions of their own: seccomp.c. */
static const char *const policy_allow[] = {
	/* files */
	"read", "write", "open", "openat", "openat2", "close", "close_range", "stat", "fstat", "lstat",
	"newfstatat", "statx", "statfs", "fstatfs", "lseek", "pread64", "pwrite64", "readv", "writev",
	"preadv", "pwritev", "preadv2", "pwritev2", "access", "faccessat", "faccessat2", "pipe",
	"pipe2", "dup", "dup2", "dup3", "flock",
	"sync_file_range", "truncate", "ftruncate", "fallocate", "getdents", "getdents64",
	"getcwd", "chdir", "fchdir", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir",
	"creat", "link", "linkat", "unlink", "unlinkat", "symlink", "symlinkat", "readlink",
	"readlinkat", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "umask",
	"utime", "utimes", "utimensat", "futimesat", "sendfile", "splice", "tee", "copy_file_range",
	"fadvise64", "readahead", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr",
	"flistxattr", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
	"fremovexattr",
	/* waiting */
	"poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2", "signalfd", "signalfd4",
	"timerfd_create", "timerfd_settime", "timerfd_gettime",
	/* memory */
	"brk", "munmap", "mremap", "mprotect", "madvise", "mincore", "mlock", "mlock2",
	"munlock", "mlockall", "munlockall", "pkey_alloc", "pkey_free", "pkey_mprotect", "membarrier",
	"get_mempolicy",
	/* processes and threads */
	"fork", "vfork", "execve", "execveat", "exit", "wait4", "waitid", "kill", "tkill",
	"tgkill", "getpid", "getppid", "gettid", "getpgid", "getpgrp", "setpgid", "getsid", "setsid",
	"set_tid_address", "set_robust_list", "get_robust_list", "futex", "futex_waitv", "rseq",
	"arch_prctl", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getscheduler",
	"sched_getparam", "sched_getattr", "sched_get_priority_max", "sched_get_priority_min",
	"sched_rr_get_interval", "getpriority", "ioprio_get", "getcpu", "pidfd_open",
	"pidfd_send_signal", "process_mrelease",
	/* signals and time */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
	"rt_sigqueueinfo", "rt_tgsigqueueinfo", "rt_sigsuspend", "sigaltstack", "pause", "alarm",
	"setitimer", "getitimer", "timer_create", "timer_settime", "timer_gettime",
	"timer_getoverrun", "timer_delete", "nanosleep", "clock_nanosleep", "clock_gettime",
	"clock_getres", "gettimeofday", "time", "times", "restart_syscall",
	/* ids and limits: changes fail without capabilities */
	"getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "setuid",
	"setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
	"setfsgid", "capget", "capset", "getrlimit", "getrusage",
	/* the system */
	"uname", "sysinfo", "getrandom",
	/* AF_UNIX sockets */
	"connect", "accept", "accept4", "bind", "listen", "getsockname", "getpeername", "sendto",
	"recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "shutdown", "setsockopt",
	"getsockopt", NULL};

/* prctl at strict: options that concern the caller alone. PR_SET_SECCOMP is none of them. */
static const int policy_prctl[] = {PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE,
	PR_SET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_KEEPCAPS, PR_GET_SECCOMP, PR_CAPBSET_READ,
	PR_SET_TIMERSLACK, PR_GET_TIMERSLACK, PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER,
	PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_GET_TID_ADDRESS, PR_SET_THP_DISABLE,
	PR_GET_THP_DISABLE, PR_CAP_AMBIENT, 0x53564d41 /* PR_SET_VMA */, PR_GET_SECUREBITS};

/* ioctl requests that reach into a terminal's input or the kernel's console. */
static const unsigned policy_ioctl_denied[] = {TIOCSTI, TIOCLINUX, TIOCSCTTY};

#endif
