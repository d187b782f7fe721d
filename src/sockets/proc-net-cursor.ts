// Walks the columns of one line of /proc/net without making a string. A column that is not what was asked for clears `ok`.

const BLANK = 32
const COLON = 58

/** Value of an ASCII digit by code; 255 where it is none. */
const DIGITS = new Uint8Array(256).fill(255)
for (let value = 0; value < 10; value++) DIGITS[48 + value] = value
for (let value = 10; value < 16; value++) {
  DIGITS[55 + value] = value
  DIGITS[87 + value] = value
}

/** The kernel prints address words in host order. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** Most decimal digits of a number that stays exact in a double. */
const MAX_DECIMAL_DIGITS = 15

export class LineCursor {
  /** False once a column was not what was asked for; the values after that mean nothing. */
  ok = true
  private readonly bytes: Uint8Array
  private at = 0
  private end = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Points at the line from `start` up to `end`, where its newline is. */
  move(start: number, end: number): void {
    this.at = start
    this.end = end
    this.ok = true
  }

  /** True for the column names that open a file: `sl`, `sk` and `Num`. No socket's line starts with these letters. */
  isHeading(): boolean {
    let at = this.at
    while (at < this.end && this.bytes[at] === BLANK) at++
    const first = this.bytes[at]
    const second = this.bytes[at + 1]
    return (first === 115 && (second === 108 || second === 107)) || (first === 78 && second === 117)
  }

  /** A decimal column. */
  decimal(): number {
    this.skipBlanks()
    let value = 0
    let digits = 0
    for (; this.at < this.end; this.at++, digits++) {
      const digit = DIGITS[this.bytes[this.at]!]!
      if (digit > 9) break
      value = value * 10 + digit
    }
    if (digits === 0 || digits > MAX_DECIMAL_DIGITS || !this.atBoundary()) this.ok = false
    return value
  }

  /** A hexadecimal column of up to 13 digits. */
  hex(): number {
    this.skipBlanks()
    return this.hexRun()
  }

  /** Hexadecimal digits from here up to the end of the column. */
  hexRun(): number {
    let value = 0
    let digits = 0
    for (; this.at < this.end; this.at++, digits++) {
      const digit = DIGITS[this.bytes[this.at]!]!
      if (digit === 255) break
      value = value * 16 + digit
    }
    // 13 digits are 52 bits: exact in a double.
    if (digits === 0 || digits > 13 || !this.atBoundary()) this.ok = false
    return value
  }

  /** Exactly `count` hexadecimal digits from here, to the end of the column. */
  hexDigits(count: number): number {
    const value = this.digits(count)
    if (!this.atBoundary()) this.ok = false
    return value
  }

  /** The first 32-bit word of an address column, in network order. */
  addressWord(): number {
    this.skipBlanks()
    return this.nextAddressWord()
  }

  /** A further word of the same address. */
  nextAddressWord(): number {
    const word = this.digits(8)
    if (!LITTLE_ENDIAN) return word
    return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0
  }

  /** The character that must come next. */
  expect(character: ':'): void {
    if (this.at < this.end && this.bytes[this.at] === character.charCodeAt(0)) this.at++
    else this.ok = false
  }

  /** Passes over a column of any content. */
  word(): void {
    this.skipBlanks()
    const start = this.at
    while (this.at < this.end && this.bytes[this.at] !== BLANK) this.at++
    if (this.at === start) this.ok = false
  }

  /** What follows one blank, to the end of the line, as text: it may hold blanks itself. Null when there is nothing. */
  restAfterBlank(): string | null {
    if (this.at + 1 >= this.end) return null
    return DECODER.decode(this.bytes.subarray(this.at + 1, this.end))
  }

  private digits(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++, this.at++) {
      const digit = this.at < this.end ? DIGITS[this.bytes[this.at]!]! : 255
      if (digit === 255) {
        this.ok = false
        return 0
      }
      value = value * 16 + digit
    }
    return value
  }

  private atBoundary(): boolean {
    if (this.at >= this.end) return true
    const byte = this.bytes[this.at]
    return byte === BLANK || byte === COLON
  }

  private skipBlanks(): void {
    while (this.at < this.end && this.bytes[this.at] === BLANK) this.at++
  }
}

const DECODER = new TextDecoder('utf-8', { ignoreBOM: true })
