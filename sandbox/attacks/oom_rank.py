# oom_rank: has the kernel take others before it when memory is short.
try:
    with open("/proc/self/oom_score_adj", "w") as rank:
        rank.write("0")
except OSError as error:
    sys.exit(str(error))
succeeded("its rank is 0")
