// The keywords that start a predicate, and how each reads its operator and value.

import { parseState } from '../states.js'
import type { Filter, FilterFamily, Ranges, Side, TextField } from './ast.js'
import type { NumericField, Unit } from './fields.js'
import { NUMERIC_FIELDS, parseQuantity, unitHint } from './fields.js'
import { parseHostOperand } from './hosts.js'
import type { Comparison, Lexer, Operand, Operator } from './lexer.js'
import { quoteText } from './lexer.js'
import type { ServiceLookup } from './ports.js'
import { parsePortOperand } from './ports.js'
import { compareRanges, MAX_LIST, normalizeRanges, parseUnsigned } from './ranges.js'

/** What words of a filter mean where it is read. */
export interface Vocabulary {
  services: ServiceLookup
  /** The family of a host that names none: with `-x` it is a path, as in ss. null = IP. */
  hostFamily: FilterFamily | null
}

type PredicateParser = (lexer: Lexer, word: string, vocabulary: Vocabulary) => Filter

function operatorFor(lexer: Lexer, word: string, allowed: readonly Operator[]): Operator {
  lexer.skipBlanks()
  const column = lexer.at
  const operator = lexer.operator() ?? '='
  if (!allowed.includes(operator)) {
    lexer.fail(`Expected ${allowed.map(each => `"${each}"`).join(', ')} after "${word}", found "${operator}".`, column)
  }
  return operator
}

const EQUALITY: readonly Operator[] = ['=', '!=']
const ORDER: readonly Operator[] = ['=', '!=', '<', '>', '<=', '>=']
const MATCHING: readonly Operator[] = ['=', '!=', '~', '!~']

/** Items of an unquoted list with their columns; a quoted value is one item. */
function items(lexer: Lexer, operand: Operand): { text: string; column: number }[] {
  if (operand.quoted) return [operand]
  const texts = operand.text.split(',')
  if (texts.length > MAX_LIST) lexer.fail(`Expected at most ${MAX_LIST} values in a list.`, operand.column)
  return texts.map(text => ({ text, column: Math.max(operand.column, lexer.text.indexOf(text, operand.column)) }))
}

function host(side: Side): PredicateParser {
  return (lexer, word, vocabulary) => {
    const negated = operatorFor(lexer, word, EQUALITY) === '!='
    return parseHostOperand(lexer, lexer.operand(`an address after "${word}"`), side, negated, vocabulary)
  }
}

function port(side: Side): PredicateParser {
  return (lexer, word, { services }) => {
    const operator = operatorFor(lexer, word, ORDER) as Comparison
    const operand = lexer.operand(`a port such as :22 after "${word}"`)
    return { kind: 'port', side, ...parsePortOperand(lexer, operand, operator, services) }
  }
}

function parseRange(text: string, unit: Unit): [number, number] | 'backwards' | null {
  const hyphen = text.indexOf('-')
  const low = parseQuantity(hyphen < 0 ? text : text.slice(0, hyphen), unit)
  const high = hyphen < 0 ? low : parseQuantity(text.slice(hyphen + 1), unit)
  if (low === null || high === null) return null
  return low > high ? 'backwards' : [low, high]
}

/** `= 5`, `= 5,7-9`, `> 1.5s`: the ranges, and whether they are to be missed. */
function parseNumbers(lexer: Lexer, word: string, unit: Unit): { ranges: Ranges; negated: boolean } {
  const operator = operatorFor(lexer, word, ORDER) as Comparison
  const operand = lexer.operand(`${unitHint(unit)} after "${word}"`)
  if (operator !== '=' && operator !== '!=') {
    const value = parseQuantity(operand.text, unit)
    if (value !== null) return { ranges: compareRanges(operator, value), negated: false }
    return lexer.fail(`Expected ${unitHint(unit)}, found ${quoteText(operand.text)}.`, operand.column)
  }
  const ranges = items(lexer, operand).map(({ text, column }) => {
    const range = parseRange(text, unit)
    if (range === 'backwards') lexer.fail(`Expected the lower value first in the range ${quoteText(text)}.`, column)
    return range ?? lexer.fail(`Expected ${unitHint(unit)}, found ${quoteText(text)}.`, column)
  })
  return { ranges: normalizeRanges(ranges), negated: operator === '!=' }
}

function text(field: TextField, listed: boolean): PredicateParser {
  return (lexer, word) => {
    const operator = operatorFor(lexer, word, MATCHING)
    const operand = lexer.operand(`a value after "${word}"`)
    const values = listed ? items(lexer, operand).map(item => item.text) : [operand.text]
    const glob = operator === '~' || operator === '!~'
    if (!operand.quoted && values.includes('')) {
      lexer.fail('Expected a value between commas.', operand.column)
    }
    return { kind: 'text', field, values, glob, negated: operator === '!=' || operator === '!~' }
  }
}

