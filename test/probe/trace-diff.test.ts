import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../src/errors/index.js'
import { diffTraces } from '../../src/probe/trace-diff.js'
import type { TraceDocument } from '../../src/probe/trace-document.js'
import { readTraceDocument } from '../../src/probe/trace-reader.js'
import { summarizeTrace } from '../../src/probe/trace-statistics.js'
import { chain, everyFifth, header, type SimulatedHop, simulate } from './trace-simulation.js'

const traceOf = (hops: SimulatedHop[], rounds = 10): TraceDocument =>
  summarizeTrace(simulate({ hops, rounds }), header('10.0.4.2'))

function withHop(ttl: number, fields: Partial<SimulatedHop>): SimulatedHop[] {
  return chain(4).map((hop, at) => (at === ttl - 1 ? { ...hop, ...fields } : hop))
}

describe('the difference of two traces', () => {
  test('is none for a trace and itself', () => {
    const diff = diffTraces(traceOf(chain(4)), traceOf(chain(4)))
    expect(diff).toMatchObject({ changedHops: [], newLoss: [], goneLoss: [], sentences: ['the path is the same'] })
    expect(diff.rtt.map(({ ttl, deltaMs }) => [ttl, deltaMs])).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
      [4, 0],
    ])
  })

  test('names a hop that became another', () => {
    const diff = diffTraces(traceOf(chain(4)), traceOf(withHop(2, { address: '10.0.9.2' })))
    expect(diff.changedHops).toEqual([{ ttl: 2, before: ['10.0.2.2'], after: ['10.0.9.2'] }])
    expect(diff.sentences).toEqual(['hop 2 changed: 10.0.2.2 became 10.0.9.2'])
  })

  test('takes no hop for changed that was silent in one of them, and says that it was', () => {
    const [all, without] = [traceOf(chain(4)), traceOf(withHop(2, { silent: true }))]
    expect(diffTraces(all, without)).toMatchObject({
      changedHops: [],
      sentences: ['the path is the same', 'hop 2 (10.0.2.2) does not answer now'],
    })
    expect(diffTraces(without, all)).toMatchObject({
      changedHops: [],
      sentences: ['the path is the same', 'hop 2 did not answer, and 10.0.2.2 does now'],
    })
  })

  test('tells how much longer the way is', () => {
    const longer = chain(5).map((hop, at) => (at === 4 ? { ...hop, address: '10.0.4.2' } : hop))
    longer[3] = { address: '10.0.9.2', answer: 'time-exceeded' }
    const diff = diffTraces(traceOf(chain(4)), traceOf(longer))
    expect(diff).toMatchObject({ hops: { before: 4, after: 5 } })
    expect(diff.changedHops).toEqual([
      { ttl: 4, before: ['10.0.4.2'], after: ['10.0.9.2'] },
      { ttl: 5, before: [], after: ['10.0.4.2'] },
    ])
    expect(diff.sentences).toContain('the target is 5 hops away, it was 4')
    // The target is the same one, wherever it is.
    expect(diff.rtt.at(-1)).toMatchObject({ ttl: 5, address: '10.0.4.2', beforeMs: 4, afterMs: 5 })
  })

  test('of a path that only got shorter says nothing of hops behind its end', () => {
    const shorter = [...chain(2), { address: '10.0.4.2', answer: 'echo-reply' as const }].map((hop, at) =>
      at === 1 ? { ...hop, answer: 'time-exceeded' as const } : hop,
    )
    const { sentences } = diffTraces(traceOf(chain(4)), traceOf(shorter))
    expect(sentences).toEqual([
      'hop 3 changed: 10.0.3.2 became 10.0.4.2',
      'the target is 3 hops away, it was 4',
      expect.stringContaining('round trips'),
    ])
  })

  test('tells that the target is gone, or back', () => {
    const [there, gone] = [traceOf(chain(4)), traceOf(withHop(4, { silent: true }))]
    expect(diffTraces(there, gone)).toMatchObject({ reached: { before: true, after: false }, changedHops: [] })
    expect(diffTraces(there, gone).sentences).toContain('the target is no longer reached')
    expect(diffTraces(gone, there).sentences).toContain('the target is reached now')
  })

  test('says from which hop on it is slower', () => {
    const slow = chain(4).map((hop, at) => ({ ...hop, rttMs: () => at + 1 + (at >= 2 ? 20 : 0) }))
    expect(diffTraces(traceOf(chain(4)), traceOf(slow)).sentences).toContain(
      'round trips to hop 4 (10.0.4.2) took 4 ms and take 24 ms: 20 ms more, from hop 3 (10.0.3.2) on',
    )
  })

  test('has loss that is new and loss that is gone', () => {
    const [clean, lossy] = [traceOf(chain(4), 100), traceOf(withHop(3, { drops: everyFifth() }), 100)]
    expect(diffTraces(clean, lossy).sentences).toContain('new: 20 % lost between hop 2 and hop 3')
    expect(diffTraces(traceOf(chain(4), 100), clean).newLoss).toEqual([])
    const again = traceOf(withHop(3, { drops: everyFifth() }), 100)
    expect(diffTraces(again, clean).sentences).toContain('gone: 20 % lost between hop 2 and hop 3')
    expect(diffTraces(again, lossy)).toMatchObject({ newLoss: [], goneLoss: [] })
  })

  test('says that the targets are two', () => {
    const other = summarizeTrace([], header('192.0.2.9'))
    expect(diffTraces(traceOf(chain(4)), other).sentences[0]).toBe(
      'these are traces of two targets: 10.0.4.2 and 192.0.2.9',
    )
  })
})

