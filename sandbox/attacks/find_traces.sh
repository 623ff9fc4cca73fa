# find_traces: finds what another job left.
for directory in /tmp /dev/shm /job /job/work; do
	[ -e "$directory/attack-trace" ] && succeeded "$directory/attack-trace"
done
[ -z "$(ls -A /tmp /dev/shm /job/work | grep -v :)" ] || succeeded "something is left"
