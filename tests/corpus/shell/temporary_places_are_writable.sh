# {"out": "ok\n"}
for d in . /tmp /dev/shm "$HOME" "$TMPDIR"; do echo x >"$d/f" || exit 1; done
echo ok
