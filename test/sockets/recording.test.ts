// The recording format: round trips, every truncation, any bytes.

import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type RecorderOptions, recordSockets } from '../../src/adapters/recorder.js'
import { openReplay } from '../../src/adapters/replay.js'
import { DecodeError } from '../../src/errors/index.js'
import { encodeRequest } from '../../src/netlink/message.js'
import { collectSockets } from '../../src/sockets/collect.js'
import {
  indexRecording,
  RECORDING_MAGIC,
  type RecordingReport,
  RecordingWriter,
  SECTION_KIND,
  SECTIONS_LIMIT,
} from '../../src/sockets/recording.js'
import { answerWith, encodeDone, parseDumpRequest } from '../../src/sockets/recording-answer.js'
import { type ByteSource, NAMESPACES_LIMIT, type RecordingHeader } from '../../src/sockets/recording-header.js'
import { readNames, readReport } from '../../src/sockets/recording-names.js'
import { indexSsDump } from '../../src/sockets/ss-dump.js'
import { ALL_STATES } from '../../src/sockets/states.js'
import { TABLES, tableById } from '../../src/sockets/tables.js'

const HEADER: RecordingHeader = {
  netkit: '0.1.0',
  time: '2026-11-21T12:00:00.000Z',
  host: 'alpha',
  kernel: '6.18.0',
  namespaces: [null, 'blue'],
  tables: ['udp4', 'tcp4', 'tcp6'],
  source: 'auto',
  holders: 'processes',
  ephemeralPorts: [32768, 60999],
}

const REPORT: RecordingReport = {
  sources: HEADER.namespaces.flatMap((_, namespace) =>
    HEADER.tables.map(table => ({
      namespace,
      table,
      method: table === 'udp4' ? ('procfs' as const) : ('netlink' as const),
      error: null,
    })),
  ),
  consistency: { passes: 3, duplicatesRemoved: 2, differed: true },
  damaged: 0,
  scan: { unreadable: 4, hidepid: false },
  notes: ['a note'],
}

const UDP_LINE =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n' +
  '    1: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 4242 2 0000000000000000 7\n'

/** inet_diag_msg of 127.0.0.1:`port`, with MEMINFO, INFO (8 bytes) and SHUTDOWN. */
function inetMessage(family: number, state: number, port: number, inode: number): Uint8Array {
  const bytes = new Uint8Array(72 + 20 + 12 + 8)
  const view = new DataView(bytes.buffer)
  bytes[0] = family
  bytes[1] = state
  view.setUint16(4, port)
  bytes.set([127, 0, 0, 1], 8)
  view.setUint32(44, inode, true)
  view.setUint32(68, inode, true)
  view.setUint16(72, 20, true)
  view.setUint16(74, 1, true)
  view.setUint16(92, 12, true)
  view.setUint16(94, 2, true)
  view.setUint16(104, 5, true)
  view.setUint16(106, 8, true)
  bytes[108] = 3
  return bytes
}

function sample(): Uint8Array {
  const parts: Uint8Array[] = []
  const writer = new RecordingWriter(bytes => parts.push(bytes.slice()), HEADER)
  const add = (namespace: number, table: string, message: Uint8Array): void =>
    writer.message(namespace, table, new DataView(message.buffer), 0, message.length)
  writer.text(0, 'udp4', new TextEncoder().encode(UDP_LINE))
  add(0, 'tcp4', inetMessage(2, 10, 80, 1))
  add(0, 'tcp4', inetMessage(2, 1, 80, 2))
  add(0, 'tcp6', inetMessage(10, 7, 81, 3))
  add(1, 'tcp4', inetMessage(2, 6, 82, 4))
  writer.name(['interface', 1, 3, 'eth0'])
  writer.name(['user', 101, 'dns'])
  writer.name(['cgroup', '2a', '/system.slice/dns.service'])
  writer.name(['holder', 1, 77, null, 5, 'a) \u001b[31mR'])
  writer.name(['holder', 1, 77, 78, 5, 'worker'])
  writer.report(REPORT)
  return Buffer.concat(parts)
}

