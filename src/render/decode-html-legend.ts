// The marks of a time-sequence graph, and what they mean.

import { escaped } from './decode-html-text.js'

/** Kinds of marks that are in a graph, with what the legend says of them. */
const LEGEND = {
  d: 'data',
  r: 'sent again (R after a timeout, F fast, T tail, S spurious, ? not known)',
  o: 'out of order',
  k: 'keep-alive or window probe',
  a: 'acknowledged by the other end',
  w: 'end of its window',
  u: 'duplicate acknowledgment',
  s: 'received beyond a hole (SACK)',
  z: 'window is zero',
  f: 'window full',
  g: 'not in the capture',
  x: 'reset',
} as const

export type Mark = keyof typeof LEGEND

export function legendHtml(shown: ReadonlySet<Mark>): string {
  const rows = (Object.keys(LEGEND) as Mark[])
    .filter(kind => shown.has(kind))
    .map(
      kind => `<li><svg width="22" height="12" aria-hidden="true">${swatch(kind)}</svg> ${escaped(LEGEND[kind])}</li>`,
    )
  return `<ul class="legend">${rows.join('')}</ul>`
}

function swatch(kind: Mark): string {
  if (kind === 'z' || kind === 'f')
    return `<text class="m m-${kind}" x="11" y="11">${kind === 'z' ? '0' : 'full'}</text>`
  return kind === 'a' || kind === 'w'
    ? `<path class="p-${kind}" d="M1 8H11V3H21"/>`
    : `<path class="p-${kind}" d="M11 1V11"/>`
}
