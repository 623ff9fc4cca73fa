# socket_pairs: makes a socket pair of another family.
pair = (ctypes.c_int * 2)()
for family in range(2, 46):
    if syscall(SYS["socketpair"], family, 1, 0, pair) == 0:
        succeeded("family %d" % family)
