# name_lookup: sends a datagram to a name server.
import socket

try:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    succeeded("a UDP socket")
except OSError:
    pass
