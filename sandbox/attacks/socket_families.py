# socket_families: makes a socket of any family but AF_UNIX.
# AF_ALG, AF_VSOCK, AF_NETLINK, AF_PACKET and some forty others; types stream, datagram, raw, seqpacket.
for family in range(2, 46):
    for kind in (1, 2, 3, 5):
        for high in (0, 1 << 32):
            result = syscall(SYS["socket"], family | high, kind, 0)
            if result >= 0:
                succeeded("family %d, type %d" % (family, kind))
