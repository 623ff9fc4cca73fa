# see_host_directories: looks into the directories of users and services.
for directory in /root /home /var/lib /var/log /opt /srv /mnt /media /boot /sys /run/user; do
	[ -e "$directory" ] && succeeded "$directory is there"
done
exit 0
