# setuid_programs: gains privileges from a setuid program.
# no_new_privs is what makes exec ignore set-user-ID bits on every mount.
with open("/proc/self/status") as status:
    if "NoNewPrivs:\t1" not in status.read():
        succeeded("exec may give privileges")
