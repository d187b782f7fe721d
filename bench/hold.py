"""Makes the load of the benchmark in the network namespace it runs in, and holds it until standard input closes.

hold.py established N    N established TCP sockets: N/2 loopback connections, each seen from both ends
hold.py time-wait N      N TIME-WAIT sockets: all connections are opened first, then closed at once on the command
                         `close`, because the kernel forgets each 60 s after its close and lets nobody lengthen that

Prints {"ready": ..., "seconds": ...} when the load stands. Five of the connections go to port 443. The sockets are
held by as few processes as the limit of descriptors allows: six for 100,000 where the limit is 20,000.
"""
import _socket, json, os, resource, sys, time

VERB, COUNT = sys.argv[1], int(sys.argv[2])
CONNECTIONS = COUNT if VERB == 'time-wait' else COUNT // 2
# Below the ephemeral range, so that no client takes the number first.
PORT = 900
WEB_PORT, WEB_CONNECTIONS = 443, 5
# Connections of one process: two descriptors each, and one destination address, of whose 64,000 client ports a few
# are used only, as the kernel's search for a free one gets slow near the end.
SPARE_DESCRIPTORS, MOST = 100, 10_000


def sysctl(name, value):
    with open('/proc/sys/net/' + name, 'w') as file:
        file.write(value)


def connect(fds, address, port, count):
    listener = _socket.socket()
    listener.bind((address, port))
    listener.listen(128)
    for _ in range(count):
        client = _socket.socket()
        client.connect((address, port))
        # Bare descriptors: a Python object for each socket would cost more than the socket.
        fds.append(client.detach())
        fds.append(listener._accept()[0])
    listener.close()


def work(number, count, ready, go):
    """One process and its share. Writes a byte when the connections stand, and again when they are closed."""
    fds = []
    address = '127.%d.%d.1' % (1 + number // 250, number % 250)
    if number == 0:
        connect(fds, address, WEB_PORT, min(WEB_CONNECTIONS, count))
    connect(fds, address, PORT, count - len(fds) // 2)
    os.write(ready, b'o')
    while os.read(go, 1):
        # Clients come first: the end that closes first gets TIME-WAIT, and the other end vanishes.
        for fd in fds:
            os.close(fd)
        os.write(ready, b'c')


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    share = min(MOST, (hard - SPARE_DESCRIPTORS) // 2)
    sysctl('ipv4/ip_local_port_range', '1024 65000')
    sysctl('ipv4/tcp_max_tw_buckets', '2000000')
    started = time.monotonic()
    ready_read, ready_write = os.pipe()
    go, children = [], []
    for number in range((CONNECTIONS + share - 1) // share):
        go_read, go_write = os.pipe()
        child = os.fork()
        if child == 0:
            # Only the parent may keep the write ends: their closing is what ends the workers.
            for end in [*go, go_write, ready_read]:
                os.close(end)
            work(number, min(share, CONNECTIONS - number * share), ready_write, go_read)
            os._exit(0)
        os.close(go_read)
        go.append(go_write)
        children.append(child)
    os.close(ready_write)

    def answer(what):
        for _ in children:
            if not os.read(ready_read, 1):
                sys.exit('a worker failed')
        seconds = round(time.monotonic() - started, 2)
        print(json.dumps({'ready': what, 'processes': len(children), 'seconds': seconds}), flush=True)

    answer('open')
    for line in sys.stdin:
        if line.strip() == 'close':
            started = time.monotonic()
            for end in go:
                os.write(end, b'x')
            answer('closed')
    for end in go:
        os.close(end)
    for child in children:
        os.waitpid(child, 0)


main()
