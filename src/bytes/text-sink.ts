// Where formatters put their words: straight into a table's bytes, or into a string where one is wanted.

import { printable } from './printable.js'

const SPACE = 0x20

/** Printable ASCII that is written again and again. Four bytes at a time is three times as quick as one (measured). */
export class Label {
  readonly text: string
  readonly length: number
  /** The text in little-endian words, the last one filled up with zeros. */
  readonly words: Int32Array

  constructor(text: string) {
    const bytes = new DataView(new ArrayBuffer((text.length + 3) & ~3))
    for (let at = 0; at < text.length; at++) bytes.setUint8(at, text.charCodeAt(at))
    this.text = text
    this.length = text.length
    this.words = new Int32Array(bytes.byteLength / 4)
    for (let word = 0; word < this.words.length; word++) this.words[word] = bytes.getInt32(word * 4, true)
  }
}

/**
 * Takes the words of a formatter. By convention each word is followed by a blank, so that formatters can be called one after
 * the other without asking whether the one before wrote anything; who asked for the words takes the last blank back.
 */
export interface TextSink {
  /** One byte of ASCII. */
  byte(code: number): void
  /** A short string of printable ASCII that netkit itself made. */
  ascii(text: string): void
  /** The same from a constant, quicker. */
  label(label: Label): void
  /** A whole number from 0 to 2^53. */
  number(value: number): void
  /** A label, a whole number and a blank, in one call. */
  count(label: Label, value: number): void
  /** Text from elsewhere, of any length: control characters are escaped. */
  text(text: string): void
}

/** Collects words as a string. */
class StringSink implements TextSink {
  collected = ''

  byte(code: number): void {
    this.collected += String.fromCharCode(code)
  }

  ascii(text: string): void {
    this.collected += text
  }

  label(label: Label): void {
    this.collected += label.text
  }

  number(value: number): void {
    this.collected += String(value)
  }

  count(label: Label, value: number): void {
    this.collected += `${label.text}${value} `
  }

  text(text: string): void {
    this.collected += printable(text)
  }
}

/** What `write` writes, as a string without the blank after the last word. */
export function textOf(write: (sink: TextSink) => void): string {
  const sink = new StringSink()
  write(sink)
  const { collected } = sink
  return collected.charCodeAt(collected.length - 1) === SPACE ? collected.slice(0, -1) : collected
}

/** What a formatter of strings made, as a word; nothing when it is empty. */
export function writeWord(text: string, sink: TextSink): void {
  if (text === '') return
  sink.text(text)
  sink.byte(SPACE)
}
