// Numbers, times and ends of flows as words for people.

import { printable } from '../bytes/printable.js'
import type { Endpoint, Flow } from '../flow/model.js'

/** 1234567 as 1,234,567. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

const UNITS = ['', 'k', 'M', 'G', 'T', 'P']

/** A count in five columns at most: 999, 1.2k, 34.5k, 6.7M. */
export function short(count: number): string {
  let value = count
  let unit = 0
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return unit === 0 ? String(value) : `${value.toFixed(value < 99.95 ? 1 : 0)}${UNITS[unit]}`
}

/** Bytes for a sentence: 864.6 MB. */
export function bytesWords(count: number): string {
  const text = short(count)
  const unit = text.at(-1)!
  return /\d/.test(unit) ? `${text} bytes` : `${text.slice(0, -1)} ${unit}B`
}

/** A time in six columns at most: 12.3us, 4.56ms, 7.89s, 12m34s, 5h06m. */
export function lasting(ms: number): string {
  if (ms < 0.9995) return `${(ms * 1000).toFixed(0)}us`
  if (ms < 999.5) return `${ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0)}ms`
  const seconds = ms / 1000
  if (seconds < 99.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)}s`
  const whole = Math.round(seconds)
  if (whole < 6000) return `${Math.floor(whole / 60)}m${pair(whole % 60)}s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 6000) return `${Math.floor(minutes / 60)}h${pair(minutes % 60)}m`
  return `${Math.round(minutes / 1440)}d`
}

const pair = (value: number): string => String(value).padStart(2, '0')

/** Milliseconds between two times of `seconds.nanoseconds`; null when one is not known. */
export function between(start: string | null, end: string | null): number | null {
  if (start === null || end === null) return null
  return Number(nanoseconds(end) - nanoseconds(start)) / 1e6
}

/** Of 1970 in nanoseconds. */
export function nanoseconds(time: string): bigint {
  return BigInt(time.replace('.', ''))
}

/** A time since 1970 as ISO 8601 in UTC with nanoseconds; one that has no date there as it is. */
export function isoTime(time: string): string {
  const whole = time.slice(0, -10)
  const date = new Date(Number(whole) * 1000)
  if (time.startsWith('-') || Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999) return time
  return `${date.toISOString().slice(0, 19)}${time.slice(-10)}Z`
}

export function endWords({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

export const pairWords = (flow: Flow): string => `${endWords(flow.client)} -> ${endWords(flow.server)}`

/** The name of a file, or what stands for it. */
export const fileWords = (file: string): string => (file === '-' ? 'standard input' : printable(file))
