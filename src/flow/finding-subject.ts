// What a rule looks at: a TCP flow with the packets that were kept of it, by end; and the words that its sentences share.

import type { FlowNotes, Note } from './evidence.js'
import type { Endpoint, Side, TcpFlow } from './model.js'

export interface Subject {
  flow: TcpFlow
  kept: FlowNotes
  notes: readonly Note[]
  /** Nanoseconds since the first timed packet of the capture; null where the flow has no times. */
  startNs: number | null
  endNs: number | null
  sideOf: (note: Note) => Side
}

/** @param sinceFirst a time of the flow as nanoseconds since the first timed packet */
export function subjectOf(flow: TcpFlow, kept: FlowNotes, sinceFirst: (time: string) => number): Subject {
  const isFirstClient = kept.first.port === flow.client.port && kept.first.address === flow.client.address
  return {
    flow,
    kept,
    notes: kept.notes,
    startNs: flow.start === null ? null : kept.beginNs,
    endNs: flow.end === null ? null : sinceFirst(flow.end),
    sideOf: ({ sender }) => ((sender === 0) === isFirstClient ? 'client' : 'server'),
  }
}

export const otherSide = (side: Side): Side => (side === 'client' ? 'server' : 'client')

/** Address and port. */
export function endName({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** `client 10.0.0.1:40000`. */
export const sideName = (flow: TcpFlow, side: Side): string => `${side} ${endName(flow[side])}`

/** A duration: 350 us, 18.6 ms, 0.98 s, 23.7 s, 144 s. */
export function lasting(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} us`
  if (ms < 99.95) return `${ms.toFixed(1)} ms`
  const seconds = ms / 1000
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`
  return `${seconds.toFixed(seconds < 99.95 ? 1 : 0)} s`
}

/** Milliseconds from one packet to a later one: a clock that was set back makes none negative. */
export function msBetween(first: { timeNs: number }, last: { timeNs: number }): number {
  return Math.max(0, last.timeNs - first.timeNs) / 1e6
}

/** `1 byte`, `2 bytes`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

/** Frames in order, each once, without those that are not there. */
export function framesOf(...frames: (number | null | undefined)[]): number[] {
  const found = frames.filter((frame): frame is number => frame !== null && frame !== undefined && frame > 0)
  return [...new Set(found)].sort((one, other) => one - other)
}

/** `frame 3`, `frames 3, 5, 7`; of many the first ones. */
export function frameWords(frames: readonly number[], most = 6): string {
  if (frames.length === 1) return `frame ${frames[0]}`
  return `frames ${frames.slice(0, most).join(', ')}${frames.length > most ? ' ...' : ''}`
}

/** Share of a whole in percent, with one digit below ten. */
export function percent(part: number, whole: number): string {
  const value = (part / Math.max(whole, 1)) * 100
  return `${value.toFixed(value < 9.95 ? 1 : 0)} %`
}

export const hasLabel = (note: Note, mask: number): boolean => (note.labels & mask) !== 0