function masked(kind: 'state' | 'timer', expected: string, maskOf: (text: string) => number | null): PredicateParser {
  return (lexer, word) => {
    const negated = operatorFor(lexer, word, EQUALITY) === '!='
    let mask = 0
    for (const { text, column } of items(lexer, lexer.operand(expected))) {
      mask |= maskOf(text) ?? lexer.fail(`Expected ${expected}, found ${quoteText(text)}.`, column)
    }
    return { kind, mask, negated }
  }
}

/** Timer numbers of inet_diag_msg; the words are netkit's, ss's and netstat's. */
const TIMERS: ReadonlyMap<string, number> = new Map([
  ['none', 0],
  ['off', 0],
  ['retransmit', 1],
  ['on', 1],
  ['keepalive', 2],
  ['time-wait', 3],
  ['timewait', 3],
  ['zero-window-probe', 4],
  ['persist', 4],
  ['probe', 4],
  ['delayed-ack', 5],
  ['delack', 5],
])

function timerMask(text: string): number | null {
  const timer = TIMERS.get(text.toLowerCase())
  return timer === undefined ? null : 1 << timer
}

function parseMark(lexer: Lexer, word: string): Filter {
  const negated = operatorFor(lexer, word, EQUALITY) === '!='
  const operand = lexer.operand('a mark such as 0x10 or 0x10/0xff')
  const [value, mask] = operand.text.split('/', 2)
  const numbers = [parseUnsigned(value!), mask === undefined ? 0xffffffff : parseUnsigned(mask)] as const
  if (numbers[0] === null || numbers[1] === null || operand.text.split('/').length > 2) {
    lexer.fail(`Expected a mark such as 0x10 or 0x10/0xff, found ${quoteText(operand.text)}.`, operand.column)
  }
  return { kind: 'mark', value: numbers[0], mask: numbers[1], negated }
}

function parseDevice(lexer: Lexer, word: string): Filter {
  const negated = operatorFor(lexer, word, EQUALITY) === '!='
  const { text: name, column } = lexer.operand(`an interface name or index after "${word}"`)
  // IFNAMSIZ is 16 with the NUL; dev_valid_name() forbids slashes, colons and blanks.
  if (!/^[^\s/:]{1,15}$/u.test(name)) {
    lexer.fail(`Expected an interface name or index, found ${quoteText(name)}.`, column)
  }
  return { kind: 'device', name, negated }
}

function parseCookie(lexer: Lexer, word: string): Filter {
  const negated = operatorFor(lexer, word, EQUALITY) === '!='
  const { text: cookie, column } = lexer.operand(`a cookie in hexadecimal after "${word}"`)
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(cookie)?.[1]
  if (digits === undefined) {
    lexer.fail(`Expected a cookie of up to 16 hexadecimal digits, found ${quoteText(cookie)}.`, column)
  }
  const full = digits.padStart(16, '0')
  const half = (from: number): number => Number.parseInt(full.slice(from, from + 8), 16)
  return { kind: 'cookie', high: half(0), low: half(8), negated }
}

const KEYWORDS = new Map<string, PredicateParser>([
  ['src', host('local')],
  ['dst', host('peer')],
  ['sport', port('local')],
  ['dport', port('peer')],
  ['dev', parseDevice],
  ['fwmark', parseMark],
  ['mark', parseMark],
  ['cgroup', text('cgroup', false)],
  ['autobound', () => ({ kind: 'autobound' })],
  ['state', masked('state', 'a state such as established or time-wait', parseState)],
  ['timer', masked('timer', 'a timer such as retransmit, keepalive or none', timerMask)],
  ['pid', (lexer, word) => ({ kind: 'pid', ...parseNumbers(lexer, word, 'count') })],
  ['comm', text('comm', true)],
  ['user', text('user', true)],
  ['netns', text('netns', true)],
  ['path', text('path', false)],
  ['cookie', parseCookie],
])
for (const [field, { unit }] of Object.entries(NUMERIC_FIELDS)) {
  KEYWORDS.set(field, (lexer, word) => ({
    kind: 'number',
    field: field as NumericField,
    ...parseNumbers(lexer, word, unit),
  }))
}

/** All words that start a predicate, in the order in which help shows them. */
export const FILTER_KEYWORDS: readonly string[] = [...KEYWORDS.keys()]

/** Reads one predicate, whose keyword comes next. */
export function parsePredicate(lexer: Lexer, vocabulary: Vocabulary): Filter {
  const word = lexer.peekWord()
  const parser = word === null ? undefined : KEYWORDS.get(word)
  if (word === null || !parser) return lexer.fail(unknownWord(lexer, word))
  lexer.at += word.length
  return parser(lexer, word, vocabulary)
}

function unknownWord(lexer: Lexer, word: string | null): string {
  const expected = 'Expected a predicate such as sport, dst, state or pid'
  if (word !== null && parseState(word) !== null) return `${expected}, found a state: write "state = ${word}".`
  return `${expected}, found ${lexer.found()}.`
}
