// `netkit ss --count-by` and `-s` against independent counts, in namespaces.

import { expect, test } from 'vitest'
import { describeLab, holdAllStates, inNetns, processNamed, slowAcceptor, ssRows, withNetns } from '../../lab/index.js'
import { NETKIT } from '../run.js'

interface Group {
  count: number
  [key: string]: string | number | null
}

interface CountDocument {
  counts: Group[]
  others: { groups: number; count: number } | null
  total: number
}

async function netkit(ns: string | null, ...args: string[]): Promise<string> {
  const { stdout, stderr, code } = await inNetns(ns, [NETKIT, 'ss', ...args])
  if (code !== 0) throw new Error(`netkit ss ${args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout
}

const json = async <Result>(ns: string | null, ...args: string[]): Promise<Result> =>
  JSON.parse(await netkit(ns, ...args, '--json')) as Result

/** Lines of `sort | uniq -c` as [word, count], largest first. */
async function shellCounts(ns: string, pipeline: string): Promise<[string, number][]> {
  const { stdout } = await inNetns(ns, ['bash', '-c', `${pipeline} | sort | uniq -c`])
  return stdout
    .split('\n')
    .filter(Boolean)
    .map(line => /^\s*(\d+) (.*)$/.exec(line)!)
    .map(([, count, word]): [string, number] => [word!, Number(count)])
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
}

const tableCounts = (text: string): [string, number][] =>
  text
    .split('\n')
    .slice(1)
    .filter(Boolean)
    .map(line => line.split(/\s+/))
    .map((words): [string, number] => [words.slice(0, -1).join(' '), Number(words.at(-1))])
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))

const sumOf = (groups: readonly { count: number }[]): number => groups.reduce((sum, { count }) => sum + count, 0)

describeLab('--count-by', () => {
  test('counts what ss | awk | sort | uniq -c counts', () =>
    withNetns(async ns => {
      await holdAllStates(ns)
      // ss 6.1 does not list bound-inactive sockets.
      const args = ['-tan', '--exclude', 'bound-inactive']
      const states = await netkit(ns, ...args, '--count-by', 'state')
      expect(tableCounts(states)).toEqual(await shellCounts(ns, "ss -Htan | awk '{print $1}'"))
      const ports = await netkit(ns, ...args, '-4', '--count-by', 'state,local-port')
      const awk = 'ss -H4tan | awk \'{n=split($4,a,":"); print $1, a[n]}\''
      expect(tableCounts(ports)).toEqual(await shellCounts(ns, awk))
      const peers = await json<CountDocument>(ns, ...args, '--count-by', 'peer', '--count-by', 'peer-port')
      const rows = (await ssRows(ns, ['-ta'])).map(({ peer }) => `${peer.address} ${peer.port}`)
      const due = new Map<string, number>()
      for (const row of rows) due.set(row, (due.get(row) ?? 0) + 1)
      expect(new Map(peers.counts.map(({ peer, peerPort, count }) => [`${peer} ${peerPort}`, count]))).toEqual(due)
      expect(peers.total).toBe(rows.length)
      expect(sumOf(peers.counts)).toBe(rows.length)
      expect(peers.others).toBeNull()
    }))

  test('whatever the keys, the counts add up to the rows of the listing', () =>
    withNetns(async ns => {
      await holdAllStates(ns)
      // One family whose own asking socket is not among the rows: netlink's would differ from run to run.
      const { sockets } = await json<{ sockets: unknown[] }>(ns, '-a', '-A', 'all,!netlink')
      const keys = ['protocol,state', 'family', 'process', 'user,uid', 'cgroup', 'netns', 'interface', 'local,peer']
      for (const key of keys) {
        const { counts, total } = await json<CountDocument>(ns, '-a', '-A', 'all,!netlink', '--count-by', key)
        expect(total).toBe(sockets.length)
        expect(sumOf(counts)).toBe(total)
        const limited = await json<CountDocument>(ns, '-a', '-A', 'all,!netlink', '--count-by', key, '--top', '1')
        expect(limited.counts).toEqual(counts.slice(0, 1))
        expect(limited.counts[0]!.count + (limited.others?.count ?? 0)).toBe(total)
      }
    }))

  test('un-accepted connections are counted with the process of their listener', () =>
    withNetns(async ns => {
      const acceptor = await slowAcceptor(ns, 2, 3)
      const own = await json<CountDocument>(ns, '-tan', `sport = :${acceptor.port}`, '--count-by', 'process,state')
      const established = own.counts.filter(({ state }) => state === 'established')
      expect(established).toEqual([
        { process: expect.stringMatching(new RegExp(`/${acceptor.pid}$`)), state: 'established', count: 3 },
      ])
    }))

  test('a hostile process name stays text', () =>
    withNetns(async ns => {
      const { pid } = await processNamed(ns)
      const table = await netkit(ns, '-tl', '--count-by', 'process')
      expect(table).toBe(
        `Process          Count\na) \\x1b[31mR/${pid} 1\n`.replace(
          /^Process +/,
          `Process${' '.repeat(`a) \\x1b[31mR/${pid}`.length - 6)}`,
        ),
      )
      const { counts } = await json<CountDocument>(ns, '-tl', '--count-by', 'process')
      expect(counts).toEqual([{ process: `a) \x1b[31mR/${pid}`, count: 1 }])
    }))

  test('lines of --ndjson and the table end with the rest, and -H leaves the head out', () =>
    withNetns(async ns => {
      await holdAllStates(ns)
      const lines = (await netkit(ns, '-tan', '--count-by', 'state', '--top', '2', '--ndjson')).trimEnd().split('\n')
      const parsed = lines.map(line => JSON.parse(line))
      expect(parsed).toHaveLength(3)
      expect(parsed[2]).toEqual({ others: { groups: expect.any(Number), count: expect.any(Number) } })
      const rows = (await netkit(ns, '-tanH', '--count-by', 'state', '--top', '2')).trimEnd().split('\n')
      expect(rows).toHaveLength(3)
      expect(rows[2]).toMatch(/^\(others\)\s+\d+$/)
    }))

  test('what is no key is one clear usage error; nothing to count is an empty table', () =>
    withNetns(async ns => {
      for (const args of [
        ['--count-by', 'stat'],
        ['--top', '3'],
        ['--count-by', 'state', '-s'],
      ]) {
        const { code, stdout, stderr } = await inNetns(ns, [NETKIT, 'ss', ...args])
        expect([code, stdout]).toEqual([2, ''])
        expect(stderr).not.toContain('    at ')
      }
      expect((await inNetns(ns, [NETKIT, 'ss', '--count-by', 'stat'])).stderr).toContain('did you mean state?')
      expect(await netkit(ns, '-t', '--count-by', 'state')).toBe('State Count\n')
      expect(await json(ns, '-t', '--count-by', 'state')).toMatchObject({ counts: [], total: 0, others: null })
    }))
}, ['ss'])

interface SummaryPart {
  netns: string | null
  total: number
  protocols: { protocol: string; total: number; inet: number | null; inet6: number | null }[]
  tcpStates: Record<string, number | null>
  fragments: { inet: number | null; inet6: number | null }
  machine: Record<string, number | null>
}

describeLab('-s', () => {
  test('every number of an empty namespace is 0, though sockets are open elsewhere', () =>
    withNetns(2, async (empty, busy) => {
      await holdAllStates(busy!)
      const { summary } = await json<{ summary: SummaryPart }>(empty!, '-s')
      expect(summary.total).toBe(0)
      for (const { total, inet, inet6 } of summary.protocols) expect([total, inet || 0, inet6 || 0]).toEqual([0, 0, 0])
      expect(new Set(Object.values(summary.tcpStates))).toEqual(new Set([0]))
      expect(Object.keys(summary.tcpStates)).toHaveLength(12)
      expect(summary.fragments).toEqual({ inet: 0, inet6: 0 })
      expect(summary.machine['allocated']).toBeGreaterThan(0)
      const text = await netkit(empty!, '-s')
      expect(text).toMatch(/^Total: 0\nTCP: {3}0\n\nTransport Total {5}IP {8}IPv6\n/)
      expect(text).toMatch(/\nwhole machine: TCP orphaned \d+, allocated [1-9]\d*, memory \d+ pages/)
    }))

  test('numbers are those of ss -Hane, family by family and state by state', () =>
    withNetns(async ns => {
      const held = await holdAllStates(ns)
      const { summary } = await json<{ summary: SummaryPart }>(ns, '-s')
      const rows = await ssRows(ns)
      const bound = held.sockets.filter(({ state }) => state === 'bound-inactive')
      const boundOf = (v6: boolean) => bound.filter(({ local }) => local.startsWith('[') === v6).length
      for (const protocol of ['tcp', 'udp', 'mptcp', 'unix', 'packet', 'raw']) {
        const mine = rows.filter(row => row.protocol === protocol)
        const of = (family: string): number => mine.filter(row => row.family === family).length
        const count = summary.protocols.find(each => each.protocol === protocol)!
        const tcp = protocol === 'tcp'
        expect([protocol, count.total]).toEqual([protocol, mine.length + (tcp ? bound.length : 0)])
        if (count.inet === null) continue
        expect([protocol, count.inet]).toEqual([protocol, of('inet') + (tcp ? boundOf(false) : 0)])
        expect([protocol, count.inet6]).toEqual([protocol, of('inet6') + (tcp ? boundOf(true) : 0)])
      }
      const netlink = held.sockets.filter(({ protocol }) => protocol === 'netlink').length
      expect(summary.protocols.find(({ protocol }) => protocol === 'netlink')!.total).toBe(netlink)
      for (const [state, count] of Object.entries(summary.tcpStates)) {
        const due = rows.filter(row => row.protocol === 'tcp' && row.state === state).length
        expect([state, count]).toEqual([state, state === 'bound-inactive' ? bound.length : due])
      }
      expect(summary.total).toBe(summary.protocols.reduce((sum, { total }) => sum + total, 0))
    }))

  test('is of the selection: tables, families, states and filter', () =>
    withNetns(async ns => {
      await holdAllStates(ns)
      const four = (await json<{ summary: SummaryPart }>(ns, '-s', '-t4')).summary
      expect(four.protocols).toHaveLength(1)
      expect(four.protocols[0]).toMatchObject({ protocol: 'tcp', inet: four.total, inet6: null })
      const listening = (await json<{ summary: SummaryPart }>(ns, '-s', '-tl')).summary
      expect(listening.tcpStates).toMatchObject({ listening: listening.total, established: null })
      const rows = (await ssRows(ns, ['-ta', 'state', 'time-wait'])).length
      const waiting = (await json<{ summary: SummaryPart }>(ns, '-s', '-t', 'state', 'time-wait')).summary
      expect(waiting.total).toBe(rows)
      const text = await netkit(ns, '-s', '-t', 'dst 127.0.0.1')
      expect(text).toMatch(/^Total: [1-9]/)
      expect(text).not.toContain('UDP  ')
    }))

  test('works in another namespace and in all, one block each', () =>
    withNetns(2, async (one, two) => {
      await processNamed(one!)
      const { summary } = await json<{ summary: SummaryPart }>(null, '-s', '--net', one!)
      expect(summary).toMatchObject({ netns: one, tcpStates: { listening: 1 }, fragments: { inet: 0 } })
      const { summaries } = await json<{ summaries: SummaryPart[] }>(null, '-s', '--net', 'all')
      expect(summaries.find(({ netns }) => netns === one)!.tcpStates['listening']).toBe(1)
      // No process of it can be asked for its fragments.
      expect(summaries.find(({ netns }) => netns === two)).toMatchObject({ total: 0, fragments: { inet: null } })
      const text = await netkit(null, '-s', '--net', 'all')
      expect(text.match(/^Netns: /gm)).toHaveLength(text.match(/^Total: /gm)!.length)
      expect(text.match(/^whole machine: /gm)).toHaveLength(1)
      const lines = (await netkit(null, '-s', '--net', 'all', '--ndjson')).trimEnd().split('\n')
      expect(lines.map(line => JSON.parse(line).netns)).toContain(two)
    }))
}, ['ss'])
