// A network in virtual time for a trace: routers with delays, silence, limits on their answers and lossy links, branches by flow,
// routes that change, and a target that answers by protocol. Deterministic: what is random comes from a seed.

import type { ProbeError, ProbeReply, ProbeTransport, ProbeVisitor, SendBatch } from '../../src/ports/probe.js'
import type { TraceEvent, TraceProtocol } from '../../src/probe/trace-events.js'
import type { TracePlan } from '../../src/probe/trace-plan.js'
import { type TracePorts, TraceRun } from '../../src/probe/trace-run.js'
import { BASE_SECONDS } from './fake-transport.js'
import { randomFrom } from './path-mtu-network.js'

export const TARGET = '203.0.113.9'
const EHOSTUNREACH = 113
/** Host unreachable: what ip_error() says of a route that is none. */
const NO_ROUTE = 1

/** One ICMP error a second and six at once per destination: Linux (net/ipv4/route.c, XRLIM_BURST_FACTOR, icmp_ratelimit 1000 ms). */
export const LINUX_LIMIT = { burst: 6, perSecond: 1 } as const

export interface Node {
  address: string
  /** One way over the link that leads to it. 1 when left out. */
  linkMs?: number
  /** Share of packets, of either direction, that the link to it drops. */
  loss?: number
  /** It sends no ICMP errors at all. */
  isSilent?: boolean
  limit?: { burst: number; perSecond: number }
  /** Its errors come without the address of who sent them. */
  isNameless?: boolean
  /** Others have had all answers that the limit allows. */
  isUsedUp?: boolean
  /** It has no route to the target: it refuses whatever comes, before it looks at the time to live. */
  lacksRoute?: boolean
  /** It lets nothing pass, and says so with this code of "unreachable", or nothing (null). */
  blocks?: number | null
}

/** Where a packet goes at one TTL: one node, several by flow, or several in turns. */
export type Stage = Node | { byFlow: Node[] } | { perPacket: Node[] }

export interface Network {
  /** Routers, then the target. */
  stages: Stage[]
  /** From these moments on the path is another. */
  changes?: { atMs: number; stages: Stage[] }[]
  protocol?: TraceProtocol
  /** What the target sends back; nothing when false. */
  answers?: boolean
  seed?: number
  /** Routers quote eight bytes only: UDP probes are known by their flow. */
  shortQuotes?: boolean
  /** errno with which the kernel refuses probes, by sequence. */
  refuses?: (sequence: number) => number
  /** Alters what becomes of a probe that would be answered: the times at which its answers arrive, from its send on. */
  fate?: (probe: Sent, rttMs: number) => number[]
}

export interface Sent {
  sequence: number
  ttl: number
  flow: number
  atMs: number
}

export const router = (at: number, change: Partial<Node> = {}): Node => ({ address: `10.0.${at}.2`, ...change })
export const chain = (routers: number, change: (at: number) => Partial<Node> = () => ({})): Node[] => [
  ...Array.from({ length: routers }, (_, at) => router(at + 1, change(at + 1))),
  { address: TARGET, ...change(routers + 1) },
]

interface Due {
  atMs: number
  order: number
  callback: () => void
}

/** Time that passes when the test says so, in order. */
export class VirtualTime {
  nowMs = 1000
  private queue: Due[] = []
  private order = 0

  after(ms: number, callback: () => void): () => void {
    const due = { atMs: this.nowMs + ms, order: this.order++, callback }
    const at = this.queue.findIndex(each => each.atMs > due.atMs)
    if (at < 0) this.queue.push(due)
    else this.queue.splice(at, 0, due)
    return () => {
      const place = this.queue.indexOf(due)
      if (place >= 0) this.queue.splice(place, 1)
    }
  }

  /** A turn of the event loop takes a little. */
  soon(callback: () => void): () => void {
    return this.after(0.01, callback)
  }

  /** Lets what is next happen, and all that happens at the same moment; false when nothing does until then. */
  step(untilMs: number): boolean {
    const [first] = this.queue
    if (first === undefined || first.atMs > untilMs) {
      this.nowMs = Math.max(this.nowMs, untilMs)
      return false
    }
    this.nowMs = Math.max(this.nowMs, first.atMs)
    for (let next = this.queue[0]; next !== undefined && next.atMs <= this.nowMs; next = this.queue[0]) {
      this.queue.shift()
      next.callback()
    }
    return true
  }
}

export class NetworkTransport implements ProbeTransport {
  readonly kind: ProbeTransport['kind']
  readonly timestamps = 'rx' as const
  readonly cookie = [1, 2] as const
  readonly baseSeconds = BASE_SECONDS
  readonly note = null
  readonly oneProbeAFlow: boolean
  readonly sent: Sent[] = []
  /** Sends that the socket has no room for, from now on. */
  fullFor = 0
  /** Answers that limits kept back, by address. */
  readonly withheld = new Map<string, number>()
  private readonly network: Network
  private readonly time: VirtualTime
  private readonly random: () => number
  private readonly tokens = new Map<string, { count: number; atMs: number }>()
  private readonly newestOfFlow = new Map<number, number>()
  /** What is on its way here, and what has come. */
  private arriving: { atMs: number; message: (visitor: ProbeVisitor) => void }[] = []
  private readable: () => void = () => undefined

