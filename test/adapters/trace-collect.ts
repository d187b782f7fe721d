// Sends the probes of a trace, each with its own time to live and flow, and gives what came back by sequence.

import { setTimeout as sleep } from 'node:timers/promises'
import { openEchoSocket } from '../../src/adapters/echo-socket.js'
import { openTcpProbe } from '../../src/adapters/tcp-probe.js'
import { openUdpProbe } from '../../src/adapters/udp-probe.js'
import type { ProbeOptions, ProbeTransport, SendBatch } from '../../src/ports/probe.js'
import type { Chain, Family } from '../lab/index.js'
import { native } from '../native/helper.js'
import { receiveUntil, Seen, type SeenError, type SeenReply } from './probe-helper.js'

export interface TraceRow {
  sequence: number
  ttl: number
  flow?: number
  bytes?: number
}

export function traceBatch(rows: readonly TraceRow[], bytes = 32): SendBatch {
  return {
    count: rows.length,
    target: new Int32Array(rows.length),
    sequence: Uint32Array.from(rows, row => row.sequence),
    payloadBytes: Int32Array.from(rows, row => row.bytes ?? bytes),
    ttl: Uint8Array.from(rows, row => row.ttl),
    flow: Uint16Array.from(rows, row => row.flow ?? 0),
    result: new Int32Array(rows.length).fill(12345),
    sentNs: new Float64Array(rows.length),
    sentMonoNs: new Float64Array(rows.length),
    mtu: new Int32Array(rows.length),
  }
}

/** Where nobody listens (traceroute(8)). */
export const TRACEROUTE_PORT = 33434

/** Ways to trace by name: opened with the options, in whatever namespace they say. */
export const TRANSPORTS = {
  'icmp datagram': (options: ProbeOptions) => openEchoSocket(native, { ...options, transport: 'datagram' }),
  'icmp raw': (options: ProbeOptions) => openEchoSocket(native, { ...options, transport: 'raw' }),
  tcp: (options: ProbeOptions) => openTcpProbe(native, { ...options, port: options.port ?? TRACEROUTE_PORT }),
  udp: (options: ProbeOptions) => openUdpProbe(native, { ...options, port: options.port ?? TRACEROUTE_PORT }),
} as const satisfies Record<string, (options: ProbeOptions) => ProbeTransport>

export const everyTransport = Object.keys(TRANSPORTS) as (keyof typeof TRANSPORTS)[]

/** The word for an answer: type/code of an error, or what a reply is. */
const wordFor = (answer: SeenError | SeenReply): string =>
  'answer' in answer
    ? answer.answer
    : answer.origin === 'local'
      ? `errno ${answer.errno}`
      : `${answer.type}/${answer.code}`

export interface Outline {
  sequence: number
  from: string | null
  what: string
}

/** What came, by sequence. */
export function outlineOf(seen: Seen): Outline[] {
  return [...seen.errors, ...seen.replies]
    .map(answer => ({ sequence: answer.sequence, from: answer.from, what: wordFor(answer) }))
    .sort((a, b) => a.sequence - b.sequence)
}

const TIME_EXCEEDED = { 4: '11/0', 6: '3/0' } as const

/** What a chain answers to probes of these times to live; `last` is the destination's word. */
export function trueOutline(chain: Chain, family: Family, rows: readonly TraceRow[], last: string): Outline[] {
  const hops = chain.nodes.length - 1
  return [...rows]
    .sort((a, b) => a.sequence - b.sequence)
    .map(({ sequence, ttl }) => ({
      sequence,
      from: chain.address(Math.min(ttl, hops), family),
      what: ttl < hops ? TIME_EXCEEDED[family] : last,
    }))
}

/** Sends everything at once and takes what comes until there are as many answers as probes; then whatever else is there. */
export async function sendAll(
  transport: ProbeTransport,
  rows: readonly TraceRow[],
  limitMs = 5000,
  batch = traceBatch(rows),
): Promise<Seen> {
  const seen = new Seen()
  transport.onReadable(() => transport.receive(seen))
  const sent = transport.send(batch)
  if (sent !== rows.length) throw new Error(`${sent} of ${rows.length} rows were sent`)
  await receiveUntil(transport, seen, () => seen.errors.length + seen.replies.length >= rows.length, limitMs)
  await sleep(20)
  transport.receive(seen)
  return seen
}

/** 16 bits of what an error quotes. */
export const quoted16 = ({ quoted }: SeenError, at: number): number => (quoted[at]! << 8) | quoted[at + 1]!
