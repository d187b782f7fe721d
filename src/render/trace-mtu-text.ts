// Packet sizes along a path, in sentences.

import { printable } from '../bytes/printable.js'
import type { Hop, MssClamp, MtuLimit, TraceMtu } from '../probe/trace-document.js'
import { placeName } from '../probe/trace-hop-names.js'

const place = (ttl: number, hops: readonly Hop[]): string => printable(placeName(ttl, hops))

function limitLine({ afterTtl, beforeTtl, mtu, saidBy }: MtuLimit, hops: readonly Hop[]): string {
  const where = `between ${place(afterTtl, hops)} and ${place(beforeTtl, hops)}`
  return saidBy === null
    ? `MTU black hole ${where}: packets larger than ${mtu} bytes vanish without a word`
    : `MTU ${mtu} ${where}: told by ${printable(saidBy)}`
}

function clampLine({ afterTtl, beforeTtl, from, to }: MssClamp, hops: readonly Hop[]): string {
  return `MSS ${from} lowered to ${to} between ${place(afterTtl, hops)} and ${place(beforeTtl, hops)}`
}

/** Who is the only one to quote a SYN says nothing of what others did to it. */
function mssLine({ clamps, mss }: TraceMtu): string[] {
  const quotes = mss?.byTtl.filter(hop => hop.mss !== null) ?? []
  const last = quotes.at(-1)
  if (mss === null || last === undefined || clamps.length > 0) return []
  if (quotes.length === 1) return [`MSS ${mss.first} was quoted by hop ${last.ttl} only`]
  return quotes.every(hop => hop.mss === mss.first) ? [`MSS ${mss.first} unchanged as far as hop ${last.ttl}`] : []
}

/** One sentence a line; what was found first. */
export function traceMtuLines(mtu: TraceMtu, hops: readonly Hop[]): string[] {
  const found = [...mtu.limits.map(limit => limitLine(limit, hops)), ...mtu.clamps.map(clamp => clampLine(clamp, hops))]
  const path = mtu.pathMtu === null ? 'path MTU unknown: too few answers' : `path MTU ${mtu.pathMtu} bytes`
  return [path, ...found, ...mssLine(mtu), ...mtu.notes.map(note => printable(note))]
}
