# output_directory_swap: puts a link in the place of the directory that holds CODE_OUTPUT.
# /job is a mount point of its own: it can't be renamed, and the launcher holds the mount itself.
mv /job /job-away 2>/dev/null && ln -s "${BAIT_HIDDEN%/*}" /job 2>/dev/null && succeeded "/job was replaced"
exit 0
