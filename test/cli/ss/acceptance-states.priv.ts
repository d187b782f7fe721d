// Must show 2: every socket of a namespace that holds every state, beside ss and beside procfs, family by family.

import { readdir, readlink } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  addNetns,
  deleteNetns,
  describeLab,
  type HeldStates,
  holdAllStates,
  inNetns,
  procInodes,
  procRows,
  rowKey,
  ssRows,
  type WitnessRow,
} from '../../lab/index.js'
import { byProtocol, listing, socketKey, sorted, unixKey, unixWitnessKey } from './acceptance.js'

const SOCK_DIAG = 'tcpdiag'

/** Sockets that a process holds, by inode, as the kernel says in /proc/PID/fd. */
async function descriptorInodes(pid: number): Promise<Set<number>> {
  const directory = `/proc/${pid}/fd`
  const links = await Promise.all((await readdir(directory)).map(fd => readlink(`${directory}/${fd}`)))
  return new Set(links.flatMap(link => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []).map(Number))
}

/** Columns of a table in /proc/net, by the words of its head. */
async function procTable(ns: string, file: string): Promise<Record<string, string>[]> {
  const { stdout } = await inNetns(ns, ['cat', `/proc/net/${file}`])
  const [head, ...lines] = stdout.split('\n').map(line => line.trim().split(/\s+/))
  return lines
    .filter(fields => fields.length > 1)
    .map(fields => Object.fromEntries(head!.map((word, column) => [word, fields[column] ?? ''])))
}

