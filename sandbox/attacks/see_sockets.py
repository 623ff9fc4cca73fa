# see_sockets: sees the sockets of the machine.
for name, wanted in (("unix", bait("ABSTRACT")), ("tcp", ":%04X " % int(bait("PORT")))):
    try:
        with open("/proc/self/net/" + name) as table:
            if wanted in table.read():
                succeeded("/proc/net/%s shows the host's" % name)
    except OSError:
        pass
