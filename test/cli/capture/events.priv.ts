// Events as they happen, and what is said at the end, of connections whose ends the kernel made.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import type { FlowEvent } from '../../../src/flow/flow-event.js'
import type { Flow } from '../../../src/flow/model.js'
import { withCable } from '../../adapters/capture-lab.js'
import { describeLab, inNetns, must } from '../../lab/index.js'
import { netkitIn } from '../acceptance.js'
import { labelled } from '../decode/acceptance.js'
import { linesOf, makeTraffic, replay, startCapture, withFolder, withServer } from './acceptance.js'

const read = (name: string): AnySchema =>
  JSON.parse(readFileSync(new URL(`../../../schemas/${name}.schema.json`, import.meta.url), 'utf8'))

/** What lines say behind the time, flow by flow. The port of a client, which is the kernel's choice, and durations are left out. */
const told = (text: string): string[] =>
  text
    .split('\n')
    .filter(line => /^\d\d:\d\d:\d\d\.\d{3} {2}#/.test(line))
    .map(line => line.slice(14).replace(/192\.0\.2\.1:\d+/, 'client'))
    .map(line => line.replace(/(handshake|after) [\d.]+(us|ms|s)$/, '$1 TIME'))
    .sort((one, other) => Number.parseInt(one.slice(1), 10) - Number.parseInt(other.slice(1), 10))

const CONNECT_TO_NOBODY = `
import socket
try: socket.create_connection(('192.0.2.9', 80), 8)
except OSError: pass`

/** For a second the server's packets go to an address of the cable that nobody has. */
const LOSSY = `
import socket, subprocess, sys, time
def neighbour(*words): subprocess.run(['ip', '-n', sys.argv[1], 'neighbour', *words, 'dev', 'v1'], check=True)
c = socket.create_connection(('192.0.2.2', 8000), 20)
neighbour('replace', '192.0.2.1', 'lladdr', '02:00:00:00:00:99', 'nud', 'permanent')
c.sendall(b'hello')
time.sleep(1)
neighbour('delete', '192.0.2.1')
c.recv(5)
c.close()`

describeLab('netkit capture', () => {
  test('tells what happens to connections when it happens, and at Ctrl-C what decode would', async () => {
    const { stdout, stderr, code } = await withCable((near, far) =>
      withServer(near, far, async connect => {
        const capture = await startCapture(far, ['-i', 'v1', 'net', '192.0.2.0/24'])
        await connect()
        await capture.says('Port Unreachable')
        return capture.interrupt()
      }),
    )
    expect(code).toBe(0)
    expect(stderr).toBe(
      'netkit: capturing on v1, filter "net 192.0.2.0/24"; packets from the kernel\'s ring, times the kernel\'s\n',
    )
    expect(told(stdout)).toEqual([
      '#1 client -> 192.0.2.2:8000  opened',
      '#1 client -> 192.0.2.2:8000  established, handshake TIME',
      '#1 client -> 192.0.2.2:8000  closed by client after TIME',
      '#2 client -> 192.0.2.2:81  opened',
      '#2 client -> 192.0.2.2:81  refused after TIME',
      '#3 client -> 192.0.2.2:8000  opened',
      '#3 client -> 192.0.2.2:8000  established, handshake TIME',
      '#3 client -> 192.0.2.2:8000  reset by client (abort) after TIME',
      '#4 client -> 192.0.2.2:9999  first datagram',
      '#4 client -> 192.0.2.2:9999  Destination Port Unreachable from 192.0.2.2, about what the client sent',
    ])
    expect(stdout).toMatch(/\ncaptured +v1, from the kernel's ring, times the kernel's\nfilter +net 192\.0\.2\.0\/24\n/)
    expect(stdout).toMatch(/\nflows +3 TCP: reset-by-client 1, refused 1, closed-normally 1; 1\n? *UDP\n/)
    expect(stdout).toMatch(/\nid {2}client -> server +outcome/)
    const [, packets] = /\npackets +(\d+),/.exec(stdout)!
    expect(stdout.endsWith(`\n${packets} packets received by filter, 0 dropped by kernel\n`)).toBe(true)
  })

  test('a SYN that nobody answers is told each time it is sent again', async () => {
    const { stdout } = await withCable(async near => {
      // A neighbour that is not there: what is sent to it is lost on the way.
      await must(near, ['ip', 'neighbour', 'add', '192.0.2.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'v0'])
      const capture = await startCapture(near, ['-i', 'v0', 'tcp'])
      const silent = inNetns(near, ['python3', '-c', CONNECT_TO_NOBODY])
      await capture.says('no answer after 2 SYNs, sent again')
      const result = await capture.interrupt()
      await silent
      return result
    })
    expect(told(stdout).slice(0, 3)).toEqual([
      '#1 client -> 192.0.2.9:80  opened',
      '#1 client -> 192.0.2.9:80  no answer after 1 SYN, sent again',
      '#1 client -> 192.0.2.9:80  no answer after 2 SYNs, sent again',
    ])
    expect(stdout).toMatch(/\nflows +1 TCP: no-answer 1\n/)
  })

  test('data that is sent again is told once for each end', async () => {
    const { stdout } = await withCable((near, far) =>
      withServer(near, far, async () => {
        const capture = await startCapture(far, ['-i', 'v1', 'tcp'])
        // Its acknowledgments are lost too, so that all is sent again by both: seen from its own side.
        await must(near, ['python3', '-c', LOSSY, far])
        await capture.says('closed by client')
        return capture.interrupt()
      }),
    )
    expect(told(stdout).filter(line => line.includes('first retransmission of the client'))).toHaveLength(1)
    expect(told(stdout).at(-1)).toBe('#1 client -> 192.0.2.2:8000  closed by client after TIME')
  })

  test('labels and flows are those of decoding the file that it writes, and nothing of what was sent is missing', async () => {
    await withFolder(async folder => {
      const file = join(folder, 'live.pcapng')
      const traffic = await makeTraffic(folder)
      const { stdout, code } = await withCable(async (near, far) => {
        const capture = await startCapture(far, ['-i', 'v1', '-w', file, '--packets', '--ndjson', 'tcp'])
        await replay(near, traffic)
        return capture.interrupt()
      })
      expect(code).toBe(0)
      type Line = { type: string; frame: number; flow: number; labels: string[]; retransmissionKind: string | null }
      const lines = linesOf<Line>(stdout)
      const packets = lines.filter(({ type, labels }) => type === 'packet' && labels.length > 0)
      const live = packets.map(({ frame, flow, labels, retransmissionKind }) => ({
        frame,
        flow,
        labels,
        kind: retransmissionKind ?? 'unknown',
      }))
      expect(live.length).toBeGreaterThan(500)
      const sent = JSON.parse((await netkitIn(null, ['decode', '--json', traffic])).stdout) as { packets: number }
      expect(lines.at(-1)).toMatchObject({
        type: 'summary',
        packets: sent.packets,
        captureQuality: { receivedByFilter: sent.packets, droppedByKernel: 0 },
      })
      expect(live).toEqual(await labelled(file))
      const flows = lines.filter(({ type }) => type === 'flow').map(({ type, ...flow }) => flow)
      const decoded = await netkitIn(null, ['decode', '--json', file])
      expect(flows).toEqual((JSON.parse(decoded.stdout) as { flows: Flow[] }).flows)
    })
  })

  test('what a full ring dropped is said, in text and in JSON, and adds up with what was captured', async () => {
    const blast = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for at in range(4000): s.sendto(bytes(1000), ('192.0.2.2', 9999))
s.sendto(b'last', ('192.0.2.2', 7777))`
    const [text, json] = await withCable(async (near, far) => {
      const results = []
      for (const format of [[], ['--json']]) {
        // Two blocks of the ring, and a process that stands still while it is filled.
        const capture = await startCapture(far, ['-i', 'v1', '-q', '-B', '1', ...format, 'udp dst port 9999'])
        capture.child.kill('SIGSTOP')
        await must(near, ['python3', '-c', blast])
        capture.child.kill('SIGCONT')
        results.push(await capture.interrupt())
      }
      return results
    })
    const { captureQuality, packets } = JSON.parse(json!.stdout) as {
      packets: number
      captureQuality: { receivedByFilter: number; droppedByKernel: number }
    }
    expect(captureQuality.receivedByFilter).toBe(4000)
    expect(captureQuality.droppedByKernel).toBeGreaterThan(0)
    expect(packets + captureQuality.droppedByKernel).toBe(4000)
    const [, dropped] = /\n4,000 packets received by filter, ([\d,]+) dropped by kernel\n$/.exec(text!.stdout)!
    const [, captured] = /\npackets +([\d,]+),/.exec(text!.stdout)!
    const number = (words: string | undefined) => Number(words!.replaceAll(',', ''))
    expect(number(dropped)).toBeGreaterThan(0)
    expect(number(dropped) + number(captured)).toBe(4000)
  })

  test('lines of --ndjson and the document of --json are what the schemas say', async () => {
    const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
    for (const name of ['decode', 'decode-event', 'capture', 'capture-event']) ajv.addSchema(read(name))
    const [lines, document, packets] = await withCable((near, far) =>
      withServer(near, far, async connect => {
        const results = []
        for (const format of [['--ndjson'], ['--json'], ['--ndjson', '--packets']]) {
          const capture = await startCapture(far, ['-i', 'any', ...format])
          await connect()
          results.push(await capture.interrupt())
        }
        return results
      }),
    )
    const validate = ajv.getSchema('capture-event.schema.json')!
    const types = [lines!, packets!].map(({ stdout }) => {
      const objects = linesOf<FlowEvent & { type: string }>(stdout)
      for (const object of objects) expect(validate(object) ? null : [object, validate.errors]).toBeNull()
      return [...new Set(objects.map(({ type }) => type))]
    })
    expect(types).toEqual([
      ['event', 'flow', 'summary'],
      ['packet', 'flow', 'summary'],
    ])
    const whole = ajv.getSchema('capture.schema.json')!
    expect(whole(JSON.parse(document!.stdout)) ? null : whole.errors).toBeNull()
  })

  test('ends after -c packets, which are the first ones, and after --duration', async () => {
    await withCable(async (near, far) => {
      const capture = await startCapture(far, ['-i', 'v1', '-c', '5', '--packets', 'icmp'])
      const pings = inNetns(near, ['ping', '-q', '-c', '20', '-i', '0.05', '192.0.2.2'])
      const { stdout, code } = await capture.ended()
      expect(code).toBe(0)
      expect(stdout.match(/^\d+ .* icmp /gm)?.map(line => Number.parseInt(line, 10))).toEqual([1, 2, 3, 4, 5])
      expect(stdout).toMatch(/\npackets +5,/)
      await pings
      const timed = await netkitIn(far, ['capture', '-i', 'v1', '--duration', '200ms', 'icmp'])
      expect(timed).toMatchObject({ code: 0 })
      expect(timed.stdout).toMatch(/\npackets +0,/)
    })
  })
})
