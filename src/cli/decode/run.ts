// Runs `netkit decode`: opens the capture, decodes it, shows what the flags ask for, and says by the exit code how it went.

import { Decoding } from '../../compose/decode.js'
import { EXIT, UsageError } from '../../errors/index.js'
import { FlowBoard } from '../../flow/flow-board.js'
import type { Flow } from '../../flow/model.js'
import { summaryLines } from '../../render/decode-summary.js'
import { flowTable } from '../../render/decode-table.js'
import type { Console } from '../console.js'
import { terminalColumns } from '../terminal.js'
import { DecodeDocument } from './json.js'

export interface DecodeFlags {
  limit?: string | undefined
  'max-flows'?: string | undefined
  'no-limit'?: boolean
  follow?: boolean
}

const DEFAULT_LIMIT = 40
const PLAIN_COLUMNS = 80

function countOf(name: string, text: string | undefined, otherwise: number, least: number): number {
  if (text === undefined) return otherwise
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least)) throw new UsageError(`--${name} takes a whole number from ${least}, not ${text}`)
  return value
}

export async function runDecode(flags: DecodeFlags, file: string, io: Console): Promise<void> {
  const limit = countOf('limit', flags.limit, DEFAULT_LIMIT, 0) || Number.POSITIVE_INFINITY
  const maxFlows = countOf('max-flows', flags['max-flows'], 0, 1)
  const options = {
    follow: flags.follow === true,
    noLimit: flags['no-limit'] === true,
    ...(maxFlows === 0 ? {} : { maxFlows }),
  }
  const document = new DecodeDocument(io.out, file)
  const board = new FlowBoard(limit)
  const isText = io.format === 'text'
  const onFlow = (flow: Flow): void => {
    if (isText) board.add(flow)
    else if (io.format === 'ndjson') io.out.jsonLine({ type: 'flow', ...flow })
    else document.flow(flow)
  }
  const decoding = await Decoding.open(file, {
    ...options,
    onFlow,
    ...(isText ? { isWanted: slot => board.isWanted(decoding.tracker, slot) } : {}),
  })
  const free = io.onInterrupt(() => decoding.stop())
  try {
    await decoding.run()
  } finally {
    free()
  }
  const { tracker } = decoding
  const head = decoding.head()
  if (isText) {
    const columns = terminalColumns() ?? PLAIN_COLUMNS
    const flows = board.finish(tracker)
    for (const line of summaryLines(head, board.counts(), columns)) io.out.line(line)
    io.out.line('')
    for (const line of flowTable(flows, columns)) io.out.line(line)
    if (tracker.flows > flows.length) io.out.line(`${tracker.flows - flows.length} more: --limit 0 shows all`)
  } else if (io.format === 'json') document.finish(head, live(decoding), [])
  else {
    for (const flow of live(decoding)) io.out.jsonLine({ type: 'flow', ...flow })
    io.out.jsonLine({ type: 'summary', ...head })
  }
  if (decoding.isDamaged) io.setExit(EXIT.damaged)
}

function* live({ tracker }: Decoding): Generator<Flow> {
  for (const slot of tracker.slots()) yield tracker.read(slot)
}
