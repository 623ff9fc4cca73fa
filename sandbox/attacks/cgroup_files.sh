# cgroup_files: changes its own limits through the cgroup file system.
for directory in /sys/fs/cgroup /sys /proc/self/root/sys/fs/cgroup; do
	[ -e "$directory" ] && succeeded "$directory is there"
done
exit 0
