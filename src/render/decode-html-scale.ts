// The scales of a graph: round ticks, and what is written at them.

import { grouped } from './decode-words.js'

const STEPS = [1, 2, 5, 10]

/** Round values from `least` to `most`, about `wanted` of them, and the step between them. */
export function ticks(least: number, most: number, wanted: number): { step: number; values: number[] } {
  const span = most - least
  if (!(span > 0)) return { step: 1, values: [least] }
  const rough = span / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * (STEPS.find(each => each * power >= rough * (1 - 1e-9)) ?? 10)
  const first = Math.ceil(least / step - 1e-9)
  const last = Math.floor(most / step + 1e-9)
  const values: number[] = []
  for (let index = first; index <= last; index++) values.push(index * step)
  return { step, values }
}

/** Seconds as the step between two ticks needs them: `0.2 s`, `15 ms`, `2.5 µs`. */
export function secondsLabel(seconds: number, step: number): string {
  if (seconds === 0) return '0'
  if (step >= 0.1) return `${seconds.toFixed(step >= 1 ? 0 : 1)} s`
  if (step >= 1e-4) return `${(seconds * 1e3).toFixed(step >= 1e-3 ? 0 : 1)} ms`
  return `${(seconds * 1e6).toFixed(step >= 1e-6 ? 0 : 3)} µs`
}

export const bytesLabel = (bytes: number): string =>
  bytes < 0 ? `-${grouped(Math.round(-bytes))}` : grouped(Math.round(bytes))
