# see_host_name: learns the machine's name.
[ "$(uname -n)" = "$BAIT_HOST" ] && succeeded "the name is $BAIT_HOST"
exit 0
