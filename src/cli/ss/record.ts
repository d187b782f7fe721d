// `--record FILE`: everything the kernel says about the chosen tables, in all states, into a file for `--replay`.

import fs from 'node:fs'
import os from 'node:os'
import { recordSockets } from '../../adapters/recorder.js'
import { explainReport, onlyUnsupported } from '../../compose/explain.js'
import type { SocketRequest } from '../../compose/plan.js'
import { openSession, type Session, serviceLookup } from '../../compose/session.js'
import { fromNodeError } from '../../errors/index.js'
import { isBroken } from '../../sockets/collect-report.js'
import { matchesEverything } from '../../sockets/filter/index.js'
import { Owners } from '../../sockets/listing.js'
import type { RecordingHeader } from '../../sockets/recording-header.js'
import type { Console } from '../console.js'
import type { Interrupt } from '../interrupts.js'
import { printNotes } from './notes.js'
import { parseRequest } from './request.js'
import type { SocketFlags } from './run.js'

const STDOUT = '-'

export async function runRecord(flags: SocketFlags, words: readonly string[], io: Console): Promise<undefined> {
  const path = flags.record!
  const request = parseRequest(flags, words, serviceLookup)
  const session = openSession(flags.net ?? null, new Owners())
  const file = openTarget(path, io)
  const signals: Interrupt[] = []
  const release = io.onInterrupt(signal => signals.push(signal))
  try {
    const { report, sockets } = await recordSockets({
      header: headerOf(flags, request, session, io.version),
      targets: session.targets,
      tables: request.selection.tables,
      ports: session.ports,
      lookups: session.lookups,
      notes: session.notes,
      sink: bytes => file.write(bytes),
      // Signals are heard only while the program waits.
      pause: () =>
        new Promise((resolve, reject) => setImmediate(() => (signals.length > 0 ? reject(new GivenUp()) : resolve()))),
    })
    file.finish()
    // A recording shows no owner: what could not be read is said where it is replayed.
    const explained = explainReport({ ...report, ownerless: 0 }, request.selection.named)
    const notes = [...session.notes, ...explained, ...ignored(flags, request)]
    const { sources, consistency } = report
    show({ recorded: { file: path, sockets, bytes: file.bytes }, sources, notes, consistency }, io)
    if (sources.some(isBroken) || (request.selection.named && onlyUnsupported(sources))) io.setExit(4)
  } catch (error) {
    file.abandon()
    if (!(error instanceof GivenUp)) throw error
    release()
    process.kill(process.pid, signals[0]!)
  } finally {
    release()
    session.close()
  }
  return undefined
}

/** Ctrl-C: half a recording is not kept. */
class GivenUp extends Error {}

function headerOf(flags: SocketFlags, request: SocketRequest, session: Session, version: string): RecordingHeader {
  const [low, high] = session.context.ephemeralPorts(0)
  return {
    netkit: version,
    time: new Date().toISOString(),
    host: os.hostname(),
    kernel: os.release(),
    namespaces: session.targets.map(target => target.label),
    tables: request.selection.tables.map(table => table.id),
    source: flags.source,
    holders: flags.threads ? 'threads' : flags.processes ? 'processes' : 'none',
    ephemeralPorts: [low, high],
  }
}

function ignored(flags: SocketFlags, request: SocketRequest): string[] {
  const states = flags.all || flags.listening || flags.state !== undefined || flags.exclude !== undefined
  if (!states && matchesEverything(request.filter)) return []
  return ['sockets of all states were recorded, without a filter: give states and filters with --replay']
}

interface Summary {
  recorded: { file: string; sockets: number; bytes: number }
  sources: unknown
  notes: readonly string[]
  consistency: unknown
}

function show(summary: Summary, io: Console): void {
  const { recorded, notes } = summary
  const { file, sockets, bytes } = recorded
  // The recording itself is on stdout.
  if (file !== STDOUT && io.format === 'json') io.out.json(summary)
  else if (file !== STDOUT && io.format === 'ndjson') io.out.jsonLine(summary)
  else
    (file === STDOUT ? io.err : io.out).line(
      `${sockets} ${sockets === 1 ? 'socket' : 'sockets'} recorded in ${file} (${bytes} bytes)`,
    )
  if (io.format === 'text' || file === STDOUT) printNotes(io, notes)
}

interface Target {
  readonly bytes: number
  write(bytes: Uint8Array): void
  finish(): void
  /** Leaves nothing behind. */
  abandon(): void
}

/** A file appears whole or not at all; a pipe, a device and stdout are written to as they are. */
function openTarget(path: string, io: Console): Target {
  if (path === STDOUT) return new StreamTarget(io)
  const known = attempt(path, () => fs.statSync(path, { throwIfNoEntry: false }))
  const replaces = known === undefined || known.isFile()
  // A link stays a link: what it points to is replaced.
  const final = known === undefined ? path : attempt(path, () => fs.realpathSync(path))
  return new FileTarget(final, replaces ? `${final}.${process.pid}.part` : null)
}

function attempt<Value>(path: string, work: () => Value): Value {
  try {
    return work()
  } catch (error) {
    throw fromNodeError('file-write', error, `write the recording ${path}`)
  }
}

class StreamTarget implements Target {
  bytes = 0
  private readonly io: Console

  constructor(io: Console) {
    this.io = io
  }

  write(bytes: Uint8Array): void {
    this.bytes += bytes.length
    this.io.out.write(bytes)
  }

  finish(): void {
    this.io.out.flush()
  }

  abandon(): void {}
}

class FileTarget implements Target {
  bytes = 0
  private readonly path: string
  private readonly temporary: string | null
  private fd: number | null

  constructor(path: string, temporary: string | null) {
    this.path = path
    this.temporary = temporary
    this.fd = attempt(path, () => fs.openSync(temporary ?? path, temporary === null ? 'w' : 'wx', 0o600))
  }

  write(bytes: Uint8Array): void {
    this.bytes += bytes.length
    for (let at = 0; at < bytes.length; ) at += attempt(this.path, () => fs.writeSync(this.fd!, bytes, at))
  }

  finish(): void {
    this.close()
    const { temporary, path } = this
    if (temporary !== null) attempt(path, () => fs.renameSync(temporary, path))
  }

  abandon(): void {
    this.close()
    if (this.temporary !== null) fs.rmSync(this.temporary, { force: true })
  }

  private close(): void {
    const { fd } = this
    this.fd = null
    if (fd !== null) attempt(this.path, () => fs.closeSync(fd))
  }
}
