import { expect, test } from 'vitest'
import { explainColumns, explainFilter, explainReport } from '../../src/compose/explain.js'
import { parseFilterText } from '../../src/compose/filter-text.js'
import type { Listed } from '../../src/compose/verdict.js'
import { listingExit } from '../../src/compose/verdict.js'
import type { ListingReport } from '../../src/sockets/listing.js'
import type { SourceReport } from '../../src/sockets/model.js'

const source = (method: SourceReport['method'], code: string | null = null): SourceReport => ({
  protocol: 'tcp',
  family: 'inet',
  netns: null,
  method,
  error: code === null ? null : { code, message: `what happened (${code})` },
  missing: [],
})

const WHOLE: ListingReport = {
  sources: [source('netlink')],
  consistency: { passes: 1, duplicatesRemoved: 0, differed: false },
  damaged: 0,
  scan: null,
  ownerless: 0,
}

function listed(
  report: Partial<ListingReport>,
  more: { filter?: string; unseen?: number; found?: boolean } = {},
): Listed {
  return {
    session: { recorded: null, unseen: more.unseen ?? 0 },
    request: {
      selection: {
        tables: [],
        kinds: new Map(),
        named: true,
        ipv4Only: false,
      } as unknown as Listed['request']['selection'],
      states: 0,
      statesImplied: false,
      filter: parseFilterText(more.filter ?? '', () => []),
    },
    report: { ...WHOLE, ...report },
    found: more.found ?? false,
  }
}

const scanned = (unreadable: number): ListingReport['scan'] =>
  ({ unreadable, hidepid: false }) as unknown as ListingReport['scan']
const HIDDEN = { scan: scanned(3), ownerless: 1 }

test.each([
  ['everything was looked at', 1, {}, {}],
  ['something was found', 0, {}, { found: true }],
  ['messages were damaged', 5, { damaged: 1 }, {}],
  ['processes hide their namespace', 3, {}, { unseen: 2 }],
  ['a table may not be read', 3, { sources: [source('netlink'), source('none', 'EACCES')] }, {}],
  ['this kernel has no such sockets', 1, { sources: [source('netlink'), source('none', 'ENOENT')] }, {}],
  [
    'a table cannot be read for want of a process',
    4,
    { sources: [source('netlink'), source('none', 'no-process')] },
    {},
  ],
  ['a table failed', 4, { sources: [source('netlink'), source('none', 'EMFILE')] }, {}],
  ['the reading of a table broke off', 4, { sources: [source('netlink', 'ENOBUFS')] }, { found: true }],
  ['holders are hidden, and the filter asks for them', 3, HIDDEN, { filter: 'pid = 1' }],
  ['holders are hidden from a filter that does not ask', 1, HIDDEN, { filter: 'sport = :1' }],
  ['all holders were seen', 1, { ...HIDDEN, scan: scanned(0) }, { filter: 'comm = x' }],
  ['procfs does not know what the filter asks for', 4, { sources: [source('procfs')] }, { filter: 'rtt > 1ms' }],
  ['procfs does not know cookies', 4, { sources: [source('procfs')] }, { filter: 'not cookie = 1' }],
] as const)('nothing or something matched, and %s: exit %i with --exit-code', (_why, code, report, more) => {
  expect(listingExit(listed(report as Partial<ListingReport>, more), true)).toBe(code)
})

test('nothing matched is exit 0 without --exit-code, whatever is hidden', () => {
  expect(listingExit(listed({}, { unseen: 2 }), false)).toBe(0)
  expect(listingExit(listed(HIDDEN, { filter: 'pid = 1' }), false)).toBe(0)
})

test('a table that needs a process to be read is not told as unsupported by the kernel', () => {
  const raw = (netns: string, code: string): SourceReport => ({ ...source('none', code), protocol: 'raw', netns })
  const notes = explainReport(
    { ...WHOLE, sources: [raw('a', 'no-process'), { ...raw('a', 'ENOENT'), protocol: 'sctp' }] },
    false,
  )
  expect(notes).toEqual([
    'cannot list raw sockets in a: what happened (no-process)',
    'not supported by this kernel, so not listed: sctp',
  ])
})

test('where procfs was chosen, what it does not know is said of flags and filters that ask for it', () => {
  const chosen = { ...source('procfs'), missing: ['cookie', 'tcp', 'interface'] }
  const filter = (text: string) => parseFilterText(text, () => [])
  expect(explainFilter(filter('cookie = 1 or dev = lo or cookie = 2'), [chosen])).toEqual([
    'the filter asks for cookies, interfaces, which procfs does not know',
  ])
  expect(explainFilter(filter('sport = 1'), [chosen])).toEqual([])
  expect(explainColumns({ '-i': 'tcp', '-m': 'memory' }, [chosen])).toEqual([
    'procfs does not know all that -i would show: --source netlink does',
  ])
  expect(explainColumns({ '-i': 'tcp' }, [source('netlink')])).toEqual([])
  expect(explainColumns({ '-i': 'tcp' }, [{ ...chosen, error: { code: 'EACCES', message: 'x' } }])).toEqual([])
})

test('a table that was read in part is told with the errno, and not as a table that changed', () => {
  const notes = explainReport(
    { ...WHOLE, sources: [source('netlink', 'ENOBUFS'), { ...source('netlink'), family: 'inet6' }] },
    true,
  )
  expect(notes).toEqual(['not all IPv4 tcp sockets are listed, the reading broke off: what happened (ENOBUFS)'])
})

test.each([
  [1, '1 message or line could not be read and is not listed'],
  [2, '2 messages or lines could not be read and are not listed'],
])('%i flaws are told in grammar', (damaged, note) => {
  expect(explainReport({ ...WHOLE, damaged }, true)).toEqual([note])
})

test('what is missing of one version of IP only is told with the version, once', () => {
  const error = { code: 'cut-off', message: 'the recording ends before these sockets' }
  const six: SourceReport = { ...source('none'), family: 'inet6', error }
  expect(explainReport({ ...WHOLE, sources: [source('replay'), six] }, true)).toEqual([
    'cannot list IPv6 tcp sockets: the recording ends before these sockets',
  ])
  // What another namespace has does not matter.
  const elsewhere = { ...source('netlink'), netns: 'blue' }
  expect(explainReport({ ...WHOLE, sources: [{ ...six, family: 'inet' }, six, elsewhere] }, true)).toEqual([
    'cannot list tcp sockets: the recording ends before these sockets',
  ])
})
