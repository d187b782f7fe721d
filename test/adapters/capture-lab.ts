// What tests of live capture share: two hosts with a cable between them, traffic of many kinds, and code that captures it there.

import { fileURLToPath } from 'node:url'
import { must, withNetns } from '../lab/index.js'
import { runBundled } from './bundle.js'

/** Where the bundle, which is run from elsewhere, finds the package. */
process.env['NODE_PATH'] = fileURLToPath(new URL('../../node_modules', import.meta.url))

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Two namespaces: v0 (192.0.2.1, 2001:db8::1) and v1 (192.0.2.2, 2001:db8::2). */
export async function withCable<T>(work: (near: string, far: string) => Promise<T>): Promise<T> {
  return withNetns(2, async (near, far) => {
    await must(near!, ['ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1', 'netns', far!])
    for (const [ns, device, last] of [
      [near!, 'v0', 1],
      [far!, 'v1', 2],
    ] as const) {
      // No duplicate address detection and no router solicitations: the traffic is what the test sends.
      await must(ns, [
        'sysctl',
        '-qw',
        `net.ipv6.conf.${device}.accept_dad=0`,
        `net.ipv6.conf.${device}.router_solicitations=0`,
      ])
      await must(ns, ['ip', 'address', 'add', `192.0.2.${last}/24`, 'dev', device])
      await must(ns, ['ip', 'address', 'add', `2001:db8::${last}/64`, 'dev', device, 'nodad'])
      await must(ns, ['ip', 'link', 'set', device, 'up'])
    }
    // The cable is in use, and neighbours are known, before anything is counted.
    for (const address of ['192.0.2.2', '2001:db8::2'])
      await must(near!, ['ping', '-c', '1', '-W', '5', '-w', '10', address])
    return work(near!, far!)
  })
}

/** Pings of both families, datagrams, refused connections, a large datagram in fragments, and frames with one and two VLAN tags. */
const TRAFFIC = `
import socket, struct, subprocess
for address in ('192.0.2.2', '2001:db8::2'):
    subprocess.run(['ping', '-q', '-c', '3', '-i', '0.01', address], stdout=subprocess.DEVNULL)
for size in (1, 40, 1400, 4000):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(size), ('192.0.2.2', 9999))
for port in (80, 81):
    try: socket.create_connection(('192.0.2.2', port), 2)
    except OSError: pass
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(('v0', 0))
ends = socket.inet_aton('198.51.100.1') + socket.inet_aton('198.51.100.2')
def packet(protocol, body):
    return struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + ends + body
tcp = packet(6, struct.pack('!HHIIBBHHH', 4000, 80, 1, 0, 0x50, 2, 1000, 0, 0))
udp = packet(17, struct.pack('!HHHH', 4000, 9999, 12, 0) + bytes(4))
for tags in ('81000005', '81000006', '88a8000981000005'):
    for body in (tcp, udp):
        raw.send(bytes.fromhex('ffffffffffff' '020000000001' + tags + '0800') + body + bytes(20))
`

/** Functions for the bodies that run there. */
const HELPERS = `
  const { spawn, spawnSync } = require('node:child_process')
  const native = x.loadNative(${JSON.stringify(root)})
  const pause = ms => new Promise(done => setTimeout(done, ms))
  const captures = []
  /** Takes all of a source's packets; the result is there when it is stopped. */
  const start = (source, each = () => undefined) => {
    const capture = { source, count: 0 }
    capture.done = (async () => {
      for (;;) {
        while (source.next()) { capture.count++; each(source.packet) }
        if (!(await source.more())) break
      }
    })()
    captures.push(capture)
    return capture
  }
  const open = (request, each) =>
    start(x.openLiveCapture({ promiscuous: false, ...request }, native).source, each)
  const traffic = async near => {
    await new Promise(done =>
      spawn('ip', ['netns', 'exec', near, 'python3', '-c', ${JSON.stringify(TRAFFIC)}]).once('close', done))
    await pause(200)
  }
  const stopAll = async () => {
    for (const { source } of captures) source.stop()
    await Promise.all(captures.map(capture => capture.done))
    for (const { source } of captures) source.close()
  }
  const hex = p => Buffer.from(p.data.buffer, p.data.byteOffset + p.start, p.end - p.start).toString('hex')
  const asked = source => { try { x.openLiveCapture(source, native).source.close(); return null } catch (error) {
    return { name: error.constructor.name, code: error.code, exit: error.exit, message: error.message, hints: error.hints } } }
`

export function capturing<T>(body: string, options: { ns: string | null; uid?: number }): Promise<T> {
  return runBundled<T>(['compose/live-capture.ts', 'adapters/native.ts'], `${HELPERS}\n${body}`, options)
}
