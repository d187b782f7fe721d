"""Runs a live view in a terminal of its own and measures it: live.py SECONDS COMMAND...

Lets it start for two seconds, watches its processor time for so many seconds while it reads what is drawn, types `q`, and prints one
JSON object. The start is not part of what is measured.
"""
import fcntl, json, os, pty, select, signal, struct, sys, termios, time

START_SECONDS = 2
END_SECONDS = 10
TICKS = os.sysconf('SC_CLK_TCK')


def cpu(pid):
    with open(f'/proc/{pid}/stat') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid):
    with open(f'/proc/{pid}/status') as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith('VmRSS:'))


def drain(fd, seconds):
    """Reads for so long; how much came, and whether the terminal is still open."""
    end, got = time.monotonic() + seconds, 0
    while (left := end - time.monotonic()) > 0:
        if not select.select([fd], [], [], left)[0]:
            continue
        try:
            block = os.read(fd, 65536)
        except OSError:
            return got, False
        if not block:
            return got, False
        got += len(block)
    return got, True


def main():
    seconds = float(sys.argv[1])
    pid, fd = pty.fork()
    if pid == 0:
        os.environ['TERM'] = 'xterm-256color'
        os.execvp(sys.argv[2], sys.argv[2:])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
    if not drain(fd, START_SECONDS)[1]:
        sys.exit('the live view ended by itself')
    before, started = cpu(pid), time.monotonic()
    drawn, alive = drain(fd, seconds)
    if not alive:
        sys.exit('the live view ended by itself')
    answer = {'cpuSeconds': cpu(pid) - before, 'wallSeconds': time.monotonic() - started, 'bytes': drawn, 'residentMiB': resident(pid)}
    os.write(fd, b'q')
    if drain(fd, END_SECONDS)[1]:
        os.kill(pid, signal.SIGKILL)
        sys.exit('q did not end the live view')
    answer['code'] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps(answer))


main()
