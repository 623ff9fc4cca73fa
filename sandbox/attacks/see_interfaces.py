# see_interfaces: sees the network interfaces of the machine.
with open("/proc/self/net/dev") as table:
    names = [line.split(":")[0].strip() for line in table if ":" in line]
if any(name not in ("lo", "tunl0", "sit0", "gre0", "ip6tnl0", "gretap0", "erspan0") for name in names):
    succeeded("interfaces %s" % names)
