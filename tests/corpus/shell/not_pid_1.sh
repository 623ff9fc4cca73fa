# {"out": "ok\n"}
[ $$ -gt 1 ] && echo ok
