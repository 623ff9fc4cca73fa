# {"out": "ok\n"}
for f in /usr/bin/env /bin/sh /etc/passwd /dev/null /dev/urandom /dev/stdin /proc/self/status; do [ -e "$f" ] || exit 1; done
echo ok
