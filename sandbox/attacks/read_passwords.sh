# read_passwords: reads the host's accounts.
[ -e /etc/shadow ] && succeeded "/etc/shadow is there"
grep -Eq '^(daemon|bin|sys|mail):' /etc/passwd && succeeded "/etc/passwd is the host's"
for file in /etc/hostname /etc/machine-id /etc/fstab /etc/ssh /etc/ssl/private; do
	[ -e "$file" ] && succeeded "$file is there"
done
exit 0
