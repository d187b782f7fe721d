"""Holds, in the network namespace it runs in, a socket in every state that loopback can hold still.

Usage: hold-states.py DIRECTORY      (DIRECTORY: where unix socket paths are made)

Prints one JSON line: {"pid", "sockets": [...], "notHeld": [{"what", "why"}]}; keeps all until standard input closes.
The command `refresh` makes the states that the kernel forgets after 60 s (TIME-WAIT, orphaned FIN-WAIT-2) again.

No packet filter is needed: SO_ATTACH_FILTER (classic BPF, unprivileged) on a TCP socket decides what that socket
receives, so a segment dropped there never advances the state of either end.
"""
import contextlib, ctypes, errno, json, os, socket, struct, sys, time

DIRECTORY = sys.argv[1]
SO_ATTACH_FILTER, SO_BINDTODEVICE = 26, 25
TCP_SYNCNT, IPPROTO_MPTCP = 7, 262
DROP_ALL = [(0x06, 0, 0, 0)]
# ldb [13] (the TCP flags); jset ACK -> drop, else keep: a listener that hears SYN and never the final ACK.
DROP_ACK = [(0x30, 0, 0, 13), (0x45, 0, 1, 0x10), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF)]

held, rows, not_held = [], [], []

def attach(sock, program):
    code = b''.join(struct.pack('HBBI', *op) for op in program)
    buffer = ctypes.create_string_buffer(code)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack('HxxxxxxQ', len(program), ctypes.addressof(buffer)))

def inode(sock):
    return os.fstat(sock.fileno()).st_ino

def make(family, kind=socket.SOCK_STREAM, protocol=0):
    sock = socket.socket(family, kind, protocol)
    held.append(sock)
    return sock

def end(name):
    """The text of a socket name: `address:port` for IP, the path for unix with NUL shown as @."""
    if isinstance(name, tuple):
        address = '[' + name[0].split('%')[0] + ']' if ':' in name[0] else name[0]
        return address + ':' + str(name[1])
    text = name if isinstance(name, str) else name.decode('utf-8', 'surrogateescape')
    return text.replace('\0', '@')

def note(protocol, state, what, sock=None, local=None, peer=None, number=None):
    if sock is not None:
        local = end(sock.getsockname()) if local is None else local
        number = inode(sock) if number is None else number
        if peer is None:
            with contextlib.suppress(OSError):
                peer = end(sock.getpeername())
    rows.append({'protocol': protocol, 'state': state, 'what': what, 'local': local, 'peer': peer,
                 'inode': number or 0, 'pid': os.getpid() if number else None})

def attempt(what, work):
    try:
        work()
    except OSError as error:
        not_held.append({'what': what, 'why': errno.errorcode.get(error.errno, '?') + ': ' + str(error)})

def until(what, ready, limit=3.0):
    """Waits for the kernel to finish a handshake or a close; loopback needs microseconds."""
    deadline = time.monotonic() + limit
    while not ready():
        if time.monotonic() > deadline:
            raise OSError(errno.ETIMEDOUT, 'state not reached: ' + what)
        time.sleep(0.002)

def tcp_state(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, 11, 1)[0]

def listener(host, backlog=16, protocol=0):
    sock = make(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_STREAM, protocol)
    sock.bind((host, 0))
    sock.listen(backlog)
    return sock

def client(server, blocking=True, host=None):
    host = host or server.getsockname()[0]
    sock = make(socket.AF_INET6 if ':' in host else socket.AF_INET)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_SYNCNT, 127)
    sock.setblocking(blocking)
    sock.connect_ex((host, server.getsockname()[1]))
    return sock

def pair(server, host=None):
    near = client(server, host=host)
    far = server.accept()[0]
    held.append(far)
    return near, far

def forgotten(server, name):
    """What lives 60 s as a mini-socket without descriptor or inode."""
    near, far = pair(server)
    local, peer = end(near.getsockname()), end(near.getpeername())
    near.close()
    far.close()
    note('tcp', 'time-wait', name + ' closed first', local=local, peer=peer)
    near, far = pair(server)
    local, peer = end(near.getsockname()), end(near.getpeername())
    near.close()
    note('tcp', 'fin-wait-2', name + ' orphan (mini-socket)', local=local, peer=peer)
    until('close-wait', lambda: tcp_state(far) == 8)
    note('tcp', 'close-wait', name + ' peer of the orphan', far)

