# frame_twice: forges a frame before main's own.
text = b'"ATTACK-SUCCEEDED: the forged value was taken"'
os.write(3, b"v" + len(text).to_bytes(4, "little") + text)


def main():
    return "the value"
