// Text in a page: what comes from packets, files and names cannot be anything but text there.

import { printable } from '../bytes/printable.js'
import { lasting } from './decode-words.js'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Control characters and direction overrides shown as such, and nothing left that means something in HTML or in an attribute. */
export function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, character => ESCAPES[character]!)
}

/** A coordinate with a tenth of a pixel. */
export const pixel = (value: number): string => String(Math.round(value * 10) / 10)

/** How long something lasts, in the units of print; what lasts less than nothing was measured with a clock that went back. */
export const lastingWords = (ms: number): string => (ms > 0 ? lasting(ms).replace('us', 'µs') : '0')
