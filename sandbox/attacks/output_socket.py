# output_socket: makes CODE_OUTPUT a socket.
import socket

socket.socket(socket.AF_UNIX).bind(os.environ["CODE_OUTPUT"])
