// Must show 3: 300 sockets in one hash chain, of which ten are closed, or to which ten come, in the middle of a dump.

import { expect, test } from 'vitest'
import { encodeRequest, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, walkMessages } from '../../../src/netlink/message.js'
import { type CollectQuery, collectSockets } from '../../../src/sockets/collect.js'
import type { Consistency } from '../../../src/sockets/model.js'
import { CLOSED, LISTENING } from '../../../src/sockets/states.js'
import { tableById } from '../../../src/sockets/tables.js'
import { type Crowd, describeLab, reuseportCrowd, withNetns } from '../../lab/index.js'
import { listing } from './acceptance.js'
import { type BetweenParts, inodesIn, smallReads } from './small-reads.js'

const CROWD = 300
const CHANGED = 10
const SOCK_DIAG = 4
const SOCK_DIAG_BY_FAMILY = 20
const STATES = (1 << LISTENING) | (1 << CLOSED)

/** The end of some other answer. */
const DONE = new DataView(encodeRequest(NLMSG_DONE, 0, 1, new Uint8Array(4)).buffer)

type Kind = 'tcp' | 'udp'

const tableOf = (kind: Kind) => tableById(`${kind}4`)!

/** What netkit's collector hands over, in order. */
async function collected(
  ns: string,
  kind: Kind,
  between: BetweenParts,
  now: () => number = () => 0,
  each: () => void = () => undefined,
  most?: number,
): Promise<{ inodes: number[]; consistency: Consistency }> {
  const inodes: number[] = []
  const query: CollectQuery = {
    tables: [tableOf(kind)],
    states: STATES,
    source: 'netlink',
    details: { extensions: 0 },
    bytecode: null,
    targets: [{ label: null, fd: 0, proc: { read: () => ({ rows: 0, skipped: 0, error: null }) } }],
  }
  // By default a clock that stands still: the time that the test takes between two parts is none of the kernel's.
  const ports = { netlink: smallReads(ns, between, most), netlinkUnavailable: null, now }
  const report = await collectSockets(query, ports, {
    socket: record => {
      inodes.push(record.inode)
      each()
    },
    tableEnd: () => undefined,
  })
  expect(report).toMatchObject({ damaged: 0, sources: [{ method: 'netlink', error: null }] })
  return { inodes, consistency: report.consistency }
}

/** One pass over the answer as it comes, which is what ss does. */
async function naive(ns: string, kind: Kind, between: BetweenParts): Promise<number[]> {
  const { payload, attributes } = tableOf(kind).request(STATES, { extensions: 0, bytecode: null })
  const connection = smallReads(ns, between).open(SOCK_DIAG)
  try {
    connection.send(encodeRequest(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, payload, attributes))
    const batch = (await connection.read())!
    const inodes: number[] = []
    for (let part = 0; part < batch.count; part++) {
      const start = batch.start(part)
      inodes.push(...inodesIn(batch.bytes.subarray(start, start + batch.length(part))).inodes)
    }
    expect(batch.count).toBeGreaterThan(2)
    return inodes
  } finally {
    connection.close()
  }
}

const ordered = (inodes: Iterable<number>): number[] => [...inodes].sort((a, b) => a - b)
const lostOf = (inodes: readonly number[], crowd: Crowd, kind: Kind): number[] =>
  crowd.members[kind].filter(inode => !inodes.includes(inode))

/** Closes ten of those already seen, or opens ten, after the first part of the first answer. */
function change(crowd: Crowd, how: 'closed' | 'opened'): BetweenParts {
  let changed = false
  return async seen => {
    if (changed) return
    changed = true
    if (how === 'opened') await crowd.open(CHANGED)
    else await crowd.closeInodes(seen.slice(0, CHANGED))
  }
}

const CASES: [Kind, 'closed' | 'opened'][] = [
  ['tcp', 'closed'],
  ['tcp', 'opened'],
  ['udp', 'closed'],
  ['udp', 'opened'],
]

