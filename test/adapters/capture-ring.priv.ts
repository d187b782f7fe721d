import { expect, test } from 'vitest'
import { describeLab, must, NOBODY } from '../lab/index.js'
import { capturing, withCable } from './capture-lab.js'

interface Refusal {
  name: string
  code: string
  exit: number
  message: string
  hints: string[]
}

/**
 * Tagged packets only where the expression is about tags: libpcap filters the first packets of a capture itself, when their tags are
 * back, and all others in the kernel, where they are not, so that tcpdump counts now so and now so.
 * Each for the interface and, but for tags, which libpcap has no filter for there, for all of them.
 */
const FILTERS = [
  'ip net 192.0.2.0/24',
  'tcp and net 192.0.2.0/24',
  'udp port 9999 and src 192.0.2.1',
  'ip host 192.0.2.2',
  'net 192.0.2.0/24 and icmp',
  'ip6 host 2001:db8::2 and ip6[40] >= 128 and ip6[40] <= 129',
  'tcp[tcpflags] & tcp-rst != 0',
  'ip and greater 200',
  'ip[6:2] & 0x1fff != 0',
  'vlan 5',
  'vlan and tcp port 80',
  'ip net 192.0.2.0/24 and not vlan',
  'vlan 9 and vlan 5',
]

describeLab('capturing live through the ring', () => {
  test('a filter takes the packets that tcpdump takes, on an interface and on all of them', { retry: 2 }, async () => {
    const cases = FILTERS.flatMap(filter =>
      (filter.includes('vlan') ? ['v1'] : ['v1', 'any']).map(name => [name, filter]),
    )
    const counts = await withCable((near, far) =>
      capturing<[string, number, number][]>(
        `const cases = ${JSON.stringify(cases)}
         const witnesses = cases.map(([name, filter]) => {
           // Written out, as its reading of packets is no part of this; SLL2 is what netkit delivers.
           const child = spawn('tcpdump', ['-p', '-n', '--immediate-mode', '-w', '/dev/null', '-i', name, ...(name === 'any' ? ['-y', 'LINUX_SLL2'] : []), filter])
           const witness = { child, text: '' }
           child.stderr.on('data', chunk => { witness.text += chunk })
           witness.ended = new Promise(done => child.once('close', done))
           return witness
         })
         for (let left = 300; left > 0 && witnesses.some(({ text }) => !text.includes('listening')); left--) await pause(50)
         for (const [name, filter] of cases) open({ interface: name, filter, bufferBytes: 1 << 20 })
         await traffic(${JSON.stringify(near)})
         await stopAll()
         // A witness that had no turn of the processor yet has not counted all.
         await pause(1500)
         for (const { child } of witnesses) child.kill('SIGINT')
         await Promise.all(witnesses.map(({ ended }) => ended))
         return cases.map(([name, filter], at) =>
           [name + ': ' + filter, captures[at].count, Number(/(\\d+) packets? captured/.exec(witnesses[at].text)?.[1] ?? -1)])`,
        { ns: far },
      ),
    )
    expect(counts.map(([name, ours]) => [name, ours])).toEqual(counts.map(([name, , theirs]) => [name, theirs]))
    for (const [name, ours] of counts) expect(ours, name).toBeGreaterThan(0)
  })

  test('bytes, lengths, tags and ways are those that tcpdump writes down', async () => {
    const filter = 'ip or vlan'
    const [ours, theirs, inbound, outbound] = await withCable((near, far) =>
      capturing<[string[], string[], number, number]>(
        `const file = '/tmp/nk-witness-' + process.pid + '.pcap'
         const witness = spawn('tcpdump', ['-p', '-n', '-U', '--immediate-mode', '-w', file, '-i', 'v1', ${JSON.stringify(filter)}])
         await new Promise(done => witness.stderr.once('data', done))
         const seen = []
         open({ interface: 'v1', filter: ${JSON.stringify(filter)} }, p => seen.push([p.way, p.wireLength, hex(p)].join(' ')))
         const ways = ['inbound', 'outbound'].map(way => open({ interface: 'v1', filter: way + ' and ip' }))
         await traffic(${JSON.stringify(near)})
         await stopAll()
         witness.kill('SIGINT')
         await new Promise(done => witness.once('close', done))
         const bytes = require('node:fs').readFileSync(file)
         require('node:fs').rmSync(file)
         const written = []
         for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8))
           written.push([bytes.readUInt32LE(at + 12), bytes.subarray(at + 16, at + 16 + bytes.readUInt32LE(at + 8)).toString('hex')].join(' '))
         return [seen, written, ways[0].count, ways[1].count]`,
        { ns: far },
      ),
    )
    expect(ours.map(line => line.slice(2))).toEqual(theirs)
    // Addresses of the sender say which way an IPv4 packet went: 192.0.2.2 is this end.
    const untagged = ours.filter(line => line.split(' ')[2]!.slice(24, 28) === '0800')
    const out = untagged.filter(line => line.split(' ')[2]!.slice(52, 60) === 'c0000202')
    expect(out.every(line => line.startsWith('2 '))).toBe(true)
    expect(untagged.filter(line => line.startsWith('2 ')).length).toBe(out.length)
    expect(outbound).toBe(out.length)
    // With the six tagged ones, which the kernel shows to filters without their tags but for the inner one of two.
    expect(inbound).toBeGreaterThanOrEqual(untagged.length - out.length)
  })

  test('the snap length cuts what is kept, not what is told', async () => {
    const lengths = await withCable((near, far) =>
      capturing<number[][]>(
        `const seen = []
         for (const name of ['v1', 'any'])
           open({ interface: name, filter: 'icmp and src 192.0.2.1', snapLength: 60 }, p => seen.push([p.linkType, p.end - p.start, p.wireLength]))
         spawnSync('ip', ['netns', 'exec', ${JSON.stringify(near)}, 'ping', '-c1', '-s', '1000', '192.0.2.2'])
         await pause(100)
         await stopAll()
         return seen`,
        { ns: far },
      ),
    )
    // Ethernet 14, SLL2 20, IPv4 20, ICMP 8, data 1000.
    expect(lengths.sort()).toEqual([
      [1, 60, 1042],
      [276, 60, 1048],
    ])
  })

  test('what a full ring dropped is counted, and every other packet is there', async () => {
    const found = await withCable((near, far) =>
      capturing<{ count: number; received: number; dropped: number; sent: number }>(
        `const { source } = x.openLiveCapture({ interface: 'v1', filter: 'udp dst port 9999', bufferBytes: 1 }, native)
         const sender = \`
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for at in range(2000): s.sendto(bytes(1000), ('192.0.2.2', 9999))\`
         spawnSync('ip', ['netns', 'exec', ${JSON.stringify(near)}, 'python3', '-c', sender])
         const capture = start(source)
         await pause(200)
         await stopAll()
         const [{ received, dropped }] = source.interfaces
         return { count: capture.count, received, dropped, sent: 2000 }`,
        { ns: far },
      ),
    )
    expect(found.received).toBe(found.sent)
    expect(found.dropped).toBeGreaterThan(0)
    expect(found.count + found.dropped).toBe(found.sent)
  })

  test('an interface that goes down is a note, and one that is gone is the end', async () => {
    const found = await withCable((near, far) =>
      capturing<{ flaws: { message: string }[]; more: boolean; after: boolean }>(
        `const capture = open({ interface: 'v1' })
         // Its packets are handed over after the news of the interface.
         spawnSync('ip', ['netns', 'exec', ${JSON.stringify(near)}, 'ping', '-c1', '192.0.2.2'])
         spawnSync('ip', ['link', 'set', 'v1', 'down'])
         await pause(200)
         spawnSync('ip', ['link', 'delete', 'v1'])
         await capture.done
         const { source } = capture
         const more = await source.more()
         source.close()
         return { flaws: source.flaws, more, after: source.next() }`,
        { ns: far },
      ),
    )
    expect(found.flaws.map(({ message }) => message)).toEqual([
      'the interface v1 went down',
      'the interface v1 is gone',
    ])
    expect([found.more, found.after]).toEqual([false, false])
  })

  test('what cannot be captured is said with what to do', async () => {
    const [down, nobody] = await withCable(async (near, far) => {
      await must(near, ['ip', 'link', 'set', 'v0', 'down'])
      const asked = (requests: string): string => `return [${requests}].map(request => asked(request))`
      return [
        await capturing<Refusal[]>(
          asked(`{ interface: 'v0' }, { interface: 'vo0', nearest: () => 'v0' }, { interface: 'lo', filter: 'tcp prot 80' },
            { interface: 'any', filter: 'vlan' }`),
          { ns: near },
        ),
        await capturing<Refusal[]>(asked(`{ interface: 'lo' }, { interface: 'any' }`), { ns: far, uid: NOBODY }),
      ]
    })
    expect(down.map(({ code, exit }) => [code, exit])).toEqual([
      ['interface-down', 2],
      ['no-such-interface', 2],
      ['bad-filter', 2],
      ['bad-filter', 2],
    ])
    expect(down[1]!.hints).toEqual(['did you mean v0?', 'interfaces here: lo, v0, any'])
    expect(down[3]!.hints[0]).toContain('name an interface')
    for (const { code, exit, hints } of nobody) {
      expect([code, exit]).toEqual(['permission-missing', 3])
      expect(hints.join('\n')).toMatch(/as root[\s\S]*net_raw/)
    }
  })
}, ['tcpdump'])
