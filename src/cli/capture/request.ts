// What the flags and words of `netkit capture` ask for, checked.

import type { Interfaces } from '@oclif/core'
import { type RotationPolicy, rotates } from '../../capture/rotation.js'
import { ANY_INTERFACE, type LiveCaptureRequest } from '../../compose/live-capture.js'
import { UsageError } from '../../errors/index.js'
import { parseBytes, parseCount, parseDuration } from '../../probe/quantity.js'
import type { Format } from '../failure.js'
import { suggest } from '../suggest.js'
import type { captureFlags } from './flags.js'

export type CaptureFlags = Interfaces.InferredFlags<typeof captureFlags>

export interface CaptureRequest {
  live: LiveCaptureRequest
  /** Packets after which it ends; null for no end. */
  count: number | null
  durationMs: number | null
  maxFlows: number | null
  write: string | null
  /** Null where it is one file. */
  rotation: RotationPolicy | null
  view: 'events' | 'packets' | 'quiet'
  /** Most flows that are shown at the end. */
  limit: number
}

const DEFAULT_LIMIT = 40
/** What libpcap takes. */
const MOST_SNAP_LENGTH = 262_144
const MOST_BUFFER_BYTES = 1024 ** 3
const MOST_MAX_FLOWS = 2 ** 24

/** @throws UsageError */
export function parseCaptureRequest(flags: CaptureFlags, words: readonly string[], format: Format): CaptureRequest {
  const view = flags.quiet ? 'quiet' : flags.packets ? 'packets' : 'events'
  refuseTogether(flags, format)
  // tcpdump(8): its words, put together with blanks; none of them, or an empty one, is no filter.
  const filter = words.join(' ').trim()
  return {
    live: {
      interface: flags.interface ?? ANY_INTERFACE,
      filter: filter === '' ? null : filter,
      promiscuous: !flags['no-promiscuous'],
      source: flags.source,
      nearest: suggest,
      ...given('snapLength', flags.snaplen, text => parseBytes(text, '--snaplen', 0, MOST_SNAP_LENGTH)),
      ...given('bufferBytes', flags['buffer-size'], bufferBytes),
    },
    count: optional(flags.count, text => parseCount(text, '--count', 1)),
    durationMs: optional(flags.duration, text => parseDuration(text, 's', '--duration')),
    maxFlows: optional(flags['max-flows'], text => parseCount(text, '--max-flows', 1, MOST_MAX_FLOWS)),
    write: flags.write ?? null,
    rotation: rotationOf(flags),
    view,
    limit: optional(flags.limit, text => parseCount(text, '--limit')) ?? DEFAULT_LIMIT,
  }
}

function refuseTogether(flags: CaptureFlags, format: Format): void {
  if (flags.quiet && flags.packets) throw new UsageError('--packets and --quiet exclude each other')
  if (flags.packets && format === 'json')
    throw new UsageError('packets are printed one a line: --packets goes with --ndjson')
  if (flags.write === '-' && (format !== 'text' || flags.packets))
    throw new UsageError('standard output gets the capture with --write -: nothing else can be printed there', {
      hints: ['name a file: --write OUT.pcap'],
    })
}

function rotationOf(flags: CaptureFlags): RotationPolicy | null {
  const policy = {
    bytes: optional(flags['rotate-size'], text => parseBytes(text, '--rotate-size', 1)),
    seconds: optional(flags['rotate-seconds'], text => parseDuration(text, 's', '--rotate-seconds') / 1000),
    keep: optional(flags.keep, text => parseCount(text, '--keep', 1)),
  }
  const isRotating = rotates(policy)
  if (isRotating && flags.write === undefined)
    throw new UsageError('there is no file to be rotated', { hints: ['name one: --write OUT.pcapng'] })
  return isRotating ? policy : null
}

/** As tcpdump's -B: KiB, unless a unit is there. */
function bufferBytes(text: string): number {
  const isKib = /^\d+$/.test(text)
  return parseBytes(isKib ? `${text}k` : text, '--buffer-size', 1, MOST_BUFFER_BYTES)
}

function optional<Value>(text: string | undefined, parse: (text: string) => Value): Value | null {
  return text === undefined ? null : parse(text)
}

function given<Key extends string, Value>(
  key: Key,
  text: string | undefined,
  parse: (text: string) => Value,
): { [key in Key]?: Value } {
  return text === undefined ? {} : ({ [key]: parse(text) } as { [key in Key]?: Value })
}
