import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Socket } from '../../src/sockets/model.js'
import { MISSING_COLUMNS, PROC_NET_FILES, type ProcNetFile, parseProcNet } from '../../src/sockets/proc-net.js'
import { SocketRecord, UNKNOWN } from '../../src/sockets/record.js'
import { CLOSED, ESTABLISHED, FIN_WAIT_2, LISTENING, SYN_RECV, TIME_WAIT } from '../../src/sockets/states.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

type Row = Partial<SocketRecord> & Record<string, unknown>

function parse(file: ProcNetFile, text: string | Uint8Array): { rows: Row[]; skipped: number; count: number } {
  const rows: Row[] = []
  const { rows: count, skipped } = parseProcNet(
    file,
    typeof text === 'string' ? bytes(text) : text,
    new SocketRecord(),
    record => rows.push({ ...record, unix: record.unix && { ...record.unix } }),
  )
  return { rows, skipped, count }
}

const LISTENER =
  //  sl  local         remote        st tx:rx             tr:when     retr     uid timeout inode ref pointer        rto ato flags cwnd ssthresh
  '   0: 0100007F:1388 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 12345 1 ffff8881 100 0 0 10 0                    \n'
const TIME_WAIT_LINE =
  '   1: 0100007F:1388 0200000A:C350 06 00000000:00000000 03:00001234 00000000     0        0 0 3 ffff8882                                     \n'
const HALF_OPEN =
  '   2: 0100007F:1388 0200000A:C351 03 00000000:00000000 01:00000062 00000002  1000        0 0 1 ffff8883                                     \n'
const PROBED =
  '   3: 0100007F:1388 0200000A:C352 01 00000010:00000020 04:00000064 00000000     0        5 99 2 ffff8884 20 4 30 10 -1                      \n'
const HEADING =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                            \n'

describe('tcp lines', () => {
  test('a listener has its accept queue length, and an unknown limit instead of the 0 printed', () => {
    const { rows, skipped } = parse('tcp', HEADING + LISTENER)
    expect(skipped).toBe(0)
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      source: 'procfs',
      protocol: 'tcp',
      family: 2,
      local0: 0x7f000001,
      localPort: 5000,
      state: LISTENING,
      recvQueue: 3,
      sendQueue: UNKNOWN,
      uid: 1000,
      inode: 12345,
      cookieLow: UNKNOWN,
      cookieHigh: UNKNOWN,
    })
  })

  test('mini-sockets have no owner, whatever uid is printed, and ticks become milliseconds', () => {
    const { rows } = parse('tcp', TIME_WAIT_LINE + HALF_OPEN)
    expect(rows[0]).toMatchObject({ state: TIME_WAIT, timer: 3, expiresMs: 46_600, uid: UNKNOWN, inode: 0 })
    expect(rows[0]).toMatchObject({ peer0: 0x0a000002, peerPort: 50_000 })
    expect(rows[1]).toMatchObject({ state: SYN_RECV, timer: 1, expiresMs: 980, retransmits: 2, uid: UNKNOWN, inode: 0 })
  })

  test('a FIN-WAIT-2 mini-socket is told from a full one by its timer', () => {
    const { rows } = parse('tcp', TIME_WAIT_LINE.replace(' 06 ', ' 05 '))
    expect(rows[0]).toMatchObject({ state: FIN_WAIT_2, uid: UNKNOWN, inode: 0 })
  })

  test('retransmits counts probes where a probe or keepalive timer runs', () => {
    expect(parse('tcp', PROBED).rows[0]).toMatchObject({ timer: 4, retransmits: 5, sendQueue: 16, recvQueue: 32 })
    expect(parse('tcp', PROBED.replace('04:', '01:')).rows[0]).toMatchObject({ timer: 1, retransmits: 0 })
  })

  test('an IPv6 address is four words, each in host order', () => {
    const line =
      '   0: B80D0120000000000000000001000000:1F90 0000000000000000FFFF00000100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 7 1 ff 20 4 1 10 -1\n'
    expect(parse('tcp6', line).rows[0]).toMatchObject({
      family: 10,
      local0: 0x20010db8,
      local1: 0,
      local2: 0,
      local3: 1,
      localPort: 8080,
      peer0: 0,
      peer2: 0xffff,
      peer3: 0x7f000001,
      peerPort: 80,
    })
  })
})

