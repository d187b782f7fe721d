// Must show 8: what is no fault of the words: no route, a floor for users, a reader that goes, Ctrl-C at any time.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addNetns,
  deleteNetns,
  describeLab,
  inNetns,
  NOBODY,
  type RunResult,
  setPingGroups,
  withRules,
} from '../../lab/index.js'
import { NETKIT } from '../run.js'
import { eventsOf, expectRefusal, iputils, type PingDocument, pingIn } from './acceptance.js'

const SILENT = 'ip daddr 127.9.9.9 icmp type echo-request drop'

/** Starts its arguments, waits so many milliseconds, interrupts, and says how it ended. */
const INTERRUPT = `
import json, signal, subprocess, sys, time
run = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
time.sleep(float(sys.argv[1]) / 1000)
run.send_signal(signal.SIGINT)
out, err = run.communicate()
print(json.dumps({'stdout': out, 'stderr': err, 'code': run.returncode}))
`

describeLab('netkit ping and other ends', () => {
  let ns: string
  beforeAll(async () => {
    ns = await addNetns()
    await setPingGroups(ns, 'open')
  })
  afterAll(() => deleteNetns(ns))

  test('no route: a sentence, nothing that looks like a reply, and not exit 0', async () => {
    for (const address of ['192.0.2.1', '2001:db8::1']) {
      const theirs = await iputils(ns, ['-c1', '-W1', address])
      expect(theirs.stdout + theirs.stderr).toMatch(/unreachable|not assign/)
      for (const as of [{}, { uid: NOBODY }]) {
        const mine = await pingIn(ns, ['-c1', '-W1', address], as)
        expect({ address, code: mine.code }).toEqual({ address, code: theirs.code })
        expect(mine.stdout + mine.stderr).toMatch(/network is unreachable|no route/i)
        expect(mine.stdout + mine.stderr).not.toMatch(/^\s+at |Error:/m)
        const json = await pingIn(ns, ['-c1', '-W1', '--json', address], as)
        expect({ code: json.code, stderr: json.stderr }).toEqual({ code: mine.code, stderr: '' })
        expect(json.stdout).toMatch(/network is unreachable|no route/i)
        JSON.parse(json.stdout)
      }
    }
  })

  test('several targets, one without a route: the others are probed', async () => {
    const { stdout, code } = await pingIn(ns, ['-c1', '-W1', '127.0.0.1', '192.0.2.1', '127.0.0.2'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^127\.0\.0\.1 is alive/m)
    expect(stdout).toMatch(/^127\.0\.0\.2 is alive/m)
    expect(stdout).toMatch(/^192\.0\.2\.1 is unreachable.*(network is unreachable|no route)/im)
  })

  test('several targets, one without an address: the others are probed, exit 2', async () => {
    const { stdout, stderr, code } = await pingIn(ns, ['-c1', '-W1', '127.0.0.1', 'name.invalid'])
    expect(code).toBe(2)
    expect(stdout).toMatch(/^127\.0\.0\.1 is alive/m)
    expect(stdout + stderr).toContain('name.invalid')
    const json = await pingIn(ns, ['-c1', '-W1', '--json', '127.0.0.1', 'name.invalid'])
    expect(json.code).toBe(2)
    const { targets } = JSON.parse(json.stdout) as PingDocument
    expect(targets[0]).toMatchObject({ target: '127.0.0.1', statistics: { received: 1 } })
    expect(json.stdout).toContain('name.invalid')
  })

  describe('floors for users, as iputils has them', () => {
    test.each<[string[], RegExp]>([
      [['-i', '0.001'], /interval.*2 ?ms|2 ?ms.*interval/i],
      [['-i', '1ms'], /2 ?ms/],
      [['-i', '0'], /2 ?ms/],
      [['-l', '4'], /preload.*3|3.*at once/i],
    ])('%j', async (args, sentence) => {
      const theirs = await iputils(ns, [...args.map(arg => arg.replace('1ms', '0.001')), '-c1', '127.0.0.1'], {
        uid: NOBODY,
      })
      expect(theirs.code).toBe(2)
      await expectRefusal(ns, [...args, '-c1', '127.0.0.1'], 2, sentence, { uid: NOBODY })
      // Root may.
      expect((await pingIn(ns, [...args, '-c1', '127.0.0.1'])).code).toBe(0)
    })

    test('two milliseconds are allowed', async () => {
      expect((await pingIn(ns, ['-i', '2ms', '-c3', '127.0.0.1'], { uid: NOBODY })).code).toBe(0)
    })

    test('a mark needs a capability: exit 3', async () => {
      const { hints } = await expectRefusal(ns, ['-m', '7', '-c1', '127.0.0.1'], 3, /mark/i, { uid: NOBODY })
      expect(hints.join('\n')).toMatch(/CAP_NET_(ADMIN|RAW)|root|sudo/i)
    })
  })

  test('a reader that has seen enough ends netkit quietly', async () => {
    for (const line of [
      '-i .01 127.0.0.1 | head -1',
      '-i .01 --ndjson 127.0.0.1 | head -1',
      '-c 3 -i .01 --json 127.0.0.1 | true',
      '-c 1 127.0.0.0/24 | head -1',
      '-f 127.0.0.1 | head -c 100',
    ]) {
      const [args, ...rest] = line.split(' | ')
      const script = `"$NETKIT" ping ${args} | ${rest.join(' | ')}; echo "code \${PIPESTATUS[0]}"`
      const { stdout, stderr, code } = await inNetns(ns, ['bash', '-c', script], {
        env: { ...process.env, NETKIT, NODE_OPTIONS: '' },
        timeoutMs: 20_000,
      })
      expect({ line, code }).toEqual({ line, code: 0 })
      expect(stdout).toMatch(/code [01]\n$/)
      expect(stderr).not.toMatch(/EPIPE|Error|\bat /)
    }
  })

  const interrupted = async (delayMs: number, args: readonly string[]): Promise<RunResult> => {
    const command = ['python3', '-c', INTERRUPT, String(delayMs), NETKIT, 'ping', ...args]
    const { stdout, stderr } = await inNetns(ns, command)
    try {
      return { ...(JSON.parse(stdout) as { stdout: string; stderr: string; code: number }), signal: null }
    } catch {
      throw new Error(`no answer: ${stdout}${stderr}`)
    }
  }

  // Before JavaScript runs, the signal's default ends the process; Python says so by a negative code.
  const KILLED = [-2, 130]
  const DELAYS = [0, 1, 5, 20, 40, 60, 80, 100, 130, 170, 250, 400]

  test('Ctrl-C at any time: nothing, or a whole summary', async () => {
    for (const delay of DELAYS) {
      const { stdout, stderr, code } = await interrupted(delay, ['-i', '.05', '127.0.0.1'])
      expect(stderr).not.toMatch(/^\s+at |Error:/m)
      if (stdout === '') expect([...KILLED, 0, 1]).toContain(code)
      else {
        expect(stdout).toMatch(/\n--- 127\.0\.0\.1 ping statistics ---\n\d+ packets transmitted, \d+ received/)
        expect([0, 1]).toContain(code)
      }
    }
  })

  test('Ctrl-C at any time with --json and --ndjson: nothing, or what can be parsed, summary included', async () => {
    for (const delay of DELAYS) {
      const json = await interrupted(delay, ['--json', '-i', '.05', '127.0.0.1'])
      if (json.stdout !== '') {
        const { targets } = JSON.parse(json.stdout) as PingDocument
        expect(targets[0]!.statistics.transmitted).toBeGreaterThanOrEqual(targets[0]!.replies.length)
      } else expect(KILLED).toContain(json.code)
      const ndjson = await interrupted(delay, ['--ndjson', '-i', '.05', '127.0.0.1'])
      if (ndjson.stdout !== '') expect(eventsOf(ndjson.stdout).at(-1)!.event).toBe('summary')
      else expect(KILLED).toContain(ndjson.code)
    }
  })

  test('Ctrl-C while a document waits for its reader: the reader gets all of it', async () => {
    // The pipe is full when the signal comes, and the reader goes on after that.
    const line = `${NETKIT} ping --json -c1 --gap 0 127.0.0.0/20 > >(sleep 2.5; exec cat) & netkit=$!
      sleep 2; kill -INT $netkit; wait $netkit; status=$?; sleep 1; exit $status`
    const { code, stdout } = await inNetns(ns, ['bash', '-mc', line])
    expect((JSON.parse(stdout) as PingDocument).targets).toHaveLength(4094)
    expect(code).toBe(0)
  }, 20_000)

  test('one probe under way at Ctrl-C is not counted as lost', async () => {
    await withRules(ns, 'input', SILENT, async () => {
      const { stdout, code } = await interrupted(600, ['-i', '10', '-W', '10', '--json', '127.9.9.9'])
      const { targets } = JSON.parse(stdout) as PingDocument
      expect(targets[0]!.statistics).toMatchObject({ transmitted: 1, received: 0 })
      expect(targets[0]!.statistics.lossPercent).not.toBe(100)
      expect(code).toBe(1)
    })
  })

  test('--ndjson of a dead host ends in its summary', async () => {
    const args = ['--ndjson', '-c2', '-i.1', '-W.2', '127.9.9.9']
    const dead = await withRules(ns, 'input', SILENT, () => pingIn(ns, args))
    expect(dead.code).toBe(1)
    const events = eventsOf(dead.stdout)
    expect(events.map(({ event }) => event).sort()).toEqual(['sent', 'sent', 'summary', 'timeout', 'timeout'])
    expect(events.at(-1)).toMatchObject({
      event: 'summary',
      statistics: { transmitted: 2, received: 0, lossPercent: 100 },
    })
  })
}, ['ping', 'nft'])
