// The reader against what tshark and capinfos say of 648 captures.

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
