# output_link: makes CODE_OUTPUT a link to a file of the host, for the launcher to follow.
ln -s "$BAIT_HIDDEN" "$CODE_OUTPUT"
