// `netkit ss -K`: lists what would be closed, and closes it with --yes.

import { writeWord } from '../../bytes/text-sink.js'
import { explainReport, mayClose } from '../../compose/explain.js'
import { planListing } from '../../compose/plan.js'
import { openSession, type Session, serviceLookup } from '../../compose/session.js'
import { listingExit } from '../../compose/verdict.js'
import { ERRNO, errnoName, hintsFor, systemError, UnsupportedError, UsageError } from '../../errors/index.js'
import type { NetlinkConnection } from '../../ports/netlink.js'
import { RowWriter } from '../../render/row-writer.js'
import { SocketTable, type WriteWords } from '../../render/socket-table.js'
import { collectSockets } from '../../sockets/collect.js'
import { matchesEverything } from '../../sockets/filter/index.js'
import { destroySocket, HIDDEN, judgeAnswer, KILLABLE, type KillOutcome, planKill } from '../../sockets/kill.js'
import { type ListingQuery, Owners, visitSockets } from '../../sockets/listing.js'
import type { SocketRecord } from '../../sockets/record.js'
import { ALL_STATES } from '../../sockets/states.js'
import { TABLES } from '../../sockets/tables.js'
import { cookieText, toSocket } from '../../sockets/to-model.js'
import type { Console } from '../console.js'
import { refuseTogether } from './modes.js'
import { printNotes } from './notes.js'
import { parseRequest, type SocketRequest, splitWords } from './request.js'
import type { SocketFlags } from './run.js'
import { tableOptions } from './view.js'

const SOCK_DIAG = 4
/** A pass closes what an earlier one uncovered (SO_REUSEPORT hides sockets behind one another); it ends when nothing moves. */
const MAX_PASSES = 1024

interface Victim {
  record: SocketRecord
  outcome: KillOutcome | null
}

/** Lists the matching sockets and what became of them; prints it all. */
export async function runKill(flags: SocketFlags, words: readonly string[], io: Console): Promise<undefined> {
  refuseTogether(flags, 'kill', ['watch', 'events', 'count-by', 'top', 'summary', 'resolve', 'record', 'replay'])
  if (flags.source === 'procfs') throw new UsageError('--kill needs netlink: procfs does not tell sockets apart')
  const dryRun = !flags.yes
  const { request, notes } = narrow(parseRequest(flags, words, serviceLookup), flags, words)
  const owners = new Owners()
  const session = openSession(flags.net ?? null, owners)
  try {
    const query = await planListing(request, flags, flags.source, session)
    const victims: Victim[] = []
    const report = await visitSockets(query, session.ports, owners, record =>
      victims.push({ record: copyOf(record), outcome: null }),
    )
    const candidates = await countRaw(query, session)
    for (const victim of victims) {
      victim.outcome = planKill(victim.record, {
        dryRun,
        listeners: flags.listeners,
        candidates: record => candidates.get(rawKey(record)) ?? 0,
      })
    }
    if (!dryRun) await destroyAll(victims, query, session)
    notes.push(...session.notes, ...explainReport(report, request.selection.named), ...verdict(victims, dryRun))
    show(victims, notes, dryRun, { flags, request, session, io })
    if (victims.some(victim => victim.outcome?.error?.code === 'EPERM')) io.setExit(3)
    else {
      const code = listingExit({ session, request, report, found: victims.length > 0 }, flags['exit-code'])
      if (code !== 0) io.setExit(code)
      else if (!dryRun && !succeeded(victims)) io.setExit(1)
    }
    return undefined
  } finally {
    session.close()
  }
}

/** Nothing was refused, and not all that matched were listeners left alone. */
function succeeded(victims: readonly Victim[]): boolean {
  const results = victims.map(({ outcome }) => outcome?.result)
  return !results.includes('refused') && (results.length === 0 || results.some(result => result !== 'listener-skipped'))
}

