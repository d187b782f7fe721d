// Must show 3: replies that are held exactly so long are measured so long, also by a program whose event loop is blocked.

import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addNetns,
  deleteNetns,
  describeLab,
  NOBODY,
  type Responder,
  type ResponderStatistics,
  setPingGroups,
  startResponder,
} from '../../lab/index.js'
import { documentOf, iputils, type PingDocumentTarget } from './acceptance.js'

const BLOCKER = fileURLToPath(new URL('block-event-loop.cjs', import.meta.url))
const FAMILIES = [4, 6] as const
/** What the way to the responder and its waking up may add to what it holds: the goal of the issue. */
const GOAL_MS = 0.15

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

describeLab('netkit ping and the truth', () => {
  let ns: string
  beforeAll(async () => {
    ns = await addNetns()
    await setPingGroups(ns, 'open')
  })
  afterAll(() => deleteNetns(ns))

  /** A responder of its own for each run, so that what it says of its punctuality is about that run alone. */
  const held = async <T>(ms: number, run: (responder: Responder) => Promise<T>): Promise<[T, ResponderStatistics]> => {
    const responder = await startResponder(ns, [{ hold: ms * 1000 }])
    try {
      const answer = await run(responder)
      return [answer, await responder.statistics()]
    } finally {
      await responder.close()
    }
  }

  /** Times of netkit and, right before, of iputils, whose median has the same way and wake-ups in it. */
  const measure = async (ms: number, family: 4 | 6, args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const probes = ['-c60', '-i.03', '-W1']
    const [theirs] = await held(ms, responder => iputils(ns, [...probes, responder.address(2, family)]))
    const witness = [...theirs.stdout.matchAll(/time=([\d.]+) ms/g)].map(found => Number(found[1]))
    const [document, statistics] = await held(ms, responder =>
      documentOf(ns, [...probes, ...args, responder.address(2, family)], { uid: NOBODY, env }),
    )
    return { document, witness: median(witness), excessMs: statistics.excessNs.max / 1e6 }
  }

  const timesOf = ({ replies }: PingDocumentTarget): number[] => replies.map(({ rttMs }) => rttMs!)

  describe.each(['kernel', 'rx'])('with --timestamps %s', timestamps => {
    test.each([1, 5, 20])('replies held %i ms', async ms => {
      for (const family of FAMILIES) {
        const { document, witness } = await measure(ms, family, ['--timestamps', timestamps])
        expect(document).toMatchObject({ timestampSource: timestamps, statistics: { received: 60, lossPercent: 0 } })
        // Less than the truth is never right, on no machine.
        expect(Math.min(...timesOf(document))).toBeGreaterThanOrEqual(ms)
        expect(median(timesOf(document)) - ms).toBeLessThanOrEqual(Math.max(GOAL_MS, witness - ms + GOAL_MS))
      }
    })
  })

  test('an event loop that is blocked 20 ms in every 50 makes late sends, and no wrong times', async () => {
    const env = { NODE_OPTIONS: `--require ${BLOCKER}` }
    for (const timestamps of ['kernel', 'rx']) {
      const { document, witness, excessMs } = await measure(5, 4, ['--timestamps', timestamps], env)
      const times = timesOf(document)
      expect(document.statistics).toMatchObject({ transmitted: 60, received: 60, duplicates: 0, late: 0 })
      expect(Math.min(...times)).toBeGreaterThanOrEqual(5)
      expect(median(times) - 5).toBeLessThanOrEqual(Math.max(GOAL_MS, witness - 5 + GOAL_MS))
      // A stamp of a program that is blocked would be wrong by up to 20 ms in two of five probes.
      const wrong = times.filter(time => time > 5 + excessMs + 5)
      expect(wrong).toEqual([])
    }
  })

  test('the blocked event loop shows when the program stamps by itself', async () => {
    const env = { NODE_OPTIONS: `--require ${BLOCKER}` }
    // Held as long as a block, so that many a reply arrives within one.
    const { document } = await measure(20, 4, ['--timestamps', 'user'], env)
    expect(document.timestampSource).toBe('user')
    expect(Math.min(...timesOf(document))).toBeGreaterThanOrEqual(20)
    expect(Math.max(...timesOf(document))).toBeGreaterThan(25)
  })
}, ['ping', 'g++', '/dev/net/tun'])
