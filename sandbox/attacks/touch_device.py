# touch_device: leaves word for another job in the times of a device.
for name in ("null", "zero", "full", "random", "urandom"):
    try:
        os.utime("/dev/" + name)
    except OSError:
        continue
    succeeded("/dev/%s has a new time" % name)
