// Number lists and ranges (`8000-8010,9000`) and comparisons, brought to one form: sorted, disjoint, closed ranges.

import type { Ranges } from './ast.js'
import type { Comparison } from './lexer.js'

/** As many items as one list may have; also far more than 64 KiB of kernel bytecode can hold. */
export const MAX_LIST = 4096

/** Sorts and joins what touches or overlaps, so that evaluation and bytecode do as few steps as possible. */
export function normalizeRanges(ranges: readonly (readonly [number, number])[]): Ranges {
  const sorted = ranges.filter(([low, high]) => low <= high).sort((a, b) => a[0] - b[0])
  const merged: [number, number][] = []
  for (const [low, high] of sorted) {
    const last = merged.at(-1)
    if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high)
    else merged.push([low, high])
  }
  return merged
}

/** The whole numbers that stand in relation `operator` to `value`, which need not be whole (`rtt > 0.5us`). */
export function compareRanges(operator: Exclude<Comparison, '!='>, value: number): Ranges {
  switch (operator) {
    case '=':
      return Number.isInteger(value) ? [[value, value]] : []
    case '<':
      return value > 0 ? [[0, Math.ceil(value) - 1]] : []
    case '<=':
      return [[0, Math.floor(value)]]
    case '>':
      return [[Math.floor(value) + 1, Number.POSITIVE_INFINITY]]
    case '>=':
      return [[Math.ceil(value), Number.POSITIVE_INFINITY]]
  }
}

export function inRanges(ranges: Ranges, value: number): boolean {
  for (let i = 0; i < ranges.length; i++) {
    const range = ranges[i]!
    if (value >= range[0] && value <= range[1]) return true
  }
  return false
}

/** A whole number in decimal or, after `0x`, hexadecimal; null for anything else or above 2^32 - 1. */
export function parseUnsigned(text: string): number | null {
  if (!/^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text)) return null
  const value = Number(text)
  return value <= 0xffffffff ? value : null
}
