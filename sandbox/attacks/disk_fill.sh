# disk_fill: writes a file of three times its disk.
dd if=/dev/zero of=big bs=1M count=$((3 * LIMIT_DISK / 1048576)) 2>&1 && succeeded "three times its disk"
exit 1
