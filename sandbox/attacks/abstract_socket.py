# abstract_socket: connects to an abstract socket of the host.
import socket

peer = socket.socket(socket.AF_UNIX)
try:
    peer.connect("\0" + bait("ABSTRACT"))
    succeeded("connected")
except OSError:
    pass
