// Whose SYN an MSS was quoted from, over a transport that answers as it is told, when it is told.

import { describe, expect, test } from 'vitest'
import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../../src/ports/probe.js'
import type { PathMtuTimers } from '../../src/probe/path-mtu-wait.js'
import { mssClamps, readMss } from '../../src/probe/trace-mss.js'

const HOPS = [1, 2, 3].map(ttl => ({ ttl, address: `192.0.2.${ttl}` }))
const PLAN = { target: 0, family: 4, hops: HOPS, deadlineMs: 60_000 } as const

/** RFC 9293 sections 3.1 and 3.2: a SYN with 24 bytes of header, of which the last four are the MSS option. */
const syn = (mss: number): Uint8Array =>
  Uint8Array.of(0xc3, 0x50, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0xfa, 0xf0, 0, 0, 0, 0, 2, 4, mss >> 8, mss & 255)

interface Answer {
  afterMs: number
  /** null where the target answers. */
  mss: number | null
}

/** Answers each SYN as `answerTo` says; time passes when somebody waits. */
class FakePath implements ProbeTransport {
  readonly kind = 'tcp'
  readonly timestamps = 'tcp-info'
  readonly cookie = [0, 0] as const
  readonly baseSeconds = 0
  readonly note = null
  readonly sent: { ttl: number; sequence: number; flow: number }[] = []
  readonly timers: PathMtuTimers
  private due: { atMs: number; tell: (visitor: ProbeVisitor) => void }[] = []
  private readonly answerTo: (ttl: number, tries: number) => Answer | null
  private nowMs = 0
  private readable: () => void = () => undefined

  constructor(answerTo: (ttl: number, tries: number) => Answer | null) {
    this.answerTo = answerTo
    this.timers = {
      after: (ms, callback) => {
        let isOff = false
        const end = this.nowMs + ms
        queueMicrotask(() => {
          const next = Math.min(...this.due.map(({ atMs }) => atMs), end)
          this.nowMs = Math.max(this.nowMs, next)
          if (next < end) this.readable()
          else if (!isOff) callback()
        })
        return () => {
          isOff = true
        }
      },
    }
  }

  send({ count, sequence, ttl, flow }: SendBatch): number {
    for (let row = 0; row < count; row++) {
      const own = { ttl: ttl![row]!, sequence: sequence[row]!, flow: flow![row]! }
      this.sent.push(own)
      const tries = this.sent.filter(each => each.ttl === own.ttl).length
      const answer = this.answerTo(own.ttl, tries)
      if (answer !== null) this.due.push({ atMs: this.nowMs + answer.afterMs, tell: told(answer, own.sequence) })
    }
    return count
  }

  receive(visitor: ProbeVisitor): number {
    const now = this.due.filter(({ atMs }) => atMs <= this.nowMs).sort((a, b) => a.atMs - b.atMs)
    this.due = this.due.filter(({ atMs }) => atMs > this.nowMs)
    for (const { tell } of now) tell(visitor)
    return now.length
  }

  onReadable(callback: () => void): void {
    this.readable = callback
  }

  nowMonoNs(): number {
    return this.nowMs * 1e6
  }

  sourceAddress(): null {
    return null
  }

  close(): void {
    // Nothing is open.
  }
}

function told({ mss }: Answer, sequence: number): (visitor: ProbeVisitor) => void {
  if (mss === null) return visitor => visitor.reply({ answer: 'syn-ack', sequence } as ProbeReply)
  const error = { origin: 'icmp', type: 11, code: 0, sequence, wireSequence: -1, quoted: syn(mss) } as ProbeError
  return visitor => visitor.error(error)
}

describe('the MSS that hops quote', () => {
  test('is each its own, by one SYN after the other in one flow', async () => {
    const path = new FakePath(ttl => ({ afterMs: 10, mss: ttl === 3 ? null : 1500 - 40 * ttl }))
    expect(await readMss(path, PLAN, path.timers)).toEqual([1460, 1420, null])
    expect(path.sent).toEqual([1, 2, 3].map(ttl => ({ ttl, sequence: ttl, flow: 0 })))
  })

  test('is not that of an earlier hop whose answer came late', async () => {
    // The last try to hop 1 is answered when its time is over, while hop 2 is asked.
    const path = new FakePath((ttl, tries) => {
      if (ttl === 1) return tries === 3 ? { afterMs: 1001, mss: 1460 } : null
      return { afterMs: 50, mss: 1300 }
    })
    const seen = await readMss(path, PLAN, path.timers)
    expect(seen).toEqual([null, 1300, 1300])
    expect(mssClamps(HOPS, seen)).toEqual([])
  })

  test('is that of an earlier try to the same hop', async () => {
    const path = new FakePath((ttl, tries) => {
      if (ttl === 1) return tries === 1 ? { afterMs: 1001, mss: 1460 } : null
      return { afterMs: 50, mss: 1300 }
    })
    expect(await readMss(path, PLAN, path.timers)).toEqual([1460, 1300, 1300])
    expect(path.sent.map(({ ttl }) => ttl)).toEqual([1, 1, 2, 3])
  })
})

test('an MSS becomes smaller between two hops that quoted it, whoever is silent between them', () => {
  expect(mssClamps(HOPS, [1460, null, 1300])).toEqual([{ afterTtl: 1, beforeTtl: 3, from: 1460, to: 1300 }])
  expect(mssClamps(HOPS, [null, 1300, 1460])).toEqual([])
})
