# connect_loopback: connects to a port of the machine.
import socket

try:
    connection = socket.create_connection(("127.0.0.1", int(bait("PORT"))), 1)
    succeeded("connected to %s" % (connection.getpeername(),))
except OSError:
    pass
