// The grammar of filter expressions, by recursive descent:
//
//   filter      := [ disjunction ]
//   disjunction := conjunction { ("or" | "|" | "||") conjunction }
//   conjunction := negation { ["and" | "&" | "&&"] negation }
//   negation    := ("not" | "!") negation | "(" disjunction ")" | predicate
//
// `and` binds tighter than `or`, as ss's manual page says; ss itself reads strictly from left to right.

import type { Filter, FilterFamily } from './ast.js'
import { MATCH_ALL } from './ast.js'
import { Lexer } from './lexer.js'
import type { ServiceLookup } from './ports.js'
import { parsePredicate, type Vocabulary } from './predicates.js'

/** How deep parentheses and `not` may nest: every later step recurses as deep as this and no deeper. */
export const MAX_DEPTH = 200

const NO_SERVICES: ServiceLookup = () => []

/**
 * Parses a filter expression; text without one matches everything. `services` gives the ports of a service name, `hostFamily`
 * the family of hosts without one: null for those of IP.
 * @throws FilterSyntaxError, and nothing else, for text that is not a filter.
 */
export function parseFilter(
  text: string,
  services: ServiceLookup = NO_SERVICES,
  hostFamily: FilterFamily | null = null,
): Filter {
  const lexer = new Lexer(text)
  if (lexer.done) return MATCH_ALL
  const filter = parseDisjunction(lexer, { services, hostFamily }, 0)
  if (!lexer.done) lexer.fail(`Expected "and", "or" or the end of the filter, found ${lexer.found()}.`)
  return filter
}

function parseDisjunction(lexer: Lexer, vocabulary: Vocabulary, depth: number): Filter {
  const terms = [parseConjunction(lexer, vocabulary, depth)]
  while (lexer.accept('||') || lexer.accept('|') || lexer.acceptWord('or')) {
    terms.push(parseConjunction(lexer, vocabulary, depth))
  }
  return terms.length === 1 ? terms[0]! : { kind: 'or', terms }
}

function parseConjunction(lexer: Lexer, vocabulary: Vocabulary, depth: number): Filter {
  const terms = [parseNegation(lexer, vocabulary, depth)]
  while (lexer.accept('&&') || lexer.accept('&') || lexer.acceptWord('and') || startsTerm(lexer)) {
    terms.push(parseNegation(lexer, vocabulary, depth))
  }
  return terms.length === 1 ? terms[0]! : { kind: 'and', terms }
}

/** Terms side by side are joined by `and`. */
function startsTerm(lexer: Lexer): boolean {
  const word = lexer.peekWord()
  return word === null ? lexer.next === '(' || lexer.next === '!' : word !== 'or'
}

function parseNegation(lexer: Lexer, vocabulary: Vocabulary, depth: number): Filter {
  if (depth > MAX_DEPTH) lexer.fail(`Expected at most ${MAX_DEPTH} nested parentheses and negations.`)
  if (lexer.accept('!') || lexer.acceptWord('not')) {
    return { kind: 'not', term: parseNegation(lexer, vocabulary, depth + 1) }
  }
  lexer.skipBlanks()
  const opening = lexer.at
  if (!lexer.accept('(')) return parsePredicate(lexer, vocabulary)
  const filter = parseDisjunction(lexer, vocabulary, depth + 1)
  if (!lexer.accept(')')) {
    lexer.fail(`Expected ")" for the "(" at column ${opening + 1}, found ${lexer.found()}.`)
  }
  return filter
}
