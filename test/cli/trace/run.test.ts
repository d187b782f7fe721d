// The command over parts that the test is: what is printed, in which form, and how it ends.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Format } from '../../../src/cli/failure.js'
import { openBaseline } from '../../../src/cli/trace/baseline.js'
import type { TraceConsole, TraceParts } from '../../../src/cli/trace/parts.js'
import { runTrace } from '../../../src/cli/trace/run.js'
import { UsageError } from '../../../src/errors/index.js'
import type { TraceDocument } from '../../../src/probe/trace-document.js'
import type { TraceEvent } from '../../../src/probe/trace-events.js'
import type { DocumentExtras } from '../../../src/probe/trace-hops.js'
import type { TracePlan } from '../../../src/probe/trace-plan.js'
import { mmdbBytes } from '../../adapters/mmdb-file.js'
import {
  document,
  echoReply,
  HOSTILE,
  header,
  hop,
  reply,
  responder,
  roundOver,
  SHOWN_HOSTILE,
  sent,
  target,
  timeout,
} from '../../render/trace-documents.js'
import { parseWords } from './parse.js'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nk-trace-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Collects what is written. */
class FakeOutput {
  text = ''
  write(part: string): void {
    this.text += part
  }
  line(text: string): void {
    this.text += `${text}\n`
  }
  json(value: unknown): void {
    this.line(JSON.stringify(value))
  }
  jsonLine(value: unknown): void {
    this.line(JSON.stringify(value))
  }
  flush(): void {}
}

const PATH: readonly TraceEvent[] = [
  sent({ ttl: 1 }),
  reply({ ttl: 1 }, '10.0.0.1', 0.5),
  sent({ ttl: 2 }),
  timeout({ ttl: 2 }),
  sent({ ttl: 3 }),
  echoReply({ ttl: 3 }, '10.0.3.2', 2),
  roundOver(1, ['10.0.0.1', null, '10.0.3.2']),
]
const FOUND = document([hop(1, [responder('10.0.0.1')]), hop(2, []), hop(3, [target()])], { verdict: ['reached'] })

interface Options {
  format?: Format
  events?: readonly TraceEvent[]
  found?: TraceDocument
  parts?: Partial<TraceParts>
  /** Ctrl-C after so many events. */
  interruptAfter?: number
  /** Address that probes leave from. */
  source?: string | null
}

async function run(
  words: string,
  { format = 'text', events = PATH, found = FOUND, parts = {}, interruptAfter, source = null }: Options = {},
) {
  const parsed = await parseWords(words)
  const [out, err] = [new FakeOutput(), new FakeOutput()]
  let code = 0
  let interrupt = (): void => undefined
  const calls: string[] = []
  const io = {
    out,
    err,
    format,
    color: false,
    version: '0',
    host: HOSTILE,
    setExit: (value: number) => {
      code = value
    },
    onInterrupt: (callback: () => void) => {
      interrupt = callback
      return () => calls.push('free')
    },
  } as unknown as TraceConsole
  const all: TraceParts = {
    prepare: async (word, settings) => ({
      plan: { target: header().target, rounds: settings.rounds } as TracePlan,
      notes: ['a note'],
      start: tell => {
        let isStopped = false
        return {
          header: header(),
          run: async () => {
            for (const [index, event] of events.entries()) {
              if (isStopped) return
              tell(event)
              if (index + 1 === interruptAfter) interrupt()
              await null
            }
          },
          stop: () => {
            isStopped = true
            calls.push(`stop ${word}`)
          },
          pause: () => undefined,
          resume: () => undefined,
        }
      },
      sourceAddress: () => source,
      close: () => calls.push('close'),
    }),
    fold: () => ({
      add: () => undefined,
      document: (_: number, extras: DocumentExtras) => ({
        ...found,
        mtu: extras.mtu ?? null,
        hops: found.hops.map(each => ({
          ...each,
          responders: each.responders.map(one => ({ ...one, ...extras.place?.(one.address) })),
        })),
      }),
    }),
    mtu: async () => ({ pathMtu: 1400, byTtl: [], limits: [], clamps: [], mss: null, notes: [] }),
    baseline: async file => openBaseline(file),
    ...parts,
  }
  let failure: unknown = null
  await runTrace(parsed.flags, parsed.words, io, all).catch(error => {
    failure = error
  })
  const lines = out.text.split('\n').slice(0, -1)
  return { lines, errors: err.text.split('\n').slice(0, -1), code, calls, failure }
}
const json = (line: string | undefined): Record<string, unknown> => JSON.parse(line!)

