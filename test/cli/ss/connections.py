"""Opens and closes connections on command, and tells what they see. Commands on stdin, JSON lines on stdout."""

import json
import socket
import sys

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
listener.listen(64)
port = listener.getsockname()[1]
pairs = []


def say(**answer):
    print(json.dumps(answer), flush=True)


def open_pair():
    client = socket.create_connection(("127.0.0.1", port))
    server, _ = listener.accept()
    server.settimeout(5)
    client.settimeout(5)
    pairs.append((client, server))
    return client.getsockname()[1]


say(port=port, fd=listener.fileno())
for line in sys.stdin:
    command, *words = line.split()
    if command == "open":
        say(ports=[open_pair() for _ in range(int(words[0]))])
    elif command == "close":
        # Both ends at once with a reset, so that no TIME-WAIT is left.
        closed = []
        for _ in range(int(words[0])):
            client, server = pairs.pop(0)
            closed.append(client.getsockname()[1])
            for end in (client, server):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
            server.close()
        say(ports=closed)
    elif command == "finish":
        client, server = pairs.pop(0)
        name = client.getsockname()[1]
        client.sendall(b"x" * 333)
        server.recv(1 << 16)
        client.close()
        server.close()
        say(ports=[name])
    elif command == "send":
        pairs[0][0].sendall(b"x" * int(words[0]))
        say(ports=[pairs[0][0].getsockname()[1]])
    elif command == "read":
        # The client of the oldest pair: what reading gives it.
        try:
            say(read=len(pairs[0][0].recv(10)))
        except OSError as error:
            say(errno=error.errno)
    elif command == "accept":
        try:
            listener.settimeout(1)
            listener.accept()
            say(accepted=True)
        except OSError as error:
            say(errno=error.errno)
