# read_secret: reads a file that only the worker may read.
cat "$BAIT_SHOWN/secret" 2>/dev/null
