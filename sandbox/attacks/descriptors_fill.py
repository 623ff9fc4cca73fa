# descriptors_fill: opens files without end.
held = []
try:
    for _ in range(1000):
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    sys.exit(str(error))
succeeded("%d descriptors" % len(held))
