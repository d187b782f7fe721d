"""Runs commands interleaved and measures each whole process: wall time from spawn to reaped, processor time, peak memory.

Reads one JSON plan from standard input: {"commands": [{"name", "argv", "env"?, "count"?}], "rounds", "output": "null"|"file"|"pipe"|"keep", "limitSeconds"?};
prints one JSON answer: {name: {"seconds": [...], "cpuSeconds": [...], "peakKiB", "code", "found", "stderr", "texts": [...]}}. A first, unmeasured
run of each counts `count` (the newline when left out) in what it prints, so that a wrong answer is not measured as a fast one. With `keep` there is
no such run: what each run prints goes to a file, and is handed back in `texts` for the caller to judge. A run that takes longer than
`limitSeconds` is killed. Python's own memory (about 10 MiB) is the floor of peakKiB, because a child starts as a copy of its parent.
"""
import json, os, signal, sys, tempfile, time

DEVNULL = os.open(os.devnull, os.O_RDWR)
running = None
limit = 0


def give_up(*_):
    if running:
        os.kill(running, signal.SIGKILL)


def end(*_):
    """Nothing that was started stays behind when the benchmark is ended."""
    give_up()
    sys.exit(1)


def wait(pid):
    """wait4 with the plan's limit: what takes longer ends by SIGKILL and has its exit code -9."""
    global running
    running = pid
    signal.alarm(limit)
    try:
        return os.wait4(pid, 0)
    finally:
        running = None
        signal.alarm(0)


def entry(code, stderr, found=0):
    return {'seconds': [], 'cpuSeconds': [], 'peakKiB': 0, 'code': code, 'found': found, 'stderr': stderr, 'texts': []}


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
            return entry(127, str(error))
        status = wait(pid)[1]
        out.seek(0)
        needle, found, tail = command.get('count', '\n').encode(), 0, b''
        for block in iter(lambda: out.read(1 << 20), b''):
            # What a block's end cuts in two is found with the next block.
            found += (tail + block).count(needle)
            tail = (tail + block)[len(tail + block) - len(needle) + 1:] if len(needle) > 1 else b''
        err.seek(0)
        stderr = err.read(2000).decode('utf-8', 'replace')
    return entry(os.waitstatus_to_exitcode(status), stderr, found)


def once(command, output, out, err):
    """One measured run. With `pipe` the time ends when the reader has everything."""
    reader = None
    if output == 'pipe':
        read, write = os.pipe()
        os.set_inheritable(read, False)
        actions = [(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_DUP2, DEVNULL, 1)]
        reader = os.posix_spawnp('cat', ['cat'], os.environ, file_actions=actions)
        os.close(read)
    else:
        write = os.dup(out)
    started = time.perf_counter()
    pid = spawn(command, write, err)
    os.close(write)
    _, status, usage = wait(pid)
    if reader:
        os.waitpid(reader, 0)
    return time.perf_counter() - started, usage, os.waitstatus_to_exitcode(status)


def emptied(file):
    file.seek(0)
    file.truncate()
    return file.fileno()


def text(file):
    file.seek(0)
    return file.read().decode('utf-8', 'replace')


def main():
    global limit
    plan = json.load(sys.stdin)
    commands, output = plan['commands'], plan['output']
    limit = plan.get('limitSeconds', 0)
    signal.signal(signal.SIGALRM, give_up)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
    keep = output == 'keep'
    answer = {command['name']: entry(0, '') if keep else check(command) for command in commands}
    working = [command for command in commands if answer[command['name']]['code'] == 0]
    # Unbuffered: the children move the same file position.
    with tempfile.TemporaryFile(buffering=0) as out, tempfile.TemporaryFile(buffering=0) as err:
        for number in range(plan['rounds']):
            # The one that runs first in a round is another each time: no command always follows the same one.
            turn = number % max(1, len(working))
            for command in working[turn:] + working[:turn]:
                of = answer[command['name']]
                outs = (DEVNULL, DEVNULL)
                if output in ('file', 'keep'):
                    outs = (emptied(out), emptied(err) if keep else DEVNULL)
                try:
                    seconds, usage, code = once(command, output, *outs)
                except OSError as error:
                    of.update(code=127, stderr=str(error))
                    continue
                of['seconds'].append(seconds)
                of['cpuSeconds'].append(usage.ru_utime + usage.ru_stime)
                of['peakKiB'] = max(of['peakKiB'], usage.ru_maxrss)
                of['code'] = of['code'] or code
                if keep:
                    of['texts'].append(text(out))
                    of['stderr'] = text(err)
    print(json.dumps(answer))


main()
