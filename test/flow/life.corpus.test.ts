// Connections that nobody here wrote: how they end, as Zeek, tshark and Wireshark's completeness have it.

import { expect, test } from 'vitest'
import { openCaptureFile } from '../../src/adapters/capture-file.js'
import { type Flow, OUTCOMES, type Outcome, type TcpFlow } from '../../src/flow/model.js'
import { FlowTracker } from '../../src/flow/tracker.js'
import { corpusPath, describeCorpus, readJsonLines, readTable } from '../corpus/index.js'

/** Rows of Zeek's log that say something else, and why. */
const ZEEK_DIFFERS: Record<string, string> = {
  'zeek/ftp__fake-long-commands.pcap': 'X is a letter of the FTP analyzer, which gave up at a long command',
  'zeek/globus-url-copy.pcap': "Zeek's policy for GridFTP stops following the data connection, before it ends",
}

/** Tunnels that are not decoded: Teredo at ports that are not its own. */
const NOT_DECODED = new Set(['zeek/tunnels__Teredo.pcap', 'zeek/tunnels__teredo_bubble_with_payload.pcap'])

/** Connections in which tshark's first packet with FIN or RST is not what closed them. */
const CLOSE_DIFFERS: Record<string, string> = {
  'ndpi/rtsp.pcap 293': 'the reset refused the first SYN; the second, half a second later, was answered by a SYN-ACK',
  'suricata-verify/issue-3341-tcphdr-01__urgent11_cve_2019_12260.pcap 9':
    'the reset was followed by data of its sender',
}

const FTP = 'its FTP dissector makes the conversation of a data connection before the SYN, which is not counted then'

/** Files in which tshark's completeness is another, and why. */
const COMPLETENESS_DIFFERS: Record<string, string> = {
  'tcptrace/linux_cooked_socket.dmp.gz': FTP,
  'tcptrace/rawppp.pcap.gz': FTP,
  'zeek/ftp__ipv4.pcap': FTP,
  'zeek/ftp__ipv6.pcap': FTP,
  'zeek/ftp__retr.pcap': FTP,
  'libpcap/filter__AH-IPcomp-IPv6.pcap': 'it unpacks IPComp',
  'ndpi/fuzz-2006-09-29-28586.pcap': 'it reads no payload where a TCP header is longer than its packet',
}

/** Conversations that we do not see: two in files whose format is not read, one in samples of an sFlow datagram. */
const APART = ['pcapplusplus/solaris.snoop 1', 'pcapplusplus/tcp-reassembly.pcap 66', 'tcptrace/finger.snoop.gz 1']

/** Formats that are not read. */
const NOT_READ = new Set(['pcapplusplus/solaris.snoop', 'tcptrace/finger.snoop.gz'])

type ZeekRow = Record<
  | 'file'
  | 'zeek_test'
  | 'zeek_args'
  | 'id.orig_h'
  | 'id.orig_p'
  | 'id.resp_h'
  | 'id.resp_p'
  | 'proto'
  | 'conn_state'
  | 'history'
  | 'orig_pkts'
  | 'resp_pkts',
  string
>

interface Conversation {
  file: string
  stream: number
  a: { ip: string; port: number }
  b: { ip: string; port: number }
  first_frame: number
  completeness: number
  first_close: { kind: string; by: 'a' | 'b'; frame: number } | null
}

async function flowsOf(file: string, verifyChecksums: boolean): Promise<TcpFlow[]> {
  const flows: Flow[] = []
  const tracker = new FlowTracker({ verifyChecksums, onFlow: flow => flows.push(flow), seed: 1 })
  const source = await openCaptureFile(corpusPath(file))
  for (;;) {
    while (source.next()) tracker.add(source.packet)
    if (!(await source.more())) break
  }
  source.close()
  tracker.finish()
  return flows.filter(flow => flow.protocol === 'tcp')
}

const endsOf = (...ends: string[]): string => ends.sort().join(' ')
const endsOfFlow = ({ client, server }: TcpFlow): string =>
  endsOf(`${client.address}|${client.port}`, `${server.address}|${server.port}`)
const percent = (part: number, all: number): string => `${part} of ${all} (${((100 * part) / all).toFixed(1)} %)`