test('udp has drops as its last column, and raw its protocol as local port', () => {
  const line =
    '   10: 00000000:0035 00000000:0000 07 00000000:00001040 00:00000000 00000000   101        0 555 2 ffff 195        \n'
  expect(parse('udp', line).rows[0]).toMatchObject({ state: CLOSED, localPort: 53, recvQueue: 4160, procDrops: 195 })
  expect(parse('raw', line.replace(':0035', ':0001')).rows[0]).toMatchObject({ rawProtocol: 1, localPort: 1, uid: 101 })
})

describe('unix lines', () => {
  const line = (flags: string, type: string, st: string, rest: string): string =>
    `00000000e533365d: 00000003 00000000 ${flags} ${type} ${st} ${rest}\n`

  test('state comes from the flags and from St', () => {
    const text =
      'Num       RefCount Protocol Flags    Type St Inode Path\n' +
      line('00010000', '0001', '01', '20001 /run/a b.sock') +
      line('00000000', '0002', '01', '20002 @abstract name') +
      line('00000000', '0005', '03', '20003') +
      line('00000000', '0001', '02', '    0 /run/a b.sock')
    const { rows, skipped } = parse('unix', text)
    expect(skipped).toBe(0)
    expect(rows.map(row => [row.state, row.type, row.inode, row.unix?.path])).toEqual([
      [LISTENING, 1, 20001, '/run/a b.sock'],
      [CLOSED, 2, 20002, '@abstract name'],
      [ESTABLISHED, 5, 20003, null],
      [ESTABLISHED, 1, 0, '/run/a b.sock'],
    ])
    expect(rows[0]).toMatchObject({ uid: UNKNOWN, recvQueue: UNKNOWN, sendQueue: UNKNOWN })
    expect(rows[0]!.unix).toMatchObject({ peerInode: null, peerPath: null, pendingInodes: [] })
  })

  test('blanks at either end, control bytes and bytes that are no UTF-8 stay in the path', () => {
    const path = ' /run/\u001b[31m x '
    expect(parse('unix', line('00000000', '0001', '01', `9 ${path}`)).rows[0]!.unix?.path).toBe(path)
    const broken = bytes(line('00000000', '0001', '01', '9 /?'))
    broken[broken.length - 2] = 0xff
    expect(parse('unix', broken).rows[0]!.unix?.path).toBe('/\ufffd')
  })

  test('what follows a newline in a path is a damaged line, not a crash', () => {
    expect(parse('unix', line('00000000', '0001', '01', '9 /run/a\nb c d'))).toMatchObject({ count: 1, skipped: 1 })
  })
})

test('packet lines give interface, ethertype and owner', () => {
  const text =
    'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n' +
    '00000000d10bbdff 3      3    88cc   4     1 768    0      30001 \n'
  const { rows, skipped } = parse('packet', text)
  expect(skipped).toBe(0)
  expect(rows[0]).toMatchObject({ type: 3, ifindex: 4, recvQueue: 768, sendQueue: UNKNOWN, uid: 0, inode: 30001 })
  expect(rows[0]!.packet).toMatchObject({ ethertype: 0x88cc })
})

test('netlink lines give protocol, port and groups; a port above 2^31 stays positive', () => {
  const text =
    'sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n' +
    '00000000c90ba3fc 15  4294963200 80000003 8        16       0     2        7        40001   \n'
  const { rows } = parse('netlink', text)
  expect(rows[0]).toMatchObject({ recvQueue: 8, sendQueue: 16, procDrops: 7, inode: 40001, uid: UNKNOWN })
  expect(rows[0]!.netlink).toMatchObject({ protocol: 15, portId: 4294963200, groups: [1, 2, 32] })
})

