// When a written capture goes on in a new file, what that file is called, and which old ones go.

import { UsageError } from '../errors/index.js'
import type { CapturedPacket } from '../wire/captured-packet.js'

export interface RotationPolicy {
  /** No file gets larger, but for one that a single packet makes so; null for any size. */
  bytes: number | null
  /** No file holds packets further apart in time; null for any time. */
  seconds: number | null
  /** Only the newest so many files stay; null for all. */
  keep: number | null
}

/** Whether a capture is written to more than one file. @throws UsageError when the policy makes no sense */
export function rotates(policy: RotationPolicy): boolean {
  for (const [name, value] of Object.entries(policy))
    if (value !== null && !(value > 0))
      throw new UsageError(`rotation needs a number above 0 for ${name}, not ${value}`)
  const any = policy.bytes !== null || policy.seconds !== null
  if (policy.keep !== null && !any)
    throw new UsageError('how many files are kept means nothing when there is only one', {
      hints: ['say when a new file begins: --rotate-size or --rotate-seconds'],
    })
  return any
}

/** Follows the files of one capture. */
export class Rotation {
  readonly policy: RotationPolicy
  private readonly path: string
  private readonly names: string[] = []
  private number = 0
  private firstSeconds = 0
  private firstNanoseconds = 0

  constructor(path: string, policy: RotationPolicy) {
    this.path = path
    this.policy = policy
  }

  /** Whether a packet of `packetBytes` in the file belongs into a new one, after a file of `fileBytes` and `packets`. */
  isDue(packet: CapturedPacket, packetBytes: number, fileBytes: number, packets: number): boolean {
    const { bytes, seconds } = this.policy
    if (packets === 0) return this.number === 0
    if (bytes !== null && fileBytes + packetBytes > bytes) return true
    if (seconds === null || !packet.timeKnown) return false
    // Two parts, as their sum in nanoseconds is more than a number holds exactly.
    const elapsed = packet.seconds - this.firstSeconds + (packet.nanoseconds - this.firstNanoseconds) / 1e9
    return elapsed >= seconds
  }

  /** The name of the file that begins with `packet`: `OUT_00001_20240131T235959Z.pcap`, in the order of their numbers. */
  begin(packet: CapturedPacket): string {
    this.number++
    this.firstSeconds = packet.seconds
    this.firstNanoseconds = packet.nanoseconds
    const name = rotatedName(this.path, this.number, packet.seconds)
    this.names.push(name)
    return name
  }

  /** Files of this capture that are too many now: they are the oldest, and are named once. */
  surplus(): string[] {
    const { keep } = this.policy
    return keep === null ? [] : this.names.splice(0, Math.max(this.names.length - keep, 0))
  }

  /** The files that are there, oldest first. */
  get files(): readonly string[] {
    return this.names
  }
}

function rotatedName(path: string, number: number, seconds: number): string {
  const slash = path.lastIndexOf('/')
  const dot = path.lastIndexOf('.')
  // A name that begins with its only dot has no ending.
  const at = dot > slash + 1 ? dot : path.length
  return `${path.slice(0, at)}_${String(number).padStart(5, '0')}_${stamp(seconds)}${path.slice(at)}`
}

function stamp(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? 'no-time' : date.toISOString().replace(/[-:]|\.000/g, '')
}
