"""Live sockets in a network namespace, and an independent sock_diag dumper.

Run as `unshare -n python3 lab.py`. Builds its sockets, prints one JSON line about them, then answers one JSON request a
line on stdin: {"dump": [family, protocol], "bytecode": hex} -> rows as hex, {"ss": [arguments]} -> its output.
With the argument `dump FAMILY PROTOCOL HEX` it makes one request and exits, for strace.
"""
import errno, json, os, socket, struct, subprocess, sys, time

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLMSG_ERROR, NLMSG_DONE = 2, 3
ALL_STATES = 0xFFF
# INET_DIAG_INFO and INET_DIAG_SKMEMINFO
EXTENSIONS = 1 << 1 | 1 << 6


def dump(family, protocol, bytecode):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
    s.bind((0, 0))
    body = struct.pack('=BBBxI', family, protocol, EXTENSIONS, ALL_STATES) + bytes(48)
    if bytecode:
        attribute = struct.pack('=HH', 4 + len(bytecode), 1) + bytecode
        body += attribute + bytes(-len(attribute) % 4)
    s.send(struct.pack('=IHHII', 16 + len(body), SOCK_DIAG_BY_FAMILY, 0x301, 1, 0) + body)
    rows = []
    while True:
        data = s.recv(32768)
        while data:
            length, kind = struct.unpack_from('=IH', data)
            payload = data[16:length]
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                status = struct.unpack_from('=i', payload)[0] if len(payload) >= 4 else 0
                s.close()
                return {'error': errno.errorcode[-status]} if status else {'rows': rows}
            rows.append(payload.hex())
            data = data[(length + 3) & ~3:]


if sys.argv[1:2] == ['dump']:
    print(json.dumps(dump(int(sys.argv[2]), int(sys.argv[3]), bytes.fromhex(sys.argv[4]))))
    sys.exit()

for command in ('link set lo up', 'addr add 10.1.2.3/24 dev lo', 'addr add 10.1.2.4/24 dev lo',
                'addr add 10.9.0.1/16 dev lo', 'addr add 2001:db8::1/64 dev lo nodad',
                'addr add 2001:db8:5::1/64 dev lo nodad', 'link add nk0 type veth peer name nk1',
                'link set nk1 up', 'link set nk0 up', 'addr add 192.0.2.1/24 dev nk0',
                # An address that nobody answers for, without waiting for ARP to fail.
                'route add 198.51.100.0/24 dev lo'):
    subprocess.run(['ip', *command.split()], check=True)
keep = []


def make(family=socket.AF_INET, kind=socket.SOCK_STREAM, options=()):
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for level, name, value in options:
        s.setsockopt(level, name, value)
    keep.append(s)
    return s


def listen(address, port, options=(), v6only=False):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    s = make(family, options=options)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
    s.bind((address, port))
    s.listen(16)
    return s


def connect(address, port, source=None, options=()):
    s = make(socket.AF_INET6 if ':' in address else socket.AF_INET, options=options)
    if source:
        s.bind(source)
    s.connect((address, port))
    return s


def pair(listener, *args, **more):
    client = connect(*args, **more)
    server, _ = listener.accept()
    keep.append(server)
    return client, server


