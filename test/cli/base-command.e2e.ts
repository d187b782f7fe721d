import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { finish, ROOT, type RunOptions, runNetkit, shell, spawnNetkit } from './run.js'

const APP = `${ROOT}test/cli/fixture-app/run.mjs`
const run = (args: string[], options: RunOptions = {}) =>
  runNetkit([APP, ...args], { program: process.execPath, ...options })

describe('a failing command', () => {
  it('reports a crash as a bug with exit 70, a sentence and no stack, and ends although a timer is running', async () => {
    const { stdout, stderr, code } = await run(['crash'])
    expect(code).toBe(70)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^netkit: this is a bug in netkit: TypeError: .*\n {2}run it again with DEBUG=netkit/)
    expect(stderr).not.toMatch(/^ +at /m)
  })

  it('reports what is thrown in a timer in the same way', async () => {
    const text = await run(['late'])
    expect(text).toMatchObject({ code: 70, stdout: '' })
    expect(text.stderr).toMatch(/^netkit: this is a bug in netkit: TypeError: .*\n {2}run it again .*\n$/)
    const json = await run(['late', '--ndjson'])
    expect(json).toMatchObject({ code: 70, stderr: '' })
    expect(JSON.parse(json.stdout).error.exit).toBe(70)
  })

  it('shows the stack of a crash when DEBUG names netkit', async () => {
    expect((await run(['crash'], { env: { DEBUG: 'netkit' } })).stderr).toMatch(/^ +at Crash\.run/m)
  })

  it('keeps the exit code under --json, where the error is an object on stdout', async () => {
    const { stdout, stderr, code } = await run(['refuse', '--json'])
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'permission-missing',
        message: 'cannot open a raw ICMP socket: operation not permitted (EPERM)',
        hints: expect.arrayContaining(['in a container, start it with --cap-add NET_RAW']),
        exit: 3,
      },
    })
  })

  it.each([
    ['1', 3],
    ['13', 3],
    ['97', 4],
    ['24', 4],
  ])('turns errno %s into exit %i', async (errno, exit) => {
    expect((await run(['refuse', `--errno=${errno}`])).code).toBe(exit)
  })

  it('reports a file that is not there with exit 4 and its name', async () => {
    const { stderr, code } = await run(['refuse', '--file', '/no/such/file'])
    expect({ stderr, code }).toEqual({
      stderr: 'netkit: cannot open /no/such/file: no such file or directory (ENOENT)\n  check the name of the file\n',
      code: 4,
    })
  })

  it('prints first what could be read, then the damage, with exit 5 and no control characters', async () => {
    const { stdout, stderr, code } = await run(['refuse', '--damaged', '\u001b]0;owned\u0007\u202e'])
    expect({ stdout, code }).toEqual({ stdout: 'what could be read\n', code: 5 })
    expect(stderr).toBe('netkit: damaged: \\x1b]0;owned\\x07\\u{202e}\n')
  })
})

describe('a wrong command line', () => {
  it.each([
    [['words', '--stat=x'], 'netkit words has no option --stat', 'did you mean --state?'],
    [['words', '-nope'], 'netkit words has no option -o in -nope', undefined],
    [['words', '-x'], 'netkit words has no option -x', undefined],
    [['words', '-state'], 'netkit words has no option -s in -state', 'did you mean --state?'],
    [['words', '--kind', 'tcp'], 'expected --kind=tcp to be one of: raw, icmp', undefined],
    [['words', '--checked', 'x'], 'there is no state x', 'did you mean listening?'],
    [['words', '--state'], 'flag --state expects a value', undefined],
    [['refuse', '--errno', 'x'], '--errno: expected an integer but received: x', undefined],
    [['refuse', 'surplus'], 'netkit refuse takes no such word: surplus', undefined],
    [['crush'], 'there is no command crush', 'did you mean netkit crash?'],
    [['--colour'], 'there is no option --colour', undefined],
  ])('%j is one sentence and exit 2', async (args, message, hint) => {
    const { stdout, stderr, code } = await run(args)
    expect({ stdout, code }).toEqual({ stdout: '', code: 2 })
    expect(stderr.split('\n')[0]).toBe(`netkit: ${message}`)
    if (hint !== undefined) expect(stderr).toContain(`\n  ${hint}\n`)
    const json = await run([...args, '--json'])
    expect(json).toMatchObject({ code: 2, stderr: '' })
    expect(JSON.parse(json.stdout).error).toMatchObject({ message, exit: 2 })
  })
})

describe('words and flags', () => {
  it('come in the order they were typed, and a flag that may be repeated takes one word', async () => {
    const { stdout } = await run([
      'words',
      'sport',
      '=',
      ':22',
      'or',
      'dport',
      '=',
      ':22',
      '--state',
      'a,b',
      'not',
      '-an',
    ])
    expect(JSON.parse(stdout)).toMatchObject({
      words: ['sport', '=', ':22', 'or', 'dport', '=', ':22', 'not'],
      state: ['a', 'b'],
    })
  })

  it('with a single value may be given again, as after an alias: the last one counts', async () => {
    const { stdout } = await run(['words', '--kind', 'raw', 'one', '--kind', 'icmp', 'two'])
    expect(JSON.parse(stdout)).toMatchObject({ words: ['one', 'two'], kind: 'icmp' })
  })

  it('are not read from stdin', async () => {
    expect(JSON.parse((await run(['words'], { input: 'from stdin' })).stdout).words).toEqual([])
  })

  it('take --json after -- for a word', async () => {
    const { stdout } = await run(['words', '--', '--json'])
    expect(JSON.parse(stdout).words).toEqual(['--json'])
  })
})

