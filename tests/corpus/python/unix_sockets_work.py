# {"value": "hi"}
import socket


def main():
    server = socket.socket(socket.AF_UNIX)
    server.bind("s")
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect("s")
    server.accept()[0].send(b"hi")
    return client.recv(10).decode()