  constructor(network: Network, time: VirtualTime) {
    const { protocol = 'icmp' } = network
    this.network = network
    this.time = time
    this.random = randomFrom(network.seed ?? 1)
    this.kind = protocol === 'icmp' ? 'datagram' : protocol
    this.oneProbeAFlow = protocol === 'tcp'
  }

  send(batch: SendBatch): number {
    if (this.fullFor > 0) {
      this.fullFor--
      return 0
    }
    for (let row = 0; row < batch.count; row++) {
      const atMs = this.time.nowMs
      const sent = { sequence: batch.sequence[row]!, ttl: batch.ttl![row]!, flow: batch.flow![row]!, atMs }
      batch.result[row] = -(this.network.refuses?.(sent.sequence) ?? 0)
      batch.sentNs[row] = atMs * 1e6
      batch.sentMonoNs[row] = atMs * 1e6
      this.sent.push(sent)
      this.newestOfFlow.set(sent.flow, sent.sequence)
      if (batch.result[row] === 0) this.travel(sent)
    }
    return batch.count
  }

  receive(visitor: ProbeVisitor): number {
    const now = this.time.nowMs
    const come = this.arriving.filter(({ atMs }) => atMs <= now).sort((one, other) => one.atMs - other.atMs)
    if (come.length > 0) this.arriving = this.arriving.filter(({ atMs }) => atMs > now)
    for (const { message } of come) message(visitor)
    return come.length
  }

  onReadable(callback: () => void): void {
    this.readable = callback
  }

  flowValue(flow: number): number {
    return 40_000 + flow
  }

  nowMonoNs(): number {
    return this.time.nowMs * 1e6
  }

  sourceAddress(): null {
    return null
  }

  close(): void {
    this.readable = () => undefined
  }

  /** Who is at each TTL for this probe. */
  private nodes(sent: Sent): Node[] {
    const { stages, changes = [] } = this.network
    const now = changes.findLast(({ atMs }) => atMs <= sent.atMs - 1000)?.stages ?? stages
    return now.map((stage, at) => {
      if ('byFlow' in stage) return stage.byFlow[hash(sent.flow, at) % stage.byFlow.length]!
      if ('perPacket' in stage) return stage.perPacket[Math.floor(this.random() * stage.perPacket.length)]!
      return stage
    })
  }

  private travel(sent: Sent): void {
    const nodes = this.nodes(sent)
    const isLost = (node: Node): boolean => node.loss !== undefined && this.random() < node.loss
    let rttMs = 0
    for (const [at, node] of nodes.entries()) {
      rttMs += 2 * (node.linkMs ?? 1)
      if (isLost(node)) return
      const isTarget = at === nodes.length - 1
      const isBlocked = node.lacksRoute === true || (node.blocks !== undefined && at + 1 < sent.ttl)
      if (isBlocked && node.blocks === null) return
      if (at + 1 < sent.ttl && !isTarget && !isBlocked) continue
      // The way back crosses the same links.
      if (nodes.slice(0, at + 1).some(isLost)) return
      this.answer(sent, node, { isTarget, code: isBlocked ? (node.blocks ?? NO_ROUTE) : null }, rttMs)
      return
    }
  }

  private answer(sent: Sent, node: Node, what: { isTarget: boolean; code: number | null }, rttMs: number): void {
    const { protocol = 'icmp', answers = true, fate } = this.network
    const isError = !what.isTarget || protocol === 'udp'
    if (what.isTarget ? !answers : node.isSilent === true) return
    if (isError && !this.mayAnswer(node)) return
    for (const ms of fate?.(sent, rttMs) ?? [rttMs]) {
      const atMs = this.time.nowMs + ms
      const message = isError ? this.error(sent, node, what, atMs) : this.reply(sent, atMs)
      // A newer attempt on the port gives this one up.
      const isCurrent = (): boolean => !this.oneProbeAFlow || this.newestOfFlow.get(sent.flow) === sent.sequence
      this.arriving.push({ atMs, message: visitor => isCurrent() && message(visitor) })
      this.time.after(ms, () => this.readable())
    }
  }

  /** inet_peer_xrlim_allow(): a token costs a second's worth, and so many are kept. */
  private mayAnswer(node: Node): boolean {
    // ip_error() takes a token of the same bucket before icmp_send() does, whether that is left with one or not.
    return node.lacksRoute === true ? this.takeToken(node) && this.takeToken(node) : this.takeToken(node)
  }

