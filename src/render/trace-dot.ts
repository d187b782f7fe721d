// The paths of a trace as a graph in the language of Graphviz: responders are nodes, what flows went over is an edge.

import { printable } from '../bytes/printable.js'
import type { Responder, TraceDocument } from '../probe/trace-document.js'
import { formatPercent, formatRtt } from './ping-words.js'
import { asWords, rangesOf, targetWords } from './trace-words.js'

const SOURCE = 'source'

interface Node {
  /** Its own in the graph: an address may answer at several hops. */
  readonly id: string
  readonly responder: Responder | null
  readonly ttl: number
}

interface Edge {
  readonly from: Node
  readonly to: Node
  readonly flows: number[]
}

/** A quoted string: Graphviz knows the escape of the quote only, and takes `\n` and the like in labels for its own. */
function quoted(text: string): string {
  return `"${printable(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** Lines of one digraph. */
export function traceDot(document: TraceDocument): string[] {
  const edges = edgesOf(document)
  const nodes = new Map([...edges.values()].flatMap(({ from, to }) => [from, to]).map(node => [node.id, node]))
  return [
    `digraph ${quoted(`trace to ${targetWords(document)}`)} {`,
    '  rankdir=LR',
    '  node [shape=box]',
    `  ${quoted(SOURCE)} [label="this host"]`,
    ...[...nodes.values()].filter(({ id }) => id !== SOURCE).map(node => `  ${nodeLine(node, document)}`),
    ...[...edges.values()].map(edge => `  ${edgeLine(edge, document)}`),
    '}',
  ]
}

function nodeLine({ id, responder, ttl }: Node, { address }: TraceDocument): string {
  if (responder === null) return `${quoted(id)} [label="hop ${ttl}\\nno answer", style=dashed]`
  const lines = [responder.name, responder.address, asWords(responder), responder.place]
  const label = lines
    .filter(line => line !== null)
    .map(line => quoted(line).slice(1, -1))
    .join('\\n')
  return `${quoted(id)} [label="${label}"${responder.address === address ? ', penwidth=2' : ''}]`
}

function edgeLine({ from, to, flows }: Edge, document: TraceDocument): string {
  const { responder } = to
  const many = (document.flows?.length ?? 1) > 1
  const label = [
    ...(many ? [`${flows.length === 1 ? 'flow' : 'flows'} ${rangesOf(flows)}`] : []),
    ...lossLabels(to.ttl, flows, document),
    ...(responder?.rttMs == null ? [] : [`${formatRtt(responder.rttMs.avg)} ms`]),
  ].join('\\n')
  return `${quoted(from.id)} -> ${quoted(to.id)} [label="${label}"]`
}

/** Loss belongs to the edge where it was located, for the flows that have it. Where a path ends, what was lost all the way. */
function lossLabels(ttl: number, own: readonly number[], { loss, flows, hops }: TraceDocument): string[] {
  const located = loss.flatMap(({ afterTtl, beforeTtl, percent, flows: lossy }) => {
    const its = own.filter(flow => lossy?.includes(flow) ?? true)
    if (beforeTtl !== ttl || its.length === 0) return []
    const since = afterTtl === ttl - 1 ? '' : afterTtl === 0 ? ' since this host' : ` since hop ${afterTtl}`
    const whose = its.length === own.length ? '' : ` in flows ${rangesOf(its)}`
    return [`${formatPercent(percent)} loss${since}${whose}`]
  })
  return [...located, ...lossAtEnd(ttl, own, flows, hops)]
}

function lossAtEnd(
  ttl: number,
  own: readonly number[],
  flows: TraceDocument['flows'],
  hops: TraceDocument['hops'],
): string[] {
  const words = (percent: number): string[] => [`${formatPercent(percent)} loss in all`]
  if (flows === null) {
    const last = hops.findLast(({ responders }) => responders.length > 0)
    return last?.ttl === ttl && last.lossPercent !== null ? words(last.lossPercent) : []
  }
  const firstTtl = hops[0]?.ttl ?? 1
  const ending = flows.filter(({ flow, path, lossPercent }) => {
    const end = firstTtl + path.findLastIndex(address => address !== null)
    return own.includes(flow) && end === ttl && lossPercent !== null
  })
  const sent = ending.reduce((sum, flow) => sum + flow.sent, 0)
  const lost = ending.reduce((sum, flow) => sum + flow.sent * flow.lossPercent!, 0)
  return sent === 0 ? [] : words(lost / sent)
}

/** Edges by their ends. The end of a path that nobody answers on is left out. */
function edgesOf(document: TraceDocument): Map<string, Edge> {
  const edges = new Map<string, Edge>()
  const { hops } = document
  const firstTtl = hops[0]?.ttl ?? 1
  const paths = document.flows?.map(({ flow, path }) => ({ flow, path })) ?? [
    { flow: 0, path: hops.map(({ responders }) => responders[0]?.address ?? null) },
  ]
  for (const { flow, path } of paths) {
    let from: Node = { id: SOURCE, responder: null, ttl: 0 }
    const length = path.findLastIndex(address => address !== null) + 1
    for (const [index, address] of path.slice(0, length).entries()) {
      const ttl = firstTtl + index
      const responder = hops.find(hop => hop.ttl === ttl)?.responders.find(each => each.address === address) ?? null
      const to: Node = { id: `${ttl} ${address ?? '*'}`, responder, ttl }
      const key = `${from.id}\n${to.id}`
      const edge = edges.get(key)
      if (edge === undefined) edges.set(key, { from, to, flows: [flow] })
      else edge.flows.push(flow)
      from = to
    }
  }
  return edges
}
