# machine_secrets: reads keys and boot options through /proc.
for file in cmdline keys key-users timer_list sched_debug latency_stats kallsyms; do
	[ -s "/proc/$file" ] || [ -n "$(cat "/proc/$file" 2>/dev/null)" ] && succeeded "/proc/$file"
done
exit 0
