// Flows that one rule only can concern: a SYN without an answer, or with a reset. They are put together from their records as
// they are; most flows of a scan are such, and building each would take far longer than decoding it.

import type { FlowBrief, Joining, Member } from './finding-groups.js'
import { endName } from './finding-subject.js'
import { noAnswerMatch, refusedMatch } from './findings-opening.js'
import { formatAddress } from './flow-address.js'
import * as Row from './flow-record.js'
import { BITS, IGNORED_SHIFT, RESET, RESET_CLASS, RESET_CLASSES } from './life-words.js'
import type { Outcome } from './model.js'

const REFUSE = RESET_CLASSES.indexOf('refuse')

/** An address as text, made when another one is asked for. */
class AddressText {
  #family = 0
  #word0 = 0
  #word1 = 0
  #word2 = 0
  #word3 = 0
  #text = ''

  of(family: number, words: Int32Array, at: number): string {
    const isSame =
      words[at + 3] === this.#word3 &&
      family === this.#family &&
      words[at] === this.#word0 &&
      words[at + 1] === this.#word1 &&
      words[at + 2] === this.#word2
    if (isSame) return this.#text
    this.#family = family
    this.#word0 = words[at]!
    this.#word1 = words[at + 1]!
    this.#word2 = words[at + 2]!
    this.#word3 = words[at + 3]!
    this.#text = formatAddress(family, this.#word0, this.#word1, this.#word2, this.#word3)
    return this.#text
  }
}

/** Moves from flow to flow. */
export class LoneFlow implements FlowBrief, Joining {
  readonly weight = 1
  readonly flow = this
  id = 0
  port = 0
  startNs = 0
  endNs = 0
  isPending = false
  readonly #client = new AddressText()
  readonly #server = new AddressText()
  #words: Int32Array = new Int32Array(Row.ROW_WORDS)
  #at = 0

  /**
   * The name of the only rule that can concern the flow of a row, which this is then; null when others may.
   * @param notes packets that were kept of it
   * @param beginNs time of its first packet
   */
  move(
    records: Row.FlowRecords,
    slot: number,
    outcome: Outcome | null,
    notes: number,
    beginNs: number,
  ): 'no-answer' | 'refused' | null {
    const isRefused = outcome === 'refused'
    if (notes !== (isRefused ? 1 : 0) || (outcome !== 'no-answer' && !isRefused)) return null
    const { words } = records.slab(slot)
    const at = Row.wordsOf(slot)
    const first = at + Row.SIDES
    if (words[first + Row.PACKETS] !== 1 || words[first + Row.SIDE_WORDS + Row.PACKETS] !== notes) return null
    if ((words[first + Row.STATE]! & Row.TIMED) === 0) return null
    const life = at + Row.LIFE_WORDS_AT
    if (isRefused && ((words[life + RESET]! & RESET_CLASS) !== REFUSE || words[life + BITS]! >>> IGNORED_SHIFT !== 0))
      return null
    this.#words = words
    this.#at = at
    this.id = words[at + Row.ID]!
    this.port = words[at + Row.PORTS]! & 0xffff
    const seconds = words[at + Row.LAST_SECONDS]! - words[at + Row.FIRST_SECONDS]!
    this.startNs = beginNs
    this.endNs = beginNs + seconds * 1e9 + (words[at + Row.LAST_NS]! - words[at + Row.FIRST_NS]!)
    this.isPending = !isRefused
    return outcome
  }

  get client(): string {
    return this.#client.of(this.#family, this.#words, this.#at + Row.FIRST_ENDS)
  }

  get serverAddress(): string {
    return this.#server.of(this.#family, this.#words, this.#at + Row.OTHER_ENDS)
  }

  get server(): string {
    return endName({ address: this.serverAddress, port: this.port })
  }

  member(): Member {
    const { id, client, serverAddress, server, port, startNs, endNs } = this
    const words = this.#words
    const opening = {
      client: endName({ address: client, port: words[this.#at + Row.PORTS]! >>> 16 }),
      server,
      startNs,
    }
    const firstFrame = words[this.#at + Row.FIRST_FRAME]!
    const match = this.isPending
      ? noAnswerMatch({ ...opening, syns: 1, firstFrame, retries: [] })
      : refusedMatch({
          ...opening,
          refusals: 1,
          frames: [firstFrame, words[this.#at + Row.LAST_FRAME]!],
          lastNs: endNs,
        })
    return { match, flow: { id, client, serverAddress, server, port, startNs, endNs } }
  }

  get #family(): number {
    return (this.#words[this.#at + Row.TYPE]! >>> 8) & 0xff
  }
}
