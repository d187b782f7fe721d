// Must show 11: bad input is one sentence with a next step, the right exit code and no stack trace, also with --json.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NOBODY } from '../../lab/index.js'
import { shell } from '../run.js'
import { expectRefusal, netkitIn } from './acceptance.js'

describe('netkit ss and bad input', () => {
  test.each<[string[], number, RegExp, RegExp]>([
    [['-t', 'state', 'bogus'], 2, /no state bogus/, /time-wait/],
    [['--state', 'established,bogus'], 2, /no state bogus/, /established/],
    [['--exclude', 'bogus'], 2, /no state bogus/, /established/],
    [['-t', 'state'], 2, /state must be followed/, /netkit ss/],
    [['--state'], 2, /--state expects a value/, /--help/],
    [['--bogus'], 2, /no option --bogus/, /--help/],
    [['-tzq'], 2, /no option -z in -tzq/, /--help/],
    [['--lisening'], 2, /no option --lisening/, /did you mean --listening/],
    [['-f', 'bogus'], 2, /no address family bogus/, /inet6/],
    [['-A', 'tcp,bogus'], 2, /no socket table bogus/, /u_str/],
    [['--source', 'bogus'], 2, /--source=bogus/, /--help/],
    [['--net', 'nk-nowhere'], 2, /no network namespace named "nk-nowhere"/, /ip netns list/],
    [['--net', ''], 2, /a name, a path or a process id/, /^/],
    [['--net', '/nowhere/ns'], 2, /no network namespace at "\/nowhere\/ns"/, /^/],
    [['--net', '/etc/passwd'], 2, /"\/etc\/passwd" is not a network namespace/, /^/],
    [['--net', '4194305'], 2, /no process 4194305/, /^/],
    [['--count-by', 'bogus'], 2, /cannot count sockets by bogus/, /peer-port/],
    [['--top', '0', '--count-by', 'state'], 2, /--top: .*greater than or equal to 1/, /--help/],
    [['--top', 'x', '--count-by', 'state'], 2, /--top: .*integer/, /--help/],
    [['-F', '/nowhere/filter'], 4, /\/nowhere\/filter: no such file/, /name of the file/],
    [['-F', '/etc'], 4, /\/etc: is a directory/, /a file, not a directory/],
    [['-t', 'dst', 'name.invalid'], 2, /cannot resolve the host name name\.invalid/, /address/],
    [['--replay', '/nowhere/recording'], 4, /\/nowhere\/recording: no such file/, /name of the file/],
  ])('%j: exit %i', async (args, exit, sentence, hint) => {
    const { hints } = await expectRefusal(null, args, exit, sentence)
    expect(hints.join('\n')).toMatch(hint)
  })

  test.each<[string, number]>([
    ['sport = :22 extra', 13],
    ['( sport = :22', 14],
    ['dport =', 8],
    ['src 300.1.1.1', 5],
    ['state = bogus', 9],
    ['sport = :22 and', 16],
    ['sport 8000-', 7],
    ['comm = "half', 8],
    [') sport = :1', 1],
  ])('the filter "%s" is refused with a caret under column %i', async (filter, column) => {
    const { hints, message, code } = await expectRefusal(null, ['-t', filter], 2, /cannot read the filter/)
    expect(code).toBe('filter-syntax')
    expect(message).toContain(`at column ${column}:`)
    const [text, caret] = hints
    expect(text).toBe(filter)
    expect(caret).toBe(`${' '.repeat(column - 1)}^`)
  })

  test.each([
    [['--summary', '--replay', 'x', '--kill'], /--\w+ and --\w+ do not go together/],
    [['--ndjson', '--json'], /--ndjson and --json do not go together/],
    [['--watch', '-1'], /--watch needs the seconds between two looks, 0\.1 to 86400, not -1/],
  ])('%j is refused in the words of netkit', async (args, sentence) => {
    const { code, stdout, stderr } = await netkitIn(null, args as string[])
    expect(code).toBe(2)
    expect(stdout + stderr).toMatch(sentence as RegExp)
    expect(stdout + stderr).not.toContain('cannot also be provided')
  })

  // Kernels have these or not: where they have, there is nothing to refuse.
  test.each([
    ['-S', 'sctp'],
    ['--xdp', 'xdp'],
    ['--tipc', 'tipc'],
    ['--vsock', 'vsock'],
  ])('%s: a family that this kernel lacks is exit 4, and not an empty table', async (flag, protocol) => {
    const { code, stdout } = await netkitIn(null, [flag, '-a', '--json'])
    if (code === 0) {
      process.stderr.write(`skipped: this kernel lists ${protocol} sockets\n`)
      expect(JSON.parse(stdout)).toMatchObject({ sources: [{ method: 'netlink' }] })
      return
    }
    for (const args of [[flag], [flag, '-a'], [flag, '-H', '-l']]) {
      await expectRefusal(null, args, 4, new RegExp(`cannot list ${protocol} sockets`))
    }
  })

  test('some families of several: the others are listed, and the sentence goes to stderr', async () => {
    const { code, stdout, stderr } = await netkitIn(null, ['-tS', '-a'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Netid /)
    if (stderr !== '') expect(stderr).toMatch(/^netkit: cannot list sctp sockets/)
  })

  describe('files', () => {
    let directory: string
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'nk-acc-'))
      await writeFile(join(directory, 'secret'), 'sport = :22\n', { mode: 0o600 })
      await writeFile(join(directory, 'bad'), '# ports\nsport = :22\nsport = nonsense-port\n')
      await writeFile(join(directory, 'text'), 'this is no recording at all\n')
      await writeFile(join(directory, 'empty'), '')
    })
    afterAll(() => rm(directory, { recursive: true, force: true }))

    test.skipIf(process.getuid?.() !== 0)('a file that may not be read is exit 3', async () => {
      const as = { uid: NOBODY }
      // The directory is closed to others too.
      await expectRefusal(null, ['-F', join(directory, 'secret')], 3, /permission denied/, as)
      await expectRefusal(null, ['--replay', join(directory, 'secret')], 3, /permission denied/, as)
    })

    test('a filter file with a mistake in it', async () => {
      await expectRefusal(null, ['-F', join(directory, 'bad')], 2, /cannot read the filter/)
    })

    test('what is no recording is exit 5', async () => {
      for (const name of ['text', 'empty']) {
        const error = await expectRefusal(null, ['--replay', join(directory, name)], 5, /neither a recording/)
        expect(error.message).not.toContain('undefined')
      }
    })

    test('a recording that was cut off shows what could be read, says so, and exits 5', async () => {
      const file = join(directory, 'whole')
      const made = await netkitIn(null, ['-ta', '--record', file])
      expect(made.code).toBe(0)
      const bytes = await readFile(file)
      const whole = await netkitIn(null, ['-ta', '--replay', file, '--json'])
      expect(whole.code).toBe(0)
      for (const part of [0.95, 0.5]) {
        const cut = join(directory, `cut-${part}`)
        await writeFile(cut, bytes.subarray(0, Math.floor(bytes.length * part)))
        const { code, stderr } = await netkitIn(null, ['-ta', '--replay', cut])
        expect(code).toBe(5)
        expect(stderr).toMatch(/^netkit: /)
        expect(stderr).not.toMatch(/^\s+at /m)
        const json = await netkitIn(null, ['-ta', '--replay', cut, '--json'])
        expect(json.code).toBe(5)
        const document = JSON.parse(json.stdout) as { notes?: string[]; error?: unknown }
        expect(document.error ?? document.notes?.join('')).toBeTruthy()
      }
    })
  })

  test('a reader that has seen enough ends netkit quietly', async () => {
    for (const line of ['-a | head -1', '-a --json | head -1', '-a --ndjson | head -c 10', '-taeimop | true']) {
      const [args, ...rest] = line.split(' | ')
      const { stderr, stdout, code } = await shell(
        `"$NETKIT" ss ${args} | ${rest.join(' | ')}; echo "code \${PIPESTATUS[0]}"`,
      )
      expect({ line, code }).toEqual({ line, code: 0 })
      expect(stdout).toMatch(/code 0\n$/)
      expect(stderr).not.toMatch(/EPIPE|Error|\bat /)
    }
  })

  test('--json and --ndjson together are refused as one document', async () => {
    const { code, stdout, stderr } = await netkitIn(null, ['--json', '--ndjson'])
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({ error: { exit: 2 } })
  })
})
