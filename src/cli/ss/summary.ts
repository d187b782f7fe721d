// `-s`: sockets counted by protocol, family and TCP state, namespace by namespace.

import { ownSocketInodes } from '../../adapters/own-sockets.js'
import { readSockstat } from '../../adapters/sockstat.js'
import type { DetailFlags } from '../../compose/plan.js'
import type { RunTarget, Session } from '../../compose/session.js'
import { formatMachine, formatSummary, type SummaryBlock } from '../../render/summary-text.js'
import type { ListingReport } from '../../sockets/listing.js'
import type { SocketRecord } from '../../sockets/record.js'
import { machineCounts, namespaceCounts, type SocketCounts } from '../../sockets/sockstat.js'
import { SocketSummary } from '../../sockets/summary.js'
import type { Console } from '../console.js'
import { writeTail } from './json-tail.js'
import { printNotes } from './notes.js'
import type { SelectionFlags, SocketRequest } from './request.js'
import type { SocketFlags } from './run.js'
import type { View } from './view.js'

/** A summary is of all states unless the command line names some; it lists nothing, so it needs no details. */
export function summaryStates(flags: SocketFlags): SelectionFlags {
  return { ...flags, all: flags.all || !(flags.listening || flags['bound-inactive']) }
}

export const SUMMARY_DETAILS: DetailFlags = {
  memory: false,
  info: false,
  tos: false,
  processes: false,
  threads: false,
}

export class SummaryView implements View {
  private readonly sums = new SocketSummary(record => this.isOwn(record))
  /** Own sockets by namespace: looked for while those that ask in it are open. */
  private readonly own: Set<number>[] = []
  private readonly request: SocketRequest
  private readonly session: Session
  private readonly io: Console
  private readonly several: boolean
  private readonly live: boolean

  constructor(flags: Pick<SocketFlags, 'net' | 'replay'>, request: SocketRequest, session: Session, io: Console) {
    this.request = request
    this.session = session
    this.io = io
    // A document then has a list, however many namespaces there are.
    this.several = flags.net === 'all'
    // What this machine's files say now is no part of a recording.
    this.live = flags.replay === undefined
  }

  begin(): void {}

  get rows(): number {
    return this.sums.counted
  }

  row(record: SocketRecord): void {
    this.sums.add(record)
  }

  private isOwn(record: SocketRecord): boolean {
    if (!this.live) return false
    let own = this.own[record.netns]
    if (own === undefined) {
      own = ownSocketInodes()
      this.own[record.netns] = own
    }
    return own.has(record.inode)
  }

  end(report: ListingReport, notes: readonly string[]): void {
    const { session, io, request } = this
    const machine = machineCounts(this.live ? readSockstat().inet : {})
    const blocks = session.targets.map((target, index) => ({
      ...this.sums.result(index, target.label, report.sources, request.states),
      fragments: this.live ? fragments(target) : NOT_KNOWN,
    }))
    if (io.format === 'text') {
      for (const block of blocks) io.out.write(`${formatSummary(block, request.selection.named).join('\n')}\n\n`)
      if (this.live) io.out.line(formatMachine(machine))
      return
    }
    const summaries = blocks.map(block => summaryJson(block, machine))
    if (io.format === 'ndjson') {
      for (const summary of summaries) io.out.jsonLine(summary)
      printNotes(io, notes)
      return
    }
    if (this.several) {
      const list = summaries.map(summary => `\n    ${JSON.stringify(summary)}`)
      io.out.write(`{\n  "summaries": [${list.join(',')}\n  ],\n`)
    } else io.out.write(`{\n  "summary": ${JSON.stringify(summaries[0])},\n`)
    writeTail(report, notes, io.out)
  }
}

const NOT_KNOWN: SocketCounts['fragments'] = { inet: null, inet6: null }

/** Reassembly queues are the namespace's own; the file of a namespace without any process cannot be reached. */
function fragments(target: RunTarget): SocketCounts['fragments'] {
  if (target.fd !== -1 && target.pid === null) return NOT_KNOWN
  const { inet, inet6 } = readSockstat({ pid: target.fd === -1 ? null : target.pid })
  return namespaceCounts(inet, inet6).fragments
}

function summaryJson(block: SummaryBlock, machine: ReturnType<typeof machineCounts>): Record<string, unknown> {
  const { netns, total, protocols, tcpStates } = block
  return {
    netns,
    total,
    protocols,
    tcpStates,
    fragments: block.fragments,
    machine: {
      orphaned: machine.tcpOrphans,
      allocated: machine.tcpAllocated,
      memoryPages: machine.tcpMemoryPages,
      udpMemoryPages: machine.udpMemoryPages,
    },
  }
}
