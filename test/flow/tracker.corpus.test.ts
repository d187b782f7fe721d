// Conversations and analysis labels against what tshark says of the corpus. Every difference has its file and its reason here.

import { expect, test } from 'vitest'
import type { Label } from '../../src/flow/labels.js'
import type { Flow, Side } from '../../src/flow/model.js'
import { describeCorpus, readJsonLines, readTable } from '../corpus/index.js'
import { type Labelled, type Tracked, track } from './tracker-corpus.js'

interface Direction {
  packets: number
  frame_bytes: number
  payload_bytes: number
  syn: number
  synack: number
  fin: number
  rst: number
}

interface Conversation {
  file: string
  a: { ip: string; port: number }
  b: { ip: string; port: number }
  client: 'a' | 'b' | null
  first_frame: number
  last_frame: number
  a2b: Direction
  b2a: Direction
}

/** Files whose conversations are others than tshark's, and why. */
const OTHER_CONVERSATIONS: Record<string, string> = {
  'arkime/mongo.pcap': 'each direction is captured in several VLANs: a flow for each pair of them',
  'zeek/vlan-collisions.pcap': 'three connections with the same ends in different VLANs, which tshark takes for one',
  'zeek/tunnels__tunnel-direct-bypass.pcap':
    'one connection outside of the tunnel and one inside, which tshark takes for one',
  'libpcap/filter__AH-IPcomp-IPv6.pcap': 'IPComp is not decompressed',
  'pcapplusplus/tcp-reassembly.pcap': 'tshark finds a second connection in packets that are quoted by sFlow',
  'suricata-verify/firewall__tcp-session-decode-malformed-ipv4__input.pcap':
    'one packet has an IP header that tshark does not accept',
  'tcpdump/rpki-rtr-oobr.pcap': 'the lengths of its only TCP packet contradict each other',
  'pcapplusplus/solaris.snoop': 'snoop files are not read',
  'tcptrace/finger.snoop.gz': 'snoop files are not read',
}

/** Attempts to open whose client only tshark names. */
const OTHER_CLIENTS: Record<string, string> = {
  'ndpi/fuzz-2006-09-29-28586.pcap': 'packets whose header is shorter than itself are no SYNs',
}

const WIRESHARK: Partial<Record<Label, string>> = {
  'syn-retransmit': 'retransmission',
  'syn-ack-retransmit': 'retransmission',
  'syn-retry': 'retransmission',
  retransmission: 'retransmission',
  'partial-retransmission': 'retransmission',
  'out-of-order': 'out_of_order',
  gap: 'lost_segment',
  'acked-unseen': 'ack_lost_segment',
  'dup-ack': 'duplicate_ack',
  'window-update': 'window_update',
  'zero-window': 'zero_window',
  'window-full': 'window_full',
  'zero-window-probe': 'zero_window_probe',
  'zero-window-probe-ack': 'zero_window_probe_ack',
  'keep-alive': 'keep_alive',
  'keep-alive-ack': 'keep_alive_ack',
  'port-reuse': 'reused_ports',
}

/** Single frames that are labelled otherwise, by rule. */
const OTHER_LABELS: Record<string, string> = {
  'chrissanders/tcp_zerowindowdead.pcapng': "Linux's zero-window probes have no bytes; tshark calls them keep-alives",
  'zeek/tcp__syn-then-ack-then-rst.pcap': 'a first packet updates no window (tshark: next number 0 means unknown)',
  'zeek/tcp__syn-then-stuff-then-rst.pcap': 'a first packet updates no window (tshark: next number 0 means unknown)',
  'ndpi/fuzz-2006-06-26-2594.pcap': 'an acknowledgment without the flag ACK is none',
  'ndpi/fuzz-2006-09-29-28586.pcap': 'a TCP header that is longer than its packet is not analysed',
  'ndpi/KakaoTalk_chat.pcap': 'tshark flags a SYN-ACK as reuse that has no other before it',
  'zeek/erspan.pcap': 'acknowledged bytes that were not captured: tshark says it for fewer acknowledgments',
  'tcptrace/http.dmp.gz': 'acknowledged bytes that were not captured: tshark says it for more acknowledgments',
}

function wiresharkLabels({ labels, kind }: Labelled): Set<string> {
  const names = new Set(labels.flatMap(label => WIRESHARK[label] ?? []))
  if (kind === 'fast') names.add('fast_retransmission')
  if (kind === 'spurious') names.add('spurious_retransmission')
  return names
}

const isAt = (flow: Flow, side: Side, end: { ip: string; port: number }): boolean =>
  flow[side].address === end.ip && flow[side].port === end.port

