"""The other end, in Python: sockets as a plain Python program has them.

peer.py ROLE [PORT]    on 127.0.0.1; a server chooses its port and prints it
"""

import socket
import sys

HOME = "127.0.0.1"


def bound(kind):
    s = socket.socket(socket.AF_INET, kind)
    s.bind((HOME, 0))
    if kind == socket.SOCK_STREAM:
        s.listen(1)
    print(s.getsockname()[1], flush=True)
    return s


def exactly(s, n):
    got = b""
    while len(got) < n:
        piece = s.recv(n - len(got))
        if not piece:
            sys.exit("only %d of %d octets came" % (len(got), n))
        got += piece
    return got


def udp_server(_):
    s = bound(socket.SOCK_DGRAM)
    while True:
        data, sender = s.recvfrom(65535)
        print(sender, data, flush=True)
        s.sendto(b"Your data was %d bytes" % len(data), sender)


def udp_connected(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10)
    s.connect((HOME, port))
    s.send(b"This is another message")
    print(s.getsockname(), s.recv(65535))


def udp_unconnected(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10)
    s.sendto(b"it's me", (HOME, port))
    data, sender = s.recvfrom(65535)
    print(sender, data)


def sixteen_server(_):
    s = bound(socket.SOCK_STREAM)
    while True:
        c, _ = s.accept()
        print(exactly(c, 16), flush=True)
        c.sendall(b"Farewell, client")
        c.close()


def sixteen_client(port):
    s = socket.create_connection((HOME, port), 10)
    s.sendall(b"Hi there, server")
    print(s.getsockname(), exactly(s, 16))


def capitals_server(_):
    s = bound(socket.SOCK_STREAM)
    while True:
        c, _ = s.accept()
        total = 0
        while piece := c.recv(1024):
            c.sendall(piece.upper())
            total += len(piece)
        c.close()
        print(total, flush=True)


def capitals_client(port):
    s = socket.create_connection((HOME, port), 10)
    s.sendall(b"capitalize this!" * 3)
    s.shutdown(socket.SHUT_WR)
    print(exactly(s, 48), s.recv(1))


globals()[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 0)
