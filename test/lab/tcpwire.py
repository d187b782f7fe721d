"""Two hosts and a wire between them that does as it is told: TCP of the kernel at both ends, what is rare made certain.

Each host is a network namespace with a TUN device `wire0` (192.0.2.1 and 2001:db8::1; 192.0.2.2 and 2001:db8::2). The
program that uses this is the wire: it carries every packet from the one to the other, and can hold, drop and renumber
them. It owns the sockets of both hosts too, so that a scene waits for states of the kernel, never for a time.
"""
import ctypes, fcntl, json, os, select, socket, struct, subprocess, sys, time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
CLONE_NEWNET = 0x40000000
NEAR, FAR = 0, 1
ADDRESSES = (('192.0.2.1', '192.0.2.2'), ('2001:db8::1', '2001:db8::2'))
FIN, SYN, RST, ACK = 1, 2, 4, 16
LIMIT_S = 45


class Packet:
    """A TCP/IPv4 or TCP/IPv6 packet, as far as a wire looks at it."""

    def __init__(self, data):
        self.data = data
        six = data[0] >> 4 == 6
        self.at = 40 if six else (data[0] & 15) * 4
        self.is_tcp = (data[6] if six else data[9]) == 6
        self.addresses = data[8:40] if six else data[12:20]
        if self.is_tcp:
            self.source, self.port = struct.unpack_from('!HH', data, self.at)
            self.flags = data[self.at + 13]
            self.sequence, self.acknowledgment = struct.unpack_from('!II', data, self.at + 4)
            self.payload = len(data) - self.at - (data[self.at + 12] >> 4) * 4

    def renumbered(self, sequence, acknowledgment):
        """The packet with other numbers and the checksum that goes with them."""
        data = bytearray(self.data)
        struct.pack_into('!II', data, self.at + 4, sequence & 0xFFFFFFFF, acknowledgment & 0xFFFFFFFF)
        struct.pack_into('!H', data, self.at + 16, 0)
        tcp = bytes(data[self.at:])
        struct.pack_into('!H', data, self.at + 16, checksum(self.addresses + struct.pack('!II', len(tcp), 6) + tcp))
        return bytes(data)


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Wire:
    def __init__(self, namespaces):
        self.namespaces = namespaces
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.devices = [self.device(end) for end in (NEAR, FAR)]
        # What becomes of a packet that `end` sent: the bytes that go on, None when none do.
        self.rule = lambda end, packet: packet.data
        # Whether a packet that `end` sent is kept back.
        self.holding = lambda end, packet: False
        self.held = []

    def enter(self, end):
        with open('/var/run/netns/' + self.namespaces[end]) as file:
            if self.libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), 'setns')

    def device(self, end):
        self.enter(end)
        device = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, TUNSETIFF, struct.pack('16sH', b'wire0', IFF_TUN | IFF_NO_PI))
        # No router solicitations: what is on the wire is what a scene sends.
        self.set(end, 'net.ipv6.conf.wire0.router_solicitations=0', 'net.ipv6.conf.wire0.accept_dad=0')
        for words in (f'address add {ADDRESSES[0][end]}/24 dev wire0',
                      f'address add {ADDRESSES[1][end]}/64 dev wire0 nodad', 'link set wire0 up'):
            subprocess.run(['ip', *words.split()], check=True)
        self.repeat(end, '10s')
        return device

    def repeat(self, end, soonest):
        """When data are sent again at the soonest: late, where this program's being slow must not look like a loss."""
        self.set(end, 'net.ipv4.tcp_early_retrans=0')
        for words in ('route replace 192.0.2.0/24', '-6 route replace 2001:db8::/64'):
            subprocess.run(['ip', *words.split(), 'dev', 'wire0', 'rto_min', soonest], check=True)

    def set(self, end, *settings):
        self.enter(end)
        subprocess.run(['sysctl', '-qw', *settings], check=True)

    def socket(self, end, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        self.enter(end)
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        return sock

    def carry(self, end, data):
        """Puts bytes at the door of the other end."""
        os.write(self.devices[1 - end], data)

    def hold(self, which=lambda end, packet: True):
        self.holding = which

    def release(self):
        self.holding = lambda end, packet: False
        held, self.held = self.held, []
        for end, packet in held:
            self.pass_on(end, packet)

    def pass_on(self, end, packet):
        data = self.rule(end, packet) if packet.is_tcp else packet.data
        if data is not None:
            self.carry(end, data)

    def turn(self, more=()):
        """Carries what has come, or waits a moment for it; answers which of `more` can be read."""
        ready = select.select([*self.devices, *more], [], [], 0.01)[0]
        for end, device in enumerate(self.devices):
            if device in ready:
                packet = Packet(os.read(device, 65536))
                if packet.is_tcp and self.holding(end, packet):
                    self.held.append((end, packet))
                else:
                    self.pass_on(end, packet)
        return [file for file in more if file in ready]

    def until(self, what, ready):
        deadline = time.monotonic() + LIMIT_S
        while not ready():
            if time.monotonic() > deadline:
                raise SystemExit('never came: ' + what)
            self.turn()


def serve(namespaces, scenes):
    """Plays the scenes that are asked for on standard input, until it closes."""
    wire = Wire(namespaces)
    ear = wire.socket(FAR, kind=socket.SOCK_DGRAM)
    ear.bind((ADDRESSES[0][FAR], 9))
    mouth = wire.socket(NEAR, kind=socket.SOCK_DGRAM)
    print(json.dumps({'pid': os.getpid()}), flush=True)
    typed = b''
    while True:
        if not wire.turn([sys.stdin]):
            continue
        chunk = os.read(sys.stdin.fileno(), 65536)
        if chunk == b'':
            return
        *lines, typed = (typed + chunk).split(b'\n')
        for line in lines:
            verb, *rest = line.decode().split()
            if verb == 'mark':
                mouth.sendto(rest[0].encode(), (ADDRESSES[0][FAR], 9))
                answer = {}
            else:
                answer = scenes[verb.replace('-', '_')](wire, *rest)
            print(json.dumps(answer), flush=True)
