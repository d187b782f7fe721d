// Host operands of `src` and `dst`: [FAMILY:]ADDRESS[%INTERFACE][/PREFIX][:PORTS].

import { parseIpBlock } from './addresses.js'
import type { Filter, FilterFamily, HostPattern, Ranges, Side } from './ast.js'
import type { Lexer, Operand } from './lexer.js'
import { quoteText } from './lexer.js'
import type { ServiceLookup } from './ports.js'
import { MAX_WIDE_PORT, parsePortList, takeFamily } from './ports.js'
import { ETHERTYPES, NETLINK_PROTOCOLS, VSOCK_CIDS } from './protocol-names.js'
import { parseUnsigned } from './ranges.js'

/** No address of IP and no host name begins so: a path, or a name in the abstract namespace. */
const PATH = /^[/@]/
/** Words of iproute2 for "whatever address". */
const ANY_WORDS = new Set(['', '*', 'any', 'all', 'default'])
/** What a resolver could be asked for (RFC 1123 plus underscores); anything else is a slip of the pen. */
const HOST_NAME = /^(?=.{1,253}$)(?=.*[a-z_])[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i

interface Parts {
  address: string
  zone: string | null
  /** Text after the colon, with its column. */
  ports: string | null
  portsColumn: number
}

interface Place {
  lexer: Lexer
  text: string
  column: number
  services: ServiceLookup
}

export function parseHostOperand(
  lexer: Lexer,
  operand: Operand,
  side: Side,
  negated: boolean,
  { services, hostFamily }: { services: ServiceLookup; hostFamily: FilterFamily | null },
): Filter {
  const { family: named, rest } = takeFamily(operand.text)
  const family = named ?? (PATH.test(rest) ? 'unix' : hostFamily)
  const place = { lexer, text: rest, column: operand.column + operand.text.length - rest.length, services }
  const node = (host: HostPattern, ports: Ranges | null): Filter => ({
    kind: 'host',
    side,
    family,
    host,
    ports,
    negated,
  })
  if (family === 'unix') return node(rest === '' ? { kind: 'any' } : { kind: 'glob', glob: rest }, null)
  if (family === 'link') return parseLink(place, node, negated)
  if (family === 'netlink') return parseNumbered(place, node, NETLINK_PROTOCOLS, 'a netlink protocol name or number')
  if (family === 'vsock') return parseNumbered(place, node, VSOCK_CIDS, 'a vsock context id')
  const parts = splitAddress(place)
  const ports = parts.ports === null || parts.ports === '' ? null : parsePorts(place, parts)
  const host = node(parseAddress(place, parts.address, family), ports)
  return parts.zone === null ? host : withInterface(host, parts.zone, negated)
}

/** `link:PROTOCOL[:INTERFACE]` */
function parseLink(place: Place, node: (host: HostPattern, ports: Ranges | null) => Filter, negated: boolean): Filter {
  const colon = place.text.indexOf(':')
  const interfaceName = colon < 0 ? '' : place.text.slice(colon + 1)
  const protocol = colon < 0 ? place.text : place.text.slice(0, colon)
  const pattern = parseNumber(place, protocol, ETHERTYPES, 'an ethertype name or number')
  if (interfaceName === '' || interfaceName === '*') return node(pattern, null)
  return withInterface(node(pattern, null), interfaceName, negated)
}

/** `netlink:PROTOCOL[:PORTID]` and `vsock:CID[:PORT]` */
function parseNumbered(
  place: Place,
  node: (host: HostPattern, ports: Ranges | null) => Filter,
  names: ReadonlyMap<string, number>,
  expected: string,
): Filter {
  const colon = place.text.indexOf(':')
  const pattern = parseNumber(place, colon < 0 ? place.text : place.text.slice(0, colon), names, expected)
  const port = colon < 0 ? '' : place.text.slice(colon + 1)
  if (port === '' || port === '*') return node(pattern, null)
  if (names === NETLINK_PROTOCOLS && port === 'kernel') return node(pattern, [[0, 0]])
  // These numbers are not service ports.
  const column = place.column + colon + 1
  return node(
    pattern,
    parsePortList(place.lexer, port, column, () => [], MAX_WIDE_PORT),
  )
}

function parseNumber(place: Place, text: string, names: ReadonlyMap<string, number>, expected: string): HostPattern {
  if (text === '' || text === '*') return { kind: 'any' }
  const value = names.get(text.toLowerCase()) ?? parseUnsigned(text)
  if (value === null) place.lexer.fail(`Expected ${expected}, found ${quoteText(text)}.`, place.column)
  return { kind: 'number', value }
}

/** Finds the colon before the port: after a bracket or prefix, or the only one there is. */
function splitAddress(place: Place): Parts {
  const { text, lexer, column } = place
  let address = text
  let after = ''
  if (text.startsWith('[')) {
    const close = text.indexOf(']')
    if (close < 0) lexer.fail('Expected "]" after the IPv6 address.', column + text.length)
    const tail = /^(\/[^:]*)?(.*)$/s.exec(text.slice(close + 1))!
    address = text.slice(1, close) + (tail[1] ?? '')
    after = tail[2]!
    if (after !== '' && !after.startsWith(':')) {
      lexer.fail(`Expected ":PORT" or "/PREFIX" after "]", found ${quoteText(after)}.`, column + close + 1)
    }
  } else {
    const from = text.indexOf('/')
    const colon = from < 0 ? portColon(place) : text.indexOf(':', from)
    if (colon >= 0) {
      address = text.slice(0, colon)
      after = text.slice(colon)
    }
  }
  const portsColumn = column + text.length - after.length + 1
  const percent = address.indexOf('%')
  if (percent < 0) return { address, zone: null, ports: after === '' ? null : after.slice(1), portsColumn }
  const slash = address.indexOf('/', percent)
  const zone = address.slice(percent + 1, slash < 0 ? undefined : slash)
  if (zone === '') lexer.fail('Expected an interface name after "%".', column + text.indexOf('%') + 1)
  const bare = address.slice(0, percent) + (slash < 0 ? '' : address.slice(slash))
  return { address: bare, zone, ports: after === '' ? null : after.slice(1), portsColumn }
}

/**
 * Without brackets the last colon may belong to the address. ss always takes it for the port's, so that
 * `2001:db8::1:2` silently means another host; here such text must be written with brackets.
 */
function portColon({ text, lexer, column }: Place): number {
  const last = text.lastIndexOf(':')
  if (last <= 0 || text.indexOf(':') === last) return last
  const whole = parseIpBlock(text.replace(/%.*$/, '')) !== null
  const host = text.slice(0, last)
  if (parseIpBlock(host.replace(/%.*$/, '')) === null) return whole ? -1 : last
  if (!whole || text.includes('%')) return last
  if (!/^\d+$/.test(text.slice(last + 1))) return -1
  return lexer.fail(
    `Expected brackets to tell address from port: write [${text}] or [${host}]:${text.slice(last + 1)}.`,
    column,
  )
}

function parsePorts(place: Place, parts: Parts): Ranges | null {
  return parsePortList(place.lexer, parts.ports!, parts.portsColumn, place.services)
}

function parseAddress(place: Place, text: string, family: FilterFamily | null): HostPattern {
  const { lexer, column } = place
  if (ANY_WORDS.has(text)) return { kind: 'any' }
  const block = parseIpBlock(text)
  if (block) {
    if (family === 'inet' && block.version === 6) {
      lexer.fail(`Expected an IPv4 address after "inet:", found ${quoteText(text)}.`, column)
    }
    return { kind: 'ip', blocks: [block] }
  }
  if (HOST_NAME.test(text)) return { kind: 'name', name: text.toLowerCase() }
  return lexer.fail(`Expected an address, prefix or host name, found ${quoteText(text)}.`, column)
}

/** `fe80::1%eth0`, as listings print it, asks for the interface too; both must hold, or with != either fail. */
function withInterface(host: Filter, name: string, negated: boolean): Filter {
  return { kind: negated ? 'or' : 'and', terms: [host, { kind: 'device', name, negated }] }
}