describe('a look at the path', () => {
  test('prints hops as they come, and the verdict', async () => {
    const { lines, errors, code, calls } = await run('-n -q 1 bee')
    expect(lines).toEqual([
      'trace to bee (10.0.3.2), 30 hops max, 60 byte packets, icmp, unprivileged',
      ' 1  10.0.0.1  0.500 ms',
      ' 2  *',
      ' 3  10.0.3.2  2.000 ms',
      'reached',
    ])
    expect(errors).toEqual(['netkit: a note'])
    expect(code).toBe(0)
    expect(calls).toEqual(['free', 'close'])
  })

  test('exits 1 when the target was not reached', async () => {
    expect((await run('-n bee', { found: document([], { reached: false }) })).code).toBe(1)
  })

  test('prints what is known at Ctrl-C', async () => {
    const { lines, calls } = await run('-n -q 3 bee', { interruptAfter: 2, found: document([], { reached: false }) })
    expect(lines.slice(1)).toEqual([' 1  10.0.0.1  0.500 ms', 'bee reached in 3 hops'])
    expect(calls).toContain('stop bee')
  })

  test('without a route it is a fault of usage, and nothing of a path is shown', async () => {
    const { answer, from, rttMs, ...rest } = reply({ ttl: 1, sequence: 1 }, '', null)
    const error: TraceEvent = {
      ...rest,
      event: 'error',
      origin: 'local',
      reason: 'Network is unreachable',
      errno: 'ENETUNREACH',
    }
    const refused: TraceEvent = { ...error, reason: 'Permission denied', errno: 'EACCES' }
    const broadcast = await run('-n bee', { events: [refused], source: '10.0.3.1' })
    expect(String(broadcast.failure)).toContain('it is a broadcast address (Permission denied)')
    expect((broadcast.failure as UsageError).hints.join()).not.toContain('-b')
    const { lines, failure } = await run('-n bee', { events: [error] })
    expect(failure).toBeInstanceOf(UsageError)
    expect(String(failure)).toContain('Network is unreachable')
    expect(lines).toHaveLength(1)
    const stream = await run('-n bee', { events: [error], format: 'ndjson', found: document([], { reached: false }) })
    expect(stream.lines.map(line => json(line)['event'])).toEqual(['start', 'error', 'summary'])
    expect({ code: stream.code, failure: stream.failure }).toEqual({ code: 2, failure: null })
  })
})

test('the report is from this host, whatever its name is', async () => {
  const { lines } = await run('-n -c 10 bee')
  expect(lines[0]).toBe('trace to bee (10.0.3.2), icmp, unprivileged, 10 rounds, 60 byte packets')
  expect(lines[2]).toContain(`HOST: ${SHOWN_HOSTILE.slice(0, 10)}`)
})

describe('for machines', () => {
  test('--json is one document', async () => {
    const { lines, code } = await run('-n bee', { format: 'json' })
    expect(lines).toHaveLength(1)
    expect(json(lines[0])).toMatchObject({ target: 'bee', reached: true, rounds: 10 })
    expect(code).toBe(0)
  })

  test('--ndjson begins with the run and ends with the document, at Ctrl-C too', async () => {
    for (const interruptAfter of [undefined, 1]) {
      const options: Options = { format: 'ndjson' }
      if (interruptAfter !== undefined) options.interruptAfter = interruptAfter
      const events = (await run('-n bee', options)).lines.map(line => json(line)['event'])
      expect(events[0]).toBe('start')
      expect(events.at(-1)).toBe('summary')
    }
  })

  test('a name without an address is two events, and exit 2', async () => {
    const prepare = (): never => {
      throw new UsageError('bee: Name or service not known', { code: 'unresolved' })
    }
    const { lines, code } = await run('-n bee', { format: 'ndjson', parts: { prepare } })
    expect(lines.map(json)).toMatchObject([
      { event: 'error', target: 'bee', address: null, reason: 'Name or service not known' },
      { event: 'summary', target: 'bee', reached: false },
    ])
    expect(code).toBe(2)
    expect((await run('-n bee', { format: 'json', parts: { prepare } })).failure).toBeInstanceOf(UsageError)
  })

  test('--csv ends each record as RFC 4180 has it, and --dot is a graph', async () => {
    const csv = await run('-n --csv bee')
    expect(csv.lines).toHaveLength(4)
    for (const line of csv.lines) expect(line).toMatch(/\r$/)
    expect((await run('-n --dot bee')).lines[0]).toBe('digraph "trace to bee (10.0.3.2)" {')
  })
})

