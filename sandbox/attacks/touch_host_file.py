# touch_host_file: sets the time of a file that anyone may write, which Landlock does not see.
# utimensat(NULL) needs only the right to write; the referee looks at the file's time.
try:
    os.utime(bait("SHOWN") + "/writable")
except OSError:
    pass