/** The same request for what can be closed at all. @throws UsageError when nothing narrows it: that would be every connection */
function narrow(
  request: SocketRequest,
  flags: SocketFlags,
  words: readonly string[],
): { request: SocketRequest; notes: string[] } {
  const states = [...(flags.state ?? []), ...splitWords(words).states]
  if (matchesEverything(request.filter) && (states.length === 0 || request.states === ALL_STATES)) {
    throw new UsageError('--kill needs a filter or a state that says which sockets are meant', {
      hints: ["netkit ss -K -t 'dst 192.0.2.7 and dport = :443'", 'netkit ss -K -t state close-wait'],
    })
  }
  const { selection } = request
  const tables = selection.tables.filter(table => KILLABLE.includes(table.protocol))
  const others = [...new Set(selection.tables.filter(table => !tables.includes(table)).map(table => table.protocol))]
  if (tables.length === 0) {
    throw new UnsupportedError(`the kernel cannot close ${others.join(', ')} sockets: only ${KILLABLE.join(', ')}`, {
      hints: ['end the program that holds them: netkit ss -p shows it'],
    })
  }
  const said = selection.named && others.length > 0
  return {
    request: { ...request, selection: { ...selection, tables } },
    notes: said ? [`the kernel cannot close ${others.join(', ')} sockets: they are left alone`] : [],
  }
}

/** A record that outlives its batch, with its message: holders and attributes are shown later. */
function copyOf(record: SocketRecord): SocketRecord {
  const copy = record.copy()
  const { attributesStart: start, attributesEnd: end } = record
  const bytes = new Uint8Array(record.data.buffer, record.data.byteOffset + start, end - start).slice()
  copy.setAttributes(new DataView(bytes.buffer), 0, bytes.length)
  return copy
}

const rawKey = (record: SocketRecord): string => `${record.netns} ${record.family} ${record.rawProtocol}`

/** How many raw sockets there are of each protocol, whatever the filter says. */
async function countRaw(query: ListingQuery, session: Session): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const tables = TABLES.filter(table => table.protocol === 'raw')
  if (!query.tables.some(table => tables.includes(table))) return counts
  const all = { ...query, tables, states: ALL_STATES, bytecode: null }
  await collectSockets(all, session.ports, {
    socket: record => counts.set(rawKey(record), (counts.get(rawKey(record)) ?? 0) + 1),
    tableEnd: () => undefined,
  })
  return counts
}

/** @throws PermissionError, UnsupportedError when the kernel refuses before anything was closed */
async function destroyAll(victims: readonly Victim[], query: ListingQuery, session: Session): Promise<void> {
  for (const [netns, target] of session.targets.entries()) {
    const mine = victims.filter(({ record, outcome }) => outcome === null && record.netns === netns)
    if (mine.length === 0 || target.fd === null || session.ports.netlink === null) continue
    const connection = session.ports.netlink.open(SOCK_DIAG, target.fd)
    try {
      let left = mine
      for (let pass = 0; pass < MAX_PASSES && left.length > 0; pass++) {
        const before = left.length
        for (const victim of left) victim.outcome = destroyOne(victim.record, connection, victims)
        left = left.filter(victim => victim.outcome?.result === 'gone')
        if (left.length === before) break
      }
    } finally {
      connection.close()
    }
  }
  await unmask(victims, query, session)
}

function destroyOne(record: SocketRecord, connection: NetlinkConnection, victims: readonly Victim[]): KillOutcome {
  const errno = destroySocket(connection, record)
  const fatal = errno === ERRNO.EPERM || (errno === ERRNO.EOPNOTSUPP && record.protocol !== 'mptcp')
  if (fatal && !victims.some(({ outcome }) => outcome?.result === 'closed')) {
    throw systemError('kill-socket', errno, `close a ${record.protocol} socket`)
  }
  return judgeAnswer(errno)
}