describeCorpus('connections of the captures', () => {
  test("conn_state and history are Zeek's", { timeout: 240_000 }, async () => {
    const rows = readTable<keyof ZeekRow>('expected/zeek_conn.tsv').filter(row => row.proto === 'tcp')
    const endsOfRow = (row: ZeekRow): string =>
      endsOf(`${row['id.orig_h']}|${row['id.orig_p']}`, `${row['id.resp_h']}|${row['id.resp_p']}`)
    const keyOf = (row: ZeekRow): string => `${row.file} ${row.zeek_test} ${endsOfRow(row)}`
    const times = new Map<string, number>()
    for (const row of rows) times.set(keyOf(row), (times.get(keyOf(row)) ?? 0) + 1)
    // Zeek's timers split some connections in two: such rows cannot be told apart. Of one, cut in its TCP header, it took no packet.
    const comparable = rows.filter(row => times.get(keyOf(row)) === 1 && `${row.orig_pkts} ${row.resp_pkts}` !== '0 0')
    const differences: string[] = []
    const seen = new Set<string>()
    let equal = 0
    let skipped = 0
    for (const row of comparable) {
      const flows = await flowsOf(row.file, !row.zeek_args.includes('-C'))
      const ours = flows.filter(flow => endsOfFlow(flow) === endsOfRow(row))
      if (ours.length === 0 && NOT_DECODED.has(row.file)) {
        skipped++
        continue
      }
      const said = ours.map(({ zeek }) => `${zeek.connState} ${zeek.history}`).join(', ')
      if (said === `${row.conn_state} ${row.history}`) equal++
      else if (ZEEK_DIFFERS[row.file] !== undefined) seen.add(row.file)
      else {
        differences.push(`${row.file} ${endsOfRow(row)}: ${row.conn_state} ${row.history}, ours ${said}`)
      }
    }
    process.stdout.write(`Zeek: ${percent(equal, comparable.length - skipped)} equal\n`)
    expect(differences).toEqual([])
    expect([...seen].sort()).toEqual(Object.keys(ZEEK_DIFFERS).sort())
    expect(comparable.length).toBeGreaterThan(100)
  })

  test('what closed first, and completeness, are what tshark saw', { timeout: 480_000 }, async () => {
    const files = new Map<string, Conversation[]>()
    for (const row of readJsonLines<Conversation>('oracle/conversations.jsonl')) {
      files.set(row.file, [...(files.get(row.file) ?? []), row])
    }
    const differences: string[] = []
    const seen = new Set<string>()
    const seenCompleteness = new Set<string>()
    const outcomes = new Map<Outcome, number>()
    const apart: string[] = []
    let compared = 0
    let closed = 0
    let all = 0
    for (const [file, conversations] of files) {
      const flows = NOT_READ.has(file) ? [] : await flowsOf(file, false)
      for (const { outcome } of flows) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      for (const { a, b, first_frame, first_close, completeness } of conversations) {
        all++
        const ends = endsOf(`${a.ip}|${a.port}`, `${b.ip}|${b.port}`)
        const flow = flows.find(each => each.firstFrame === first_frame && endsOfFlow(each) === ends)
        // What is a flow, and which packets are its own, the tracker's tests say.
        if (flow === undefined) {
          apart.push(`${file} ${first_frame}`)
          continue
        }
        compared++
        if (first_close !== null) {
          closed++
          const key = `${file} ${first_close.frame}`
          if (CLOSE_DIFFERS[key] !== undefined) seen.add(key)
          else if (flow.closedFirstFrame !== first_close.frame) {
            differences.push(`${key}: closed by ${flow.closedFirstFrame}, ${flow.outcome} ${flow.zeek.history}`)
          }
        } else if (flow.closedFirstFrame !== null) {
          differences.push(`${file} ${first_frame}: closed by ${flow.closedFirstFrame}`)
        }
        // A second packet counts for tshark when it is a duplicate of the first, too.
        const isTwice =
          flow.captureDuplicates > 0 && flow.packets.client + flow.packets.server === flow.captureDuplicates + 1
        if (flow.completeness === completeness || isTwice) continue
        if (COMPLETENESS_DIFFERS[file] !== undefined) seenCompleteness.add(file)
        else {
          differences.push(`${file} ${first_frame}: completeness ${completeness}, ours ${flow.completeness}`)
        }
      }
    }
    process.stdout.write(`tshark: ${percent(compared, all)} compared, ${closed} of them closed\n`)
    expect(apart).toEqual(APART)
    process.stdout.write(`${OUTCOMES.map(outcome => `${outcome} ${outcomes.get(outcome) ?? 0}`).join(', ')}\n`)
    // No capture has an ICMP error about a SYN and nothing else.
    expect(OUTCOMES.filter(outcome => !outcomes.has(outcome))).toEqual(['unreachable'])
    expect(differences).toEqual([])
    expect([...seen].sort()).toEqual(Object.keys(CLOSE_DIFFERS).sort())
    expect([...seenCompleteness].sort()).toEqual(Object.keys(COMPLETENESS_DIFFERS).sort())
  })

  test('refusals are told as refusals', async () => {
    const flows = await flowsOf('chrissanders/tcp_refuseconnection.pcapng', false)
    expect(flows.map(({ outcome, resetBy, resetClass }) => `${outcome} ${resetBy} ${resetClass}`)).toEqual([
      'refused server refuse',
    ])
    const tried = await flowsOf('chrissanders/nowebaccess2.pcapng', false)
    expect(new Set(tried.map(({ outcome }) => outcome))).toEqual(new Set(['refused']))
  })

  test('a reset that data of its sender follow is ignored', async () => {
    const flows = await flowsOf('suricata-verify/issue-3341-tcphdr-01__urgent11_cve_2019_12260.pcap', false)
    expect(flows[1]).toMatchObject({ outcome: 'established', resetClass: 'ignored', ignoredResetFrames: [9] })
  })

  test('bytes that a reset left unacknowledged are counted', async () => {
    // Segments of 7, 4, 3 and 3 bytes, of which the reset acknowledges the first.
    const [flow] = await flowsOf('suricata-verify/tcp-rst-unacked-stream-01-raw__input.pcap', false)
    expect(flow).toMatchObject({ outcome: 'reset-by-client', resetPhase: 'after-data' })
    expect(flow!.evidence.map(({ text }) => text)).toContain('10 bytes of the other end were never acknowledged')
  })

  test('a capture of one direction is told as that', async () => {
    const flows = await flowsOf('zeek/ssh__ssh.server-side-half-duplex.pcap', false)
    expect(new Set(flows.map(({ outcome }) => outcome))).toEqual(new Set(['one-sided']))
  })

  test.each([
    ['suricata-verify/tcp-split-handshake-01-4whs__split-handshake-4whs.pcap', 'split'],
    ['zeek/ssh__ssh.server-side-half-duplex.pcap', 'syn-ack-only'],
    ['zeek/http__get.pcap', 'full'],
  ])('%s opens by %s', async (file, opening) => {
    const flows = await flowsOf(file, false)
    expect(flows.map(flow => flow.opening)).toContain(opening)
  })
})
