// Runs `netkit capture`: opens the interface, decodes what comes until it is told to end, and says what it was.

import { isClosed } from '../../adapters/output-descriptor.js'
import { printable } from '../../bytes/printable.js'
import { combined, Decoding, type PacketVisitor } from '../../compose/decode.js'
import { type LiveCapture, openLiveCapture } from '../../compose/live-capture.js'
import type { PacketSource } from '../../ports/capture.js'
import { captureHeader, dropsLine } from '../../render/capture-text.js'
import { bytesWords, grouped } from '../../render/decode-words.js'
import type { Console } from '../console.js'
import { terminalColumns } from '../terminal.js'
import { type CaptureHead, type FinalView, makeJsonEnd, makeNdjsonEnd, makeTextEnd, noEnd } from './final-view.js'
import { listInterfaces } from './interfaces.js'
import { LimitedSource } from './limited-source.js'
import { type LiveView, makeEventsView, makePacketsView } from './live-view.js'
import { isBrokenPipe, PacketOutput } from './packet-output.js'
import { type CaptureFlags, type CaptureRequest, parseCaptureRequest } from './request.js'

const PLAIN_COLUMNS = 80
const STDOUT = 1
/** How often it is looked whether somebody still reads while nothing is printed. */
const READER_MS = 250

export async function runCapture(flags: CaptureFlags, words: readonly string[], io: Console): Promise<void> {
  if (flags['list-interfaces']) {
    listInterfaces(io)
    return
  }
  const request = parseCaptureRequest(flags, words, io.format)
  const live = openLiveCapture(request.live)
  try {
    await new CaptureJob(request, live, io).run()
  } finally {
    live.source.close()
  }
}

class CaptureJob {
  private readonly request: CaptureRequest
  private readonly notes: readonly string[]
  private readonly io: Console
  private readonly source: PacketSource
  private readonly decoding: Decoding
  private readonly output: PacketOutput | null
  private readonly live: LiveView | null
  private readonly end: FinalView
  /** Nobody reads standard output any more. */
  private isUnread = false
  /** What could not be written: the end of the capture, but not of what is said of it. */
  private failure: unknown = null

  constructor(request: CaptureRequest, { source, notes }: LiveCapture, io: Console) {
    this.request = request
    this.notes = notes
    this.io = io
    this.source = request.count === null ? source : new LimitedSource(source, request.count)
    this.output =
      request.write === null
        ? null
        : new PacketOutput(request.write, request.rotation, source.interfaces, `netkit ${io.version}`, () =>
            this.source.stop(),
          )
    this.live = this.makeLive()
    this.end = this.makeEnd()
    const { end } = this
    const { isWanted } = end
    this.decoding = new Decoding(request.live.interface, this.source, {
      ...(request.maxFlows === null ? {} : { maxFlows: request.maxFlows }),
      onFlow: flow => end.flow(flow),
      ...(isWanted === undefined ? {} : { isWanted: slot => isWanted(this.decoding.tracker, slot) }),
    })
  }

  /** Whether standard output is the capture itself. */
  private get isPiped(): boolean {
    return this.request.write === '-'
  }

  private makeLive(): LiveView | null {
    const { request, io } = this
    if (this.isPiped || request.view === 'quiet' || io.format === 'json') return null
    return (request.view === 'packets' ? makePacketsView : makeEventsView)(io.out, io.format === 'text')
  }

  private makeEnd(): FinalView {
    const { request, io } = this
    if (this.isPiped) return noEnd
    if (io.format === 'json') return makeJsonEnd(io.out, request.live.interface)
    if (io.format === 'ndjson') return makeNdjsonEnd(io.out)
    return makeTextEnd(io.out, request.limit, terminalColumns() ?? PLAIN_COLUMNS, this.live === null)
  }

  async run(): Promise<void> {
    const { source, request, io } = this
    this.begin()
    // Packets do not wait for a reader who pauses.
    io.out.keepsRest = this.live !== null
    const timer = request.durationMs === null ? null : setTimeout(() => source.stop(), request.durationMs)
    const reader = setInterval(() => this.lookForReader(), READER_MS)
    const free = io.onInterrupt(() => source.stop())
    try {
      await this.decoding.run(combined(this.visitors()), () => this.afterWindow())
      await this.output?.close()
    } catch (error) {
      this.failure = error
    } finally {
      free()
      if (timer !== null) clearTimeout(timer)
      clearInterval(reader)
      source.close()
      io.out.keepsRest = false
    }
    // Of what was captured before a file was full there is still all to be said; in JSON there is one document, or an error.
    if (this.failure === null || io.format === 'text') this.finish()
    if (this.failure !== null && !isBrokenPipe(this.failure)) throw this.failure
  }

  private begin(): void {
    const { io, request, source } = this
    for (const note of this.notes) io.err.line(`netkit: ${printable(note)}`)
    const { interface: name, filter = null } = request.live
    const { format, timestampSource } = source
    io.err.line(captureHeader({ interface: name, filter, source: format, timestampSource }))
    io.err.flush()
  }

  private visitors(): PacketVisitor[] {
    const { output, live } = this
    const written: PacketVisitor | null = output === null ? null : { packet: packet => output.packet(packet) }
    return [written, live].filter(each => each !== null)
  }

  private async afterWindow(): Promise<void> {
    if (this.live !== null) {
      this.lookForReader()
      this.live.flush(this.isUnread)
    }
    await this.output?.settled()
  }

  /** The files are closed properly when the reader of the events goes, which a write to the pipe would not let happen. */
  private lookForReader(): void {
    if (this.isUnread || !isClosed(STDOUT)) return
    this.isUnread = true
    this.source.stop()
  }

  private finish(): void {
    const { io, decoding } = this
    const head = this.head()
    this.lookForReader()
    this.live?.flush(this.isUnread)
    if (!this.isUnread) this.end.finish(decoding, head)
    if (this.isPiped) io.err.line(`netkit: ${dropsLine(head)}`)
    // What a full disk took of it is not known, and the error names the file.
    if (this.failure === null) this.sayWritten()
    // First, as what is left for a reader who has gone ends the program.
    io.err.flush()
  }

  private sayWritten(): void {
    const { output, io } = this
    if (output === null || this.isPiped) return
    const { packets, bytes, files } = output
    const where =
      files.length === 1 ? files[0]! : `${grouped(files.length)} files${files.length === 0 ? '' : `, ${files[0]} ...`}`
    const words = `${grouped(packets)} ${packets === 1 ? 'packet' : 'packets'}, ${bytesWords(bytes)}`
    io.err.line(`netkit: wrote ${words} to ${printable(where)}`)
  }

  private head(): CaptureHead {
    const head = this.decoding.head()
    const { interface: name, filter = null } = this.request.live
    const [counted] = this.source.interfaces
    return {
      ...head,
      interface: name,
      filter,
      warnings: [...this.notes, ...head.warnings],
      captureQuality: {
        ...head.captureQuality,
        receivedByFilter: counted?.received ?? null,
        droppedByKernel: counted?.dropped ?? null,
        notPrinted: this.live?.leftOut ?? 0,
      },
    }
  }
}
