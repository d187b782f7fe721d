// Port operands: `:22`, `22`, `ssh`, `8000-8010,9000`, `inet6::443`.

import type { FilterFamily, Ranges } from './ast.js'
import type { Comparison, Lexer, Operand } from './lexer.js'
import { quoteText } from './lexer.js'
import { compareRanges, MAX_LIST, normalizeRanges, parseUnsigned } from './ranges.js'

/** All ports of a service name, over every protocol; none when the name is unknown. */
export type ServiceLookup = (name: string) => readonly number[]

const FAMILY = /^(inet6?|unix|link|netlink|vsock):/i

/** Splits `inet6:` and such off an operand. */
export function takeFamily(text: string): { family: FilterFamily | null; rest: string } {
  const found = FAMILY.exec(text)
  if (!found) return { family: null, rest: text }
  return { family: found[1]!.toLowerCase() as FilterFamily, rest: text.slice(found[0].length) }
}

/** A number, or the ports of a service, as ranges; null when the text is neither. */
function parsePort(text: string, services: ServiceLookup): number[] | null {
  const bare = text.startsWith(':') ? text.slice(1) : text
  const value = parseUnsigned(bare)
  if (value !== null) return [value]
  const ports = /^[a-z0-9][\w.+*/-]*$/i.test(bare) ? services(bare) : []
  return ports.length > 0 ? [...ports] : null
}

function parsePortItem(text: string, services: ServiceLookup): Ranges | 'backwards' | null {
  const single = parsePort(text, services)
  if (single) return single.map(port => [port, port])
  // Service names may hold hyphens themselves (`ftp-data`), so each hyphen is tried as the range's.
  for (let at = text.indexOf('-'); at >= 0; at = text.indexOf('-', at + 1)) {
    const low = parsePort(text.slice(0, at), services)
    const high = parsePort(text.slice(at + 1), services)
    if (low?.length === 1 && high?.length === 1) return low[0]! > high[0]! ? 'backwards' : [[low[0]!, high[0]!]]
  }
  return null
}

/** The highest port of IP; those of netlink and vsock have 32 bits. */
const MAX_PORT = 0xffff
export const MAX_WIDE_PORT = 0xffffffff

/** A list of ports and ranges that starts at `column`; `null` for `*`, which is any port. */
export function parsePortList(
  lexer: Lexer,
  text: string,
  column: number,
  services: ServiceLookup,
  most = MAX_PORT,
): Ranges | null {
  if (text === '*' || text === ':*') return null
  const items = text.split(',')
  if (items.length > MAX_LIST) lexer.fail(`Expected at most ${MAX_LIST} ports in a list.`, column)
  const ranges: [number, number][] = []
  for (const item of items) {
    const parsed = parsePortItem(item, services)
    const at = Math.max(column, lexer.text.indexOf(item, column))
    if (parsed === 'backwards') lexer.fail(`Expected the lower port first in the range ${quoteText(item)}.`, at)
    if (parsed === null) {
      lexer.fail(`Expected a port number, a range such as 8000-8010 or a service name, found ${quoteText(item)}.`, at)
    }
    for (const [low, high] of parsed) {
      if (high > most) {
        const wide = most === MAX_PORT ? ' (netlink: and vsock: before it take more)' : ''
        lexer.fail(`Expected a port from 0 to ${most}, found ${quoteText(item)}${wide}.`, at)
      }
      ranges.push([low, high])
    }
  }
  return normalizeRanges(ranges)
}

/** The operand of `sport` and `dport` after any operator. */
export function parsePortOperand(
  lexer: Lexer,
  operand: Operand,
  operator: Comparison,
  services: ServiceLookup,
): { family: FilterFamily | null; ranges: Ranges; negated: boolean } {
  const { family, rest } = takeFamily(operand.text)
  const column = operand.column + operand.text.length - rest.length
  const isWide = family === 'netlink' || family === 'vsock'
  const ranges = parsePortList(lexer, rest, column, services, isWide ? MAX_WIDE_PORT : MAX_PORT)
  if (operator === '=' || operator === '!=') {
    return { family, ranges: ranges ?? [[0, Number.POSITIVE_INFINITY]], negated: operator === '!=' }
  }
  if (ranges?.length !== 1 || ranges[0]![0] !== ranges[0]![1]) {
    lexer.fail(`Expected one port after "${operator}", found ${quoteText(rest)}.`, column)
  }
  return { family, ranges: compareRanges(operator, ranges[0]![0]), negated: false }
}
