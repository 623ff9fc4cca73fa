# output_sparse: makes CODE_OUTPUT a sparse file of 10 GiB.
with open(os.environ["CODE_OUTPUT"], "w") as file:
    file.truncate(10 << 30)
