"""Runs commands interleaved and measures each whole process: wall time from spawn to reaped, and peak memory.

Reads one JSON plan from standard input: {"commands": [{"name", "argv", "env"?, "count"?}], "rounds", "output": "null"|"file"|"pipe"};
prints one JSON answer: {name: {"seconds": [...], "peakKiB", "code", "found", "stderr"}}. A first, unmeasured run of
each counts `count` (the newline when left out) in what it prints, so that a wrong answer is not measured as a fast one. Python's own memory (about 10 MiB) is the floor of
peakKiB, because a child starts as a copy of its parent.
"""
import json, os, sys, tempfile, time

DEVNULL = os.open(os.devnull, os.O_RDWR)


def spawn(command, out, err):
    environment = {**os.environ, **{key: value for key, value in command.get('env', {}).items() if value is not None}}
    for key, value in command.get('env', {}).items():
        if value is None:
            environment.pop(key, None)
    actions = [(os.POSIX_SPAWN_DUP2, DEVNULL, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)]
    return os.posix_spawnp(command['argv'][0], command['argv'], environment, file_actions=actions)


def check(command):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            pid = spawn(command, out.fileno(), err.fileno())
        except OSError as error:
            return {'seconds': [], 'peakKiB': 0, 'code': 127, 'found': 0, 'stderr': str(error)}
        status = os.wait4(pid, 0)[1]
        out.seek(0)
        needle, found, tail = command.get('count', '\n').encode(), 0, b''
        for block in iter(lambda: out.read(1 << 20), b''):
            # What a block's end cuts in two is found with the next block.
            found += (tail + block).count(needle)
            tail = (tail + block)[len(tail + block) - len(needle) + 1:] if len(needle) > 1 else b''
        err.seek(0)
        stderr = err.read(2000).decode('utf-8', 'replace')
    return {'seconds': [], 'peakKiB': 0, 'code': os.waitstatus_to_exitcode(status), 'found': found, 'stderr': stderr}


def once(command, output):
    """One measured run. With `pipe` the time ends when the reader has everything."""
    reader = None
    if output == 'pipe':
        read, write = os.pipe()
        os.set_inheritable(read, False)
        actions = [(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_DUP2, DEVNULL, 1)]
        reader = os.posix_spawnp('cat', ['cat'], os.environ, file_actions=actions)
        os.close(read)
    elif output == 'file':
        write = os.open('/tmp/nk-bench.%d' % os.getpid(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    else:
        write = os.dup(DEVNULL)
    started = time.perf_counter()
    pid = spawn(command, write, DEVNULL)
    os.close(write)
    _, status, usage = os.wait4(pid, 0)
    if reader:
        os.waitpid(reader, 0)
    return time.perf_counter() - started, usage.ru_maxrss, os.waitstatus_to_exitcode(status)


def main():
    plan = json.load(sys.stdin)
    commands = plan['commands']
    answer = {command['name']: check(command) for command in commands}
    working = [command for command in commands if answer[command['name']]['code'] == 0]
    for number in range(plan['rounds']):
        # The one that runs first in a round is another each time: no command always follows the same one.
        turn = number % max(1, len(working))
        for command in working[turn:] + working[:turn]:
            seconds, peak, code = once(command, plan['output'])
            entry = answer[command['name']]
            entry['seconds'].append(seconds)
            entry['peakKiB'] = max(entry['peakKiB'], peak)
            entry['code'] = entry['code'] or code
    if plan['output'] == 'file':
        os.unlink('/tmp/nk-bench.%d' % os.getpid())
    print(json.dumps(answer))


main()