/** "Gone" is also what the kernel says of a socket that it cannot find behind others: a new dump tells them apart. */
async function unmask(victims: readonly Victim[], query: ListingQuery, session: Session): Promise<void> {
  const gone = victims.filter(({ outcome }) => outcome?.result === 'gone')
  if (gone.length === 0) return
  const keyOf = (record: SocketRecord): string => `${record.netns} ${cookieText(record)}`
  const there = new Set<string>()
  await collectSockets({ ...query, states: ALL_STATES, bytecode: null }, session.ports, {
    socket: record => there.add(keyOf(record)),
    tableEnd: () => undefined,
  })
  for (const victim of gone) if (there.has(keyOf(victim.record))) victim.outcome = HIDDEN
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

/** What was done, in sentences. */
function verdict(victims: readonly Victim[], dryRun: boolean): string[] {
  const count = (result: string): number => victims.filter(({ outcome }) => outcome?.result === result).length
  const notes: string[] = []
  if (dryRun) {
    const closable = count('would-close')
    const them = closable === 1 ? 'it' : 'them'
    notes.push(
      `dry run: ${plural(closable, 'socket')} would be closed${closable === 0 ? '' : `; add --yes to close ${them}`}`,
    )
    if (!mayClose()) notes.push('closing sockets takes root or CAP_NET_ADMIN, which this process has not')
  } else {
    const parts = [`closed ${plural(count('closed'), 'socket')}`]
    const gone = count('gone')
    if (gone > 0) parts.push(`${gone} ${gone === 1 ? 'was' : 'were'} already gone`)
    if (count('refused') > 0) parts.push(`${count('refused')} could not be closed`)
    notes.push(parts.join(', '))
  }
  const skipped = count('listener-skipped')
  if (skipped > 0) notes.push(`${plural(skipped, 'listener')} left alone: add --listeners to close listeners too`)
  const datagram = victims.some(({ record, outcome }) => record.protocol === 'udp' && outcome?.result === 'closed')
  if (datagram) notes.push('a UDP socket with a bound port stays in the table: its program gets ECONNABORTED')
  const denied = victims.find(({ outcome }) => outcome?.error?.code === 'EPERM')
  if (denied) notes.push(...hintsFor('kill-socket', ERRNO.EPERM))
  return notes
}

/** What the last column says. */
function outcomeText({ result, error }: KillOutcome): string {
  if (result === 'would-close') return 'would close'
  if (result === 'listener-skipped') return 'listener: left alone'
  if (result === 'gone') return `already gone (${errnoName(ERRNO.ENOENT)})`
  return error === null ? result : `${result}: ${error.message} (${error.code})`
}

interface Shown {
  flags: SocketFlags
  request: SocketRequest
  session: Session
  io: Console
}

function show(victims: readonly Victim[], notes: readonly string[], dryRun: boolean, shown: Shown): void {
  const { flags, request, session, io } = shown
  const items = function* () {
    for (const { record, outcome } of victims) yield { socket: toSocket(record, session.lookups), ...outcome }
  }
  if (io.format === 'json') io.out.json({ killed: items(), dryRun, notes })
  else if (io.format === 'ndjson') for (const item of items()) io.out.jsonLine({ ...item, dryRun })
  else {
    const options = tableOptions(flags, request, session)
    const outcomes = new Map(victims.map(({ record, outcome }) => [record, outcome]))
    const extras: WriteWords = (record, sink) => {
      const outcome = outcomes.get(record)
      writeWord(outcome ? outcomeText(outcome) : '', sink)
      options.extras?.(record, sink)
    }
    const writer = new RowWriter(bytes => io.out.write(bytes), SocketTable.minimumWidths(options), 1)
    const table = new SocketTable(writer, { ...options, extras }, session.lookups)
    table.header()
    for (const { record } of victims) table.row(record)
    writer.flush()
  }
  io.out.flush()
  if (io.format !== 'json') printNotes(io, notes)
}
