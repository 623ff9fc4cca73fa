# write_host_file: writes a file of the host that anyone may write.
(echo x >>"$BAIT_SHOWN/writable") 2>/dev/null && succeeded "a host's file was written"
exit 0
