// The stories that real captures are known for, and the ones in which nothing is wrong.

import { expect, test } from 'vitest'
import { openCaptureFile } from '../../src/adapters/capture-file.js'
import type { Finding } from '../../src/flow/finding.js'
import { Findings } from '../../src/flow/findings.js'
import type { Flow } from '../../src/flow/model.js'
import { FlowTracker } from '../../src/flow/tracker.js'
import { corpusPath, describeCorpus, readJsonLines, readTable } from '../corpus/index.js'

interface Explained {
  /** Nanoseconds of each frame since the first one; by frame number. */
  times: number[]
  findings: Finding[]
  flows: Flow[]
  packets: number
}

/** @param isSparing builds only those flows that the rules have to see, as the program does */
async function explain(file: string, isSparing = false): Promise<Explained> {
  const findings = new Findings()
  const flows: Flow[] = []
  let ended = -1
  let base: number | undefined
  const tracker: FlowTracker = new FlowTracker({
    seed: 1,
    isWanted: slot => {
      ended = slot
      return !isSparing || findings.needs(slot, tracker.outcome(slot), tracker.records)
    },
    onFlow: flow => {
      flows.push(flow)
      findings.addFlow(flow, ended)
    },
  })
  const source = await openCaptureFile(corpusPath(file))
  const times: number[] = []
  for (;;) {
    while (source.next()) {
      const { frame, seconds, nanoseconds } = source.packet
      base ??= seconds
      times[frame] = (seconds - base) * 1e9 + nanoseconds
      tracker.add(source.packet)
      findings.note(source.packet, tracker)
    }
    if (!(await source.more())) break
  }
  source.close()
  tracker.finish()
  const quality = tracker.quality()
  return { times, findings: findings.finish(quality), flows, packets: quality.packets }
}

const story = async (file: string): Promise<Partial<Finding>[]> => {
  const { findings } = await explain(file)
  return findings.map(({ rule, severity, flows, frames, numbers }) => ({ rule, severity, flows, frames, numbers }))
}

