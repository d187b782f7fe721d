# Shares one listener with a forked child and, by SCM_RIGHTS, with an unrelated process; holds many sockets with gaps.
# Usage: hold-shared.py shared | many COUNT. Prints one JSON line; ends when its standard input closes.
import array, json, os, resource, socket, sys


def inode(sock):
    return os.fstat(sock.fileno()).st_ino


def shared():
    listener = socket.socket()
    near, far = socket.socketpair()
    hold, release = os.pipe()
    # A sibling that is started before the listener exists: it can get it by SCM_RIGHTS only.
    receiver = os.fork()
    if receiver == 0:
        os.close(release)
        listener.close()
        near.close()
        fds = array.array('i')
        _, ancillary, _, _ = far.recvmsg(1, socket.CMSG_LEN(4))
        fds.frombytes(ancillary[0][2][:4])
        far.send(json.dumps({'fd': fds[0]}).encode())
        os.read(hold, 1)
        os._exit(0)
    listener.bind(('127.0.0.1', 0))
    listener.listen(2)
    forked = os.fork()
    if forked == 0:
        os.close(release)
        os.read(hold, 1)
        os._exit(0)
    near.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [listener.fileno()]))])
    passed = json.loads(near.recv(100))
    fd = listener.fileno()
    holders = [[os.getpid(), fd], [forked, fd], [receiver, passed['fd']]]
    print(json.dumps({'inode': inode(listener), 'port': listener.getsockname()[1], 'holders': holders}), flush=True)
    sys.stdin.read()
    os.close(release)
    os.waitpid(receiver, 0)
    os.waitpid(forked, 0)


def many(count):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    # Single gaps, and one range that is nearly empty.
    kept = [s for at, s in enumerate(sockets) if at % 97 != 0 and not (200 < at < 900 and at % 50 != 0)]
    sockets = None
    print(json.dumps({'pid': os.getpid(), 'sockets': [[inode(s), s.fileno()] for s in kept]}), flush=True)
    sys.stdin.read()


if sys.argv[1] == 'shared':
    shared()
else:
    many(int(sys.argv[2]))
