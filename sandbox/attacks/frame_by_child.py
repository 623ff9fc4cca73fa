# frame_by_child: lets a child write to the value's channel.
if os.fork() == 0:
    text = b'"ATTACK-SUCCEEDED: a child wrote the value"'
    try:
        os.write(3, b"v" + len(text).to_bytes(4, "little") + text)
    except OSError:
        pass
    os._exit(0)
os.wait()