describe('colour', () => {
  it.each([
    [{}, [], false],
    [{ CI: '1' }, [], false],
    [{ FORCE_COLOR: '1' }, [], true],
    [{ FORCE_COLOR: '0' }, [], false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, [], false],
    [{ FORCE_COLOR: '1', NO_COLOR: '' }, [], true],
    [{ FORCE_COLOR: '1' }, ['--no-color'], false],
  ])('in a pipe with %j and %j is %s', async (env, args, color) => {
    expect(JSON.parse((await run(['words', ...args], { env })).stdout).color).toBe(color)
  })

  it.each([
    ['xterm', true],
    ['dumb', false],
  ])('on a terminal called %s is %s', async (TERM, color) => {
    const { stdout } = await shell(`script -qec '"$NODE" "$APP" words' /dev/null`, {
      TERM,
      APP,
      NODE: process.execPath,
    })
    expect(JSON.parse(stdout).color).toBe(color)
  })
})

describe('output', () => {
  const env = { APP, NODE: process.execPath }

  it('that nobody reads any more ends an endless command at once, quietly, with exit 0', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: bash reads it
    const line = '"$NODE" "$APP" flood | head -1; echo "${PIPESTATUS[0]}"'
    const { stdout, stderr } = await shell(line, env)
    expect(stdout.split('\n')[1]).toBe('0')
    expect(stderr).toBe('')
  })

  it('waits for a slow reader of a non-blocking pipe and loses nothing', async () => {
    const reader = `
import os, subprocess, sys, time
r, w = os.pipe()
os.set_blocking(w, False)
p = subprocess.Popen([os.environ['NODE'], os.environ['APP'], 'flood', '--lines', '20000'], stdout=w)
os.close(w)
n = 0
while True:
    time.sleep(0.0005)
    data = os.read(r, 4096)
    if not data: break
    n += data.count(b'\\n')
print(n, p.wait())`
    expect((await shell(`python3 -c "${reader}"`, env)).stdout).toBe('20000 0\n')
  })

  it('is one JSON document even for an iterable, and one line an item under --ndjson', async () => {
    const document = JSON.parse((await run(['flood', '--lines', '3', '--json'])).stdout)
    expect(document).toMatchObject({ rows: [{ i: 0 }, { i: 1 }, { i: 2 }], total: 3 })
    const { stdout } = await run(['flood', '--lines', '3', '--ndjson'])
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).i),
    ).toEqual([0, 1, 2])
    expect(JSON.parse((await run(['flood', '--lines', '0', '--json'])).stdout)).toEqual({ rows: [], total: 0 })
  })

  it.each([
    ['that nobody reads', 'exec 4> >(exit 0); wait $!'],
    ['on a full disk', 'exec 4> /dev/full'],
  ])('on stderr %s leaves the exit code as it is', async (_, open) => {
    expect((await shell(`${open}; "$NODE" "$APP" nonsense 2>&4; echo $?`, env)).stdout).toBe('2\n')
  })

  it('that cannot be written is a failure with exit 4', async () => {
    const { stderr, stdout } = await shell('"$NODE" "$APP" flood --lines 3 > /dev/full; echo $?', env)
    expect(stdout).toBe('4\n')
    expect(stderr).toMatch(/^netkit: cannot write the output: no space left on device \(ENOSPC\)\n/)
  })
})

describe('Ctrl-C', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s lets a command print what it knows and end with its own exit code',
    async signal => {
      const child = spawnNetkit([APP, 'wait'], { program: process.execPath })
      const end = finish(child)
      await once(child.stdout!, 'data')
      child.kill(signal)
      expect(await end).toEqual({
        stdout: `waiting\nknown so far, until ${signal}\n`,
        stderr: '',
        code: 1,
        signal: null,
      })
    },
  )

  it('that comes right before a write that blocks is told of: a reader that pauses does not keep the program', async () => {
    const child = spawnNetkit([APP, 'stall'], { program: process.execPath })
    child.stderr!.resume()
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
    const [code, signal] = await once(child, 'exit')
    clearTimeout(late)
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGTERM' })
  })

  it('a reader that goes on in time gets all, to the last words', async () => {
    const { stdout } = await shell('"$NODE" "$APP" stall | (sleep 0.6; exec tail -1)', { APP, NODE: process.execPath })
    expect(stdout).toBe('told of SIGTERM\n')
  })

  it('waits for the event loop where somebody listens, and a failure is told to a reader that takes its time', async () => {
    const line = '"$NODE" "$APP" stall --fail --json | (sleep 0.6; exec cat)'
    const { stdout } = await shell(line, { APP, NODE: process.execPath })
    const lines = stdout.split('\n')
    expect(lines.slice(0, 30_000).at(-1)).toBe('line 29999')
    expect(JSON.parse(lines.slice(30_000).join('\n')).error.exit).toBe(70)
  })

  it('kills a command that does not ask for it, and the shell sees 130', async () => {
    const child = spawnNetkit([APP, 'flood'], { program: process.execPath })
    child.stderr!.resume()
    await once(child.stdout!, 'data')
    child.kill('SIGINT')
    child.stdout!.destroy()
    const [code, signal] = await once(child, 'exit')
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGINT' })
  })
})
