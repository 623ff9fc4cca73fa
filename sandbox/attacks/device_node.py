# device_node: makes a device node for the machine's disk.
# A block device of major 8; where it can be made, opening it is left out.
for mode in (0o60600, 0o20600):
    try:
        os.mknod("disk", mode, os.makedev(8, 0))
        succeeded("a device node was made")
    except OSError:
        pass
