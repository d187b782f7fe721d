// The table of flows in a width: one line each, and the ends on a line of their own where they are too long for that.

import type { Flow } from '../flow/model.js'
import { between, lasting, pairWords, short } from './decode-words.js'

interface FlowColumn {
  title: string
  /** Left out first where the highest. */
  rank: number
  align: 'left' | 'right'
  of: (flow: Flow) => string
}

const both = (counts: { client: number; server: number } | null): number =>
  counts === null ? 0 : counts.client + counts.server

const COLUMNS: readonly FlowColumn[] = [
  { title: 'outcome', rank: 0, align: 'left', of: ({ outcome, protocol }) => outcome ?? protocol },
  { title: 'why', rank: 5, align: 'left', of: whyWords },
  { title: 'pkts', rank: 1, align: 'right', of: ({ packets }) => short(both(packets)) },
  { title: 'bytes', rank: 1, align: 'right', of: ({ payloadBytes }) => short(both(payloadBytes)) },
  {
    title: 'rtt',
    rank: 4,
    align: 'right',
    of: ({ rttMs }) => msWords(rttMs === null ? null : (rttMs.handshake ?? rttMs.p50)),
  },
  { title: 'retr', rank: 3, align: 'right', of: ({ retransmissions }) => short(both(retransmissions)) },
  { title: 'time', rank: 2, align: 'right', of: ({ start, end }) => msWords(between(start, end)) },
]

const ID = 'id'
const ENDS = 'client -> server'
/** Ends longer than this have a line of their own: those of most IPv6 flows. */
const LONGEST_ENDS = 46
const GAP = 1

const msWords = (ms: number | null): string => (ms === null ? '-' : lasting(Math.max(0, ms)))

/** Who did it, or why: what the outcome does not say. */
export function whyWords(flow: Flow): string {
  if (flow.protocol === 'udp') return flow.icmpErrors[0]?.reason ?? ''
  if (flow.outcome === 'unreachable') return flow.icmpErrors[0]?.reason ?? ''
  if (flow.resetClass !== null && flow.resetBy !== null) return `${flow.resetClass} by ${flow.resetBy}`
  if (flow.closedFirst === 'client' || flow.closedFirst === 'server') return `${flow.closedFirst} first`
  return flow.closedFirst === 'both' ? 'both at once' : ''
}

/** Lines of at most `columns` characters, whatever the flows are. */
export function flowTable(flows: readonly Flow[], columns: number): string[] {
  const idWidth = Math.max(ID.length, ...flows.map(({ id }) => String(id).length))
  const ends = flows.map(pairWords)
  const endsWidth = Math.max(ENDS.length, ...ends.map(({ length }) => (length > LONGEST_ENDS ? 0 : length)))
  const shown = columnsWithin(flows, columns - idWidth - 2 - endsWidth)
  const lines = [
    line(
      ID.padStart(idWidth),
      ENDS.padEnd(endsWidth),
      shown.map(({ title }) => title),
      shown,
    ),
  ]
  flows.forEach((flow, index) => {
    const id = String(flow.id).padStart(idWidth)
    const cells = shown.map(({ of }) => of(flow))
    if (ends[index]!.length <= endsWidth) lines.push(line(id, ends[index]!.padEnd(endsWidth), cells, shown))
    else {
      lines.push(...apart(id, ends[index]!, columns))
      lines.push(line(''.padEnd(idWidth), ''.padEnd(endsWidth), cells, shown))
    }
  })
  return lines
}

type Fitted = FlowColumn & { width: number }

function columnsWithin(flows: readonly Flow[], room: number): Fitted[] {
  let left: Fitted[] = COLUMNS.map(column => ({
    ...column,
    width: flows.reduce((width, flow) => Math.max(width, column.of(flow).length), column.title.length),
  }))
  while (left.length > 1 && left.reduce((sum, { width }) => sum + width + GAP, 0) > room) {
    const highest = Math.max(...left.map(({ rank }) => rank))
    left = left.filter(({ rank }) => rank !== highest)
  }
  return left
}

function line(id: string, ends: string, cells: readonly string[], columns: readonly Fitted[]): string {
  const padded = columns.map(({ width, align }, index) =>
    align === 'left' ? cells[index]!.padEnd(width) : cells[index]!.padStart(width),
  )
  return `${id}  ${ends} ${padded.join(' ')}`.trimEnd()
}

/** Both ends in one line, or in two where one is too short. */
function apart(id: string, ends: string, columns: number): string[] {
  if (id.length + 2 + ends.length <= columns) return [`${id}  ${ends}`]
  const [client, server] = ends.split(' -> ') as [string, string]
  return [`${id}  ${client}`, `${''.padEnd(id.length)}  -> ${server}`]
}
