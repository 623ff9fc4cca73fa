# frame_garbage: writes garbage to the value's channel.
os.write(3, b"ATTACK" * 100)
