# output_fifo: makes CODE_OUTPUT a FIFO, to keep who opens it waiting.
os.mkfifo(os.environ["CODE_OUTPUT"])
