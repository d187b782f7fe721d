// Runs `netkit decode`: opens the capture, decodes it, shows what the flags ask for, and says by the exit code how it went.

import { printable } from '../../bytes/printable.js'
import { combined, type Decoding, openDecoding, type PacketVisitor } from '../../compose/decode.js'
import { isRereadable, PacketFile } from '../../compose/packet-file.js'
import { EXIT, UsageError } from '../../errors/index.js'
import { FlowSet } from '../../flow/flow-set.js'
import { LabelMemory } from '../../flow/label-memory.js'
import type { Flow } from '../../flow/model.js'
import { bytesWords, fileWords, grouped } from '../../render/decode-words.js'
import type { Console } from '../console.js'
import { terminalColumns } from '../terminal.js'
import { keepYoungHeapSmall } from '../young-heap.js'
import { FindingsView } from './findings-view.js'
import { type FlowsView, makeFlowsView } from './flows-view.js'
import { checkOutputs } from './outputs.js'
import { makePacketsView } from './packets-view.js'
import { type DecodePageView, makePageView } from './page.js'
import { makeProgress } from './progress.js'
import { type DecodeFlags, type DecodeRequest, parseDecodeRequest } from './request.js'

const PLAIN_COLUMNS = 80

export async function runDecode(flags: DecodeFlags, file: string, io: Console): Promise<void> {
  const request = parseDecodeRequest(flags, io.format)
  keepYoungHeapSmall()
  const job = new DecodeJob(request, file, io)
  const free = io.onInterrupt(() => job.stop())
  try {
    await job.run()
  } finally {
    free()
  }
}

/** Who gets the packets of a pass over the capture, and who its flows. */
interface Pass {
  visitors(decoding: Decoding): readonly PacketVisitor[]
  isWanted?: FlowsView['isWanted']
  flow?(flow: Flow): void
  afterWindow?(): void | Promise<void>
}

/** Findings are part of each JSON document; to find them each flow has to be built. */
const needsFindings = ({ explain, form }: DecodeRequest): boolean => explain || form === 'json' || form === 'ndjson'

class DecodeJob {
  private readonly request: DecodeRequest
  private readonly file: string
  private readonly io: Console
  private labels = new LabelMemory()
  private decoding: Decoding | null = null
  private isStopped = false
  private readonly stopped: Promise<void>
  private tellStopped: () => void = () => undefined
  /** Null while nobody asks for findings. */
  private findings: FindingsView | null = null
  /** Flows or packets that were shown or written. */
  private matched = 0

  constructor(request: DecodeRequest, file: string, io: Console) {
    this.request = request
    this.file = file
    this.io = io
    this.stopped = new Promise(resolve => {
      this.tellStopped = resolve
    })
  }

  stop(): void {
    this.isStopped = true
    this.tellStopped()
    this.decoding?.stop()
  }

  async run(): Promise<void> {
    const { request, io, file } = this
    checkOutputs(request, file)
    const page = makePageView(request)
    if (this.needsLook) await this.look()
    if (this.isStopped) return
    const columns = terminalColumns() ?? PLAIN_COLUMNS
    // What is written to stdout is a capture then, and nothing else.
    const isShown = request.write !== '-'
    const packets = isShown && request.view !== 'flows' ? makePacketsView(request, io.out, columns) : null
    const isTold = isShown && request.view === 'flows' && needsFindings(request)
    const findings = isTold || page !== null ? new FindingsView() : null
    this.findings = findings
    const found = findings === null ? null : (decoding: Decoding) => findings.finish(decoding)
    const shown = isShown && request.view === 'flows' ? makeFlowsView(request, file, io.out, columns, found) : null
    const flows = page === null ? shown : page.beside(shown)
    let output: PacketFile | null = null
    const decoding = await this.pass({
      visitors: ({ source }) => {
        if (request.write !== null)
          output = new PacketFile(request.write, () => source.interfaces, `netkit ${io.version}`)
        const written = output === null ? null : this.written(output)
        return [packets === null ? null : this.shown(packets), written, findings, page].filter(each => each !== null)
      },
      isWanted: flows?.isWanted,
      ...(flows === null ? {} : { flow: flow => flows.flow(flow) }),
      afterWindow: async () => {
        if (request.follow) packets?.flush()
        await output?.settled()
      },
    })
    packets?.flush()
    flows?.finish(decoding, this.wantedOf(decoding))
    if (shown !== null && request.selection.isEmpty) this.matched += decoding.tracker.flows
    if (request.view !== 'flows' && isShown && request.form === 'ndjson')
      io.out.jsonLine({ type: 'summary', ...decoding.head() })
    await this.finishOutput(output)
    if (page !== null && findings !== null) this.writePage(page, decoding, findings)
    this.conclude(decoding, shown !== null && request.form !== 'csv')
  }

  /** What became of flows is known at the end only: their packets are told from others in a second pass. */
  private get needsLook(): boolean {
    const { selection, view, write } = this.request
    if (write !== null && (selection.needsEnd || selection.wanted.labels !== 0)) return true
    return view !== 'flows' && selection.needsEnd
  }

