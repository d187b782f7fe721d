// Must show 1: loopback, a neighbour, a host behind three routers; text beside iputils', with and without privilege.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addChain, type Chain, describeLab, NOBODY, removeChain, setPingGroups, spawnInNetns } from '../../lab/index.js'
import { NETKIT } from '../run.js'
import { comparable, documentOf, expectRefusal, expectSameText, iputils, pingIn, socketCalls } from './acceptance.js'

const WHO = [
  ['root', undefined],
  ['uid 65534', NOBODY],
] as const

/** Runs its arguments; SIGQUIT after the second answer, SIGINT after the fourth; says what came. */
const INTERRUPTING = `
import json, signal, subprocess, sys
run = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
lines = []
for line in run.stdout:
    lines.append(line)
    if 'icmp_seq=2 ' in line:
        run.send_signal(signal.SIGQUIT)
    if 'icmp_seq=4 ' in line:
        run.send_signal(signal.SIGINT)
print(json.dumps({'stdout': ''.join(lines), 'stderr': run.stderr.read(), 'code': run.wait()}), flush=True)
sys.stdin.read()
`

describeLab('netkit ping along good paths', () => {
  let chain: Chain
  beforeAll(async () => {
    chain = await addChain(3)
  })
  afterAll(() => removeChain(chain))
  beforeEach(() => setPingGroups(chain.source, 'open'))

  const paths = (): [string, string, ttl: number][] => [
    ['loopback', '127.0.0.1', 64],
    ['IPv6 loopback', '::1', 64],
    ['a neighbour', chain.address(1, 4), 64],
    ['an IPv6 neighbour', chain.address(1, 6), 64],
    ['three routers away', chain.target(4), 61],
    ['three IPv6 routers away', chain.target(6), 61],
  ]

  describe.each(WHO)('as %s', (_, uid) => {
    const as = uid === undefined ? {} : { uid }

    test('-c 3: the text is that of iputils', async () => {
      await Promise.all(
        paths().map(async ([, address, ttl]) => {
          const { stdout, code } = await expectSameText(chain.source, ['-c', '3', address], as)
          expect(code).toBe(0)
          expect(stdout.match(new RegExp(`^64 bytes from .*icmp_seq=\\d ttl=${ttl} time=`, 'gm'))).toHaveLength(3)
        }),
      )
    })

    test('the document says what was measured, and how', async () => {
      for (const [name, address, ttl] of paths()) {
        const document = await documentOf(chain.source, ['-c', '3', '-i', '10ms', address], as)
        expect({ name, ...document }).toMatchObject({
          name,
          exit: 0,
          target: address,
          address,
          transport: 'datagram',
          payloadBytes: 56,
          errors: [],
          statistics: { transmitted: 3, received: 3, duplicates: 0, errors: 0, lossPercent: 0, longestOutageMs: 0 },
        })
        expect(['kernel', 'rx']).toContain(document.timestampSource)
        expect(document.replies).toMatchObject(
          [1, 2, 3].map(sequence => ({ sequence, ttl, bytes: 64, from: address, duplicate: false, late: false })),
        )
        const times = document.replies.map(({ rttMs }) => rttMs!)
        for (const time of times) expect(time).toBeGreaterThan(0)
        const { rttMs, jitterMs, timeMs } = document.statistics
        expect(rttMs!.min).toBeCloseTo(Math.min(...times), 9)
        expect(rttMs!.max).toBeCloseTo(Math.max(...times), 9)
        expect(rttMs!.avg).toBeCloseTo(times.reduce((sum, time) => sum + time) / 3, 5)
        expect(jitterMs).toBeCloseTo((Math.abs(times[1]! - times[0]!) + Math.abs(times[2]! - times[1]!)) / 2, 5)
        // Two intervals; never less than what was asked for.
        expect(timeMs).toBeGreaterThanOrEqual(20)
      }
    })

    test.each<[string, string[]]>([
      ['quiet', ['-q', '-c3', '-i.2']],
      ['numeric', ['-n', '-c2', '-i.2']],
      ['a large payload', ['-c2', '-i.2', '-s', '1000']],
      ['a payload that is fragmented', ['-c2', '-i.2', '-s', '4000']],
      ['a pattern', ['-c2', '-i.2', '-p', 'ff00']],
      ['dates', ['-D', '-c2', '-i.2']],
      ['a time to live', ['-c2', '-i.2', '-t', '9']],
      ['a type of service', ['-c2', '-i.2', '-Q', '0x10']],
      ['an interface', ['-c2', '-i.2', '-I', 'far0']],
      ['a preload', ['-c3', '-i.2', '-l', '3']],
      ['path MTU do', ['-c2', '-i.2', '-M', 'do']],
      ['a deadline', ['-c2', '-i.2', '-w', '3']],
    ])('%s: the text is that of iputils in both families', async (_what, args) => {
      await Promise.all([
        expectSameText(chain.source, [...args, chain.target(4)], as),
        expectSameText(chain.source, [...args, chain.target(6)], as),
      ])
    })

    test.each(['8', '0'])(
      'a payload of %s bytes, too short for iputils to time: its text, and the times',
      async size => {
        for (const family of [4, 6] as const) {
          const args = ['-c2', '-i.2', '-s', size, chain.target(family)]
          const [theirs, mine] = await Promise.all([iputils(chain.source, args, as), pingIn(chain.source, args, as)])
          const untimed = comparable(mine.stdout)
            .replace(/ time=T ms/g, '')
            .replace(/^rtt .*$/m, '')
          expect({ code: mine.code, text: untimed }).toEqual({ code: theirs.code, text: comparable(theirs.stdout) })
          expect(mine.stdout).toMatch(/^rtt min/m)
        }
      },
    )

    test('a source address is in the header', async () => {
      for (const family of [4, 6] as const) {
        const source = chain.farAddress(0, family)
        await expectSameText(chain.source, ['-c1', '-I', source, chain.target(family)], as)
      }
    })

    test('the identifier can be chosen', async () => {
      for (const family of [4, 6] as const) {
        // One after the other: at the same time they would answer for each other.
        const between = async () => undefined
        await expectSameText(chain.source, ['-c2', '-i.2', '-e', '77', chain.target(family)], { ...as, between })
      }
    })

    test('a name is in the header, and in front of its address', async () => {
      await expectSameText(chain.source, ['-c1', '-4', 'localhost'], as)
      await expectSameText(chain.source, ['-c1', '-n', '-4', 'localhost'], as)
    })

    test('the recorded route is that of iputils', async () => {
      await expectSameText(chain.source, ['-R', '-c2', '-i.2', chain.target(4)], as)
    })

    test('timestamps of routers are shown as iputils does', async () => {
      for (const how of ['tsonly', 'tsandaddr']) {
        const args = ['-T', how, '-c1', chain.target(4)]
        const [mine, theirs] = await Promise.all([pingIn(chain.source, args, as), iputils(chain.source, args, as)])
        const shape = (text: string) => comparable(text).replace(/^(TS:)?(\s.*\t|\t)-?\d+/gm, '$1$2N')
        expect(shape(mine.stdout)).toBe(shape(theirs.stdout))
      }
    })

    test('a deadline ends it, and fewer answers than asked for are exit 1', async () => {
      const { code } = await expectSameText(chain.source, ['-c', '9', '-i', '0.3', '-w', '1', chain.target(4)], as)
      expect(code).toBe(1)
    })
  })

  test('flood and adaptive mode end with the same lines', async () => {
    const tail = (text: string) => comparable(text).split('\n').slice(-4).join('\n')
    for (const mode of ['-f', '-A']) {
      const args = [mode, '-c50', chain.target(4)]
      const [mine, theirs] = [await pingIn(chain.source, args), await iputils(chain.source, args)]
      expect(mine.code).toBe(0)
      expect(tail(mine.stdout)).toBe(tail(theirs.stdout))
    }
  })

  test('Ctrl-C prints the summary and SIGQUIT an interim line', async () => {
    for (const program of [[NETKIT, 'ping'], ['ping']]) {
      const command = ['python3', '-c', INTERRUPTING, ...program, '-i.2', chain.target(4)]
      const helper = await spawnInNetns(chain.source, command)
      const { stdout, stderr, code } = await helper.next<{ stdout: string; stderr: string; code: number }>()
      expect({ program, code }).toEqual({ program, code: 0 })
      expect(stderr).toMatch(/^\d\/\d packets, 0% loss, min\/avg\/ewma\/max = [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms$/m)
      expect(stdout).toMatch(/\n\n--- \S+ ping statistics ---\n\d packets transmitted, \d received, 0% packet loss/)
    }
  })

  test('unprivileged it opens no raw socket', async () => {
    for (const address of [chain.target(4), chain.target(6)]) {
      const { calls, code } = await socketCalls(chain.source, ['-c1', address], { uid: NOBODY })
      expect(code).toBe(0)
      expect(calls.join('\n')).toMatch(/AF_INET6?, SOCK_DGRAM/)
      expect(calls.filter(call => call.includes('SOCK_RAW') && !call.includes('AF_NETLINK'))).toEqual([])
    }
  })

  describe('with ping_group_range closed', () => {
    beforeEach(() => setPingGroups(chain.source, 'closed'))

    test('uid 65534 is told both remedies, exit 3', async () => {
      for (const address of ['127.0.0.1', '::1', chain.target(4), chain.target(6)]) {
        const { hints } = await expectRefusal(chain.source, ['-c1', address], 3, /permi/i, { uid: NOBODY })
        expect(hints.join('\n')).toContain('net.ipv4.ping_group_range')
        expect(hints.join('\n')).toMatch(/CAP_NET_RAW|cap_net_raw|sudo|root/)
      }
    })

    test('root is served by a raw socket, and it is said', async () => {
      for (const address of [chain.target(4), chain.target(6)]) {
        const document = await documentOf(chain.source, ['-c2', '-i.01', address])
        expect(document).toMatchObject({ exit: 0, transport: 'raw', statistics: { received: 2 } })
        const { stderr } = await expectSameText(chain.source, ['-c2', '-i.2', address])
        expect(stderr).toMatch(/^netkit: .*raw/m)
      }
    })
  })
}, ['ping', 'strace'])
