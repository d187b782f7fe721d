import { describe, expect, test } from 'vitest'
import { systemError } from '../../src/errors/index.js'
import type { ProcSocketSource } from '../../src/ports/proc.js'
import {
  type Collect,
  type CollectPorts,
  type CollectQuery,
  type CollectReport,
  collectSockets,
  type NetnsTarget,
} from '../../src/sockets/collect.js'
import { parseProcNet } from '../../src/sockets/proc-net.js'
import { ALL_STATES, parseState } from '../../src/sockets/states.js'
import { tableById } from '../../src/sockets/tables.js'
import { type Answer, done, type FakeConnection, fakePort, refused, socketMessage } from '../netlink/fake.js'
import { concat } from './diag/build.js'

interface Asked {
  /** 0 for the request that is for both. */
  family: number
  protocol: number
  states: number
  attributes: number
}

/** What a request asks for, be it SOCK_DIAG_BY_FAMILY or TCPDIAG_GETSOCK. */
function asked(request: Uint8Array): Asked {
  const view = new DataView(request.buffer)
  if (view.getUint16(4, true) === 18) {
    return { family: request[16]!, protocol: 6, states: view.getUint32(68, true), attributes: request.length - 76 }
  }
  return {
    family: request[16]!,
    protocol: request[17]!,
    states: view.getUint32(20, true),
    attributes: request.length - 72,
  }
}

/** A kernel that knows SOCK_DIAG_BY_FAMILY only. */
const refusesBoth =
  (answer: (request: Uint8Array) => Answer) =>
  (request: Uint8Array): Answer =>
    asked(request).family === 0 ? [[refused(95)]] : answer(request)

const part = (...cookies: number[]): Uint8Array => concat(...cookies.map(cookie => socketMessage(cookie)))
const BOUND = 1 << 13

const PROC: ProcSocketSource = {
  read(file, record, visit) {
    const lines: Record<string, string> = {
      tcp: '   0: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 77 1 0 100 0 0 10 0\n',
      udp: '   0: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 78 2 0 3\nbad\n',
    }
    const text = lines[file]
    if (text === undefined) return { rows: 0, skipped: 0, error: { code: 'ENOENT', message: 'there is no such file' } }
    return { ...parseProcNet(file, Buffer.from(text), record, visit), error: null }
  },
}

const HERE: NetnsTarget = { label: null, fd: -1, proc: PROC }

interface Result {
  report: CollectReport
  seen: string[]
  connections: FakeConnection[]
}

async function collect(
  query: Partial<Omit<CollectQuery, 'tables'>> & { tables: readonly string[] },
  answer: ((request: Uint8Array, fd: number) => Answer) | null,
  more: { ports?: Partial<CollectPorts>; collect?: Partial<Collect> } = {},
): Promise<Result> {
  const port = answer && fakePort(answer)
  const seen: string[] = []
  const report = await collectSockets(
    {
      states: ALL_STATES,
      source: 'auto',
      details: { extensions: 0 },
      bytecode: null,
      targets: [HERE],
      ...query,
      tables: query.tables.map(id => tableById(id)!),
    },
    { netlink: port, netlinkUnavailable: port ? null : 'no addon here', now: () => 0, ...more.ports },
    {
      socket: (record, _decode, table) => seen.push(`${table.id} ${record.inode} ${record.source} ${record.netns}`),
      tableEnd: table => seen.push(`end ${table.id}`),
      ...more.collect,
    },
  )
  // A table may be read in two walks, each of which ends.
  const rows = seen.filter((line, at) => !line.startsWith('end') || seen.indexOf(line) === at)
  return { report, seen: rows, connections: port?.connections ?? [] }
}

