// What a TCP packet is called: vocabulary A. The rules are in docs/labels.md, one line each.

/** Labels by bit of a 32-bit mask. A test holds this list against the table of the documentation. */
export const LABELS = [
  'handshake-ack',
  'syn-retransmit',
  'syn-ack-retransmit',
  'syn-retry',
  'retransmission',
  'partial-retransmission',
  'out-of-order',
  'gap',
  'acked-unseen',
  'dup-ack',
  'window-update',
  'zero-window',
  'window-full',
  'zero-window-probe',
  'zero-window-probe-ack',
  'keep-alive',
  'keep-alive-ack',
  'port-reuse',
  'challenge-ack',
  'rst-refuse',
  'rst-abort',
  'rst-answer',
  'rst-ignored',
  'fin-retransmit',
  'data-after-close',
  'capture-duplicate',
  'truncated',
  'bad-checksum',
  'malformed',
] as const

export type Label = (typeof LABELS)[number]

/** The mask of one label. */
export function labelBit(label: Label): number {
  return 1 << LABELS.indexOf(label)
}

/** Names of the labels of a mask, in the order of the list. */
export function labelNames(mask: number): Label[] {
  return LABELS.filter((_, bit) => (mask & (1 << bit)) !== 0)
}

/** Why bytes were sent again, of a packet labelled `retransmission` or `partial-retransmission`; by number. */
export const RETRANSMISSION_KINDS = ['unknown', 'rto', 'fast', 'tail', 'spurious'] as const

export type RetransmissionKind = (typeof RETRANSMISSION_KINDS)[number]
