// Captures that nobody here wrote: the TCP segments of every file and what is in them, as tshark 4.0.17 sees them.

import { expect, test } from 'vitest'
import { openCaptureFile } from '../../src/adapters/capture-file.js'
import { formatIpv4, formatIpv6 } from '../../src/bytes/address.js'
import type { CapturedPacket } from '../../src/wire/captured-packet.js'
import { PacketWalker } from '../../src/wire/packet-walker.js'
import { TcpOptionsView } from '../../src/wire/tcp-options.js'
import { KIND_TCP, TCP_SYN, type WalkedPacket } from '../../src/wire/walked-packet.js'
import { corpusPath, describeCorpus, readJsonLines, readTable } from '../corpus/index.js'

/** Segments that one of both sees and the other does not: how many more we see, and why. */
const OTHER_COUNTS: Record<string, [more: number, why: string]> = {
  'libpcap/filter__AH-IPcomp-IPv6.pcap': [-7, 'IPComp is not unpacked'],
  'pcapplusplus/tcp-reassembly.pcap': [-1, 'tshark looks into the samples of an sFlow datagram'],
  'pcapplusplus/solaris.snoop': [-15, 'snoop is a format that is not read'],
  'tcptrace/finger.snoop.gz': [-13, 'snoop is a format that is not read'],
  'suricata-verify/bug-6875-01__fuzz.pcap': [1, 'tshark guesses that the damaged file has longer record headers'],
  'suricata-verify/firewall__tcp-session-decode-malformed-ipv4__input.pcap': [
    1,
    'tshark gives up at a security option of two bytes; Linux does not look at it',
  ],
  'tcpdump/bigtcp-ipv4-geneve-ipv4.pcap': [1, 'tshark takes the UDP length of 0 for damage'],
  'tcpdump/bigtcp-ipv4-vxlan-ipv4.pcap': [1, 'tshark takes the UDP length of 0 for damage'],
  'tcpdump/bigtcp-ipv4-vxlan-ipv6.pcap': [1, 'tshark takes the UDP length of 0 for damage'],
  'tcpdump/bigtcp-ipv6-geneve-ipv4.pcap': [1, 'tshark takes the IPv6 payload length of 0 for no payload'],
  'tcpdump/bigtcp-ipv6-geneve-ipv6.pcap': [1, 'tshark takes the IPv6 payload length of 0 for no payload'],
  'tcpdump/bigtcp-ipv6-vxlan-ipv6.pcap': [1, 'tshark takes the IPv6 payload length of 0 for no payload'],
}

/** Files in which tshark leaves fields out (`-`), which we read. */
const LEFT_OUT: Record<string, string> = {
  'ndpi/fuzz-2006-09-29-28586.pcap': 'TCP headers longer than their packets',
  'ndpi/ip_fragmented_garbage.pcap': 'TCP headers that say they have less than 20 bytes',
  'ndpi/kerberos_fuzz.pcapng': 'a TCP header that says it has less than 20 bytes',
  'pcapplusplus/tcp-malformed.pcap': 'TCP headers longer than their packets',
  'tcpdump/rpki-rtr-oobr.pcap': 'the first fragment of a packet, cut by the capture',
  'wireshark-2013/test.cap': 'IP lengths that leave 19 bytes to the TCP header',
  'zeek/cisco-fabric-path.pcap': 'the last four bytes of the header are taken for a frame check sequence',
}

const FLAGS: [name: string, bit: number][] = [
  ['FIN', 0x01],
  ['SYN', 0x02],
  ['RST', 0x04],
  ['PSH', 0x08],
  ['ACK', 0x10],
  ['URG', 0x20],
  ['ECE', 0x40],
  ['CWR', 0x80],
]

type Frame = Record<
  'file' | 'frame' | 'stream' | 'from' | 'flags' | 'seq_raw' | 'ack_raw' | 'payload' | 'window_raw',
  string
>
interface Conversation {
  file: string
  stream: number
  a: { ip: string; port: number }
  b: { ip: string; port: number }
  syn_options: Record<'a' | 'b', SynOptions | null>
}
interface SynOptions {
  mss: number | null
  wscale: number | null
  sack_permitted: boolean
  timestamps: boolean
}

async function forEach(file: string, walk: (packet: CapturedPacket) => void): Promise<void> {
  const source = await openCaptureFile(corpusPath(file))
  try {
    do {
      while (source.next()) walk(source.packet)
    } while (await source.more())
  } finally {
    source.close()
  }
}

function source(walked: WalkedPacket): string {
  const { source0, source1, source2, source3 } = walked
  return walked.family === 4 ? formatIpv4(source3) : formatIpv6(source0, source1, source2, source3)
}

const flagMask = (names: string): number =>
  FLAGS.reduce((mask, [name, bit]) => (names.split('+').includes(name) ? mask | bit : mask), 0)

