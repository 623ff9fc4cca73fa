# {"signal": "SIGTERM"}
import signal

signal.raise_signal(signal.SIGTERM)
