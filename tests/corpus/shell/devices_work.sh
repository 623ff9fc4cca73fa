# {"out": "4 4\n"}
echo x >/dev/null
echo $(head -c 4 /dev/zero | wc -c) $(head -c 4 /dev/urandom | wc -c)
