// netkit decode as a user runs it, on a capture whose packets are written down in scene.ts.

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { labelFlows, readCapture, writeCapture } from '../../../src/index.js'
import { corpusPath, describeCorpus } from '../../corpus/index.js'
import { runNetkit, shell } from '../run.js'
import { writeScene } from './scene.js'

const folder = mkdtempSync(join(tmpdir(), 'netkit-decode-'))
const scene = join(folder, 'scene.pcap')
const decode = (...args: string[]): ReturnType<typeof runNetkit> => runNetkit(['decode', ...args])

const schema = (name: string): AnySchema =>
  JSON.parse(readFileSync(new URL(`../../../schemas/${name}.schema.json`, import.meta.url), 'utf8'))
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true })
const isDocument = ajv.compile(schema('decode'))
const isLine = ajv.compile(schema('decode-event'))

const lines = (text: string): string[] => text.trimEnd().split('\n')
const objects = (text: string): { [key: string]: unknown }[] => lines(text).map(line => JSON.parse(line))
const frames = (text: string): unknown[] =>
  objects(text)
    .filter(({ type }) => type === 'packet')
    .map(({ frame }) => frame)

beforeAll(() => writeScene(scene))
afterAll(() => rmSync(folder, { recursive: true }))

describe('netkit decode', () => {
  it('shows a summary and the flows in 80 columns, the trouble first', async () => {
    const { stdout, stderr, code } = await decode(scene)
    expect([stderr, code]).toEqual(['', 0])
    expect(lines(stdout).every(line => line.length <= 80)).toBe(true)
    expect(stdout).toContain('2 TCP: refused 1, closed-normally 1; 1 UDP')
    const rows = lines(stdout).filter(line => line.includes(' -> 10.0.0.2'))
    expect(rows.map(row => /(refused|closed-normally|udp)/.exec(row)?.[0])).toEqual([
      'refused',
      'closed-normally',
      'udp',
    ])
  })

  it('shows so many flows as --limit says, and how many more there are', async () => {
    expect((await decode(scene, '--limit', '1')).stdout).toContain('2 more flows: --limit 0 shows all')
    expect((await decode(scene, '--limit', '0')).stdout).not.toContain('more flow')
  })

  it('prints a document that follows the schema, with the keys of the documentation', async () => {
    const { stdout, code } = await decode(scene, '--json')
    const document = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(isDocument(document), JSON.stringify(isDocument.errors)).toBe(true)
    expect(document).toMatchObject({
      packets: 14,
      firstTimestamp: '1700000000.000000000',
      lastTimestamp: '1700000000.400000000',
    })
    expect(document.flows.map(({ outcome }: { outcome: unknown }) => outcome)).toEqual([
      'refused',
      'closed-normally',
      null,
    ])
    expect(document.flows[1]).toMatchObject({
      closedFirst: 'client',
      closedFirstFrame: 11,
      timeWaitSide: 'client',
      retransmissions: { client: 1, server: 0 },
    })
  })

  it('prints flows, or packets, a line of JSON each, and a summary behind them', async () => {
    const flows = objects((await decode(scene, '--ndjson')).stdout)
    expect(flows.filter(({ type }) => type === 'flow')).toHaveLength(3)
    const packets = objects((await decode(scene, '--packets', '--ndjson')).stdout)
    expect(packets.filter(({ type }) => type === 'packet')).toHaveLength(14)
    for (const line of [...flows, ...packets]) expect(isLine(line), JSON.stringify([line, isLine.errors])).toBe(true)
    expect(packets.at(-1)).toMatchObject({ type: 'summary', packets: 14 })
    expect(packets[8]).toMatchObject({
      frame: 9,
      time: '1700000000.331000000',
      flow: 2,
      source: { address: '10.0.0.1', port: 40_002 },
      flags: ['psh', 'ack'],
      sequence: 1101,
      relativeSequence: 101,
      payloadBytes: 50,
      labels: ['retransmission'],
      retransmissionKind: 'rto',
    })
  })

  it('prints packets a line each, and as a ladder', async () => {
    const text = (await decode(scene, '--packets')).stdout
    expect(lines(text)).toHaveLength(15)
    expect(lines(text)[9]).toMatch(
      /^9 +0\.331000 +2 +10\.0\.0\.1:40002 > 10\.0\.0\.2:443 +PA +101 +1 +512 +50 +retransmission:rto$/,
    )
    const ladder = lines((await decode(scene, '--ladder', '--flow', '2')).stdout)
    expect(ladder[0]).toBe('flow 2')
    expect(ladder[2]).toMatch(/\|-+ S seq 0 win 512 -+>\|$/)
    expect(ladder[3]).toMatch(/\|<-+ SA seq 0 ack 1 win 512 -+\|$/)
    expect(ladder.every(line => line.length <= 80)).toBe(true)
  })

  it('prints comma-separated values, each row as long as the first', async () => {
    for (const args of [[], ['--packets']]) {
      const rows = lines((await decode(scene, '--csv', ...args)).stdout).map(line => line.split(','))
      expect(rows).toHaveLength(args.length === 0 ? 4 : 15)
      expect(new Set(rows.map(({ length }) => length)).size).toBe(1)
    }
  })

  it.each([
    [['--flow', '2'], 11],
    [['--host', '10.0.0.0/8'], 14],
    [['--host', '192.0.2.1'], 0],
    [['--port', '40001'], 2],
    [['--port', '40000-40001'], 3],
    [['--outcome', 'refused'], 2],
    [['--outcome', 'refused,closed-normally'], 13],
    [['--state', 'time-wait'], 11],
    [['--label', 'retransmission'], 1],
    [['--since', '0.35'], 4],
    [['--until', '0.0005'], 2],
    [['--since', '2023-11-14T22:13:20.360Z', '--until', '2023-11-14T22:13:20.3601Z'], 2],
  ])('takes of the packets by %j %i', async (args, count) => {
    expect(frames((await decode(scene, '--packets', '--ndjson', ...args)).stdout)).toHaveLength(count)
  })

  it('shows the flows that have packets of a label', async () => {
    const { flows } = JSON.parse((await decode(scene, '--json', '--label', 'retransmission')).stdout)
    expect(flows.map(({ id }: { id: unknown }) => id)).toEqual([2])
  })

  it('tells all that is known of a flow', async () => {
    const { stdout } = await decode(scene, '--flow', '2')
    expect(stdout).toMatch(/^closed first +client \(frame 11\)$/m)
    expect(stdout).toMatch(/^sent again +client 1, server 0$/m)
  })

  it('leaves nothing of a file that cannot be written to its end', async () => {
    const apart = mkdtempSync(join(folder, 'apart-'))
    const mixed = join(apart, 'mixed.pcapng')
    const packet = { frame: 1, time: null, wireLength: 20, data: new Uint8Array(20) }
    await writeCapture(mixed, [
      { ...packet, linkType: 1 },
      { ...packet, linkType: 101 },
    ])
    const { stderr, code } = await decode(mixed, '--write', join(apart, 'out.pcap'))
    expect([stderr, code]).toEqual([expect.stringContaining('do not fit into one pcap file'), 2])
    expect(readdirSync(apart)).toEqual(['mixed.pcapng'])
  })

  it('writes the packets of the flows that are wanted, as pcap and as pcapng', async () => {
    for (const name of ['out.pcap', 'out.pcapng']) {
      const out = join(folder, name)
      const { stderr, code } = await decode(scene, '--label', 'retransmission', '--write', out)
      expect([stderr.includes('wrote 11 packets'), code]).toEqual([true, 0])
      const { flows, packets, captureQuality } = JSON.parse((await decode(out, '--json')).stdout)
      expect([packets, flows.length, flows[0].outcome, captureQuality.format]).toEqual([
        11,
        1,
        'closed-normally',
        name.slice(4),
      ])
    }
    const piped = await shell(`"$NETKIT" decode ${scene} --port 40001 --write - | "$NETKIT" decode - --json`)
    expect(JSON.parse(piped.stdout)).toMatchObject({ packets: 2, file: '-' })
  })

  it('reads standard input, but not twice', async () => {
    expect((await shell(`"$NETKIT" decode - --json < ${scene} | head -c 100`)).stdout).toContain('"packets": 14')
    const { code, stderr } = await shell(`cat ${scene} | "$NETKIT" decode - --packets --outcome refused`)
    expect([code, stderr]).toEqual([2, expect.stringContaining('read twice')])
  })

  it('gives up flows where it may remember few, and tells it', async () => {
    const { stdout } = await decode(scene, '--json', '--max-flows', '1')
    const document = JSON.parse(stdout)
    expect(isDocument(document)).toBe(true)
    expect(document.flows.map(({ id }: { id: unknown }) => id)).toEqual([1, 2, 3])
    expect(document.captureQuality.evictedFlows).toBe(2)
  })

  it('says by --exit-code whether anything was wanted', async () => {
    expect((await decode(scene, '--exit-code', '--outcome', 'refused')).code).toBe(0)
    expect((await decode(scene, '--exit-code', '--outcome', 'no-answer')).code).toBe(1)
  })

  it('shows what precedes the damage, and exits 5', async () => {
    const cut = join(folder, 'cut.pcap')
    writeFileSync(cut, readFileSync(scene))
    truncateSync(cut, readFileSync(scene).length - 5)
    const { stdout, code } = await decode(cut, '--json')
    expect(code).toBe(5)
    expect(JSON.parse(stdout)).toMatchObject({ packets: 13, warnings: [expect.stringContaining('packet 14')] })
    expect((await decode(cut, '--packets')).stderr).toContain('packet 14')
  })

  it.each([
    [['--outcome', 'refusd'], 'did you mean refused?'],
    [['--state', 'wait'], 'time-wait'],
    [['--label', 'x'], 'one of: '],
    [['--host', '10.0.0.0/33'], '--host takes'],
    [['--port', '70000'], '--port takes'],
    [['--flow', '0'], '--flow takes'],
    [['--since', 'yesterday'], '--since takes'],
    [['--limit', '-1'], '--limit takes'],
    [['--max-flows', '0'], '--max-flows takes'],
    [['--csv', '--json'], 'exclude each other'],
    [['--ladder', '--csv'], '--packets goes with --csv'],
    [['--packets', '--json'], '--packets goes with --ndjson'],
  ])('refuses %j', async (args, words) => {
    const { stdout, stderr, code } = await decode(scene, ...args)
    expect(code).toBe(2)
    expect(stdout + stderr).toContain(words)
  })

  it('says that there is no such file, and what is no capture', async () => {
    expect((await decode(join(folder, 'nothing'))).code).toBe(2)
    const { code, stderr } = await decode(new URL(import.meta.url).pathname)
    expect([4, 5]).toContain(code)
    expect(stderr).not.toContain('   at ')
  })

  it('follows a file that grows until it is interrupted', async () => {
    const line = `timeout -s INT 2 "$NETKIT" decode ${scene} --follow --packets --ndjson`
    const { stdout } = await shell(line)
    expect(frames(stdout)).toHaveLength(14)
    expect(objects(stdout).at(-1)).toMatchObject({ type: 'summary', captureQuality: { interrupted: true } })
  })

  it('labels for programs what it labels for people', async () => {
    const found: unknown[] = []
    for await (const item of labelFlows(readCapture(scene))) {
      if (item.type === 'packet' && item.packet.labels.includes('retransmission')) found.push(item.packet.frame)
      if (item.type === 'flow') found.push(item.flow.outcome)
    }
    expect(found).toEqual([9, 'refused', 'closed-normally', null])
  })
})

describeCorpus('netkit decode and the schemas', () => {
  it.each([
    'tcptrace/hardware_dups.dmp.gz',
    'chrissanders/tcp_refuseconnection.pcapng',
    'libpcap/pcapng-invalid-vers-1.pcapng',
    'ndpi/fuzz-2021-10-13.pcap',
  ])('prints %s as they say', async file => {
    const { stdout, code } = await decode(corpusPath(file), '--json')
    const document = JSON.parse(stdout)
    if (code === 4) expect(document.error.exit).toBe(4)
    else expect(isDocument(document), JSON.stringify(isDocument.errors)).toBe(true)
    for (const line of objects((await decode(corpusPath(file), '--packets', '--ndjson')).stdout))
      if (code !== 4) expect(isLine(line), JSON.stringify(isLine.errors)).toBe(true)
  })
})
