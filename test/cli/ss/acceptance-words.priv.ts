// Fingers that know ss: bundled flags, words and filters in any order, sources that are forced or missing.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SocketListing } from '../../../src/sockets/model.js'
import {
  addNetns,
  deleteNetns,
  describeLab,
  type HeldStates,
  holdAllStates,
  rowKey,
  slowAcceptor,
  ssRows,
} from '../../lab/index.js'
import { besides, byProtocol, expectRefusal, listing, netkitIn, socketKey, sorted, textRows } from './acceptance.js'

describeLab('command lines that ss users type', () => {
  let ns: string
  let held: HeldStates
  let port: number
  beforeAll(async () => {
    ns = await addNetns()
    held = await holdAllStates(ns)
    port = (await slowAcceptor(ns, 4, 2)).port
  })
  afterAll(() => deleteNetns(ns))

  const keys = async (args: readonly string[]): Promise<string[]> =>
    (await listing(ns, args)).sockets
      .filter(({ state }) => state !== 'bound-inactive')
      .map(socketKey)
      .sort()
  const seen = (args: readonly string[]) => async (): Promise<string[]> => {
    // ss 6.1 shows a listed state without its column; bound-inactive sockets are not compared here.
    const word = args[args.indexOf('state') + 1] ?? ''
    const rows = (await ssRows(ns, args)).map(row => (args.includes('state') ? { ...row, state: word } : row))
    return rows
      .filter(row => row.protocol !== 'tcp' || row.state !== 'closed')
      .map(rowKey)
      .sort()
  }

  test.each<[string[]]>([
    [['-tan']],
    [['-tulpn']],
    [['-tan4']],
    [['-tan6']],
    [['-4tan']],
    [['-antu']],
    [['-ntlp']],
    [['-uan']],
    [['-tn', 'state', 'established']],
    [['-tanp', 'state', 'close-wait']],
    [['-Htn4', 'state', 'listening']],
    [['-tan6', 'state', 'time-wait']],
    [['-tn', '-f', 'inet6']],
    [['-ta', '--ipv4']],
    [['--tcp', '--udp', '--all', '--numeric']],
    [['-A', 'tcp', '-a']],
  ])('%j lists what ss lists', async args => {
    await held.refresh()
    const found = await besides(seen(args), () => keys(args))
    expect(found.mine).toEqual(found.seen)
    expect(found.mine.length).toBeGreaterThan(0)
  })

  test('a filter as one word, as many, before and after flags, with state words', async () => {
    const filter = `( sport = :${port} )`
    const expected = await seen(['-tan', 'state', 'established', filter])()
    expect(expected).toHaveLength(2)
    for (const args of [
      ['-tanp', 'state', 'established', filter],
      ['-tanp', 'state', 'established', '(', 'sport', '=', `:${port}`, ')'],
      ['-t', 'state', 'established', `(sport=:${port})`],
      ['state', 'established', filter, '-tan'],
      ['-t', 'state', 'established', '-n', 'sport', '=', `:${port}`, '-a'],
      ['-t', '--state', 'established', 'sport', 'eq', `:${port}`],
      ['-t', 'sport', '=', `:${port}`, '--state=established'],
      ['-t', `state = established and sport = ${port}`],
      ['-tan', 'exclude', 'listening', 'sport', '=', `:${port}`],
    ]) {
      expect({ args, rows: await keys(args) }).toEqual({ args, rows: expected })
    }
    expect(await textRows(ns, ['-tanp', 'state', 'time-wait', '( dport = :443 )'])).toEqual([])
  })

  test('a filter file is one more condition, and its comments alone are left out', async () => {
    const expected = await keys(['-tan', `sport = :${port}`])
    expect(expected.length).toBeGreaterThan(2)
    const lines = `# ports of the test\n  # and more\nsport = :${port}\n`
    const { stdout, code } = await netkitIn(ns, ['-tan', '-F', '-', '--json'], { input: lines })
    expect(code).toBe(0)
    expect((JSON.parse(stdout) as SocketListing).sockets.map(socketKey).sort()).toEqual(expected)
    // ss leaves out lines that begin with the digit 0.
    const zero = await netkitIn(ns, ['-Htln', '-F', '-'], { input: `src = 0.0.0.0/0 and\n0 = 1\n` })
    expect(zero.code).toBe(2)
  })

  test('with -x and the like alone, src and dst take a path or a number of that family without saying so', async () => {
    const { local } = held.sockets.find(socket => socket.protocol === 'unix' && socket.local !== '')!
    const part = local.slice(2, -2)
    for (const args of [
      ['-xa', 'src', local],
      ['-xa', 'src', `*${part}*`],
      ['-xa', `! src *${part}*`],
      ['-0a', 'src', '*:lo'],
    ]) {
      const mine = sorted((await listing(ns, args)).sockets.map(({ inode }) => String(inode ?? 0)))
      expect({ args, mine }).toEqual({ args, mine: sorted((await ssRows(ns, args)).map(({ inode }) => String(inode))) })
    }
    expect((await listing(ns, ['-xa', 'src', local])).sockets).not.toHaveLength(0)
    // Of the kernel's own sockets ss prints no inode.
    const kernel = (await listing(ns, ['-f', 'netlink', '-a', 'src', 'rtnl:kernel'])).sockets
    expect(kernel.map(socket => socket.local)).toMatchObject([{ address: 'rtnl', port: 0 }])
    expect(await ssRows(ns, ['-f', 'netlink', '-a', 'src', 'rtnl:kernel'])).toHaveLength(1)
    // ss does not look up the name of the other end, so that its `dst` finds none of these.
    const connected = (await listing(ns, ['-f', 'unix', '-a', 'dst', local])).sockets
    expect(connected.map(({ peer }) => peer.address)).toContain(local)
  })

  test('-lB shows listeners and what is bound without listening', async () => {
    const { sockets } = await listing(ns, ['-tlB'])
    expect(new Set(sockets.map(({ state }) => state))).toEqual(new Set(['listening', 'bound-inactive']))
    expect(sockets.length).toBe(
      (await listing(ns, ['-tl'])).sockets.length + (await listing(ns, ['-tB'])).sockets.length,
    )
  })

  test('-H, -O, -Q and columns that depend on what was asked for', async () => {
    const head = async (args: readonly string[]) =>
      (await netkitIn(ns, args)).stdout
        .split('\n')[0]!
        .trim()
        .split(/ {2,}| (?=Send|Local|Peer|Process)/)
    expect(await head(['-ta'])).toEqual(['State', 'Recv-Q', 'Send-Q', 'Local Address:Port', 'Peer Address:Port'])
    expect((await head(['-tua']))[0]).toBe('Netid State')
    expect(await head(['-tl', 'state', 'listening', '-Q'])).toEqual(['Local Address:Port', 'Peer Address:Port'])
    const rows = await textRows(ns, ['-tlimO'])
    expect(rows).toHaveLength((await ssRows(ns, ['-tl'])).length)
    expect((await textRows(ns, ['-tlim'])).length).toBe(rows.length * 2)
  })

  test('without the native socket: procfs, a sentence, ? and null, exit 0', async () => {
    const options = { env: { NETKIT_NATIVE: 'off' } }
    const { stdout, stderr, code } = await netkitIn(ns, ['-tln'], options)
    expect(code).toBe(0)
    expect(stderr).toMatch(
      /^netkit: tcp read from procfs \(.*NETKIT_NATIVE=off\); it does not know: .*acceptQueue\.limit/,
    )
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    const rows = stdout.trimEnd().split('\n').slice(1)
    const listeners = await ssRows(ns, ['-tl'])
    expect(rows).toHaveLength(listeners.length)
    for (const row of rows) expect(row).toMatch(/^LISTEN +\d+ +\? /)
    const answer = await listing(ns, ['-ta'], options)
    expect(answer.notes.join('\n')).toMatch(/read from procfs/)
    for (const source of answer.sources)
      expect(source).toMatchObject({ method: 'procfs', error: { code: 'no-native' } })
    const kernel = await keys(['-ta'])
    expect(answer.sockets.map(socketKey).sort()).toEqual(kernel)
    for (const socket of answer.sockets)
      expect(socket).toMatchObject({ cookie: null, cgroup: null, mark: null, options: null })
    const owned = await listing(ns, ['-tlp'], options)
    expect(owned.sockets.every(({ processes }) => processes!.length > 0)).toBe(true)
    await expectRefusal(ns, ['-t', '--source', 'netlink'], 4, /cannot list tcp sockets: .*NETKIT_NATIVE=off/, options)
    await expectRefusal(ns, ['-M'], 4, /cannot list mptcp sockets/, options)
  })

  test('--source netlink where the kernel has no handler is exit 4, and auto falls back and says so', async () => {
    const raw = await netkitIn(ns, ['-wa', '--json'])
    const { sockets, sources, notes } = JSON.parse(raw.stdout) as SocketListing
    expect(sockets).toHaveLength(3)
    if (sources.every(({ method }) => method === 'netlink')) {
      process.stderr.write('skipped: this kernel has raw_diag, so that nothing is missing to --source netlink\n')
      return
    }
    expect(notes.join('\n')).toMatch(/raw read from procfs \(this kernel has no sock_diag for raw sockets\)/)
    const error = await expectRefusal(ns, ['-wa', '--source', 'netlink'], 4, /cannot list raw sockets/)
    expect(error.hints.join(' ')).toContain('modprobe')
    const mixed = await netkitIn(ns, ['-twa', '--source', 'netlink', '--json'])
    expect(mixed.code).toBe(0)
    const answer = JSON.parse(mixed.stdout) as SocketListing
    expect(byProtocol(answer.sockets, 'raw')).toEqual([])
    expect(byProtocol(answer.sources, 'raw')[0]).toMatchObject({ method: 'none', error: { code: 'ENOENT' } })
    expect(answer.notes.join('\n')).toMatch(/cannot list raw sockets/)
  })

  test('a filter that names what is not here says so', async () => {
    for (const [words, what] of [
      ['user = nosuchuser', 'no user nosuchuser'],
      ['dev = nosuchdev', 'no interface nosuchdev'],
      ['cgroup = /no/such', 'no control group /no/such'],
    ] as const) {
      const { code, stdout, stderr } = await netkitIn(ns, ['-Hta', words])
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
      expect(stderr).toContain(`netkit: there is ${what} here`)
    }
    expect((await netkitIn(ns, ['-Hta', 'user = root or dev = lo'])).stderr).toBe('')
  })

  test('a filter that procfs cannot answer says so', async () => {
    for (const [words, what] of [
      ['rtt > 0', 'TCP internals'],
      ['fwmark = 0', 'fwmark'],
      ['cgroup = /x', 'cgroup'],
    ] as const) {
      const { code, stderr } = await netkitIn(ns, ['-Hta', '--source', 'procfs', words])
      expect(code).toBe(0)
      expect(stderr).toMatch(new RegExp(`^netkit: .*${what}.*procfs does not know`, 'm'))
    }
    expect(await netkitIn(ns, ['-Hta', '--source', 'procfs', `sport = :${port}`])).toMatchObject({
      code: 0,
      stderr: '',
    })
  })
}, ['ss'])
