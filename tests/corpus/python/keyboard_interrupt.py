# {"signal": "SIGINT", "err": "KeyboardInterrupt"}
raise KeyboardInterrupt