const source = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
})

/** Everything that a replay of `bytes` shows, in short. */
async function replayed(
  bytes: Uint8Array,
  states = ALL_STATES,
): Promise<{ rows: string[]; damaged: number; broken: boolean }> {
  const replay = openReplay(source(bytes), true)
  const rows: string[] = []
  const report = await collectSockets(
    {
      tables: TABLES.filter(table => replay.header.tables.includes(table.id)),
      states,
      source: 'auto',
      details: { extensions: 0 },
      bytecode: null,
      targets: replay.header.namespaces.map((label, index) => ({ label, fd: index, proc: replay.proc(index) })),
    },
    { netlink: replay.netlink, netlinkUnavailable: null, now: () => 0, recorded: replay.report },
    {
      socket: (record, _decode, table) =>
        rows.push(`${record.netns} ${table.id} ${record.state} ${record.localPort} ${record.inode}`),
      tableEnd: () => undefined,
    },
  )
  return { rows, damaged: report.damaged, broken: replay.damage !== null }
}

const ALL_ROWS = ['0 udp4 7 53 4242', '0 tcp4 10 80 1', '0 tcp4 1 80 2', '0 tcp6 13 81 3', '1 tcp4 6 82 4']

describe('a recording', () => {
  test('of a table whose reading broke off says so when it is replayed, after what there is of it', async () => {
    const error = { code: 'ENOBUFS', message: 'cannot read from the kernel: no buffer space available (ENOBUFS)' }
    const parts: Uint8Array[] = []
    const writer = new RecordingWriter(bytes => parts.push(bytes.slice()), { ...HEADER, namespaces: [null] })
    const message = inetMessage(2, 10, 80, 1)
    writer.message(0, 'tcp4', new DataView(message.buffer), 0, message.length)
    const sources = HEADER.tables.map(table => ({ namespace: 0, table, method: 'netlink' as const, error }))
    writer.report({ ...REPORT, sources })
    const replay = openReplay(source(Buffer.concat(parts)), true)
    const tables = TABLES.filter(table => table.id === 'tcp4' || table.id === 'tcp6')
    const targets = [{ label: null, fd: 0, proc: replay.proc(0) }]
    const query = {
      tables,
      states: ALL_STATES,
      source: 'auto' as const,
      details: { extensions: 0 },
      bytecode: null,
      targets,
    }
    const ports = { netlink: replay.netlink, netlinkUnavailable: null, now: () => 0, recorded: replay.report }
    const inodes: number[] = []
    const report = await collectSockets(query, ports, {
      socket: record => inodes.push(record.inode),
      tableEnd: () => undefined,
    })
    expect(inodes).toEqual([1])
    expect(report.sources.map(each => [each.method, each.error?.code])).toEqual([
      ['replay', 'ENOBUFS'],
      ['none', 'ENOBUFS'],
    ])
  })

  test('gives back its header, names, holders and report', () => {
    const bytes = sample()
    const index = indexRecording(source(bytes))
    expect(index.damage).toBeNull()
    expect(index.header).toEqual(HEADER)
    const names = readNames(source(bytes), index, false)
    expect(names.interfaces[1]).toEqual(new Map([[3, 'eth0']]))
    expect(names.users.get(101)).toBe('dns')
    expect(names.cgroups.get('2a')).toBe('/system.slice/dns.service')
    expect(names.holders.holdersOf(1)).toEqual([{ pid: 77, tid: null, fd: 5, name: 'a) \u001b[31mR' }])
    expect(readNames(source(bytes), index, true).holders.holdersOf(1)).toHaveLength(2)
    expect(readReport(source(bytes), index)).toEqual(REPORT)
  })

  test('is listed through the same path as the kernel, each socket once', async () => {
    expect(await replayed(sample())).toEqual({ rows: ALL_ROWS, damaged: 0, broken: false })
    expect((await replayed(sample(), 1 << 10)).rows).toEqual(['0 tcp4 10 80 1'])
  })

  test('of a large table is read section by section, none of which is large', async () => {
    const parts: Uint8Array[] = []
    const writer = new RecordingWriter(bytes => parts.push(bytes.slice()), HEADER)
    const count = 10_000
    for (let inode = 1; inode <= count; inode++) {
      const message = inetMessage(2, 1, 80, inode)
      writer.message(0, 'tcp4', new DataView(message.buffer), 0, message.length)
    }
    writer.report(REPORT)
    const bytes = Buffer.concat(parts)
    const { sections } = indexRecording(source(bytes))
    expect(sections.length).toBeGreaterThan(4)
    expect(Math.max(...sections.map(section => section.length))).toBeLessThanOrEqual(256 * 1024)
    const { rows, damaged } = await replayed(bytes)
    expect(damaged).toBe(0)
    expect(rows.filter(row => row.startsWith('0 tcp4'))).toEqual(
      Array.from({ length: count }, (_, index) => `0 tcp4 1 80 ${index + 1}`),
    )
  })

  test('cut anywhere shows what is whole, and says that it is cut', async () => {
    const bytes = sample()
    const headerEnd = bytes.indexOf(10, RECORDING_MAGIC.length) + 1
    let most = 0
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length)
      if (length < headerEnd) {
        expect(() => openReplay(source(cut), true), `cut at ${length}`).toThrow(DecodeError)
        continue
      }
      const { rows, broken } = await replayed(cut)
      expect(broken, `cut at ${length}`).toBe(true)
      expect(ALL_ROWS.slice(0, rows.length), `cut at ${length}`).toEqual(rows)
      expect(rows.length).toBeGreaterThanOrEqual(most)
      most = rows.length
    }
    expect(most).toBe(ALL_ROWS.length)
  })

  test('cut in the middle of a section shows the messages that are whole, and names the table that they are of', async () => {
    const parts: Uint8Array[] = []
    const writer = new RecordingWriter(bytes => parts.push(bytes.slice()), { ...HEADER, namespaces: [null] })
    for (let inode = 1; inode <= 100; inode++) {
      const message = inetMessage(10, 1, 80, inode)
      writer.message(0, 'tcp6', new DataView(message.buffer), 0, message.length)
    }
    writer.report(REPORT)
    const bytes = Buffer.concat(parts)
    const [section] = indexRecording(source(bytes)).sections
    const size = section!.length / 100
    for (const extra of [0, 1, size - 1]) {
      const cut = bytes.subarray(0, section!.offset + 40 * size + extra)
      const { rows, broken } = await replayed(cut)
      expect(broken).toBe(true)
      expect(rows).toEqual(Array.from({ length: 40 }, (_, index) => `0 tcp6 1 80 ${index + 1}`))
      expect(openReplay(source(cut), true).report.sources).toEqual([
        { namespace: 0, table: 'udp4', method: 'none', error: { code: 'cut-off', message: expect.any(String) } },
        { namespace: 0, table: 'tcp4', method: 'none', error: { code: 'cut-off', message: expect.any(String) } },
        { namespace: 0, table: 'tcp6', method: 'netlink', error: { code: 'cut-off', message: expect.any(String) } },
      ])
    }
    // Not one message is whole.
    expect((await replayed(bytes.subarray(0, section!.offset + size - 8))).rows).toEqual([])
  })

  test('cut in the middle of lines shows those that are whole', async () => {
    const parts: Uint8Array[] = []
    const writer = new RecordingWriter(bytes => parts.push(bytes.slice()), { ...HEADER, namespaces: [null] })
    writer.text(0, 'udp4', new TextEncoder().encode(`${UDP_LINE}${UDP_LINE.split('\n')[1]!.replace('0035', '0036')}\n`))
    writer.report(REPORT)
    const bytes = Buffer.concat(parts)
    const [section] = indexRecording(source(bytes)).sections
    const cut = bytes.subarray(0, section!.offset + section!.length - 3)
    expect((await replayed(cut)).rows).toEqual(['0 udp4 7 53 4242'])
  })

  test('names the byte and the sizes where it is damaged', () => {
    const bytes = sample()
    const last = indexRecording(source(bytes)).sections.at(-1)!
    const { damage } = indexRecording(source(bytes.subarray(0, bytes.length - 1)))
    expect(damage).toMatchObject({ exit: 5, offset: last.offset - 12, need: 12 + last.length, have: 11 + last.length })
    expect(damage!.message).toContain(`at byte ${last.offset - 12}`)
  })

  test('allocates nothing for a length that cannot be', () => {
    const bytes = Uint8Array.from(sample())
    const [first] = indexRecording(source(bytes)).sections
    new DataView(bytes.buffer).setUint32(first!.offset - 12, 0xffffffff, true)
    let largest = 0
    const read = (at: number, length: number): Uint8Array => {
      largest = Math.max(largest, length)
      return bytes.subarray(at, at + length)
    }
    const counting = { size: 2 ** 40, read }
    expect(indexRecording(counting)).toMatchObject({ sections: [], damage: { exit: 5 } })
    expect(largest).toBeLessThanOrEqual(64 * 1024)
  })

  test.each([
    ['a table that there is not', { tables: ['tcp4', 'tcp7'] }],
    ['a table twice', { tables: ['tcp4', 'tcp4'] }],
    ['more namespaces than can be', { namespaces: Array(NAMESPACES_LIMIT + 1).fill('') }],
  ])('with %s in its header is refused', (_what, wrong) => {
    const bytes = new TextEncoder().encode(`${RECORDING_MAGIC}${JSON.stringify({ ...HEADER, ...wrong })}\n`)
    expect(() => openReplay(source(bytes), false)).toThrow(DecodeError)
    expect(() => openReplay(source(bytes), false)).toThrow(
      /at byte 17: its header lacks what it must have, or has more/,
    )
  })

  // With every section looked at for every table this takes minutes.
  test('of as many namespaces, tables and sections as can be is listed in time', async () => {
    const namespaces: string[] = Array(NAMESPACES_LIMIT).fill('')
    const header = { ...HEADER, namespaces, tables: TABLES.map(table => table.id) }
    const head = new TextEncoder().encode(`${RECORDING_MAGIC}${JSON.stringify(header)}\n`)
    const bytes = new Uint8Array(head.length + (SECTIONS_LIMIT + 1) * 13)
    bytes.set(head)
    const view = new DataView(bytes.buffer)
    for (let at = head.length, count = 0; at < bytes.length; at += 13, count++) {
      view.setUint32(at, 1, true)
      view.setUint16(at + 4, SECTION_KIND.messages, true)
      view.setUint16(at + 6, count % NAMESPACES_LIMIT, true)
      view.setUint16(at + 8, count % TABLES.length, true)
    }
    const index = indexRecording(source(bytes))
    expect(index.sections).toHaveLength(SECTIONS_LIMIT)
    expect(index.damage?.message).toMatch(/too many sections$/)
    const { damaged, broken } = await replayed(bytes)
    expect(broken).toBe(true)
    expect(damaged).toBeGreaterThanOrEqual(SECTIONS_LIMIT)
  })

  test('with more names than any host has is read up to 128 MiB of them', () => {
    const names = new TextEncoder().encode('["user",101,"dns"]\n')
    const place = { kind: SECTION_KIND.names, namespace: 0, table: 'tcp4', offset: 0, length: 16 * 1024 * 1024 }
    let reads = 0
    const large: ByteSource = { size: 2 ** 40, read: () => names.subarray(0, ++reads * names.length) }
    const read = readNames(large, { header: HEADER, sections: Array(20).fill(place), damage: null, cut: null }, false)
    expect(reads).toBe(8)
    expect(read.users).toEqual(new Map([[101, 'dns']]))
    expect(read.damage).toMatchObject({
      exit: 5,
      message: expect.stringMatching(/more than 134217728 bytes of names$/),
    })
  })

  test('of more namespaces than can be replayed is not made', async () => {
    const sink = vi.fn()
    const header = { ...HEADER, namespaces: Array(NAMESPACES_LIMIT + 1).fill('') }
    const made = recordSockets({ header, sink } as unknown as RecorderOptions)
    await expect(made).rejects.toThrow(/at most 4096 network namespaces/)
    expect(sink).not.toHaveBeenCalled()
  })

  test('of another version is refused in one sentence', () => {
    const bytes = new TextEncoder().encode('netkit-sockets 2\n{}\n')
    expect(() => openReplay(source(bytes), false)).toThrow(/of version 2, and this netkit reads version 1/)
  })

  test('passes over sections of a kind it does not know', () => {
    const bytes = Uint8Array.from(sample())
    const index = indexRecording(source(bytes))
    const names = index.sections.find(section => section.kind === SECTION_KIND.names)!
    new DataView(bytes.buffer).setUint16(names.offset - 8, 99, true)
    expect(indexRecording(source(bytes)).damage).toBeNull()
  })

  test('with any bytes changed never throws anything but DecodeError, and never hangs', async () => {
    const original = sample()
    const change = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(change, async changes => {
        const bytes = Uint8Array.from(original)
        for (const [at, value] of changes) bytes[at] = value
        await replayed(bytes).catch(error => expect(error).toBeInstanceOf(DecodeError))
      }),
      { numRuns: 2000 },
    )
  })

  test('of any bytes after a good header neither throws nor hangs', async () => {
    const end = sample().indexOf(10, RECORDING_MAGIC.length) + 1
    const head = sample().subarray(0, end)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async tail => {
        expect((await replayed(Buffer.concat([head, tail]))).broken).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('that is any bytes at all is refused with DecodeError', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
        await replayed(bytes).catch(error => expect(error).toBeInstanceOf(DecodeError))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('an answer out of a recording', () => {
  const message = inetMessage(2, 1, 80, 9)
  const recorded = new Uint8Array(16 + message.length)
  new DataView(recorded.buffer).setUint32(0, recorded.length, true)
  new DataView(recorded.buffer).setUint16(4, 20, true)
  recorded.set(message, 16)
  const tcp4 = tableById('tcp4')!
  const attributes = (bytes: Uint8Array): number[] => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const types: number[] = []
    for (let at = 88; at < view.getUint32(0, true); at += (view.getUint16(at, true) + 3) & ~3)
      types.push(view.getUint16(at + 2, true))
    return types
  }

  test('has the attributes that were asked for, and those that always come', () => {
    const answer = (extensions: number) =>
      attributes(answerWith(recorded, { table: tcp4, extensions, states: ALL_STATES }))
    expect(answer(0)).toEqual([8])
    expect(answer(1)).toEqual([1, 8])
    expect(answer(2)).toEqual([2, 8])
    expect(answer(0xff)).toEqual([1, 2, 8])
  })

  test('has the memory of unix sockets when it was asked for', () => {
    const unix = tableById('unix')!
    // unix_diag_msg of 16 bytes, UNIX_DIAG_RQLEN of 12, UNIX_DIAG_MEMINFO of 40.
    const socket = new Uint8Array(16 + 16 + 12 + 40)
    const view = new DataView(socket.buffer)
    view.setUint32(0, socket.length, true)
    view.setUint16(4, 20, true)
    socket[16] = 1
    view.setUint16(32, 12, true)
    view.setUint16(34, 4, true)
    view.setUint16(44, 40, true)
    view.setUint16(46, 5, true)
    const answer = (extensions: number): Uint8Array => {
      const { payload } = unix.request(ALL_STATES, { extensions, bytecode: null })
      return answerWith(socket, parseDumpRequest(encodeRequest(20, 0x301, 1, payload))!)
    }
    expect(answer(1 << 6)).toEqual(socket)
    const short = socket.slice(0, 44)
    short[0] = 44
    expect(answer(0)).toEqual(short)
  })

  test('has the states that were asked for', () => {
    expect(answerWith(recorded, { table: tcp4, extensions: 0, states: 1 << 10 })).toHaveLength(0)
  })

  test('ends in damage where an end of a dump stands among the messages', () => {
    const bytes = Buffer.concat([recorded, encodeDone(), recorded])
    expect(answerWith(bytes, { table: tcp4, extensions: 0xff, states: ALL_STATES })).toHaveLength(recorded.length + 4)
  })

  test('is found for the request of every table', () => {
    for (const table of TABLES) {
      const { payload, attributes } = table.request(ALL_STATES, { extensions: 2, bytecode: null })
      const parsed = parseDumpRequest(encodeRequest(20, 0x301, 1, payload, attributes))
      expect(parsed?.table.id).toBe(table.id)
    }
    expect(parseDumpRequest(encodeRequest(21, 1, 1, new Uint8Array(56)))).toBeNull()
  })
})

describe('a file of ss -D', () => {
  const wrap = (message: Uint8Array, type = 20): Uint8Array => {
    const bytes = new Uint8Array(16 + message.length)
    new DataView(bytes.buffer).setUint32(0, bytes.length, true)
    new DataView(bytes.buffer).setUint16(4, type, true)
    bytes.set(message, 16)
    return bytes
  }
  const dump = Buffer.concat([
    wrap(inetMessage(2, 10, 80, 1)),
    wrap(inetMessage(2, 1, 80, 2)),
    encodeDone(),
    wrap(inetMessage(10, 10, 81, 3)),
    encodeDone(),
  ])
  const rows = ['0 tcp4 10 80 1', '0 tcp4 1 80 2', '0 tcp6 10 81 3']

  test('shows IPv4 and, behind the first NLMSG_DONE, IPv6', async () => {
    expect(await replayed(dump)).toEqual({ rows, damaged: 0, broken: false })
  })

  test('cut anywhere shows what is whole, and says so unless it ends with an answer', async () => {
    // Two messages of 128 bytes and an end: what `ss -4 -D` writes.
    const answered = 2 * 128 + 20
    for (let length = 16; length < dump.length; length++) {
      const cut = dump.subarray(0, length)
      const outcome = await replayed(cut).catch(error => error)
      if (outcome instanceof DecodeError) continue
      expect(rows.slice(0, outcome.rows.length)).toEqual(outcome.rows)
      if (length !== answered) expect(outcome.broken, `cut at ${length}`).toBe(true)
    }
  })

  test('that changes between IPv4 and IPv6 without end is damaged', () => {
    const pair = Buffer.concat([wrap(Uint8Array.of(2, 0, 0, 0)), wrap(Uint8Array.of(10, 0, 0, 0))])
    const { sections, damage } = indexSsDump(source(Buffer.alloc((SECTIONS_LIMIT / 2 + 1) * pair.length, pair)))
    expect(sections).toHaveLength(SECTIONS_LIMIT)
    expect(damage).toMatchObject({ exit: 5, offset: SECTIONS_LIMIT * 20 })
    expect(damage!.message).toMatch(/changes between IPv4 and IPv6 too often$/)
  })

  test('with any bytes changed never throws anything but DecodeError', async () => {
    const change = fc.array(fc.tuple(fc.nat(dump.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(change, async changes => {
        const bytes = Uint8Array.from(dump)
        for (const [at, value] of changes) bytes[at] = value
        await replayed(bytes).catch(error => expect(error).toBeInstanceOf(DecodeError))
      }),
      { numRuns: 2000 },
    )
  })
})
