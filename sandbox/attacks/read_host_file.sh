# read_host_file: reads a file of the host that anyone may read.
cat "$BAIT_HIDDEN" 2>/dev/null
exit 0