describeLab('300 SO_REUSEPORT sockets and a table that changes in the middle of a dump', () => {
  test.each(CASES)(
    'control: a single pass over %s sockets loses or repeats some when ten are %s',
    async (kind, how) => {
      await withNetns(async ns => {
        const crowd = await reuseportCrowd(ns, CROWD)
        const inodes = await naive(ns, kind, change(crowd, how))
        if (how === 'closed') expect(lostOf(inodes, crowd, kind).length).toBeGreaterThan(0)
        else expect(inodes.length - new Set(inodes).size).toBeGreaterThan(0)
      })
    },
  )

  test.each(CASES)('every live %s socket once when ten are %s', async (kind, how) => {
    await withNetns(async ns => {
      const crowd = await reuseportCrowd(ns, CROWD)
      const { inodes, consistency } = await collected(ns, kind, change(crowd, how))
      expect(crowd.members[kind]).toHaveLength(how === 'closed' ? CROWD - CHANGED : CROWD + CHANGED)
      expect(ordered(inodes)).toEqual(ordered(crowd.members[kind]))
      expect(consistency.differed).toBe(true)
      expect(consistency.passes).toBeGreaterThan(1)
      if (how === 'opened') expect(consistency.duplicatesRemoved).toBeGreaterThan(0)
    })
  })

  test.each(CASES)(
    'every live %s socket once when ten are %s while a large answer is handed out',
    async (kind, how) => {
      await withNetns(async ns => {
        const crowd = await reuseportCrowd(ns, CROWD)
        const changing = change(crowd, how)
        const { inodes, consistency } = await collected(ns, kind, changing, undefined, undefined, 1)
        expect(lostOf(inodes, crowd, kind)).toEqual([])
        expect(new Set(inodes).size).toBe(inodes.length)
        expect(consistency).toMatchObject({ differed: true })
        expect(consistency.passes).toBeGreaterThan(1)
      })
    },
  )

  test.each<Kind>(['tcp', 'udp'])('every live %s socket once when ten are closed in every pass', async kind => {
    await withNetns(async ns => {
      const crowd = await reuseportCrowd(ns, CROWD)
      const { inodes, consistency } = await collected(ns, kind, async seen => {
        await crowd.closeInodes(seen.slice(0, CHANGED))
      })
      expect(lostOf(inodes, crowd, kind)).toEqual([])
      expect(new Set(inodes).size).toBe(inodes.length)
      expect(consistency).toMatchObject({ differed: true })
      expect(consistency.passes).toBeGreaterThan(2)
    })
  })

  test.each<Kind>(['tcp', 'udp'])(
    'a slow dump of %s sockets is whole, whatever is read meanwhile, and one more look agrees with it',
    async kind => {
      await withNetns(async ns => {
        const crowd = await reuseportCrowd(ns, CROWD)
        let clock = 0
        // What the listing does when it meets an interface for the first time: another answer is read inside of the first.
        const meanwhile = () => walkMessages(DONE, 0, DONE.byteLength, () => undefined)
        const passed = () => {
          clock += 1000
          return clock
        }
        const { inodes, consistency } = await collected(ns, kind, async () => undefined, passed, meanwhile)
        expect(ordered(inodes)).toEqual(ordered(crowd.members[kind]))
        expect(consistency).toEqual({ passes: 2, duplicatesRemoved: 0, differed: false })
      })
    },
  )

  test('a table that holds still is read twice and found the same, also by the program', async () => {
    await withNetns(async ns => {
      const crowd = await reuseportCrowd(ns, CROWD)
      for (const kind of ['tcp', 'udp'] as const) {
        const { inodes, consistency } = await collected(ns, kind, async () => undefined)
        expect(ordered(inodes)).toEqual(ordered(crowd.members[kind]))
        expect(consistency).toEqual({ passes: 2, duplicatesRemoved: 0, differed: false })
      }
      const { sockets, consistency } = await listing(ns, ['-tul'])
      for (const kind of ['tcp', 'udp'] as const) {
        const inodes = sockets.filter(({ protocol }) => protocol === kind).map(({ inode }) => inode!)
        expect(ordered(inodes)).toEqual(ordered(crowd.members[kind]))
      }
      expect(consistency).toMatchObject({ duplicatesRemoved: 0, differed: false })
    })
  })
})
