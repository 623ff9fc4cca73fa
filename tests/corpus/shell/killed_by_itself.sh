# {"signal": "SIGKILL"}
kill -KILL $$
