# mount_tree_clone: clones a mount tree.
# open_tree(OPEN_TREE_CLONE) needs no target directory.
result = syscall(SYS["open_tree"], -100, b"/", 1)
if result >= 0:
    succeeded("open_tree went through")
