"""Scenes between two hosts, played over the wire of tcpwire.py.

Usage: tcp-scenes.py NEAR FAR      (two network namespaces)

Commands, one a line; one JSON line each as the answer:
    SCENE [ARGUMENT...]   plays a scene, a function below; answers with what is true of it: its ends and what was done
    mark TEXT             sends a datagram with this text from near to far: what was sent before it has gone by
Ends when standard input closes; until then the wire carries what comes.
"""
import socket, struct, sys

from tcpwire import ACK, ADDRESSES, FAR, FIN, NEAR, SYN, checksum, serve

TCP_INFO = 11
ESTABLISHED, SYN_SENT, CLOSED, CLOSE_WAIT = 1, 2, 7, 8
SERVICE = 8080
kept = []


def state(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 1)[0]


def ends(client, server):
    name = lambda end: {'address': end[0], 'port': end[1]}
    return {'client': name(client), 'server': name(server)}


def begin(wire, port, six=False, service=SERVICE, backlog=16, listener=None, settle=True):
    """A client at near with this port, connected to a listener at far: both sockets, and the listener."""
    family = socket.AF_INET6 if six else socket.AF_INET
    if listener is None:
        listener = wire.socket(FAR, family)
        listener.bind((ADDRESSES[six][FAR], service))
        listener.listen(backlog)
    client = wire.socket(NEAR, family)
    client.bind((ADDRESSES[six][NEAR], port))
    client.connect_ex((ADDRESSES[six][FAR], service))
    kept.extend((listener, client))
    server = None
    if settle:
        server = accepted(wire, listener)
        wire.until('established', lambda: state(client) == ESTABLISHED)
    return client, server, listener


def accepted(wire, listener):
    taken = []

    def take():
        try:
            taken.append(listener.accept()[0])
        except BlockingIOError:
            return False
        return True

    wire.until('accept', take)
    taken[0].setblocking(False)
    kept.append(taken[0])
    return taken[0]


def send(wire, source, target, data):
    """All of the bytes, until the other end has read them."""
    sent, read = 0, 0

    def move():
        nonlocal sent, read
        try:
            if sent < len(data):
                sent += source.send(data[sent:])
        except BlockingIOError:
            pass
        try:
            read += len(target.recv(1 << 20))
        except BlockingIOError:
            pass
        return read == len(data)

    wire.until(f'{len(data)} bytes', move)


def talk(wire, client, server):
    send(wire, client, server, b'request')
    send(wire, server, client, b'response' * 100)


def part(wire, first, second):
    """Closes in this order, each when the other end has seen the one before it; waits for the last acknowledgment."""
    first.shutdown(socket.SHUT_WR)
    wire.until('close-wait', lambda: state(second) == CLOSE_WAIT)
    second.shutdown(socket.SHUT_WR)
    wire.until('closed', lambda: state(first) == CLOSED and state(second) == CLOSED)


def both_part(wire, client, server):
    """Both send a FIN before either has that of the other."""
    wire.hold()
    client.shutdown(socket.SHUT_WR)
    server.shutdown(socket.SHUT_WR)
    wire.until('both FINs', lambda: {end for end, packet in wire.held if packet.flags & FIN} == {NEAR, FAR})
    wire.release()
    wire.until('closed', lambda: state(client) == CLOSED and state(server) == CLOSED)


def abort(wire, sock, other):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()
    wire.until('the reset', lambda: state(other) == CLOSED)


def conversation(wire, port, closing, six='v4'):
    """An ordinary connection, closed by `client`, `server` or `both`, or aborted by `client-abort` or `server-abort`."""
    client, server, listener = begin(wire, int(port), six == 'v6')
    names = ends(client.getsockname(), client.getpeername())
    talk(wire, client, server)
    if closing == 'both':
        both_part(wire, client, server)
    elif closing.endswith('-abort'):
        abort(wire, *((client, server) if closing == 'client-abort' else (server, client)))
    else:
        part(wire, *((client, server) if closing == 'client' else (server, client)))
    listener.close()
    return names


def simultaneous_open(wire, port):
    """Two clients, each the server of the other: both SYNs are under way before either arrives."""
    socks = [wire.socket(end) for end in (NEAR, FAR)]
    kept.extend(socks)
    names = [(ADDRESSES[0][end], int(port) + end) for end in (NEAR, FAR)]
    wire.hold()
    for end, sock in enumerate(socks):
        sock.bind(names[end])
    for end, sock in enumerate(socks):
        sock.connect_ex(names[1 - end])
    wire.until('both SYNs', lambda: {end for end, _ in wire.held} == {NEAR, FAR})
    wire.release()
    wire.until('established', lambda: all(state(sock) == ESTABLISHED for sock in socks))
    talk(wire, *socks)
    part(wire, *socks)
    return ends(*names)


def reuse(wire, port):
    """The ends of a connection whose server is in TIME-WAIT connect again: a SYN with a higher number is a new connection."""
    client, server, listener = begin(wire, int(port))
    names = ends(client.getsockname(), client.getpeername())
    talk(wire, client, server)
    part(wire, server, client)
    client.close()
    client, server, _ = begin(wire, int(port), listener=listener)
    talk(wire, client, server)
    part(wire, client, server)
    listener.close()
    return names


def reuse_refused(wire, port):
    """The same with a SYN whose number is below the old one's: TIME-WAIT answers with its last ACK, and the client resets it."""
    for end in (NEAR, FAR):
        wire.set(end, 'net.ipv4.tcp_timestamps=0')
    client, server, listener = begin(wire, int(port))
    names = ends(client.getsockname(), client.getpeername())
    talk(wire, client, server)
    part(wire, server, client)
    client.close()
    wire.rule = shift({NEAR: -(1 << 30), FAR: 0})
    client, server, _ = begin(wire, int(port), listener=listener)
    talk(wire, client, server)
    part(wire, client, server)
    listener.close()
    return names


