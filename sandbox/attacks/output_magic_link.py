# output_magic_link: makes CODE_OUTPUT a link to a descriptor of whoever opens it.
os.symlink("/proc/self/fd/0", os.environ["CODE_OUTPUT"])
