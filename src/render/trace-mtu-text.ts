// Packet sizes along a path, in sentences.

import { printable } from '../bytes/printable.js'
import type { Hop, MssClamp, MtuLimit, TraceMtu } from '../probe/trace-document.js'

/** `hop 3 (10.0.3.2)`; this host is hop 0. */
function place(ttl: number, hops: readonly Hop[]): string {
  if (ttl === 0) return 'this host'
  const address = hops.find(hop => hop.ttl === ttl)?.responders[0]?.address
  return address === undefined ? `hop ${ttl}` : `hop ${ttl} (${printable(address)})`
}

function limitLine({ afterTtl, beforeTtl, mtu, saidBy }: MtuLimit, hops: readonly Hop[]): string {
  const where = `between ${place(afterTtl, hops)} and ${place(beforeTtl, hops)}`
  return saidBy === null
    ? `MTU black hole ${where}: packets larger than ${mtu} bytes vanish without a word`
    : `MTU ${mtu} ${where}: told by ${printable(saidBy)}`
}

function clampLine({ afterTtl, beforeTtl, from, to }: MssClamp, hops: readonly Hop[]): string {
  return `MSS ${from} lowered to ${to} between ${place(afterTtl, hops)} and ${place(beforeTtl, hops)}`
}

/** One sentence a line; what was found first. */
export function traceMtuLines(mtu: TraceMtu, hops: readonly Hop[]): string[] {
  const found = [...mtu.limits.map(limit => limitLine(limit, hops)), ...mtu.clamps.map(clamp => clampLine(clamp, hops))]
  const path = mtu.pathMtu === null ? 'path MTU unknown: too few answers' : `path MTU ${mtu.pathMtu} bytes`
  const mss = mtu.clamps.length === 0 && mtu.mss !== null ? [`MSS ${mtu.mss.sent} is left as it is`] : []
  return [path, ...found, ...mss, ...mtu.notes.map(note => printable(note))]
}
