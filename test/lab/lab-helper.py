"""Long-lived helper processes of the lab; one verb each. One JSON line per answer; ends when standard input closes.

named COMM HOST          a process with the given comm (hex) that holds a TCP listener
crowd N                  N SO_REUSEPORT TCP listeners and N UDP sockets on one port
    commands: open K | close K newest|oldest | close-inodes I...
acceptor BACKLOG CLIENTS a listener that never accepts, with CLIENTS connecting to it
    commands: drain
"""
import json, os, socket, sys, time

VERB, ARGUMENTS = sys.argv[1], sys.argv[2:]
SO_REUSEPORT = 15


def inode(sock):
    return os.fstat(sock.fileno()).st_ino


def say(answer):
    print(json.dumps({'pid': os.getpid(), **answer}), flush=True)


def named(comm, host):
    with open('/proc/self/comm', 'wb') as file:
        file.write(bytes.fromhex(comm))
    sock = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
    sock.bind((host, 0))
    sock.listen(8)
    say({'port': sock.getsockname()[1], 'inode': inode(sock)})
    sys.stdin.read()


def crowd(count):
    port = 0
    members = {'tcp': [], 'udp': []}

    def more(number):
        nonlocal port
        for name, kind in (('tcp', socket.SOCK_STREAM), ('udp', socket.SOCK_DGRAM)):
            for _ in range(number):
                sock = socket.socket(socket.AF_INET, kind)
                sock.setsockopt(socket.SOL_SOCKET, SO_REUSEPORT, 1)
                sock.bind(('127.0.0.1', port))
                port = sock.getsockname()[1]
                if kind == socket.SOCK_STREAM:
                    sock.listen(8)
                members[name].append(sock)

    def answer():
        say({'port': port, **{name: [inode(sock) for sock in list_] for name, list_ in members.items()}})

    more(int(count))
    answer()
    for line in sys.stdin:
        word, *rest = line.split()
        if word == 'open':
            more(int(rest[0]))
        else:
            for name, list_ in members.items():
                if word == 'close':
                    gone = list_[-int(rest[0]):] if rest[1] == 'newest' else list_[:int(rest[0])]
                else:
                    gone = [sock for sock in list_ if str(inode(sock)) in rest]
                members[name] = [sock for sock in list_ if sock not in gone]
                for sock in gone:
                    sock.close()
        answer()


def acceptor(backlog, clients):
    server = socket.socket()
    server.bind(('127.0.0.1', 0))
    server.listen(int(backlog))
    server.setblocking(False)
    # More than limit + 1 are not let in: their SYN is dropped and they stay in SYN-SENT.
    queued = min(int(clients), int(backlog) + 1)
    connected, trying, accepted = [], [], []
    for number in range(int(clients)):
        sock = socket.socket()
        if number < queued:
            sock.connect(server.getsockname())
            connected.append(sock)
        else:
            sock.setblocking(False)
            sock.connect_ex(server.getsockname())
            trying.append(sock)
    # The last child is queued when its ACK arrives, which may be after connect() returned.
    deadline = time.monotonic() + 3
    while server.getsockopt(socket.IPPROTO_TCP, 11, 28)[24] < queued and time.monotonic() < deadline:
        time.sleep(0.002)
    say({'port': server.getsockname()[1], 'inode': inode(server), 'limit': int(backlog),
         'length': queued, 'trying': len(trying)})
    for line in sys.stdin:
        if line.strip() != 'drain':
            continue
        # Clients still trying would fill the queue again at their next SYN.
        for sock in trying:
            sock.close()
        trying.clear()
        while True:
            try:
                accepted.append(server.accept()[0])
            except BlockingIOError:
                break
        say({'accepted': len(accepted)})


{'named': named, 'crowd': crowd, 'acceptor': acceptor}[VERB](*ARGUMENTS)
