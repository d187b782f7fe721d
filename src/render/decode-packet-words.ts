// Words of a decoded packet, as text and as bytes of its JSON: looked up, not made, since there are millions of packets.

import { formatIpv6 } from '../bytes/address.js'
import { type Label, labelNames, RETRANSMISSION_KINDS } from '../flow/labels.js'
import type { FlowTracker } from '../flow/tracker.js'
import type { RowWriter } from './row-writer.js'

/** By KIND_ number. */
export const KIND_NAMES = ['other', 'tcp', 'udp', 'icmp', 'icmp-error', 'arp', 'fragment'] as const

/** By bit: RFC 9293, RFC 3540 (the ninth was the nonce sum; RFC 9768 uses it for accurate ECN). */
const FLAG_NAMES = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ae'] as const
/** S for SYN before A for ACK, as everybody says it. */
const FLAG_LETTERS = 'FSRPAUECX'
const FLAG_ORDER = [1, 0, 2, 3, 4, 5, 6, 7, 8]

const flagNames = (flags: number): string[] =>
  FLAG_ORDER.filter(bit => (flags & (1 << bit)) !== 0).map(bit => FLAG_NAMES[bit]!)

const ALL_FLAGS = Array.from({ length: 512 }, (_, flags) => flags)
/** `SA`, by flags; `-` for none. */
export const FLAG_TEXTS: readonly string[] = ALL_FLAGS.map(
  flags =>
    FLAG_ORDER.filter(bit => (flags & (1 << bit)) !== 0)
      .map(bit => FLAG_LETTERS[bit]!)
      .join('') || '-',
)
/** `["syn","ack"]`, by flags. */
export const FLAG_ARRAYS: readonly string[] = ALL_FLAGS.map(flags => JSON.stringify(flagNames(flags)))

/** Labels by mask: few of the masks that could be do occur. */
class LabelTexts {
  readonly #texts = new Map<number, string>()
  readonly #make: (labels: Label[]) => string

  constructor(make: (labels: Label[]) => string) {
    this.#make = make
  }

  of(mask: number): string {
    let text = this.#texts.get(mask)
    if (text === undefined) {
      text = this.#make(labelNames(mask))
      this.#texts.set(mask, text)
    }
    return text
  }
}

export const labelArrays = new LabelTexts(labels => JSON.stringify(labels))
export const labelWords = new LabelTexts(labels => labels.join(' '))

/** Labels with what tells more of them: `retransmission:fast`, `dup-ack:3`. */
export function labelDetails({ labels, retransmissionKind, dupAckNumber }: FlowTracker): string {
  let text = labelWords.of(labels)
  if (retransmissionKind !== 0)
    text = text.replace('retransmission', `retransmission:${RETRANSMISSION_KINDS[retransmissionKind]}`)
  return dupAckNumber === 0 ? text : text.replace('dup-ack', `dup-ack:${dupAckNumber}`)
}

const REMEMBERED = 1024

/** IPv6 addresses as text: those met last. */
class AddressTexts {
  readonly #words = new Int32Array(REMEMBERED * 4)
  readonly #texts: string[] = new Array<string>(REMEMBERED).fill('')

  of(w0: number, w1: number, w2: number, w3: number): string {
    const at = (Math.imul(w3 ^ w1, 0x9e3779b1) ^ w2 ^ w0) & (REMEMBERED - 1)
    const words = this.#words
    const row = at * 4
    const known = this.#texts[at]!
    const isSame = words[row] === w0 && words[row + 1] === w1 && words[row + 2] === w2 && words[row + 3] === w3
    if (isSame && known !== '') return known
    const text = formatIpv6(w0, w1, w2, w3)
    words[row] = w0
    words[row + 1] = w1
    words[row + 2] = w2
    words[row + 3] = w3
    this.#texts[at] = text
    return text
  }
}

const addresses = new AddressTexts()

export function writeAddress(out: RowWriter, family: number, w0: number, w1: number, w2: number, w3: number): void {
  if (family === 4) out.ipv4(w3)
  else out.ascii(addresses.of(w0 | 0, w1 | 0, w2 | 0, w3 | 0))
}
