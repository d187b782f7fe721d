// A trace in a process of its own: as another user, or through a package that can enter no namespace.

import type { ProbeOptions } from '../../src/ports/probe.js'
import type { QuotedProbe } from '../../src/probe/trace-events.js'
import { runBundled } from './bundle.js'
import type { TraceRow } from './trace-collect.js'

export interface BundledAnswer {
  sequence: number
  from: string | null
  /** Type and code of an error, or what a reply is. */
  what: string
  quoted: number[]
  quote: QuotedProbe | null
}

export interface BundledTrace {
  kind: string
  results: number[]
  answers: BundledAnswer[]
  flowValues: number[]
}

/** Sends rows, each in a batch of its own and `gapMs` after the one before, and gives what came back, by sequence. */
export function bundledTrace(
  modules: readonly string[],
  /** Makes the transport out of `x`, what the modules export, and `options`. */
  opened: string,
  options: ProbeOptions,
  rows: readonly TraceRow[],
  { gapMs = 0, ...where }: { ns: string; uid?: number; gapMs?: number; through?: readonly string[] },
): Promise<BundledTrace> {
  const body = `
    const options = ${JSON.stringify(options)}
    const rows = ${JSON.stringify(rows)}
    const transport = await ${opened}
    const results: number[] = []
    const answers: any[] = []
    const visitor = {
      reply: (r: any) => answers.push({ sequence: r.sequence, from: r.from, what: r.answer, quoted: [], quote: null }),
      error: (e: any) => answers.push({ sequence: e.sequence, from: e.from, what: e.type + '/' + e.code, quoted: [...e.quoted],
        quote: e.quote ?? null }),
      transmitted: () => undefined,
    }
    const limit = Date.now() + 5000
    transport.onReadable(() => transport.receive(visitor))
    const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
    for (const { sequence, ttl, flow = 0, bytes = 32 } of rows) {
      const batch = {
        count: 1, target: new Int32Array(1), sequence: Uint32Array.of(sequence), payloadBytes: Int32Array.of(bytes),
        ttl: Uint8Array.of(ttl), flow: Uint16Array.of(flow), result: Int32Array.of(1), sentNs: new Float64Array(1),
        sentMonoNs: new Float64Array(1),
      }
      transport.send(batch)
      results.push(batch.result[0]!)
      if (${gapMs} > 0) await sleep(${gapMs})
    }
    while (answers.length < rows.length && Date.now() < limit) await sleep(5)
    await sleep(20)
    const flowValues = [0, 1, 2].map(flow => transport.flowValue(flow))
    const { kind } = transport
    transport.close()
    answers.sort((a, b) => a.sequence - b.sequence)
    return { kind, results, answers, flowValues }`
  return runBundled<BundledTrace>(modules, body, where)
}
