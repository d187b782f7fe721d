// Must show 4: 4,096 targets at once, all alive; then half of them silent or rejecting. fping is the witness.

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  addNetns,
  deleteNetns,
  describeLab,
  inNetns,
  NOBODY,
  setPingGroups,
  setSysctls,
  withRules,
} from '../../lab/index.js'
import { eventsOf, type PingDocument, pingIn } from './acceptance.js'

const COUNT = 4096
const TARGETS = Array.from({ length: COUNT }, (_, index) => `127.1.${index >> 8}.${index & 255}`)
const LIST = `${TARGETS.join('\n')}\n`

/** A quarter is silent, a quarter rejected. */
const RULES = [
  'ip daddr & 0.0.0.3 == 0.0.0.1 icmp type echo-request drop',
  'ip daddr & 0.0.0.3 == 0.0.0.3 icmp type echo-request reject with icmp type admin-prohibited',
]
const lastByte = (address: string): number => Number(address.split('.')[3])
const isAlive = (address: string): boolean => lastByte(address) % 2 === 0
const isRejected = (address: string): boolean => lastByte(address) % 4 === 3

const linesOf = (text: string): string[] => text.split('\n').filter(Boolean)

describeLab('netkit ping and 4,096 targets', () => {
  let ns: string
  beforeAll(async () => {
    ns = await addNetns()
    await setPingGroups(ns, 'open')
    await setSysctls(ns, { 'ipv4.icmp_ratelimit': 0, 'ipv4.icmp_ratemask': 0 })
  })
  afterAll(() => deleteNetns(ns))

  /** What fping finds alive, with one try. */
  const fping = async (): Promise<string[]> => {
    const { stdout, stderr } = await inNetns(ns, ['fping', '-a', '-r0', '-t1000', '-i1', '-f', '-'], { input: LIST })
    expect(stderr).not.toMatch(/error|usage/i)
    return linesOf(stdout).sort()
  }

  // Users' probes are a millisecond apart at least, as with fping.
  const WHO = [
    { as: { uid: NOBODY }, gap: '1ms' },
    { as: {}, gap: '0.1ms' },
  ]

  test('all alive: the same set as fping, exit 0', async () => {
    const theirs = await fping()
    expect(theirs).toHaveLength(COUNT)
    for (const { as, gap } of WHO) {
      const args = ['--alive', '--gap', gap, '--file', '-']
      const mine = await pingIn(ns, args, { ...as, input: LIST })
      expect(linesOf(mine.stdout).sort()).toEqual(theirs)
      expect(mine.code).toBe(0)
    }
    const dead = await pingIn(ns, ['--unreachable', '--gap', '0.1ms', '--file', '-'], { input: LIST })
    expect(dead).toMatchObject({ stdout: '', code: 0 })
  })

  test('refused by this host, one amid the others or a quarter of them: the others are alive', async () => {
    const near = [...TARGETS.slice(0, 30), '192.0.2.1', ...TARGETS.slice(30, 60)]
    const input = `${near.join('\n')}\n`
    const alive = await pingIn(ns, ['--alive', '--gap', '0', '--file', '-'], { input })
    expect(linesOf(alive.stdout)).toEqual(TARGETS.slice(0, 60))
    await withRules(ns, 'output', RULES[0]!, async () => {
      const { stdout, code } = await pingIn(ns, ['--alive', '--gap', '0', '--file', '-'], { input: LIST })
      expect(linesOf(stdout).sort()).toEqual(TARGETS.filter(address => lastByte(address) % 4 !== 1).sort())
      expect(code).toBe(1)
    })
  }, 60_000)

  test('half silent or rejecting: the same set as fping, exit 1, and rejects are attributed', async () => {
    await withRules(ns, 'input', RULES, async () => {
      const theirs = await fping()
      expect(theirs).toEqual(TARGETS.filter(isAlive).sort())
      for (const { as, gap } of WHO) {
        const common = ['-c1', '-W1', '--gap', gap, '--file', '-']
        const alive = await pingIn(ns, ['--alive', ...common], { ...as, input: LIST })
        expect(linesOf(alive.stdout).sort()).toEqual(theirs)
        expect(alive.code).toBe(1)

        const dead = await pingIn(ns, ['--unreachable', ...common], { ...as, input: LIST })
        expect(dead.code).toBe(1)
        const named = linesOf(dead.stdout).map(line => line.split(/[\s:]/)[0]!)
        expect(named.sort()).toEqual(TARGETS.filter(address => !isAlive(address)).sort())

        const plain = await pingIn(ns, common, { ...as, input: LIST })
        const said = linesOf(plain.stdout)
        expect(said.filter(line => / is alive/.test(line))).toHaveLength(COUNT / 2)
        expect(said.filter(line => / is unreachable/.test(line))).toHaveLength(COUNT / 2)
        for (const line of said.filter(each => / is unreachable/.test(each))) {
          const address = line.split(' ')[0]!
          if (isRejected(address))
            expect(line).toMatch(new RegExp(`[Ff]iltered.* from ${address}|from ${address}.*[Ff]iltered`))
          else expect(line).not.toMatch(/ from /)
        }

        const json = await pingIn(ns, ['--json', ...common], { ...as, input: LIST })
        expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 1, stderr: '' })
        const { targets } = JSON.parse(json.stdout) as PingDocument
        expect(targets.map(({ address }) => address)).toEqual(TARGETS)
        for (const { address, replies, errors, statistics } of targets) {
          expect({ address, received: statistics.received, replies: replies.length }).toEqual({
            address,
            received: Number(isAlive(address)),
            replies: Number(isAlive(address)),
          })
          const expected = isRejected(address) ? [{ sequence: 1, from: address, type: 3, code: 13 }] : []
          expect(errors.map(({ sequence, from, type, code }) => ({ sequence, from, type, code }))).toEqual(expected)
        }
      }
    })
  })

  test('--ndjson ends with a summary of each, also of those that are silent', async () => {
    await withRules(ns, 'input', RULES, async () => {
      const { stdout, code } = await pingIn(ns, ['--ndjson', '-c1', '-W1', '--gap', '0.1ms', '--file', '-'], {
        input: LIST,
      })
      expect(code).toBe(1)
      const events = eventsOf(stdout)
      const count = (event: string) => events.filter(each => each.event === event).length
      expect(count('sent')).toBe(COUNT)
      expect(count('reply')).toBe(COUNT / 2)
      expect(count('error')).toBe(COUNT / 4)
      expect(count('summary')).toBe(COUNT)
      expect(events.slice(-COUNT).every(({ event }) => event === 'summary')).toBe(true)
    })
  })

  test('CIDR, a range, names and addresses at once', async () => {
    const words = ['127.2.0.0/28', '127.3.0.1-127.3.0.9', 'localhost', '::1']
    const { stdout, code } = await pingIn(ns, ['-c1', '-W1', ...words])
    expect(code).toBe(0)
    const alive = linesOf(stdout).filter(line => / is alive/.test(line))
    for (const address of ['127.2.0.1', '127.2.0.14', '127.3.0.1', '127.3.0.9', 'localhost', '::1']) {
      expect(alive.filter(line => line.startsWith(`${address} `))).toHaveLength(1)
    }
  })

  test('probes that are under way at the end are not counted as lost', async () => {
    await withRules(ns, 'input', 'ip daddr 127.5.0.2 drop', async () => {
      // Ends 0.3 s after the first round; no timeout has passed.
      const args = ['--json', '-i', '10', '-W5', '-w', '0.3', '127.5.0.1', '127.5.0.2']
      const { targets } = JSON.parse((await pingIn(ns, args)).stdout) as PingDocument
      expect(targets[0]!.statistics).toMatchObject({ transmitted: 1, received: 1, lossPercent: 0 })
      expect(targets[1]!.statistics).toMatchObject({ transmitted: 1, received: 0 })
      expect(targets[1]!.statistics.lossPercent).not.toBe(100)
    })
  })
}, ['fping', 'nft'])