def shift(by):
    """Adds to the sequence numbers of each end, and takes away from what the other acknowledges."""
    def rule(end, packet):
        acknowledgment = packet.acknowledgment - by[1 - end] if packet.flags & ACK else packet.acknowledgment
        # A reset that answers an acknowledgment has the number which that names: it is renumbered like all others.
        return packet.renumbered(packet.sequence + by[end], acknowledgment)
    return rule


def wrap(wire, port):
    """Sequence numbers of both pass 2^32: the client's in its data, where a segment is lost; the server's at its SYN-ACK."""
    for end in (NEAR, FAR):
        # Their numbers would have to be changed in options as well.
        wire.set(end, 'net.ipv4.tcp_sack=0')
    by, highest, count = {}, {NEAR: 0, FAR: 0}, {'lost': 0, 'again': 0}
    first = {NEAR: 2**32 - 50_000, FAR: 2**32 - 1}

    def rule(end, packet):
        if packet.flags & SYN and end not in by:
            by[end] = first[end] - packet.sequence
        renumbered = shift({NEAR: 0, FAR: 0, **by})(end, packet)
        if packet.payload == 0:
            return renumbered
        offset = (packet.sequence + by[end] - first[end]) % 2**32
        count['again'] += offset + packet.payload <= highest[end]
        highest[end] = max(highest[end], offset + packet.payload)
        if count['lost'] == 0 and end == NEAR and offset + packet.payload > 2**32 - first[NEAR]:
            count['lost'] = 1
            return None
        return renumbered

    wire.rule = rule
    client, server, listener = begin(wire, int(port))
    names = ends(client.getsockname(), client.getpeername())
    send(wire, client, server, b'c' * 200_000)
    send(wire, server, client, b's' * 100_000)
    part(wire, client, server)
    listener.close()
    return {**names, **count}


def full_queue(wire, port):
    """A listener that accepts nothing. Its queue has room for one more when three shake hands at once; a fourth comes late."""
    for end in (NEAR, FAR):
        wire.repeat(end, '200ms')
    port = int(port)
    before = counter(wire, FAR, 'ListenOverflows')
    again = {}

    def rule(end, packet):
        if end == FAR and packet.flags & SYN:
            again[packet.port] = again.get(packet.port, -1) + 1
        return packet.data

    wire.rule = rule
    # A queue of this backlog holds one more (sk_acceptq_is_full, include/net/sock.h).
    _, _, listener = begin(wire, port, backlog=4, settle=False)
    for at in range(1, 4):
        begin(wire, port + at, listener=listener, settle=False)
    # Of a listener, tcpi_unacked is the length of its queue.
    wire.until('four in the queue', lambda: listener.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 28)[24] == 4)
    # There is room when the SYNs come, and no more when the last ACKs do.
    wire.hold(lambda end, packet: end == NEAR and not packet.flags & SYN)
    crowd = {port + at: begin(wire, port + at, listener=listener, settle=False)[0] for at in range(4, 7)}
    wire.until('handshakes', lambda: {packet.source for _, packet in wire.held} == {*crowd})
    wire.release()
    for client in crowd.values():
        client.send(b'request')
    begin(wire, port + 7, listener=listener, settle=False)
    wire.until('SYN-ACKs again', lambda: sum(number >= 2 for number in again.values()) == 2)
    # Two whose handshake the server does not take as done, and one that it does not answer at all.
    stuck = [each for each in crowd if again[each] >= 2]
    return {'queued': [each for each in crowd if again[each] == 0], 'stuck': stuck, 'unanswered': [port + 7],
            'overflows': counter(wire, FAR, 'ListenOverflows') - before}


def counter(wire, end, name):
    wire.enter(end)
    with open('/proc/net/netstat') as file:
        rows = [line.split() for line in file]
    return int(next(values[names.index(name)] for names, values in zip(rows[::2], rows[1::2]) if name in names))


def small_link(wire, port, router):
    """A link behind the server takes 1000 bytes a packet; the `router` before it is `silent` or tells."""
    for end in (NEAR, FAR):
        wire.repeat(end, '200ms')
    dropped = {}

    def rule(end, packet):
        if end == NEAR or len(packet.data) <= 1000:
            return packet.data
        dropped[packet.sequence] = dropped.get(packet.sequence, 0) + 1
        if router == 'tells':
            wire.carry(NEAR, too_big(packet, 1000))
        return None

    wire.rule = rule
    client, server, listener = begin(wire, int(port))
    names = ends(client.getsockname(), client.getpeername())
    send(wire, client, server, b'request')
    if router == 'tells':
        send(wire, server, client, b'r' * 20_000)
        part(wire, client, server)
    else:
        # The rest of the last segment is small enough.
        server.send(b'r' * 5_000)
        wire.until('segments again', lambda: max(dropped.values(), default=0) >= 4)
    listener.close()
    return {**names, 'dropped': sum(dropped.values()), 'most': max(dropped.values())}


def too_big(packet, mtu):
    """The ICMP error of a router (RFC 792, RFC 1191), to the sender of the packet."""
    message = struct.pack('!BBHHH', 3, 4, 0, 0, mtu) + packet.data[:28]
    message = message[:2] + struct.pack('!H', checksum(message)) + message[4:]
    header = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(message), 1, 0, 64, 1, 0,
                         socket.inet_aton('192.0.2.254'), packet.data[12:16])
    return header[:10] + struct.pack('!H', checksum(header)) + header[12:] + message


serve(sys.argv[1:3], globals())