/** Durations of a sentence, as it rounds them: half of the last digit more or less. */
function durationsOf(sentence: string): { text: string; ns: number; half: number }[] {
  const scales: Record<string, number> = { us: 1e3, ms: 1e6, s: 1e9 }
  return [...sentence.matchAll(/(?<![\w.])(\d+(?:\.(\d+))?) (us|ms|s)(?![\w"])/g)].map(match => {
    const scale = scales[match[3]!]!
    return {
      text: match[0],
      ns: Number(match[1]) * scale,
      half: 0.5001 * scale * 10 ** -(match[2]?.length ?? 0) + 1000,
    }
  })
}

/** Whether each duration of a finding lies between two of its frames; the ladder of SYNs counts from its first frame. */
function unfoundDurations({ sentence, frames }: Finding, times: readonly number[]): string[] {
  const known = frames.map(frame => times[frame]!)
  const ladder = /, at ([\d., ]+) s /.exec(sentence)
  const told = durationsOf(sentence.replace(/, at [\d., ]+ s /, ' ').replace('within 1 s', ''))
  const steps = (ladder?.[1] ?? '').split(', ').filter(step => step !== '')
  const steps10 = steps.map(step => ({ text: `${step} s`, ns: Number(step) * 1e9, half: 5.001e6 }))
  return [...told, ...steps10]
    .filter(({ ns, half }) => !known.some(from => known.some(to => Math.abs(to - from - ns) <= half)))
    .map(({ text }) => text)
}

/** Frames that a sentence names and the finding does not; how often something came, where fewer frames show it. */
function unfoundFrames({ flows, sentence, frames }: Finding): string[] {
  const named = [...sentence.matchAll(/\bframes? (\d[\d, ]*\d|\d)/g)].flatMap(([, list]) =>
    list!.split(', ').map(Number),
  )
  const unknown = named.filter(frame => !frames.includes(frame) && flows === 1).map(frame => `frame ${frame}`)
  const counts = [...sentence.matchAll(/(?<!at least )\b(\d+) (?:SYNs?|times?)(?! in all)\b/g)]
  const isCut = frames.length >= 16 || flows !== 1
  return [...unknown, ...counts.filter(([, count]) => !isCut && Number(count) > frames.length).map(([text]) => text)]
}

// Frames and times are those that tshark shows.
describeCorpus('stories of captures', () => {
  test('latency1: no delay; latency4: the server took 0.98 s', async () => {
    expect(await story('chrissanders/latency1.pcapng')).toEqual([])
    const { findings } = await explain('chrissanders/latency4.pcapng')
    expect(findings).toMatchObject([{ rule: 'slow-server', frames: [4, 5, 6], numbers: { serverMs: 982.983 } }])
    expect(findings[0]!.sentence).toContain('server 74.125.95.104:80 took 0.98 s')
  })

  test('tcp_zerowindowdead: the receiver was stalled for 23.7 s and never recovered', async () => {
    const { findings } = await explain('chrissanders/tcp_zerowindowdead.pcapng')
    expect(findings).toMatchObject([
      {
        rule: 'zero-window-stall',
        severity: 'error',
        frames: [2, 8],
        numbers: { stallMs: 23_731.524, probes: 3, recovered: 'no' },
      },
    ])
    expect(findings[0]!.sentence).toMatch(/receiver client 172\.31\.136\.85:38760 .* 23\.7 s .* never took more/)
  })

  test('nowebaccess2: refused three times; tcp_refuseconnection: once', async () => {
    expect(await story('chrissanders/nowebaccess2.pcapng')).toMatchObject([
      { rule: 'refused', frames: [3, 4, 5, 6, 7, 8], numbers: { refusals: 3, lastRefusalMs: 999.158 } },
    ])
    expect(await story('chrissanders/tcp_refuseconnection.pcapng')).toMatchObject([
      { rule: 'refused', frames: [1, 2], numbers: { refusals: 1, lastRefusalMs: 1.316 } },
    ])
  })

  test('tcp_dupack: one fast retransmission after three duplicate ACKs', async () => {
    expect(await story('chrissanders/tcp_dupack.pcapng')).toMatchObject([
      {
        rule: 'fast-retransmission',
        frames: [3, 5, 7, 8],
        numbers: { fastRetransmissions: 1, dupAcks: 3, bytes: 1368 },
      },
    ])
  })

  test('tcp_retransmissions: five repetitions within 9 s that nobody answers', async () => {
    const found = await story('chrissanders/tcp_retransmissions.pcapng')
    expect(found).toMatchObject([
      { rule: 'capture-one-sided' },
      { rule: 'unanswered-data', frames: [2, 3, 4, 5, 6], numbers: { retransmissions: 5, bytes: 648, spanMs: 9005 } },
    ])
  })

  test('synscan: one finding for each way in which a port does not open', async () => {
    const found = await story('chrissanders/synscan.pcapng')
    expect(found.map(({ rule, flows }) => [rule, flows])).toEqual([
      ['refused', 5],
      ['no-answer', 1986],
      ['half-open', 3],
    ])
  })

  test('resets: what was never acknowledged, and one after which the connection went on', async () => {
    const lost = await story('suricata-verify/tcp-rst-unacked-stream-01-raw__input.pcap')
    expect(lost).toMatchObject([{ rule: 'reset', severity: 'error', numbers: { serverBytesUnacknowledged: 10 } }])
    const ignored = await story('suricata-verify/issue-3341-tcphdr-01__urgent11_cve_2019_12260.pcap')
    expect(ignored).toContainEqual(expect.objectContaining({ rule: 'reset-ignored', frames: [7, 9] }))
  })

  test('what the capture cannot show: duplicates, one direction, offload', async () => {
    const [duplicates] = await story('tcptrace/hardware_dups.dmp.gz')
    expect(duplicates).toMatchObject({ rule: 'capture-duplicates' })
    const oneSided = await story('zeek/ssh__ssh.server-side-half-duplex.pcap')
    expect(oneSided[0]).toMatchObject({ rule: 'capture-one-sided', numbers: { count: 20 } })
    // One segment each, of several of 1448, 1428 or, in a tunnel, 1378 bytes.
    for (const file of ['gso-ipv4', 'gso-ipv6', 'gso-ipv4-vxlan-ipv6', 'gso-ipv6-vxlan-ipv4', 'gso-ipv4-geneve-ipv6'])
      expect(await story(`tcpdump/${file}.pcap`)).toContainEqual(
        expect.objectContaining({ rule: 'capture-offload', frames: [1] }),
      )
  })
})

describeCorpus('captures of applications', () => {
  test('in which all went well nothing is found', async () => {
    const applications = readTable<'file' | 'category'>('MANIFEST.tsv').filter(row => row.category === 'tcp-app')
    const flagged = new Set(readTable<'file'>('oracle/flagged_frames.tsv').map(({ file }) => file))
    const states = new Map<string, Set<string>>()
    for (const row of readTable<'file' | 'proto' | 'conn_state'>('expected/zeek_conn.tsv'))
      if (row.proto === 'tcp') states.set(row.file, new Set(states.get(row.file)).add(row.conn_state))
    // Where Zeek says nothing: SYN, SYN-ACK, ACK, data and FINs of both, and no reset, by tshark.
    const unclean = new Set<string>()
    for (const { file, completeness, a2b, b2a } of readJsonLines<{
      file: string
      completeness: number
      a2b: { fin: number }
      b2a: { fin: number }
    }>('oracle/conversations.jsonl'))
      if (completeness !== 31 || a2b.fin === 0 || b2a.fin === 0) unclean.add(file)
    const clean = applications.filter(({ file }) => {
      const known = states.get(file)
      const isClosed = known === undefined ? !unclean.has(file) : known.size === 1 && known.has('SF')
      return isClosed && !flagged.has(file)
    })
    const found: string[] = []
    for (const { file } of clean)
      for (const { rule, sentence } of (await explain(file)).findings) found.push(`${file}: ${rule}: ${sentence}`)
    console.log(`${clean.length} clean captures of applications`)
    expect(found).toEqual([])
    expect(clean.length).toBeGreaterThan(25)
  })
})

describeCorpus('findings of all captures', () => {
  test('name flows and frames that are there, in order, in text for a terminal, and the same when few flows are built', async () => {
    const counts = new Map<string, number>()
    const wrong: string[] = []
    let durations = 0
    const files = readTable<'file' | 'tcp_packets'>('oracle/files.tsv').filter(({ file }) => !/snoop/.test(file))
    for (const { file } of files.filter(row => row.tcp_packets !== '0')) {
      const { times, findings, flows, packets } = await explain(file)
      const ids = new Set(flows.map(({ id }) => id))
      for (const finding of findings) {
        const { rule, flow, frames, sentence } = finding
        const unfound = finding.flow === null ? [] : unfoundDurations(finding, times)
        durations += durationsOf(sentence).length
        if (flow !== null) unfound.push(...unfoundFrames(finding))
        if (unfound.length > 0) wrong.push(`${file}: ${rule} ${frames}: frames do not show ${unfound}: ${sentence}`)
        counts.set(rule, (counts.get(rule) ?? 0) + 1)
        const isSorted = frames.every(
          (frame, at) => frame > 0 && frame <= packets && (at === 0 || frame > frames[at - 1]!),
        )
        const isPlain = /^[\x20-\x7e]+$/.test(sentence) && !/NaN|Infinity|undefined|null|\.{3} ?\.{3}/.test(sentence)
        const isThere = flow === null || ids.has(flow)
        if (!isSorted || !isPlain || !isThere) wrong.push(`${file}: ${rule} ${frames}: ${sentence}`)
      }
      if (JSON.stringify((await explain(file, true)).findings) !== JSON.stringify(findings))
        wrong.push(`${file}: another text when few flows are built`)
    }
    console.log(`${durations} durations in sentences`)
    console.table(Object.fromEntries([...counts].sort()))
    expect(wrong).toEqual([])
  })
})