  private async look(): Promise<void> {
    const { request, file } = this
    if (request.follow || !isRereadable(file))
      throw new UsageError('packets by what became of their flows need a file that can be read twice', {
        hints: ['save it to a file first, or select by --flow, --host, --port, --since and --until'],
      })
    const found = new FlowSet()
    const decoding = await this.pass({ visitors: () => [], flow: flow => found.add(flow.id) })
    for (const { id } of this.wantedOf(decoding)) found.add(id)
    request.selection.found = found
    this.matched = 0
    this.labels = new LabelMemory()
  }

  private async pass({ visitors, isWanted, flow, afterWindow }: Pass): Promise<Decoding> {
    const { request, io } = this
    const { selection } = request
    const { findings } = this
    /** Of the flow that ends: where it was, whether it is shown, and whether the rules have to see it. */
    let ending = -1
    let isShown = true
    let isNeeded = true
    const decoding = await openDecoding(this.file, {
      follow: request.follow,
      noLimit: request.noLimit,
      verifyChecksums: request.verifyChecksums,
      ...(request.maxFlows === null ? {} : { maxFlows: request.maxFlows }),
      isWanted: slot => {
        ending = slot
        isShown = isWanted === undefined || isWanted(decoding.tracker, slot)
        isNeeded = findings !== null && (!selection.isEmpty || findings.needs(decoding.tracker, slot))
        return isShown || isNeeded
      },
      ...(flow === undefined
        ? {}
        : {
            onFlow: each => {
              const wanted = this.wants(each, decoding)
              if (isNeeded) findings?.flow(each, ending, wanted)
              if (wanted && isShown) flow(each)
            },
          }),
    })
    this.decoding = decoding
    const all = [...(selection.wanted.labels === 0 ? [] : [this.labels]), ...visitors(decoding)]
    const progress = makeProgress(io.err)
    try {
      await decoding.run(combined(all), async () => {
        progress?.update(decoding.progress)
        await afterWindow?.()
        const behind = this.isStopped ? null : io.out.settled()
        if (behind !== null) await Promise.race([behind, this.stopped])
      })
    } finally {
      progress?.end()
    }
    return decoding
  }

  private wants(flow: Flow, { firstTimestamp }: Decoding): boolean {
    const { selection } = this.request
    if (selection.isEmpty) return true
    if (!selection.wantsFlow(flow, this.labels.of(flow.id), firstTimestamp)) return false
    this.matched++
    return true
  }

  /** Of the flows that are remembered, those that are wanted. */
  private *wantedOf(decoding: Decoding): Generator<Flow> {
    const { tracker } = decoding
    // Where findings alone are shown, and of all flows, only those are built that the rules have to see.
    const { explain, form, selection } = this.request
    const isSpare = explain && form === 'text' && selection.isEmpty
    for (const slot of tracker.slots()) {
      const isNeeded = !selection.isEmpty || this.findings?.needs(tracker, slot) === true
      if (isSpare && !isNeeded) continue
      const flow = tracker.read(slot)
      const wanted = this.wants(flow, decoding)
      if (isNeeded) this.findings?.flow(flow, slot, wanted)
      if (wanted) yield flow
    }
  }

  private shown(view: PacketVisitor): PacketVisitor {
    const { selection } = this.request
    return {
      packet: (packet, tracker) => {
        if (!selection.isEmpty && !selection.wantsPacket(packet, tracker)) return
        this.matched++
        view.packet(packet, tracker)
      },
    }
  }

  private written(output: PacketFile): PacketVisitor {
    const { selection } = this.request
    return {
      packet: (packet, tracker) => {
        if (!selection.isEmpty && !selection.wantsWritten(packet, tracker)) return
        this.matched++
        output.packet(packet)
      },
    }
  }

  private writePage(page: DecodePageView, decoding: Decoding, findings: FindingsView): void {
    this.io.out.flush()
    page.write(decoding, findings.finish(decoding))
    this.io.err.line(`netkit: wrote ${fileWords(page.path)}`)
  }

  private async finishOutput(output: PacketFile | null): Promise<void> {
    if (output === null) return
    this.io.out.flush()
    await output.close()
    if (output.path === '-') return
    const { packets, bytes } = output
    const words = `${grouped(packets)} ${packets === 1 ? 'packet' : 'packets'}, ${bytesWords(bytes)}`
    this.io.err.line(`netkit: wrote ${words} to ${fileWords(output.path)}`)
  }

  /** @param saysFlaws the view has told what is wrong with the file */
  private conclude(decoding: Decoding, saysFlaws: boolean): void {
    const { io, request } = this
    if (!saysFlaws)
      for (const { message } of decoding.source.flaws)
        io.err.line(`netkit: ${fileWords(this.file)}: ${printable(message)}`)
    if (decoding.isDamaged) io.setExit(EXIT.damaged)
    else if (request.exitCode && this.matched === 0) io.setExit(EXIT.no)
  }
}
