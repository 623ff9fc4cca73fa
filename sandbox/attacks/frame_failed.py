# frame_failed: sends a value and fails.
text = b'"ATTACK-SUCCEEDED: a failed job has a value"'
os.write(3, b"v" + len(text).to_bytes(4, "little") + text)
sys.exit(1)
