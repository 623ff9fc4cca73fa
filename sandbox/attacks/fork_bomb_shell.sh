# fork_bomb_shell: starts background jobs in a shell without end.
# 320 sleeps at most, each for two seconds. dash ends with 2 when it can't fork.
count=0
while [ "$count" -lt $((10 * LIMIT_PROCESSES)) ]; do
	sleep 2 &
	count=$((count + 1))
done
succeeded "$count processes at once"
