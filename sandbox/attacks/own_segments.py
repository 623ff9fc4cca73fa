# own_segments: changes its local descriptor table.
# modify_ldt(2), a rarely used door with a history.
result = syscall(SYS["modify_ldt"], 0, b"\0" * 64, 64)
if result >= 0:
    succeeded("modify_ldt went through")