const SAMPLES: Readonly<Record<ProcNetFile, string>> = {
  tcp: PROBED,
  tcp6: '   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 ff 20 4 1 10 -1\n',
  udp: '   10: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 555 2 ffff 195\n',
  udp6: '   10: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 555 2 ffff 195\n',
  raw: '   1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 555 2 ffff 0\n',
  raw6: '   1: 00000000000000000000000000000000:003A 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 555 2 ffff 0\n',
  unix: '00000000e533365d: 00000003 00000000 00000000 0001 03  1588 /run/x\n',
  packet: '00000000d10bbdff 3      3    88cc   4     1 768    0      30001 \n',
  netlink: '00000000c90ba3fc 15  4294963200 80000003 8        16       0     2        7        40001   \n',
}

describe.each(PROC_NET_FILES)('%s', file => {
  const sample = SAMPLES[file]

  test('the sample is one row', () => {
    expect(parse(file, sample)).toMatchObject({ count: 1, skipped: 0 })
  })

  test('every truncation is one damaged line, counted and not thrown', () => {
    for (let length = 1; length < sample.length; length++) {
      expect(parse(file, sample.slice(0, length))).toMatchObject({ count: 0, skipped: 1 })
    }
  })

  test('a line cut short before its inode is damaged even when it ends in a newline', () => {
    const words = sample.trim().split(/\s+/)
    for (let count = 1; count < 6; count++) {
      expect(parse(file, `${words.slice(0, count).join(' ')}\n`)).toMatchObject({ count: 0, skipped: 1 })
    }
  })

  test('mutated lines neither throw nor lose count', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(sample.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
        fc.array(fc.nat(40), { maxLength: 2 }),
        (changes, repeats) => {
          const mutated = bytes(sample.repeat(1 + repeats.length))
          for (const [at, value] of changes) mutated[at] = value
          const { count, skipped, rows } = parse(file, mutated)
          expect(rows).toHaveLength(count)
          expect(count + skipped).toBeLessThanOrEqual(mutated.filter(byte => byte === 10).length + 1)
          for (const row of rows) {
            expect(Number.isSafeInteger(row.inode)).toBe(true)
            expect(Number.isSafeInteger(row.recvQueue)).toBe(true)
            expect(Number.isSafeInteger(row.expiresMs)).toBe(true)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('arbitrary bytes neither throw nor make rows out of nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), noise => {
        expect(parse(file, noise).count).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})

test('a reused record keeps nothing of the file before', () => {
  const record = new SocketRecord()
  parseProcNet('unix', bytes(SAMPLES.unix), record, () => {})
  parseProcNet('packet', bytes(SAMPLES.packet), record, () => {})
  expect(record.unix).toBeNull()
  parseProcNet('tcp', bytes(PROBED), record, () => {})
  expect(record).toMatchObject({ packet: null, type: 0, ifindex: 0, procDrops: UNKNOWN })
})

test('missing columns are fields of a JSON socket', () => {
  // Typed, so that a renamed field of the model breaks this test.
  const fields: Record<keyof Socket, true> = {
    protocol: true,
    family: true,
    type: true,
    state: true,
    recvQueue: true,
    sendQueue: true,
    acceptQueue: true,
    local: true,
    peer: true,
    path: true,
    peerInode: true,
    netns: true,
    interface: true,
    uid: true,
    user: true,
    inode: true,
    cookie: true,
    mark: true,
    cgroup: true,
    timer: true,
    processes: true,
    peerProcesses: true,
    memory: true,
    tcp: true,
    options: true,
    drops: true,
  }
  for (const columns of Object.values(MISSING_COLUMNS)) {
    for (const column of columns) expect(Object.keys(fields)).toContain(column.split('.')[0])
  }
})
