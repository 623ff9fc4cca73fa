# write_system: writes to the system's directories.
for directory in / /usr /usr/bin /usr/lib /usr/local /etc /bin /lib /dev /proc /.codesandbox; do
	(echo x >"$directory/attack-file") 2>/dev/null && succeeded "$directory is writable"
	mkdir "$directory/attack-dir" 2>/dev/null && succeeded "$directory takes directories"
done
exit 0
