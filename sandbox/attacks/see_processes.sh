# see_processes: sees the worker's process.
[ -d "/proc/$BAIT_PID" ] && grep -q "PPid:" "/proc/$BAIT_PID/status" && succeeded "/proc/$BAIT_PID is there"
exit 0
