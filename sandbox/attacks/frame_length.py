# frame_length: claims a value of 4 GiB.
os.write(3, b"v\xff\xff\xff\xff[]")