describe('limits, sizes, places and baselines', () => {
  test('a limit on the target that is exceeded is exit 1 and a sentence', async () => {
    const lossy = document([hop(1, [responder('10.0.0.1')]), hop(2, [target({ lossPercent: 20 })])])
    const { errors, code } = await run('-n -c 10 --fail-if loss>5,avg>1s bee', { found: lossy })
    expect(errors).toContain('netkit: loss>5: loss is 20 %')
    expect(code).toBe(1)
    expect((await run('-n -c 10 --fail-if loss>20,avg>1s bee', { found: lossy })).code).toBe(0)
    const lost = await run('-n -c 10 --fail-if p95>20ms bee', { found: document([hop(1, [])], { reached: false }) })
    expect(lost.errors).toContain('netkit: p95>20ms: no reply')
  })

  test('--mtu adds sizes', async () => {
    expect((await run('-n --mtu bee', { format: 'json' })).lines.map(json)).toMatchObject([{ mtu: { pathMtu: 1400 } }])
  })

  test('--mmdb adds AS numbers and places, and a damaged file is told in the end', async () => {
    const file = join(directory, 'asn.mmdb')
    const bytes = mmdbBytes({
      '10.0.0.0/8': { autonomous_system_number: 64_500, autonomous_system_organization: 'Bee' },
    })
    writeFileSync(file, bytes)
    const { lines } = await run(`-n -q 1 -z --mmdb ${file} bee`)
    expect(lines[1]).toBe(' 1  10.0.0.1 [AS64500]  0.500 ms')
    expect((await run(`-n -q 1 --mmdb ${file} bee`)).lines[1]).toBe(' 1  10.0.0.1 [AS64500 Bee]  0.500 ms')
    // A control byte of no type, where the record begins: behind the tree of eight nodes and its separator.
    bytes[8 * 6 + 16] = 0x00
    bytes[8 * 6 + 17] = 0xff
    writeFileSync(file, bytes)
    const damaged = await run(`-n -q 1 --mmdb ${file} bee`)
    expect(damaged.lines.at(-1)).toBe('reached')
    expect(damaged.errors.at(-1)).toMatch(/damaged/)
    expect(damaged.code).toBe(5)
  })

  test('--baseline tells what differs, as text and as data', async () => {
    const file = join(directory, 'before.json')
    writeFileSync(file, JSON.stringify(document([hop(1, [responder('10.0.0.7')]), hop(2, []), hop(3, [target()])])))
    const { lines } = await run(`-n -q 1 --baseline ${file} bee`)
    expect(lines.join('\n')).toMatch(/beside .*before\.json.*10\.0\.0\.7/s)
    const other = document([hop(1, [target()])], { target: 'wasp', address: '10.9.9.9' })
    writeFileSync(join(directory, 'other.json'), JSON.stringify(other))
    const beside = await run(`-n -q 1 --baseline ${join(directory, 'other.json')} bee`)
    expect(beside.lines.join('\n')).toMatch(/which is a trace of another target, wasp \(10\.9\.9\.9\):/)
    expect(lines.join('\n')).not.toMatch(/another target/)
    const [data] = (await run(`-n --baseline ${file} bee`, { format: 'json' })).lines.map(json)
    expect(data).toMatchObject({ baseline: { changedHops: [{ ttl: 1, before: ['10.0.0.7'], after: ['10.0.0.1'] }] } })
    const stream = (await run(`-n --baseline ${file} bee`, { format: 'ndjson' })).lines.map(line => json(line)['event'])
    expect(stream.slice(-2)).toEqual(['baseline', 'summary'])
  })

  test.each([
    ['', /not JSON/],
    ['{}', /hops/],
    ['[1]', /no trace/],
    ['{"event":"start"}\n{"event":"sent"}\n', /not JSON/],
    ['\u001b[31m', /not JSON/],
    ['{"hops":[{"ttl":"1"}]}', /no trace/],
  ])('a baseline of %j is a fault of usage', async (content, sentence) => {
    const file = join(directory, 'bad.json')
    writeFileSync(file, content)
    const { failure } = await run(`-n --baseline ${file} bee`)
    expect(failure).toBeInstanceOf(UsageError)
    expect(String(failure)).toMatch(sentence)
  })
})
