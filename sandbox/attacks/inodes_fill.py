# inodes_fill: makes empty files without end.
# One inode for 4 KiB of disk is what a job has; three times as many are tried.
wanted = 3 * limit("DISK") // 4096
try:
    for number in range(wanted):
        os.close(os.open("f%d" % number, os.O_CREAT | os.O_WRONLY))
except OSError as error:
    sys.exit("%d files, then %s" % (number, error))
succeeded("%d files" % wanted)