describe('a trace read from JSON', () => {
  const saved = (): Record<string, unknown> =>
    JSON.parse(JSON.stringify(traceOf(withHop(3, { drops: everyFifth() }), 60)))

  test('is the trace that was saved', () => {
    expect(readTraceDocument(saved())).toEqual(saved())
  })

  test('may lack what other versions do not have, and have what they do', () => {
    const { branches, rateLimited, mtu, ...rest } = saved()
    expect(readTraceDocument({ ...rest, event: 'summary', news: 1 })).toEqual(saved())
    expect([branches, rateLimited, mtu]).toEqual([null, [], null])
  })

  test.each([
    [null, 'this is no trace: it is not an object'],
    [[], 'this is no trace: it is not an object'],
    ['text', 'this is no trace: it is not an object'],
    [{}, 'this is no trace: hops is not there'],
    [{ hops: [] }, 'this is no trace: target is not a text'],
  ])('is refused as %j', (json, sentence) => {
    const read = (): unknown => readTraceDocument(json)
    expect(read).toThrow(DecodeError)
    expect(read).toThrow(sentence)
  })

  test('is refused with the place that is wrong', () => {
    const wrong = { ...saved(), hops: [{ ttl: 1, responders: [{ address: 7 }] }] }
    expect(() => readTraceDocument(wrong)).toThrow('hops[0].responders[0].address is not a text')
    expect(() => readTraceDocument({ ...saved(), protocol: 'sctp' })).toThrow('protocol is not one of icmp, udp, tcp')
    expect(() => readTraceDocument({ ...saved(), hops: new Array(256).fill({ ttl: 1 }) })).toThrow(
      'a list of 255 at most',
    )
  })

  test('is refused with a DecodeError or can be compared, whatever it holds', () => {
    const keys = Object.keys(saved())
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
        let read: TraceDocument
        try {
          read = readTraceDocument({ ...saved(), [key]: value })
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
          return
        }
        expect(diffTraces(read, traceOf(chain(2))).sentences.length).toBeGreaterThan(0)
      }),
      { numRuns: 200 },
    )
  })

  test('takes nothing from a prototype', () => {
    const hostile = JSON.parse('{"__proto__": {"target": "x"}, "hops": []}')
    expect(() => readTraceDocument(hostile)).toThrow('target is not a text')
    expect(() => readTraceDocument(Object.create(saved()))).toThrow('hops is not there')
  })
})