function sent(flow: Flow, side: Side): Direction {
  const flags = flow.flags![side]
  return {
    packets: flow.packets[side],
    frame_bytes: flow.frameBytes[side],
    payload_bytes: flow.payloadBytes[side],
    syn: flags.syn,
    synack: flags.synAck,
    fin: flags.fin,
    rst: flags.rst,
  }
}

/** What is wrong with a flow; empty when nothing is. */
function differences(flow: Flow, theirs: Conversation): string[] {
  const a: Side = isAt(flow, 'client', theirs.a) && isAt(flow, 'server', theirs.b) ? 'client' : 'server'
  const b: Side = a === 'client' ? 'server' : 'client'
  if (!isAt(flow, a, theirs.a) || !isAt(flow, b, theirs.b)) return ['other ends']
  const wrong: string[] = []
  for (const [direction, side] of [['a2b', a] as const, ['b2a', b] as const]) {
    const ours = sent(flow, side)
    for (const key of Object.keys(ours) as (keyof Direction)[])
      if (ours[key] !== theirs[direction][key])
        wrong.push(`${direction}.${key} ${ours[key]}, not ${theirs[direction][key]}`)
  }
  if (flow.firstFrame !== theirs.first_frame || flow.lastFrame !== theirs.last_frame) wrong.push('other frames')
  const known = theirs.client !== null && OTHER_CLIENTS[theirs.file] === undefined
  if (known && (theirs.client === 'a' ? a : b) !== 'client') wrong.push('other client')
  return wrong
}

function groupByFile<T extends { file: string }>(rows: T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const group = groups.get(row.file)
    if (group === undefined) groups.set(row.file, [row])
    else group.push(row)
  }
  return groups
}

describeCorpus('flows of the corpus', () => {
  const files = readTable<'file' | 'tcp_packets'>('oracle/files.tsv').filter(row => row.tcp_packets !== '0')
  const conversations = groupByFile(readJsonLines<Conversation>('oracle/conversations.jsonl'))
  const flagged = groupByFile(readTable<'file' | 'frame' | 'labels'>('oracle/flagged_frames.tsv'))
  const runs = new Map<string, Tracked>()

  test('conversations have the ends, direction, packets, bytes and flags that tshark gives them', async () => {
    const wrong: string[] = []
    let compared = 0
    for (const { file } of files) {
      if (OTHER_CONVERSATIONS[file] !== undefined) continue
      const run = await track(file)
      runs.set(file, run)
      const flows = run.flows.filter(flow => flow.protocol === 'tcp')
      const theirs = conversations.get(file) ?? []
      if (flows.length !== theirs.length) wrong.push(`${file}: ${flows.length} flows, not ${theirs.length}`)
      for (const [at, flow] of flows.entries()) {
        if (theirs[at] === undefined) break
        compared++
        wrong.push(...differences(flow, theirs[at]).map(what => `${file} flow ${flow.id}: ${what}`))
      }
    }
    console.log(`${compared} conversations compared`)
    expect(wrong).toEqual([])
    expect(compared).toBeGreaterThan(5000)
  })

  test('labels agree with tshark in at least 95 of 100, but for the files where ours is another rule', () => {
    const counts = new Map<string, { both: number; ours: number; theirs: number }>()
    for (const [file, run] of runs) {
      if (run.quality.duplicates > 0 || OTHER_LABELS[file] !== undefined) continue
      const expected = new Map(flagged.get(file)?.map(row => [Number(row.frame), row.labels.split(',')]))
      for (const [frame, labelled] of run.packets) {
        const ours = wiresharkLabels(labelled)
        const theirs = new Set(expected.get(frame))
        for (const label of new Set([...ours, ...theirs])) {
          const count = counts.get(label) ?? { both: 0, ours: 0, theirs: 0 }
          count[!ours.has(label) ? 'theirs' : theirs.has(label) ? 'both' : 'ours']++
          counts.set(label, count)
        }
      }
    }
    console.table(Object.fromEntries([...counts].sort()))
    for (const [label, { both, ours, theirs }] of counts)
      expect(both / (both + ours + theirs), label).toBeGreaterThanOrEqual(0.95)
    expect(counts.size).toBeGreaterThan(12)
  })

  test('duplicates of a capture are found where they are known to be, and are no retransmissions', async () => {
    const { quality, flows } = await track('tcptrace/hardware_dups.dmp.gz')
    // As many as tcptrace counts, which has no limit of time; and what is sent twice on the wire is none of them.
    expect(quality.duplicates).toBe(486)
    const again = flows.reduce((sum, flow) => sum + flow.retransmissions!.client + flow.retransmissions!.server, 0)
    expect(again).toBe(0)
  })
})