describeLab('netkit ss -a in a namespace that holds every state', () => {
  let ns: string
  let held: HeldStates
  beforeAll(async () => {
    ns = await addNetns()
    held = await holdAllStates(ns)
  })
  afterAll(() => deleteNetns(ns))

  test('TCP: protocol, state, both ends and inode are those of ss, of procfs, and of what was made', async () => {
    await held.refresh()
    const all = byProtocol((await listing(ns, ['-a'])).sockets, 'tcp')
    const [rows, four, six] = await Promise.all([ssRows(ns, ['-ta']), procRows(ns, 'tcp'), procRows(ns, 'tcp6')])
    const bound = all.filter(({ state }) => state === 'bound-inactive')
    const mine = all.filter(({ state }) => state !== 'bound-inactive').map(socketKey)
    expect(new Set(mine).size).toBe(mine.length)
    expect(mine.sort()).toEqual(
      rows
        .filter(({ state }) => state !== 'bound-inactive')
        .map(rowKey)
        .sort(),
    )
    expect(mine).toEqual([...four, ...six].map(rowKey).sort())
    for (const [family, proc] of [
      ['inet', four],
      ['inet6', six],
    ] as const) {
      const own = all.filter(socket => socket.family === family && socket.state !== 'bound-inactive')
      expect(own.map(socketKey).sort()).toEqual(proc.map(rowKey).sort())
    }
    // ss 6.1 does not ask for bound-inactive sockets, and procfs has none: the descriptors are the witness.
    const made = held.sockets.filter(({ state }) => state === 'bound-inactive')
    expect(made.length).toBeGreaterThan(1)
    expect(bound.map(({ inode }) => inode).sort()).toEqual(made.map(({ inode }) => inode).sort())
    const open = await descriptorInodes(held.pid)
    for (const { inode } of bound) expect(open).toContain(inode)
    const states = new Set(all.map(({ state }) => state))
    expect(sorted(states)).toEqual(sorted(held.sockets.filter(s => s.protocol === 'tcp').map(({ state }) => state)))
    expect(states.size).toBe(11)
  })

  test('UDP, RAW and MPTCP: the same', async () => {
    const { sockets } = await listing(ns, ['-a'])
    for (const [protocol, args] of [
      ['udp', ['-ua']],
      ['mptcp', ['-Ma']],
    ] as const) {
      const mine = byProtocol(sockets, protocol).map(socketKey)
      expect(mine.length).toBeGreaterThan(2)
      expect(mine.sort()).toEqual(
        byProtocol(await ssRows(ns, args), protocol)
          .map(rowKey)
          .sort(),
      )
    }
    for (const protocol of ['udp', 'raw']) {
      const proc = [...(await procRows(ns, protocol)), ...(await procRows(ns, `${protocol}6`))]
      const mine = byProtocol(sockets, protocol).map(socketKey)
      expect(mine.sort()).toEqual(proc.map(rowKey).sort())
    }
    // ss reads raw sockets from /proc on this kernel, and then prints no inode.
    const anonymous = (row: Pick<WitnessRow, 'protocol' | 'state' | 'local' | 'peer'>) =>
      rowKey({ ...row, inode: null })
    const raw = byProtocol(sockets, 'raw').map(anonymous)
    expect(raw).toHaveLength(3)
    expect(raw.sort()).toEqual(
      byProtocol(await ssRows(ns, ['-wa']), 'raw')
        .map(anonymous)
        .sort(),
    )
  })

  test('UNIX: type, state, path, inode and the inode of the other end', async () => {
    const mine = byProtocol((await listing(ns, ['-a'])).sockets, 'unix')
    expect(mine.map(unixKey).sort()).toEqual(
      byProtocol(await ssRows(ns, ['-xa']), 'unix')
        .map(unixWitnessKey)
        .sort(),
    )
    // procfs also shows connections that nobody has accepted; they have no inode, and sock_diag leaves them out.
    const proc = (await procInodes(ns, 'unix')).filter(inode => inode !== 0)
    expect(mine.map(({ inode }) => inode).sort()).toEqual(proc.sort())
    expect(sorted(mine.map(({ type }) => type!))).toEqual(['dgram', 'seqpacket', 'stream'])
    for (const made of byProtocol(held.sockets, 'unix')) {
      const found = mine.find(({ inode }) => inode === made.inode)
      expect(found).toMatchObject({ state: made.state, path: made.local === '' ? null : made.local })
    }
    const accepted = held.sockets.find(({ what }) => what === 'stream accepted')!
    const client = held.sockets.find(({ what }) => what === 'stream client')!
    expect(mine.find(({ inode }) => inode === client.inode)?.peerInode).toBe(accepted.inode)
    expect(mine.find(({ inode }) => inode === client.inode)?.peer.address).toBe(accepted.local)
  })

  test('PACKET and NETLINK: type, protocol, interface or port, and inode', async () => {
    const { sockets } = await listing(ns, ['-a'])
    const packet = byProtocol(sockets, 'packet').map(s => `${s.type} ${s.interface} ${s.inode}`)
    const types: Record<string, string> = { 2: 'dgram', 3: 'raw' }
    const links: Record<string, string | null> = { 0: null, 1: 'lo' }
    const proc = await procTable(ns, 'packet')
    expect(packet.sort()).toEqual(
      proc.map(row => `${types[row['Type']!]} ${links[row['Iface']!]} ${row['Inode']}`).sort(),
    )
    const inodes = (await ssRows(ns, ['-0a'])).map(({ inode }) => inode)
    expect(
      byProtocol(sockets, 'packet')
        .map(({ inode }) => inode)
        .sort(),
    ).toEqual(inodes.sort())

    // The listing programs hold netlink sockets themselves: of their protocol only the kernel's own is comparable.
    const numbers: Record<string, string> = { rtnl: '0', [SOCK_DIAG]: '4' }
    const mine = byProtocol(sockets, 'netlink').filter(s => s.local.address !== SOCK_DIAG || s.local.port === 0)
    const table = (await procTable(ns, 'netlink')).filter(row => row['Eth'] !== '4' || row['Pid'] === '0')
    expect(mine.map(({ inode }) => String(inode)).sort()).toEqual(table.map(row => row['Inode']).sort())
    const route = byProtocol(held.sockets, 'netlink')[0]!
    const found = mine.find(({ inode }) => inode === route.inode)
    expect(found).toMatchObject({ state: 'closed', peer: { address: null, port: null } })
    expect(`${numbers[found!.local.address!]}:${found!.local.port}`).toBe(route.local)
    const ss = byProtocol(await ssRows(ns, ['-a']), 'netlink').map(row => row.local.address!)
    expect(ss).toContain(route.local)
    const foreign = (text: string) => !text.startsWith('4:') || text === '4:0'
    const ports = table.map(row => `${row['Eth']}:${row['Pid']}`)
    expect(sorted(ports)).toEqual(sorted(ss.filter(foreign)))
  })

  test('each family on its own is its part of -a', async () => {
    await held.refresh()
    const { sockets } = await listing(ns, ['-a'])
    const key = (socket: (typeof sockets)[number]) => `${socket.family} ${socketKey(socket)} ${socket.type}`
    const parts: [string[], (socket: (typeof sockets)[number]) => boolean][] = [
      [['-t'], s => s.protocol === 'tcp'],
      [['-u'], s => s.protocol === 'udp'],
      [['-w'], s => s.protocol === 'raw'],
      [['-x'], s => s.protocol === 'unix'],
      [['-0'], s => s.protocol === 'packet'],
      [['-M'], s => s.protocol === 'mptcp'],
      [['-f', 'link'], s => s.protocol === 'packet'],
      [['-f', 'unix'], s => s.protocol === 'unix'],
      [['-f', 'inet'], s => s.family === 'inet'],
      [['-f', 'inet6'], s => s.family === 'inet6'],
      [['-4'], s => s.family === 'inet'],
      [['-6'], s => s.family === 'inet6'],
      [['-t4'], s => s.protocol === 'tcp' && s.family === 'inet'],
      [['-u6'], s => s.protocol === 'udp' && s.family === 'inet6'],
      [['-tu'], s => s.protocol === 'tcp' || s.protocol === 'udp'],
      [['-A', 'tcp,u_dgr'], s => s.protocol === 'tcp' || (s.protocol === 'unix' && s.type === 'dgram')],
      [['-A', 'inet,!udp'], s => ['tcp', 'raw', 'mptcp'].includes(s.protocol)],
    ]
    for (const [args, belongs] of parts) {
      const own = (await listing(ns, ['-a', ...args])).sockets.map(key)
      expect({ args, rows: own.sort() }).toEqual({ args, rows: sockets.filter(belongs).map(key).sort() })
      expect(own.length).toBeGreaterThan(0)
    }
  })

  test('--source procfs shows the same but for what procfs cannot show', async () => {
    await held.refresh()
    const kernel = (await listing(ns, ['-a'])).sockets
    const answer = await listing(ns, ['-a', '--source', 'procfs'])
    for (const protocol of ['tcp', 'udp', 'raw']) {
      const rows = byProtocol(kernel, protocol).filter(({ state }) => state !== 'bound-inactive')
      expect(byProtocol(answer.sockets, protocol).map(socketKey).sort()).toEqual(rows.map(socketKey).sort())
    }
    const unix = (rows: typeof kernel) =>
      byProtocol(rows, 'unix')
        .filter(s => s.inode !== null)
        .map(s => `${s.type} ${s.path} ${s.inode}`)
        .sort()
    expect(unix(answer.sockets)).toEqual(unix(kernel))
    const packet = (rows: typeof kernel) =>
      byProtocol(rows, 'packet')
        .map(s => `${s.type} ${s.interface} ${s.inode}`)
        .sort()
    expect(packet(answer.sockets)).toEqual(packet(kernel))
    expect(byProtocol(answer.sockets, 'mptcp')).toEqual([])
    const lacking = answer.sources.filter(({ method }) => method === 'none').map(({ protocol }) => protocol)
    expect(lacking).toContain('mptcp')
    // What procfs does not know is null, not nought.
    const listener = byProtocol(answer.sockets, 'tcp').find(({ state }) => state === 'listening')!
    expect(listener).toMatchObject({ sendQueue: null, cookie: null, interface: null, mark: null, tcp: null })
    expect(listener.acceptQueue).toMatchObject({ limit: null, full: null })
    for (const { protocol, method, missing } of answer.sources) {
      if (protocol === 'tcp')
        expect({ method, cookie: missing.includes('cookie') }).toEqual({ method: 'procfs', cookie: true })
    }
  })
}, ['ss'])
