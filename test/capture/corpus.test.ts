// The reader against what tshark and capinfos say of 648 captures.

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openCaptureFile } from '../../src/adapters/capture-file.js'
import { NetkitError } from '../../src/errors/index.js'
import type { PacketSource } from '../../src/ports/capture.js'
import { corpusPath, describeCorpus, readTable } from '../corpus/index.js'

type FileRow = Record<
  | 'file'
  | 'file_type'
  | 'encapsulation'
  | 'interfaces'
  | 'packets'
  | 'tshark_frames'
  | 'first_ts'
  | 'last_ts'
  | 'tshark_rc',
  string
>

interface Seen {
  packets: number
  /** Nanoseconds since 1970 of the first and the last packet; null where the file has no time for it. */
  first: bigint | null
  last: bigint | null
  linkTypes: Set<number>
  source: PacketSource
}

async function readAll(path: string): Promise<Seen> {
  const source = await openCaptureFile(path)
  const seen: Seen = { packets: 0, first: null, last: null, linkTypes: new Set(), source }
  do {
    while (source.next()) {
      const { packet } = source
      const time = packet.timeKnown ? BigInt(packet.seconds) * 1_000_000_000n + BigInt(packet.nanoseconds) : null
      if (seen.packets === 0) seen.first = time
      seen.last = time
      seen.packets++
      seen.linkTypes.add(packet.linkType)
      expect(packet.frame).toBe(seen.packets)
    }
  } while (await source.more())
  source.close()
  return seen
}

/** `1508525002.992213000` to nanoseconds; null for `-` and for nothing. */
function oracleTime(text: string): bigint | null {
  if (text === '-' || text === '') return null
  const [seconds, fraction] = text.split('.') as [string, string]
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction)
}

/** Of a file whose microseconds are more than a second: tshark multiplies them by 1,000 in 32 bits, with a sign. */
const WRAPPED = ['tcpflow/bug8.pcap']
const WRAP = 2n ** 32n

/** tshark_rc 2, and tshark reads nothing, since it does not know the link type; libpcap and we read the packets, and name the number. */
const UNKNOWN_LINK_TYPES: Readonly<Record<string, number>> = {
  'libpcap/filter__brcm-tag-stp.pcap': 281,
  'tcpdump/dsa-high-vid.pcap': 284,
  'tcpdump/edsa-high-vid.pcap': 285,
  'tcpdump/edsa.pcap': 285,
  'tcpdump/frf16_magic_ie-oobr.pcap': 182,
  'tcpdump/juniper_es_oobr.pcap': 132,
  'tcpdump/juniper_monitor_invalid_cookie_length.pcap': 164,
}

/** Names of Wireshark's link types (WTAP_ENCAP) and the LINKTYPE numbers that they stand for, of those that are in the corpus. */
const LINK_TYPES: Readonly<Record<string, readonly number[]>> = {
  ether: [1],
  null: [0, 108],
  'linux-sll': [113],
  'linux-sll2': [276],
  rawip: [12, 14, 101],
  rawip4: [228],
  rawip6: [229],
  'ieee-802-11': [105],
  'ieee-802-11-radiotap': [127],
  ppp: [9, 50],
  slip: [8],
  'fddi-swapped': [10],
  nflog: [239],
  'juniper-atm1': [137],
  user2: [149],
  user13: [160],
  frelay: [107],
  'ether-mpacket': [274],
  chdlc: [104],
  vsock: [271],
  tr: [6],
  pktap: [258],
  netlink: [253],
  mtp2: [140],
  ipnet: [226],
  'ip-ib': [242],
  dbus: [231],
  'bacnet-ms-tp': [165],
  'wpan-nofcs': [230],
  arcnet_linux: [129],
}

const WHOLE = /^(pcap|nsecpcap|pcapng)/