  private takeToken({ address, limit, isUsedUp = false }: Node): boolean {
    if (limit === undefined) return true
    const now = this.time.nowMs
    const bucket = this.tokens.get(address) ?? { count: isUsedUp ? 0 : limit.burst, atMs: now }
    bucket.count = Math.min(limit.burst, bucket.count + ((now - bucket.atMs) * limit.perSecond) / 1000)
    bucket.atMs = now
    this.tokens.set(address, bucket)
    if (bucket.count < 1) {
      this.withheld.set(address, (this.withheld.get(address) ?? 0) + 1)
      return false
    }
    bucket.count--
    return true
  }

  private error(
    sent: Sent,
    { address, isNameless = false }: Node,
    what: { isTarget: boolean; code: number | null },
    atMs: number,
  ): (v: ProbeVisitor) => void {
    const isShort = this.network.shortQuotes === true
    const code = what.isTarget ? 3 : what.code
    const message: ProbeError = {
      origin: 'icmp',
      type: code === null ? 11 : 3,
      code: code ?? 0,
      errno: EHOSTUNREACH,
      mtu: 0,
      from: isNameless ? null : address,
      target: 0,
      sequence: isShort ? -1 : sent.sequence,
      wireSequence: -1,
      receivedNs: atMs * 1e6,
      quoted: new Uint8Array(),
      flow: sent.flow,
    }
    return visitor => visitor.error(message)
  }

  private reply(sent: Sent, atMs: number): (visitor: ProbeVisitor) => void {
    const { protocol = 'icmp' } = this.network
    const message: ProbeReply = {
      answer: protocol === 'tcp' ? 'syn-ack' : 'echo-reply',
      target: 0,
      sequence: sent.sequence,
      wireSequence: -1,
      from: TARGET,
      fromTarget: 0,
      receivedNs: atMs * 1e6,
      kernelStamp: true,
      readNs: this.time.nowMs * 1e6,
      readMonoNs: this.time.nowMs * 1e6,
      rttNs: Number.NaN,
      ttl: 60,
      bytes: 32,
      data: new Uint8Array(),
      payloadStart: 0,
      payloadEnd: 0,
      synRetransmits: -1,
      ipOptions: null,
    }
    return visitor => visitor.reply(message)
  }
}

/** A hash such that flows take branches as if at random. */
function hash(flow: number, at: number): number {
  return Math.floor(randomFrom(flow * 2654435761 + at * 97)() * 4096)
}

export interface Traced {
  time: VirtualTime
  transport: NetworkTransport
  events: TraceEvent[]
  run: TraceRun
  /** Milliseconds of virtual time until it was over; null while it is not. */
  tookMs(): number | null
  /** Lets time pass, for so long or until it is over. */
  pass(ms: number): Promise<void>
}

/** Starts a look at the path of three probes a hop, unless changed. */
export function begin(network: Network, change: Partial<TracePlan> = {}, ports: Partial<TracePorts> = {}): Traced {
  const time = new VirtualTime()
  const transport = new NetworkTransport(network, time)
  const events: TraceEvent[] = []
  const { protocol = 'icmp' } = network
  const plan: TracePlan = {
    target: { index: 0, target: TARGET, address: TARGET, family: 4 },
    protocol,
    port: protocol === 'icmp' ? null : 443,
    firstTtl: 1,
    maxTtl: 30,
    packetBytes: 60,
    payloadBytes: 32,
    rounds: 3,
    intervalMs: 0,
    gapMs: 1,
    timeoutMs: 1000,
    patient: false,
    flows: 1,
    verify: true,
    ...change,
  }
  const run = new TraceRun(plan, { transport, timers: time, ...ports }, event => events.push(event))
  let endedMs: number | null = null
  const startMs = time.nowMs
  void run.run().finally(() => {
    endedMs ??= time.nowMs
  })
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 4; turn++) await Promise.resolve()
  }
  return {
    time,
    transport,
    events,
    run,
    tookMs: () => (endedMs === null ? null : endedMs - startMs),
    pass: async ms => {
      const until = time.nowMs + ms
      await settled()
      while (endedMs === null && time.step(until)) {
        // The end of a run is told by promises.
        await settled()
      }
    },
  }
}

/** Runs to its end, of an hour of virtual time at most. */
export async function trace(
  network: Network,
  change: Partial<TracePlan> = {},
  ports: Partial<TracePorts> = {},
): Promise<Traced> {
  const traced = begin(network, change, ports)
  await traced.pass(3_600_000)
  if (traced.tookMs() === null) throw new Error('the run does not end')
  return traced
}

type Kind = TraceEvent['event']
type EventOf<K extends Kind, E = TraceEvent> = E extends { event: infer N } ? (K extends N ? E : never) : never
export const of = <K extends Kind>(events: readonly TraceEvent[], kind: K): EventOf<K>[] =>
  events.filter(({ event }) => event === kind) as EventOf<K>[]