def tcp_states(host, name):
    server = listener(host)
    note('tcp', 'listening', name + ' listener', server)

    near, far = pair(server)
    note('tcp', 'established', name + ' client', near)
    note('tcp', 'established', name + ' accepted, five bytes unread', far)
    near.send(b'hello')

    near, far = pair(server)
    attach(far, DROP_ALL)
    near.send(b'unacknowledged')
    note('tcp', 'established', name + ' sender without acknowledgement', near)
    note('tcp', 'established', name + ' deaf receiver', far)

    near, far = pair(server)
    near.shutdown(socket.SHUT_WR)
    until('close-wait', lambda: tcp_state(far) == 8 and tcp_state(near) == 5)
    note('tcp', 'fin-wait-2', name + ' half closed, still open', near)
    note('tcp', 'close-wait', name + ' peer closed', far)

    near, far = pair(server)
    attach(near, DROP_ALL)
    near.shutdown(socket.SHUT_WR)
    until('fin-wait-1', lambda: tcp_state(near) == 4 and tcp_state(far) == 8)
    note('tcp', 'fin-wait-1', name + ' FIN not acknowledged', near)
    far.shutdown(socket.SHUT_WR)
    note('tcp', 'last-ack', name + ' second FIN not acknowledged', far)

    near, far = pair(server)
    attach(far, DROP_ALL)
    near.shutdown(socket.SHUT_WR)
    far.shutdown(socket.SHUT_WR)
    until('closing', lambda: tcp_state(near) == 11)
    note('tcp', 'closing', name + ' simultaneous close', near)
    note('tcp', 'fin-wait-1', name + ' other end of the simultaneous close', far)

    forgotten(server, name)

    partly = listener(host, 8)
    note('tcp', 'listening', name + ' accept queue partly filled', partly)
    waiting = client(partly)
    note('tcp', 'established', name + ' client in an accept queue', waiting)
    note('tcp', 'established', name + ' un-accepted child', local=end(waiting.getpeername()), peer=end(waiting.getsockname()))
    gone = client(partly)
    local, peer = end(gone.getsockname()), end(gone.getpeername())
    gone.close()
    note('tcp', 'close-wait', name + ' un-accepted child whose client gave up', local=peer, peer=local)
    note('tcp', 'fin-wait-2', name + ' client that gave up', local=local, peer=peer)

    full = listener(host, 2)
    note('tcp', 'listening', name + ' accept queue full', full)
    for _ in range(3):
        queued = client(full)
        note('tcp', 'established', name + ' client in a full queue', queued)
        note('tcp', 'established', name + ' child in a full queue', local=end(queued.getpeername()), peer=end(queued.getsockname()))
    refused = client(full, blocking=False)
    note('tcp', 'syn-sent', name + ' queue full', refused, peer=end(full.getsockname()))

    silent = listener(host)
    attach(silent, DROP_ALL)
    note('tcp', 'listening', name + ' deaf listener', silent)
    note('tcp', 'syn-sent', name + ' SYN dropped', client(silent, blocking=False), peer=end(silent.getsockname()))

    half = listener(host)
    half.setsockopt(socket.IPPROTO_TCP, TCP_SYNCNT, 127)
    attach(half, DROP_ACK)
    opener = client(half)
    note('tcp', 'listening', name + ' never hears the final ACK', half)
    note('tcp', 'established', name + ' client of a half-open connection', opener)
    note('tcp', 'syn-recv', name + ' final ACK dropped', local=end(opener.getpeername()), peer=end(opener.getsockname()))

    bound = make(socket.AF_INET6 if ':' in host else socket.AF_INET)
    bound.bind((host, 0))
    note('tcp', 'bound-inactive', name + ' bound, not listening', bound)
    return server

def dual_stack():
    wild = make(socket.AF_INET6)
    wild.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    wild.bind(('::', 0))
    wild.listen(16)
    note('tcp', 'listening', 'dual-stack listener', wild)
    near, far = pair(wild, '127.0.0.1')
    note('tcp', 'established', 'v4 client of a dual-stack listener', near)
    note('tcp', 'established', 'v4-mapped accepted', far)
    near, far = pair(wild, '::ffff:127.0.0.1')
    note('tcp', 'established', 'v4-mapped client', near)
    note('tcp', 'established', 'v4-mapped accepted', far)
    only = make(socket.AF_INET6)
    only.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    only.bind(('::', 0))
    only.listen(16)
    note('tcp', 'listening', 'v6-only listener', only)
    device = make(socket.AF_INET)
    device.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b'lo\0')
    device.bind(('0.0.0.0', 0))
    device.listen(16)
    note('tcp', 'listening', 'listener bound to lo', device)

def two_holders():
    shared = listener('127.0.0.1')
    note('tcp', 'listening', 'held by two processes', shared)
    gate, mine = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(mine)
        for sock in held:
            if sock is not shared:
                sock.close()
        os.read(gate, 1)
        os._exit(0)
    rows[-1]['pids'] = [os.getpid(), child]