describeCorpus('the reader and the capture corpus', () => {
  const rows = readTable<keyof FileRow>('oracle/files.tsv') as FileRow[]

  it('reads as many packets, with the same first and last time, as tshark does', async () => {
    const wrong: string[] = []
    let compared = 0
    for (const row of rows) {
      if (row.tshark_rc !== '0' || !WHOLE.test(row.file_type)) continue
      compared++
      const seen = await readAll(corpusPath(row.file)).catch((error: unknown) => String(error))
      if (typeof seen === 'string') {
        wrong.push(`${row.file}: ${seen}`)
        continue
      }
      const say = (what: string, ours: unknown, theirs: unknown): void => {
        if (ours !== theirs) wrong.push(`${row.file}: ${what} ${ours}, tshark ${theirs}`)
      }
      say('packets', seen.packets, Number(row.packets))
      const names = [...row.encapsulation.matchAll(/\d+ - ([\w-]+)/g)].map(([, name]) => name!)
      // Without interfaces there is no link type, and it says "unknown".
      if (!names.every(name => LINK_TYPES[name] !== undefined))
        wrong.push(`${row.file}: ${names} has no row in the test`)
      const interfaces = seen.source.interfaces.map(({ linkType }) => linkType)
      const expected = names.flatMap(name => LINK_TYPES[name] ?? [])
      const strange = interfaces.filter(linkType => !expected.includes(linkType))
      const missing = names.filter(name => !LINK_TYPES[name]?.some(linkType => interfaces.includes(linkType)))
      if (strange.length + missing.length > 0)
        wrong.push(`${row.file}: link types ${interfaces}, tshark ${row.encapsulation}`)
      if (seen.source.flaws.length > 0) wrong.push(`${row.file}: ${JSON.stringify(seen.source.flaws)}`)
      // It counts custom blocks as frames without a time; the README of the corpus says so.
      if (row.packets !== row.tshark_frames) continue
      const same = (ours: bigint | null, theirs: bigint | null): boolean =>
        ours === theirs ||
        (WRAPPED.includes(row.file) && ours !== null && theirs !== null && (ours - theirs) % WRAP === 0n)
      if (!same(seen.first, oracleTime(row.first_ts))) say('first', seen.first, oracleTime(row.first_ts))
      if (!same(seen.last, oracleTime(row.last_ts))) say('last', seen.last, oracleTime(row.last_ts))
    }
    expect(wrong).toEqual([])
    expect(compared).toBe(rows.filter(row => row.tshark_rc === '0').length - 2)
  })

  it('has the packets and interfaces of the pcapng test files that their makers tell', async () => {
    const blocks = readTable<'file' | 'packets' | 'IDB' | 'EPB' | 'SPB' | 'PB'>('expected/pcapng_blocks.tsv')
    for (const row of blocks) {
      const seen = await readAll(corpusPath(row.file))
      expect([row.file, seen.packets, seen.source.interfaces.length]).toEqual([
        row.file,
        Number(row.packets),
        Number(row.IDB),
      ])
      expect(seen.packets).toBe(Number(row.EPB) + Number(row.SPB) + Number(row.PB))
    }
    expect(blocks.length).toBeGreaterThan(20)
  })

  it('reads out of a pipe what it reads out of the file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'netkit-capture-'))
    const fifo = join(folder, 'fifo')
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0)
    try {
      for (const { file } of rows) {
        const path = corpusPath(file)
        const say = async (from: string): Promise<unknown> => {
          const seen = await readAll(from).catch((error: unknown) => error)
          if (seen instanceof NetkitError) return [seen.exit, seen.message.replace(from, 'X')]
          const { source, ...rest } = seen as Seen
          return [rest, source.interfaces, source.flaws, source.format, source.bytesRead]
        }
        const fromFile = await say(path)
        const cat = spawn('sh', ['-c', 'cat "$1" > "$2"', 'sh', path, fifo], { stdio: 'ignore' })
        const ended = new Promise(resolve => cat.once('close', resolve))
        expect(await say(fifo)).toEqual(fromFile)
        await ended
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each(Object.entries(UNKNOWN_LINK_TYPES))('reads %s, whose link type is %i', async (file, linkType) => {
    const seen = await readAll(corpusPath(file))
    expect(seen.packets).toBeGreaterThan(0)
    expect([...seen.linkTypes]).toEqual([linkType])
  })

  it('gives what precedes the damage, and says what the damage is', async () => {
    const cut = await readAll(corpusPath('ndpi/fuzz-2021-10-13.pcap'))
    expect(cut.packets).toBe(1)
    // tshark prints the nanoseconds of the record as they are: 980658802.1882137472.
    expect(cut.first).toBe(980_658_802n * 1_000_000_000n + 1_882_137_472n)
    expect(cut.source.flaws).toMatchObject([
      { fatal: true, message: expect.stringContaining('in the middle of packet 2') },
    ])
    // tshark takes this one for another variant of the format, and gives a second packet; tcpdump stops where we do.
    const damaged = await readAll(corpusPath('suricata-verify/bug-6875-01__fuzz.pcap'))
    expect(damaged.packets).toBe(1)
    expect(damaged.source.flaws).toMatchObject([
      { fatal: true, offset: 228, message: expect.stringContaining('1409179648') },
    ])
  })

  it.each([
    ['libpcap/linktype-reserved-field-not-zero.pcap', 'reserved bits'],
    ['libpcap/pcap-invalid-version-1.pcap', 'version 1.4'],
    ['libpcap/pcapng-invalid-vers-1.pcapng', 'version 0.1'],
    ['pcapplusplus/solaris.snoop', 'snoop'],
  ])('refuses %s with a sentence about %s', async (file, words) => {
    const error = await readAll(corpusPath(file)).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(NetkitError)
    expect(error).toMatchObject({ exit: 4, message: expect.stringContaining(words) })
  })
})