MARK = lambda value: (socket.SOL_SOCKET, socket.SO_MARK, value)
LO = (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo\0')
NK0 = (socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'nk0\0')

ssh = listen('127.0.0.1', 22)
web = listen('0.0.0.0', 80)
dual = listen('::', 443)
v6only = listen('::', 8443, v6only=True)
v6 = listen('2001:db8::1', 8005)
ephemeral = listen('10.1.2.3', 40000)
pair(ssh, '127.0.0.1', 22)
pair(ssh, '127.0.0.1', 22, source=('127.0.0.2', 1023))
client, server = pair(web, '10.1.2.3', 80)
client.send(b'x' * 1000)
pair(web, '10.9.0.1', 80, source=('10.1.2.4', 8000))
pair(dual, '127.0.0.1', 443)
pair(dual, '10.1.2.3', 443, source=('10.1.2.4', 8010))
pair(dual, '2001:db8::1', 443)
pair(dual, '::1', 443, source=('::1', 8011))
pair(v6only, '2001:db8:5::1', 8443)
pair(v6, '2001:db8::1', 8005, source=('2001:db8:5::1', 9000))
pair(ephemeral, '10.1.2.3', 40000, source=('10.1.2.3', 1024))
pair(listen('127.0.0.1', 65535), '127.0.0.1', 65535, source=('127.0.0.1', 1))
listen('10.1.2.4', 7000, options=[MARK(0x10)])
pair(listen('10.1.2.4', 7001, options=[MARK(0x110)]), '10.1.2.4', 7001, options=[MARK(0x20)])
pair(listen('127.0.0.1', 7002, options=[LO]), '127.0.0.1', 7002, options=[LO])
listen('::', 7003, options=[NK0], v6only=True)
# TIME-WAIT on the client, v4, v4-mapped and v6
for listener, address in ((web, '10.9.0.1'), (dual, '127.0.0.1'), (dual, '2001:db8::1')):
    client, server = pair(listener, address, listener.getsockname()[1], options=[MARK(0x30)] if listener is web else ())
    client.shutdown(socket.SHUT_WR); server.close(); client.close()
# CLOSE-WAIT and FIN-WAIT-2
client, server = pair(ssh, '127.0.0.1', 22, source=('127.0.0.9', 3000))
client.shutdown(socket.SHUT_WR)
# an orphan in FIN-WAIT-2 and its CLOSE-WAIT peer
client, server = pair(ssh, '127.0.0.1', 22, source=('127.0.0.9', 3001))
client.close()
# SYN-RECV: the listener waits for data
connect('127.0.0.1', listen('127.0.0.1', 7004, options=[(socket.IPPROTO_TCP, 9, 30)]).getsockname()[1])
# SYN-SENT: nobody answers
silent = make(); silent.setblocking(False); silent.connect_ex(('198.51.100.7', 81))
# not accepted yet
connect('10.1.2.3', 80)
# UDP
for address, port in (('127.0.0.1', 53), ('0.0.0.0', 5353), ('::', 5353), ('10.1.2.3', 50000)):
    s = make(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
s = make(kind=socket.SOCK_DGRAM); s.connect(('127.0.0.1', 53))
s = make(socket.AF_INET6, socket.SOCK_DGRAM); s.connect(('2001:db8::1', 5353))

# A connection made from a cgroup of its own, where the host lets us make one
cgroup = path = None
mounts = [line.split() for line in open('/proc/mounts')]
root = next((mount[1] for mount in mounts if mount[2] == 'cgroup2'), None)
if root:
    home = next(line.split(':', 2)[2] for line in open('/proc/self/cgroup').read().splitlines() if line.startswith('0::'))
    name = f'/nk-filter-{os.getpid()}'
    try:
        os.mkdir(root + name)
        path = root + name
        with open(f'{path}/cgroup.procs', 'w') as procs:
            procs.write(str(os.getpid()))
        pair(listen('127.0.0.1', 7010), '127.0.0.1', 7010)
        with open(f'{root}{home}/cgroup.procs', 'w') as procs:
            procs.write(str(os.getpid()))
        cgroup = {'path': name, 'id': str(os.stat(path).st_ino)}
    except OSError as error:
        print(f'no cgroup of our own: {error}', file=sys.stderr)

time.sleep(0.2)
print(json.dumps({'pid': os.getpid(), 'cgroup': cgroup, 'interfaces': {n: i for i, n in socket.if_nameindex()}}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if 'ss' in request:
        done = subprocess.run(['ss', *request['ss']], capture_output=True, text=True)
        answer = {'stdout': done.stdout, 'stderr': done.stderr}
    else:
        answer = dump(*request['dump'], bytes.fromhex(request['bytecode']))
    print(json.dumps(answer), flush=True)
for s in keep:
    s.close()
if path:
    for _ in range(50):
        try:
            os.rmdir(path)
            break
        except OSError:
            time.sleep(0.1)
