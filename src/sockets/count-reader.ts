// How one key of a socket becomes a small number, so that counting by it makes no object and no string per socket.

import type { SocketRecord } from './record.js'

/** What a group has for a key where the source does not tell; `null` where there is nothing to tell. */
export const UNKNOWN_VALUE: unique symbol = Symbol('unknown')

/** A state is its kernel number; ports and uids are numbers; the rest is text. */
export type CountValue = string | number | null | typeof UNKNOWN_VALUE

/** What a code means, in the order in which groups with the same count are listed. */
export const NUMBER = 0
export const TEXT = 1
export const WORDS = 2
export const NONE = 3
export const UNTOLD = 4
/** One more than the largest of these. */
export const TAG_LIMIT = 8

/** Reads one key: `read` gives a code, and says in `tag` what kind of code it is. */
export abstract class KeyReader {
  tag = NUMBER
  protected readonly texts = new Texts()

  /** A code of 32 bits for the key of a record; equal keys have equal codes and tags. */
  abstract read(record: SocketRecord): number

  value(tag: number, code: number): CountValue {
    if (tag === NONE) return null
    if (tag === UNTOLD) return UNKNOWN_VALUE
    return tag === TEXT ? this.texts.of(code) : this.number(code)
  }

  /** Order of two codes with the same tag. */
  compare(tag: number, a: number, b: number): number {
    if (tag === TEXT) return this.texts.compare(a, b)
    return tag === NUMBER ? (a >>> 0) - (b >>> 0) : 0
  }

  protected number(code: number): string | number {
    return code >>> 0
  }

  /** Code of a text; null is none. */
  protected text(text: string | null): number {
    if (text === null) return this.nothing(NONE)
    this.tag = TEXT
    return this.texts.code(text)
  }

  protected nothing(tag: typeof NONE | typeof UNTOLD): number {
    this.tag = tag
    return 0
  }
}

/** Texts and their numbers. */
class Texts {
  private readonly codes = new Map<string, number>()
  private readonly texts: string[] = []

  code(text: string): number {
    const known = this.codes.get(text)
    if (known !== undefined) return known
    this.codes.set(text, this.texts.length)
    return this.texts.push(text) - 1
  }

  of(code: number): string {
    return this.texts[code]!
  }

  compare(a: number, b: number): number {
    const left = this.of(a)
    const right = this.of(b)
    return left < right ? -1 : left > right ? 1 : 0
  }
}
