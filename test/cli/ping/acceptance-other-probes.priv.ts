// TCP handshakes and UDP datagrams instead of ICMP, and limits for scripts: who answered, and what the exit code says.

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  addChain,
  type Chain,
  describeLab,
  type Family,
  type Helper,
  NOBODY,
  removeChain,
  setPingGroups,
  spawnInNetns,
  withRules,
} from '../../lab/index.js'
import { documentOf, pingIn, socketCalls } from './acceptance.js'

const FAMILIES: readonly Family[] = [4, 6]
const OPEN = 4711
const CLOSED = 4712

/** A TCP listener that accepts, and a UDP socket that answers, on every address. */
const SERVER = `
import socket, sys, threading
tcp = socket.create_server(('::', ${OPEN}), family=socket.AF_INET6, dualstack_ipv6=True)
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
udp.bind(('::', ${OPEN}))
def accept():
    while True:
        tcp.accept()[0].close()
def answer():
    while True:
        data, peer = udp.recvfrom(65535)
        udp.sendto(data, peer)
for work in accept, answer:
    threading.Thread(target=work, daemon=True).start()
print('{}', flush=True)
sys.stdin.read()
`

describeLab('netkit ping over TCP and UDP', () => {
  let chain: Chain
  let server: Helper
  beforeAll(async () => {
    chain = await addChain(1)
    await setPingGroups(chain.source, 'closed')
    server = await spawnInNetns(chain.destination, ['python3', '-c', SERVER])
    await server.next()
  })
  afterAll(() => removeChain(chain))

  const as = { uid: NOBODY }

  test('an open port answers, without any privilege and without a raw socket', async () => {
    for (const family of FAMILIES) {
      for (const kind of ['tcp', 'udp']) {
        const args = [`--${kind}`, String(OPEN), '-c3', '-i.05', chain.target(family)]
        const document = await documentOf(chain.source, args, as)
        expect(document).toMatchObject({
          exit: 0,
          transport: kind,
          errors: [],
          statistics: { transmitted: 3, received: 3 },
        })
        expect(document.replies.map(({ sequence, from }) => ({ sequence, from }))).toEqual(
          [1, 2, 3].map(sequence => ({ sequence, from: chain.target(family) })),
        )
        for (const { rttMs } of document.replies) expect(rttMs).toBeGreaterThan(0)
        const { calls, code, stdout } = await socketCalls(chain.source, args, as)
        expect(code).toBe(0)
        expect(stdout).toContain(chain.target(family))
        expect(calls.filter(call => call.includes('SOCK_RAW') && !call.includes('AF_NETLINK'))).toEqual([])
      }
    }
  })

  test('a closed port answers too: refused, or port unreachable', async () => {
    for (const family of FAMILIES) {
      for (const [kind, answer] of [
        ['tcp', 'refused'],
        ['udp', 'port-unreachable'],
      ]) {
        const args = [`--${kind}`, String(CLOSED), '-c2', '-i.1', chain.target(family)]
        const document = await documentOf(chain.source, args, as)
        expect(document).toMatchObject({ exit: 0, statistics: { received: 2 } })
        expect(document.replies).toMatchObject([{ answer }, { answer }])
      }
    }
  })

  test('a router that rejects is an error with its name, and silence is none', async () => {
    const router = chain.routers[0]!
    for (const family of FAMILIES) {
      const from = chain.address(1, family)
      const reject = family === 4 ? 'icmp type admin-prohibited' : 'icmpv6 type admin-prohibited'
      const [type, code] = family === 4 ? [3, 13] : [1, 1]
      for (const kind of ['tcp', 'udp']) {
        const args = [`--${kind}`, String(OPEN), '-c1', '-W.5', chain.target(family)]
        await withRules(router, 'forward', `${kind} dport ${OPEN} reject with ${reject}`, async () => {
          const document = await documentOf(chain.source, args, as)
          expect(document).toMatchObject({ exit: 1, replies: [], errors: [{ sequence: 1, from, type, code }] })
        })
        await withRules(router, 'forward', `${kind} dport ${OPEN} drop`, async () => {
          const document = await documentOf(chain.source, args, as)
          expect(document).toMatchObject({ exit: 1, replies: [], errors: [], statistics: { lossPercent: 100 } })
        })
      }
    }
  })

  test('a lost SYN is sent again by the kernel, and that is shown', async () => {
    // The first SYN of each handshake is dropped: the second comes a second later.
    const rule = `tcp dport ${OPEN} tcp flags syn numgen inc mod 2 0 drop`
    await withRules(chain.routers[0]!, 'forward', rule, async () => {
      const { replies } = await documentOf(chain.source, ['--tcp', String(OPEN), '-c1', '-W5', chain.target(4)], as)
      expect(replies).toMatchObject([{ sequence: 1, synRetransmits: 1 }])
    })
  })
}, ['nft', 'strace'])

describeLab('netkit ping and limits for scripts', () => {
  test('--fail-if exits 1 where a limit is exceeded and 0 where none is', async () => {
    const chain = await addChain(0)
    try {
      const once = (limits: string) =>
        pingIn(chain.source, ['-c4', '-i.01', '-W.3', '--fail-if', limits, chain.target(4)])
      expect((await once('loss>5,p95>20s')).code).toBe(0)
      const slow = await once('p95>1ns')
      expect(slow.code).toBe(1)
      expect(slow.stderr).toMatch(/^netkit: .*p95/m)
      await withRules(chain.destination, 'input', 'icmp type echo-request numgen inc mod 2 0 drop', async () => {
        const lossy = await once('loss>5')
        expect(lossy.code).toBe(1)
        expect(lossy.stderr).toMatch(/^netkit: .*loss.*50/m)
        expect((await once('loss>50')).code).toBe(0)
      })
    } finally {
      await removeChain(chain)
    }
  })
}, ['nft'])
