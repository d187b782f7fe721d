"""Holds sockets of many kinds in the current network namespace, and dumps them.

stdin: JSON object, name -> sock_diag request payload in hex, as netkit's encoders make it.
stdout: {"dumps": {name: [message payload in hex] or "errno N"}, "ss": {name: what ss prints}}.
Run it as `unshare -n python3 scene.py`: the namespace goes with it. Everything is local to loopback.
"""
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

SS = {
    'unix': ['-xeamH'],
    'packet': ['-0eambH', '-O'],
    'packet-numeric': ['-0aH', '-n'],
    'netlink': ['-f', 'netlink', '-aemH'],
    'tcp': ['-taoemiH', '-O', '-n', '--tos', '--inet-sockopt'],
    'tcp-rates': ['-taiH', '-O'],
    'udp': ['-uaoemH', '-O', '-n'],
    'mptcp': ['-MaoemiH', '-O', '-n'],
}


def dump(payload):
    """One sock_diag dump: the payloads of its messages, without netlink headers."""
    nl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 4)
    nl.bind((0, 0))
    nl.send(struct.pack('=IHHII', 16 + len(payload), 20, 0x301, 1, 0) + payload)
    messages = []
    while True:
        data = nl.recv(1 << 16)
        at = 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from('=IH', data, at)
            body = data[at + 16:at + length]
            if kind in (2, 3):
                nl.close()
                code = struct.unpack_from('=i', body)[0] if len(body) >= 4 else 0
                return f'errno {-code}' if code else [message.hex() for message in messages]
            messages.append(body)
            at += (length + 3) & ~3


def unix(keep, directory):
    path = os.path.join(directory, 'a \x1b[31m\xe9.sock')
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(5)
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    accepted, _ = listener.accept()
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(path)
    client.send(b'x' * 100)
    abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    abstract.bind('\0abs\0tract')
    auto = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    auto.bind('')
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    half = socket.socketpair()
    half[0].shutdown(socket.SHUT_WR)
    keep += [listener, client, accepted, waiting, abstract, auto, pair, half]


def packet(keep):
    everything = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    program = ctypes.create_string_buffer(struct.pack('HBBIHBBI', 0x28, 0, 0, 12, 6, 0, 0, 0xffff))
    everything.setsockopt(socket.SOL_SOCKET, 26, struct.pack('HxxxxxxP', 2, ctypes.addressof(program)))
    ring = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800))
    ring.bind(('lo', 0x800))
    ring.setsockopt(263, 8, 1)  # PACKET_AUXDATA
    ring.setsockopt(263, 10, 1)  # PACKET_VERSION = TPACKET_V2
    ring.setsockopt(263, 5, struct.pack('IIII', 4096, 2, 2048, 4))  # PACKET_RX_RING
    ring.setsockopt(263, 18, 7 | (1 << 16))  # PACKET_FANOUT: id 7, load balancing
    keep += [everything, ring]
    for ethertype in (0, 0x4321, 0x88cc, 0x8100):
        keep.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype)))


def netlink(keep):
    for protocol, bind in ((0, (0, 0x11 | 1 << 28)), (15, (0, 1)), (0, (0, 0))):
        nl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        nl.bind(bind)
        keep.append(nl)
    connected = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 16)
    connected.bind((12345, 0))
    connected.connect((0, 0))
    keep.append(connected)


def connect(keep, congestion, family=socket.AF_INET, protocol=6):
    listener = socket.socket(family, socket.SOCK_STREAM, protocol)
    listener.bind(('127.0.0.1' if family == socket.AF_INET else '::1', 0))
    listener.listen(3)
    client = socket.socket(family, socket.SOCK_STREAM, protocol)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.setsockopt(socket.SOL_SOCKET, 36, 7)  # SO_MARK
    client.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 3)
    if family == socket.AF_INET:
        client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x10)
    else:
        client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, 0x20)
    client.connect(listener.getsockname())
    accepted, _ = listener.accept()
    client.send(b'x' * 1000)
    accepted.recv(1000)
    accepted.send(b'y' * 1000)
    keep += [listener, client, accepted]
    return client, accepted


def tcp(keep):
    connect(keep, b'reno')
    connect(keep, b'cubic', protocol=262)
    client, accepted = connect(keep, b'cubic', family=socket.AF_INET6)
    # A receiver that does not read: zero window, a persist timer and a sender limited by it.
    client.setblocking(False)
    try:
        while True:
            client.send(b'z' * 65536)
    except BlockingIOError:
        pass
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(2)
    half = socket.create_connection(listener.getsockname())
    half.shutdown(socket.SHUT_WR)
    keep += [listener, half, socket.create_connection(listener.getsockname())]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(('127.0.0.1', 5400))
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    for _ in range(20):
        udp.sendto(b'z' * 500, ('127.0.0.1', 5400))
    keep.append(udp)


def main():
    requests = json.load(sys.stdin)
    keep = []
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    with tempfile.TemporaryDirectory(prefix='netkit-scene-') as directory:
        unix(keep, directory)
        packet(keep)
        netlink(keep)
        tcp(keep)
        time.sleep(0.5)
        dumps = {name: dump(bytes.fromhex(payload)) for name, payload in requests.items()}
        texts = {}
        for name, arguments in SS.items():
            texts[name] = subprocess.run(['ss', *arguments], capture_output=True).stdout.decode('utf-8', 'replace')
        json.dump({'dumps': dumps, 'ss': texts}, sys.stdout)


main()