/** What differs between the packet and its row; fields that tshark left out are taken as they are. */
function differences(walked: WalkedPacket, row: Frame, sender: { ip: string; port: number }): string[] {
  const pairs: [field: string, ours: unknown, theirs: string][] = [
    ['seq', walked.sequence, row.seq_raw],
    ['ack', walked.acknowledgment, row.ack_raw],
    ['payload', walked.payloadBytes, row.payload],
    ['window', walked.window, row.window_raw],
    ['flags', walked.flags & 0xff, `${flagMask(row.flags)}`],
    ['sender', `${source(walked)} ${walked.sourcePort}`, `${sender.ip} ${sender.port}`],
  ]
  return pairs
    .filter(([, ours, theirs]) => `${ours}` !== theirs && !(theirs === '-' && row.file in LEFT_OUT))
    .map(([field, ours, theirs]) => `${row.file} ${row.frame}: ${field} ${ours}, not ${theirs}`)
}

describeCorpus('the packets of the captures', () => {
  const files = readTable<'file' | 'tcp_packets'>('oracle/files.tsv')

  test('every file has as many TCP segments as tshark sees in it', async () => {
    const wrong: string[] = []
    let segments = 0
    for (const { file, tcp_packets } of files) {
      const walker = new PacketWalker()
      let count = 0
      const counted = forEach(file, packet => {
        if (walker.walk(packet).kind === KIND_TCP) count++
      })
      // A file of no format that is read has no packets.
      await counted.catch(() => undefined)
      const expected = Number(tcp_packets) + (OTHER_COUNTS[file]?.[0] ?? 0)
      if (count !== expected) wrong.push(`${file}: ${count}, not ${expected}`)
      segments += count
    }
    expect(wrong).toEqual([])
    expect(files.length).toBeGreaterThan(600)
    expect(segments).toBeGreaterThan(50_000)
  })

  test('flags, numbers, window, payload and sender of every segment are as tshark reads them', async () => {
    const frames = new Map<string, Frame[]>()
    for (const row of readTable<keyof Frame>('oracle/frames.tsv')) {
      frames.set(row.file, [...(frames.get(row.file) ?? []), row])
    }
    const conversations = new Map(
      readJsonLines<Conversation>('oracle/conversations.jsonl').map(row => [`${row.file} ${row.stream}`, row]),
    )
    const wrong: string[] = []
    let compared = 0
    for (const [file, rows] of frames) {
      const byNumber = new Map(rows.map(row => [Number(row.frame), row]))
      const walker = new PacketWalker()
      const walking = forEach(file, packet => {
        const row = byNumber.get(packet.frame)
        const walked = walker.walk(packet)
        if (row === undefined || walked.kind !== KIND_TCP) return
        const conversation = conversations.get(`${file} ${row.stream}`)!
        wrong.push(...differences(walked, row, row.from === 'a' ? conversation.a : conversation.b))
        compared++
      })
      await walking.catch(() => undefined)
    }
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(8000)
  })

  test('what the first SYN of each end offers is as tshark reads it', async () => {
    const view = new TcpOptionsView()
    const wrong: string[] = []
    let compared = 0
    const conversations = new Map(
      readJsonLines<Conversation>('oracle/conversations.jsonl').map(row => [`${row.file} ${row.stream}`, row]),
    )
    const rows = new Map<string, Map<number, Frame>>()
    const seen = new Set<string>()
    for (const row of readTable<keyof Frame>('oracle/frames.tsv')) {
      const end = `${row.file} ${row.stream} ${row.from}`
      if ((flagMask(row.flags) & TCP_SYN) === 0 || seen.has(end)) continue
      seen.add(end)
      rows.set(row.file, (rows.get(row.file) ?? new Map()).set(Number(row.frame), row))
    }
    for (const [file, syns] of rows) {
      const walker = new PacketWalker()
      const walking = forEach(file, packet => {
        const row = syns.get(packet.frame)
        const walked = walker.walk(packet)
        if (row === undefined || walked.kind !== KIND_TCP || file in LEFT_OUT) return
        const theirs = conversations.get(`${file} ${row.stream}`)!.syn_options[row.from as 'a' | 'b']
        if (theirs === null) return
        view.move(walked.data, walked.transportStart, walked.transportEnd)
        const ours = [view.mss, view.windowScale, view.sackPermitted, view.hasTimestamps]
        // RFC 7323 section 2.3; tshark shows the byte as it is.
        const shift = theirs.wscale === null ? -1 : Math.min(theirs.wscale, 14)
        const expected = [theirs.mss ?? -1, shift, theirs.sack_permitted, theirs.timestamps]
        if (`${ours}` !== `${expected}`) wrong.push(`${file} ${row.frame}: ${ours}, not ${expected}`)
        compared++
      })
      await walking.catch(() => undefined)
    }
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(500)
  })
})
