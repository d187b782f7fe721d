// What path MTU discovery found, as plain data; the keys of its JSON.

import type { ProbeTarget, TransportKind } from './events.js'

export type PathMtuLimit =
  /** A router reported it; `mtu` is null when it did not say how much passes. */
  | { by: 'icmp'; from: string | null; mtu: number | null }
  /** The interface of this host. */
  | { by: 'local'; mtu: number }
  /** Larger packets vanish without a word, while smaller ones are answered. */
  | { by: 'black-hole'; smallestLost: number }
  /** The largest packet there is passes. */
  | { by: 'none' }
  /** The time was over before the search was: the path MTU is between what passed and this. */
  | { by: 'unknown'; largestPossible: number }

export interface PathMtuProbe {
  sequence: number
  /** Bytes of the IP packet. */
  sizeBytes: number
  outcome: 'answered' | 'too-big' | 'refused' | 'lost' | 'unreachable'
  /** Who answered or reported. */
  from: string | null
  /** MTU that was reported. */
  mtu: number | null
  rttMs: number | null
}

/** What a router or this host said to a probe that got nowhere. */
export interface PathMtuError {
  from: string | null
  /** null for a refusal of this host. */
  type: number | null
  code: number | null
  errno: number
}

export interface PathMtuResult {
  target: ProbeTarget
  transport: TransportKind
  /** Bytes of the largest IP packet that was answered; null when nothing was. */
  pathMtu: number | null
  /** The same without IP and ICMP (or UDP) headers: the largest `ping -s`. */
  largestPayload: number | null
  /** null when nothing was answered. */
  limit: PathMtuLimit | null
  /** What was said instead of an answer; null when there were answers, or silence. */
  error: PathMtuError | null
  timeMs: number
  probes: PathMtuProbe[]
}
