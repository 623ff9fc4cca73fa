# runs_as_worker: runs under the worker's uid or gid, or has groups of it.
[ "$(id -u)" = "$BAIT_UID" ] && succeeded "it runs as uid $BAIT_UID"
[ "$(id -g)" = 0 ] && succeeded "it runs with gid 0"
[ "$(id -G)" = "$(id -g)" ] || succeeded "it has the groups $(id -G)"