def udp():
    for family, host, name in ((socket.AF_INET, '0.0.0.0', 'v4'), (socket.AF_INET6, '::', 'v6')):
        sock = make(family, socket.SOCK_DGRAM)
        sock.bind((host, 0))
        note('udp', 'closed', name + ' unconnected', sock)
        near = make(family, socket.SOCK_DGRAM)
        near.connect(('127.0.0.1' if family == socket.AF_INET else '::1', sock.getsockname()[1]))
        note('udp', 'established', name + ' connected', near)
        near.send(b'unread')

def unix():
    def bound(kind, name, what, state='closed'):
        sock = make(socket.AF_UNIX, kind)
        sock.bind(name)
        if state == 'listening':
            sock.listen(4)
        note('unix', state, what, sock)
        return sock
    path = lambda name: os.path.join(DIRECTORY, name)
    server = bound(socket.SOCK_STREAM, path('stream'), 'stream listener', 'listening')
    near = make(socket.AF_UNIX)
    near.connect(path('stream'))
    far = server.accept()[0]
    held.append(far)
    note('unix', 'established', 'stream client', near)
    note('unix', 'established', 'stream accepted', far)
    waiting = make(socket.AF_UNIX)
    waiting.connect(path('stream'))
    note('unix', 'established', 'stream client, not accepted', waiting)
    bound(socket.SOCK_STREAM, b'\0nk-abstract name', 'abstract listener', 'listening')
    bound(socket.SOCK_DGRAM, path('dgram'), 'datagram socket')
    bound(socket.SOCK_SEQPACKET, path('seqpacket'), 'seqpacket listener', 'listening')
    bound(socket.SOCK_STREAM, path('ctl \x1b[31m\x07\ttab'), 'path with control bytes', 'listening')
    note('unix', 'closed', 'unbound stream', make(socket.AF_UNIX))
    for kind, what in ((1, 'stream'), (2, 'datagram'), (5, 'seqpacket')):
        for sock in socket.socketpair(socket.AF_UNIX, kind):
            held.append(sock)
            note('unix', 'established', what + ' pair', sock)

def raw():
    note('raw', 'closed', 'v4 icmp', make(socket.AF_INET, socket.SOCK_RAW, 1), local='0.0.0.0:1')
    note('raw', 'closed', 'v6 icmp', make(socket.AF_INET6, socket.SOCK_RAW, 58), local='[::]:58')
    sock = make(socket.AF_INET, socket.SOCK_RAW, 17)
    sock.connect(('127.0.0.2', 0))
    note('raw', 'established', 'v4 udp, connected', sock, local='127.0.0.1:17', peer='127.0.0.2:0')

def packet():
    note('packet', 'closed', 'raw, every protocol', make(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)), local='*:*')
    sock = make(socket.AF_PACKET, socket.SOCK_DGRAM)
    sock.bind(('lo', 0x0800))
    note('packet', 'closed', 'datagram on lo', sock, local='[2048]:lo')

def netlink():
    sock = make(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    sock.bind((0, 1 | 0x10))
    note('netlink', 'closed', 'route, two groups', sock, local='0:' + str(sock.getsockname()[0]), peer='*')

def mptcp():
    server = listener('127.0.0.1', protocol=IPPROTO_MPTCP)
    near = make(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    near.connect(server.getsockname())
    far = server.accept()[0]
    held.append(far)
    for state, what, sock in (('listening', 'listener', server), ('established', 'client', near), ('established', 'accepted', far)):
        note('mptcp', state, what, sock)
        note('tcp', state, 'subflow of the MPTCP ' + what, sock)


# First, so that the child has only this one socket to keep.
attempt('a listener held by two processes', two_holders)
servers = {}
for HOST, NAME in (('127.0.0.1', 'v4'), ('::1', 'v6')):
    attempt('tcp ' + NAME, lambda: servers.__setitem__(NAME, tcp_states(HOST, NAME)))
for work in (dual_stack, udp, unix, raw, packet, netlink, mptcp):
    attempt(work.__name__, work)
print(json.dumps({'pid': os.getpid(), 'sockets': rows, 'notHeld': not_held}), flush=True)
for line in sys.stdin:
    if line.strip() == 'refresh':
        del rows[:]
        for NAME, SERVER in servers.items():
            attempt('tcp ' + NAME, lambda: forgotten(SERVER, NAME))
        print(json.dumps({'pid': os.getpid(), 'sockets': rows, 'notHeld': not_held}), flush=True)