describe('through netlink', () => {
  test('every table is asked in turn, with the states that it can have', async () => {
    const { report, seen, connections } = await collect({ tables: ['udp4', 'tcp4'] }, request =>
      asked(request).protocol === 17
        ? [[part(1), done()]]
        : asked(request).states & BOUND
          ? [[done()]]
          : [[part(2), done()]],
    )
    expect(seen).toEqual(['udp4 1 netlink 0', 'end udp4', 'tcp4 2 netlink 0', 'end tcp4'])
    expect(report).toEqual({
      sources: [
        { protocol: 'udp', family: 'inet', netns: null, method: 'netlink', error: null, missing: [] },
        { protocol: 'tcp', family: 'inet', netns: null, method: 'netlink', error: null, missing: [] },
      ],
      consistency: { passes: 1, duplicatesRemoved: 0, differed: false },
      damaged: 0,
    })
    const requests = connections.flatMap(connection => connection.sent.map(request => asked(request).states))
    expect(requests.sort()).toEqual([(1 << 1) | (1 << 7), ALL_STATES & ~BOUND & ~(1 << 7), BOUND].sort())
  })

  test('TCP sockets of both families are asked for at once, and belong to the table of their family', async () => {
    const { report, seen, connections } = await collect({ tables: ['udp4', 'tcp4', 'tcp6'] }, request => {
      const { protocol, states } = asked(request)
      if (protocol === 17 || states & BOUND) return [[done()]]
      const six = socketMessage(3)
      six[16] = 10
      return [[concat(part(1), six, part(2)), done()]]
    })
    expect(seen).toEqual([
      'end udp4',
      'tcp4 1 netlink 0',
      'tcp4 2 netlink 0',
      'tcp6 3 netlink 0',
      'end tcp4',
      'end tcp6',
    ])
    expect(report.sources.map(({ family, method, error }) => [family, method, error])).toEqual([
      ['inet', 'netlink', null],
      ['inet', 'netlink', null],
      ['inet6', 'netlink', null],
    ])
    const requests = connections.flatMap(connection => connection.sent.map(asked))
    expect(requests.map(({ family, states }) => [family, states & BOUND])).toEqual([
      [2, 0],
      [0, 0],
      [0, BOUND],
    ])
  })

  test('a kernel that does not know the request for both is asked for each', async () => {
    const { report, seen, connections } = await collect(
      { tables: ['tcp4', 'tcp6'], states: ALL_STATES & ~BOUND },
      refusesBoth(request => [[part(asked(request).family), done()]]),
    )
    expect(seen).toEqual(['tcp4 2 netlink 0', 'end tcp4', 'tcp6 10 netlink 0', 'end tcp6'])
    expect(report.sources.map(source => source.error)).toEqual([null, null])
    expect(connections.map(connection => connection.sent.length)).toEqual([1, 1, 1])
  })

  test('a recording is asked for each family', async () => {
    const consistency = { passes: 1, duplicatesRemoved: 0, differed: false }
    const { connections } = await collect({ tables: ['tcp4', 'tcp6'] }, () => [[done()]], {
      ports: { recorded: { consistency, damaged: 0 } },
    })
    expect(connections.flatMap(({ sent }) => sent.map(request => asked(request).family))).toEqual([2, 10, 2, 10])
  })

  test('every connection is closed, and each once', async () => {
    const { connections } = await collect({ tables: ['udp4', 'tcp4', 'tcp6'] }, () => [[done()]])
    expect(connections.length).toBeGreaterThanOrEqual(3)
    expect(connections.map(connection => connection.closed)).toEqual(connections.map(() => 1))
  })

  test('refusals close every connection, in every namespace', async () => {
    const targets = [1, 2].map(fd => ({ ...HERE, label: `ns${fd}`, fd }))
    const { connections, seen } = await collect({ tables: ['tcp4', 'tcp6'], source: 'netlink', targets }, () => [
      [refused(1)],
    ])
    expect(seen.filter(line => !line.startsWith('end'))).toEqual([])
    expect(connections.map(connection => connection.closed)).toEqual(connections.map(() => 1))
  })

  test('states that were not asked for are left out even where the kernel sends them', async () => {
    const { seen } = await collect({ tables: ['unix'], states: parseState('listening')! }, () => [
      [
        concat(
          socketMessage(1).slice(0, 16),
          Uint8Array.of(1, 1, 10, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
          new Uint8Array(56),
        ),
        concat(
          socketMessage(1).slice(0, 16),
          Uint8Array.of(1, 1, 1, 0, 6, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0),
          new Uint8Array(56),
        ),
        done(),
      ],
    ])
    expect(seen).toEqual(['unix 5 netlink 0', 'end unix'])
  })

  test('bound-inactive sockets are looked for last, and not among more TCP sockets than the limit', async () => {
    const answer = (request: Uint8Array): Answer => [
      [concat(asked(request).states === BOUND ? part(1) : part(2, 3, 4, 5), done())],
    ]
    const boundAsked = ({ connections }: Result): boolean =>
      connections.some(connection => connection.sent.some(request => asked(request).states === BOUND))
    const within = await collect({ tables: ['tcp4', 'tcp6'], boundInactiveLimit: 4 }, answer)
    expect(boundAsked(within)).toBe(true)
    expect(within.report.boundInactiveSkipped).toBeUndefined()
    const beyond = await collect({ tables: ['tcp4', 'tcp6'], boundInactiveLimit: 3 }, answer)
    expect(boundAsked(beyond)).toBe(false)
    expect(beyond.report.boundInactiveSkipped).toBe(true)
    const always = await collect({ tables: ['tcp4', 'tcp6'] }, answer)
    expect(boundAsked(always)).toBe(true)
    const only = await collect({ tables: ['tcp4'], states: BOUND, boundInactiveLimit: 0 }, answer)
    expect(boundAsked(only)).toBe(true)
  })

  test('the filter program goes to IP tables only; where the kernel refuses it, the table is read without', async () => {
    const bytecode = Uint8Array.of(1, 4, 8, 0)
    const { report, seen, connections } = await collect({ tables: ['udp4', 'packet'], bytecode }, request => {
      if (asked(request).family === 17) return [[done()]]
      return asked(request).attributes > 0 ? [[refused(1)]] : [[part(1), done()]]
    })
    expect(seen).toEqual(['udp4 1 netlink 0', 'end udp4', 'end packet'])
    expect(report.sources.map(source => source.error)).toEqual([null, null])
    expect(connections.map(connection => connection.sent.length)).toEqual([2, 1])
  })

  test('what went wrong in the dumps adds up', async () => {
    let pass = 0
    const { report } = await collect({ tables: ['udp4', 'udp6'] }, request => {
      if (asked(request).family === 10) return [[concat(part(7, 7)), part(8).slice(0, 40), done()]]
      return [[part(pass++), part(9), done()]]
    })
    expect(report.consistency.passes).toBe(4)
    expect(report.consistency.differed).toBe(true)
    expect(report.consistency.duplicatesRemoved).toBe(1)
    expect(report.damaged).toBe(1)
  })

  test('reports of a recording start from how its own listing went', async () => {
    const consistency = { passes: 3, duplicatesRemoved: 5, differed: true }
    const { report } = await collect({ tables: ['udp4'] }, () => [[part(1), done()]], {
      ports: { recorded: { consistency, damaged: 2 } },
    })
    expect(report).toMatchObject({ consistency, damaged: 2 })
    expect(report.sources[0]!.method).toBe('replay')
    expect(consistency).toEqual({ passes: 3, duplicatesRemoved: 5, differed: true })
  })

  test('records know which namespace they are from', async () => {
    const targets = [1, 2].map(fd => ({ ...HERE, label: `ns${fd}`, fd }))
    const { seen, report } = await collect({ tables: ['udp4'], targets }, (_request, fd) => [[part(fd * 10), done()]])
    expect(seen).toEqual(['udp4 10 netlink 0', 'end udp4', 'udp4 20 netlink 1'])
    expect(report.sources.map(source => source.netns)).toEqual(['ns1', 'ns2'])
  })

  test('the consumer is waited for between parts of an answer and after each table', async () => {
    const log: string[] = []
    const pause = (): Promise<void> => {
      log.push('pause')
      return new Promise(resolve =>
        setImmediate(() => {
          log.push('on')
          resolve()
        }),
      )
    }
    await collect({ tables: ['udp4'] }, () => [[part(1)], [part(2)], [done()]], {
      collect: { pause, socket: record => log.push(`socket ${record.inode}`), tableEnd: () => log.push('end') },
    })
    expect(log).toEqual(['socket 1', 'pause', 'on', 'socket 2', 'pause', 'on', 'end', 'pause', 'on'])
  })
})

describe('when netlink breaks off after sockets were handed out', () => {
  /** Gives two parts with a socket each, and fails on the read after them. */
  const breaking = (answer: Answer): CollectPorts['netlink'] => ({
    open(_protocol, netnsFd) {
      const connection = fakePort(() => answer).open(4, netnsFd)
      const read = connection.readNow.bind(connection)
      connection.readNow = () => {
        const batch = read()
        if (batch === null) throw systemError('netlink', 105, 'read from the kernel')
        return batch
      }
      return connection
    },
  })

  test.each(['auto', 'netlink'] as const)(
    'with source %s, none is listed again, and the report says so',
    async source => {
      const ports = { netlink: breaking([[part(1)], [part(2)]]) }
      const { report, seen } = await collect({ tables: ['udp4'], source }, null, { ports })
      expect(seen).toEqual(['udp4 1 netlink 0', 'udp4 2 netlink 0', 'end udp4'])
      expect(report.sources).toMatchObject([{ method: 'netlink', error: { code: 'ENOBUFS' }, missing: [] }])
      // Nothing says that the table changed, or that a message was damaged.
      expect(report.consistency).toEqual({ passes: 1, duplicatesRemoved: 0, differed: false })
      expect(report.damaged).toBe(0)
    },
  )

  test('the next table still falls back when it had no socket yet', async () => {
    const open = breaking([[part(1)], [part(2)]])!.open
    const targets = [
      { ...HERE, fd: -1 },
      { ...HERE, fd: null },
    ]
    const { report } = await collect({ tables: ['udp4'], targets }, null, { ports: { netlink: { open } } })
    expect(report.sources.map(({ method, error }) => [method, error?.code])).toEqual([
      ['netlink', 'ENOBUFS'],
      ['procfs', 'EACCES'],
    ])
    const first = await collect({ tables: ['udp4'] }, null, { ports: { netlink: breaking([]) } })
    expect(first.report.sources).toMatchObject([{ method: 'procfs', error: { code: 'ENOBUFS' } }])
    expect(first.report.consistency.differed).toBe(false)
  })
})

describe('when netlink cannot answer', () => {
  test('procfs does, and the report says why and what it lacks', async () => {
    const { report, seen } = await collect({ tables: ['tcp4', 'udp4'] }, () => [[done(2)]])
    expect(seen).toEqual(['tcp4 77 procfs 0', 'end tcp4', 'udp4 78 procfs 0', 'end udp4'])
    expect(report.sources[0]).toMatchObject({ method: 'procfs', error: { code: 'ENOENT' } })
    expect(report.sources[0]!.error!.message).toBe('this kernel has no sock_diag for tcp sockets')
    expect(report.sources[0]!.missing).toContain('acceptQueue.limit')
    // The damaged line of the udp file.
    expect(report.damaged).toBe(1)
  })

  test('a table that procfs does not have is reported as missing, never as empty', async () => {
    const { report, seen } = await collect({ tables: ['sctp4', 'vsock'] }, request =>
      asked(request).protocol === 132 ? [[done(2)]] : [[refused(2)]],
    )
    expect(seen).toEqual(['end sctp4', 'end vsock'])
    for (const source of report.sources) expect(source).toMatchObject({ method: 'none', error: { code: 'ENOENT' } })
  })

  test('netlink alone is not replaced', async () => {
    const { report, seen } = await collect({ tables: ['tcp4'], source: 'netlink' }, () => [[refused(13)]])
    expect(seen).toEqual(['end tcp4'])
    expect(report.sources[0]).toMatchObject({ method: 'none', error: { code: 'EACCES' }, missing: [] })
  })

  test('a missing addon, a namespace that may not be opened and a failing socket are reasons like any other', async () => {
    const absent = await collect({ tables: ['tcp4'] }, null)
    expect(absent.report.sources[0]).toMatchObject({
      method: 'procfs',
      error: { code: 'no-native', message: 'no addon here' },
    })
    const closed = await collect({ tables: ['tcp4'], targets: [{ ...HERE, fd: null }] }, () => [[done()]])
    expect(closed.report.sources[0]).toMatchObject({ method: 'procfs', error: { code: 'EACCES' } })
    expect(closed.connections).toHaveLength(0)
    const netlink = {
      open: () => {
        throw systemError('netlink', 24, 'open a netlink socket')
      },
    }
    const failing = await collect({ tables: ['tcp4'] }, null, { ports: { netlink } })
    expect(failing.report.sources[0]).toMatchObject({ method: 'procfs', error: { code: 'EMFILE' } })
  })

  test('both ways failing says both', async () => {
    const { report } = await collect({ tables: ['raw4'] }, () => [[done(2)]])
    expect(report.sources[0]).toMatchObject({ method: 'none', error: { code: 'ENOENT' } })
    expect(report.sources[0]!.error!.message).toContain('there is no such file')
  })

  test('procfs by choice asks netlink nothing', async () => {
    const { report, connections } = await collect({ tables: ['tcp4'], source: 'procfs' }, () => [[done()]])
    expect(report.sources[0]).toMatchObject({ method: 'procfs', error: null })
    expect(connections).toHaveLength(0)
  })

  test('any other error is a bug and is thrown, with every connection closed', async () => {
    const port = fakePort(() => [[part(1), done()]])
    const broken = collect({ tables: ['tcp4', 'tcp6'] }, null, {
      ports: { netlink: port },
      collect: {
        socket: () => {
          throw new TypeError('bug')
        },
      },
    })
    await expect(broken).rejects.toThrow('bug')
    expect(port.connections.map(connection => connection.closed)).toEqual(port.connections.map(() => 1))
  })
})
