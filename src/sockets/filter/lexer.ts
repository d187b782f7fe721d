// Cuts filter text into words, operators and operands. What an operand may contain depends on the keyword before it
// (`[::]/0`, `unix:/run/*`, `8000-8010,9000`), so the parser asks for the kind of token it expects.

import { FilterSyntaxError } from './syntax-error.js'

export type Comparison = '=' | '!=' | '<' | '>' | '<=' | '>='
export type Operator = Comparison | '~' | '!~'

/** A value as written; a quoted one is taken literally, without lists or prefixes. */
export interface Operand {
  text: string
  column: number
  quoted: boolean
}

/** Longer text is refused, so that no later step needs a bound of its own. */
export const MAX_TEXT_LENGTH = 256 * 1024

const SYMBOLS: readonly (readonly [string, Operator])[] = [
  ['==', '='],
  ['!=', '!='],
  ['!~', '!~'],
  ['>=', '>='],
  ['<=', '<='],
  ['=', '='],
  ['>', '>'],
  ['<', '<'],
  ['~', '~'],
]

const OPERATOR_WORDS: ReadonlyMap<string, Operator> = new Map([
  ['eq', '='],
  ['ne', '!='],
  ['neq', '!='],
  ['gt', '>'],
  ['lt', '<'],
  ['ge', '>='],
  ['geq', '>='],
  ['le', '<='],
  ['leq', '<='],
])

const BLANK = /\s/
const WORD = /[A-Za-z][A-Za-z0-9_-]*/y
/** ss wants blanks around parentheses; here they and the junction symbols end an operand, quotes keep them. */
const OPERAND = /[^\s()|&'"]+/y

export class Lexer {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
    if (text.length > MAX_TEXT_LENGTH) this.fail(`Expected at most ${MAX_TEXT_LENGTH} characters of filter text.`, 0)
  }

  fail(message: string, column = this.at): never {
    throw new FilterSyntaxError(this.text, column, message)
  }

  skipBlanks(): void {
    while (this.at < this.text.length && BLANK.test(this.text[this.at]!)) this.at++
  }

  get done(): boolean {
    this.skipBlanks()
    return this.at >= this.text.length
  }

  /** The next character that is not blank, or '' at the end. */
  get next(): string {
    return this.done ? '' : this.text[this.at]!
  }

  /** Takes `symbol` when it comes next. */
  accept(symbol: string): boolean {
    this.skipBlanks()
    if (!this.text.startsWith(symbol, this.at)) return false
    this.at += symbol.length
    return true
  }

  /** The keyword that comes next, folded to lower case, without taking it; null when something else comes. */
  peekWord(): string | null {
    this.skipBlanks()
    WORD.lastIndex = this.at
    return WORD.exec(this.text)?.[0].toLowerCase() ?? null
  }

  acceptWord(word: string): boolean {
    if (this.peekWord() !== word) return false
    this.at += word.length
    return true
  }

  /** The operator that comes next, or null: most keywords take `=` for granted. */
  operator(): Operator | null {
    this.skipBlanks()
    for (const [symbol, operator] of SYMBOLS) if (this.accept(symbol)) return operator
    const word = this.peekWord()
    const operator = word === null ? undefined : OPERATOR_WORDS.get(word)
    if (word === null || operator === undefined) return null
    // `dst ne.example.org` is a host, `dst ne example.org` an operator.
    const after = this.text[this.at + word.length] ?? ' '
    if (!/[\s:"'[\d*]/.test(after)) return null
    this.at += word.length
    return operator
  }

  /** A value: quoted, or everything up to a blank, parenthesis, `|` or `&`; a trailing comma carries it on. */
  operand(expected: string): Operand {
    this.skipBlanks()
    const column = this.at
    const quote = this.text[this.at]
    if (quote === '"' || quote === "'") {
      const end = this.text.indexOf(quote, column + 1)
      if (end < 0) this.fail(`Expected a closing ${quote} for the quote that opens here.`, column)
      this.at = end + 1
      return { text: this.text.slice(column + 1, end), column, quoted: true }
    }
    let text = ''
    for (;;) {
      OPERAND.lastIndex = this.at
      const found = OPERAND.exec(this.text)
      if (!found) break
      text += found[0]
      this.at += found[0].length
      if (!text.endsWith(',')) break
      this.skipBlanks()
    }
    if (text === '') this.fail(`Expected ${expected}, found ${this.found()}.`, column)
    return { text, column, quoted: false }
  }

  /** What stands at the cursor, for the end of an error sentence. */
  found(): string {
    if (this.done) return 'the end of the filter'
    OPERAND.lastIndex = this.at
    const text = OPERAND.exec(this.text)?.[0] ?? this.text[this.at]!
    return quoteText(text)
  }
}

/** What JSON leaves as it is and a terminal must not get: DEL, C1 controls, and marks that hide or reorder text. */
const INVISIBLE = /[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Shows a piece of the text inside a sentence: cut short, and harmless in a terminal. */
export function quoteText(text: string): string {
  const quoted = JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text)
  return quoted.replace(INVISIBLE, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
