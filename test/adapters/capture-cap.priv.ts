import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { describeLab, NOBODY } from '../lab/index.js'
import { capturing, withCable } from './capture-lab.js'

const missing = ((): string[] => {
  try {
    createRequire(import.meta.url)('cap')
    return []
  } catch {
    // Optional, and not compiled without the headers of libpcap.
    return ['/the/cap/package']
  }
})()

interface Both {
  ring: string[]
  cap: string[]
  dropped: (number | null)[]
  notes: string[]
  stamps: string[]
  apartMs: number
}

describeLab(
  'capturing live through the cap package',
  () => {
    test('the same packets come as through the ring, TCP and UDP, and its limits are said', async () => {
      const found = await withCable((near, far) =>
        capturing<Both>(
          `const sender = \`
import socket
for at in range(100): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes(200), ('192.0.2.2', 9999))
for at in range(10):
    c = socket.create_connection(('192.0.2.2', 8080)); c.sendall(bytes(20000)); c.shutdown(1)
    while c.recv(65536): pass
    c.close()\`
           const server = require('node:net').createServer({ allowHalfOpen: true }, s => { s.resume(); s.on('end', () => s.end(Buffer.alloc(30000))) })
           await new Promise(done => server.listen(8080, done))
           const taken = { ring: [], cap: [] }
           const first = {}
           const notes = []
           for (const source of ['ring', 'cap']) {
             const opened = x.openLiveCapture({ interface: 'v1', filter: 'tcp port 8080 or udp port 9999', source, promiscuous: false }, native)
             notes.push(...opened.notes)
             start(opened.source, p => { first[source] ??= p.seconds * 1000 + p.nanoseconds / 1e6; taken[source].push(hex(p)) })
           }
           await new Promise(done => spawn('ip', ['netns', 'exec', ${JSON.stringify(near)}, 'python3', '-c', sender]).once('close', done))
           server.close()
           await pause(300)
           await stopAll()
           return { ...taken, notes, dropped: captures.map(c => c.source.interfaces[0].dropped),
             stamps: captures.map(c => c.source.timestampSource), apartMs: Math.abs(first.ring - first.cap) }`,
          { ns: far },
        ),
      )
      expect(found.cap).toEqual(found.ring)
      expect(found.ring.length).toBeGreaterThan(150)
      expect(found.dropped).toEqual([0, null])
      expect(found.stamps).toEqual(['kernel', 'user-space'])
      expect(found.notes).toEqual([expect.stringContaining('cap package')])
      // The same clock, read later: an hour apart would be an error of units or of the epoch.
      expect(found.apartMs).toBeLessThan(3_600_000)
    })

    test('an interface that is not there and a wrong filter are the errors that they are', async () => {
      const refused = await withCable((near, _) =>
        capturing<({ code: string; exit: number } | null)[]>(
          `return [{ interface: 'vo', source: 'cap' }, { interface: 'v0', filter: 'tcp prot', source: 'cap' }].map(request => asked(request))`,
          { ns: near },
        ),
      )
      expect(refused.map(each => [each?.code, each?.exit])).toEqual([
        ['no-such-interface', 2],
        ['capture-refused', 2],
      ])
    })

    test('without the permission it is said with what to do', async () => {
      const refused = await withCable((near, _) =>
        capturing<{ code: string; exit: number; hints: string[] } | null>(
          `return asked({ interface: 'lo', source: 'cap' })`,
          { ns: near, uid: NOBODY },
        ),
      )
      expect(refused).toMatchObject({ code: 'permission-missing', exit: 3 })
      expect(refused!.hints.join('\n')).toMatch(/as root[\s\S]*net_raw/)
    })
  },
  missing,
)
