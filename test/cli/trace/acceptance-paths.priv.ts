// Must show 1: the true hop list, unprivileged, of three protocols in both families, every time; beside three peers.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addChain, type Chain, describeLab, type Family, removeChain, setPingGroups } from '../../lab/index.js'
import {
  AS_NOBODY,
  documentOf,
  expectRefusal,
  expectWholePath,
  hopsOf,
  listenIn,
  mtrHops,
  PROTOCOLS,
  type Protocol,
  pathOf,
  socketCalls,
  textHops,
  traceIn,
  tracepathHops,
  tracerouteHops,
} from './acceptance.js'

const FAMILIES: readonly Family[] = [4, 6]
const EACH = ['icmp', 'udp', 'tcp'] as const satisfies readonly Protocol[]

describeLab('netkit trace along good paths', () => {
  describe.each([1, 3, 12])('%i routers away', routers => {
    let chain: Chain
    beforeAll(async () => {
      chain = await addChain(routers)
      await setPingGroups(chain.source, 'open')
    })
    afterAll(() => removeChain(chain))

    test.each(EACH)('%s as uid 65534: every hop, every time, and how that was found out', async protocol => {
      for (const family of FAMILIES) {
        const target = chain.target(family)
        const document = await documentOf(chain.source, [...PROTOCOLS[protocol], target], AS_NOBODY)
        expectWholePath(document, pathOf(chain, family))
        expect(document).toMatchObject({ target, address: target, protocol, privilege: 'none', flows: null, mtu: null })
        expect(document.hops.every(({ sent }) => sent === 3)).toBe(true)
      }
    })

    test('root, in rounds, sees the same', async () => {
      for (const protocol of EACH) {
        const args = [...PROTOCOLS[protocol], '-c', '5', '-i', '0.1', chain.target(4)]
        const document = await documentOf(chain.source, args)
        expectWholePath(document, pathOf(chain, 4))
        expect(document.rounds).toBe(5)
      }
    })

    test('the peers see the same', async () => {
      for (const family of FAMILIES) {
        const target = chain.target(family)
        const [ours, traceroute, mtr, tracepath] = await Promise.all([
          traceIn(chain.source, ['-n', target], AS_NOBODY),
          tracerouteHops(chain.source, [target]),
          mtrHops(chain.source, ['-c', '2', target]),
          tracepathHops(chain.source, [target]),
        ])
        const path = pathOf(chain, family)
        expect({ code: ours.code, stderr: ours.stderr, hops: textHops(ours.stdout) }).toEqual({
          code: 0,
          stderr: '',
          hops: path,
        })
        expect(traceroute).toEqual(path)
        expect(mtr).toEqual(path)
        // Some hops have two lines, for the MTU.
        expect([...new Set(tracepath)]).toEqual(path)
      }
    })
  })

  describe('three routers away', () => {
    let chain: Chain
    beforeAll(async () => {
      chain = await addChain(3)
      await setPingGroups(chain.source, 'open')
    })
    afterAll(() => removeChain(chain))

    test.each(EACH)('%s: 50 runs as uid 65534, and no false star', async protocol => {
      let done = 0
      const some = async (family: Family) => {
        for (let run = 0; run < 25; run++) {
          const args = [...PROTOCOLS[protocol], chain.target(family)]
          expectWholePath(await documentOf(chain.source, args, AS_NOBODY), pathOf(chain, family))
          done++
        }
      }
      await Promise.all(FAMILIES.map(some))
      expect(done).toBe(50)
    })

    test('no raw socket is opened', async () => {
      for (const protocol of EACH) {
        for (const family of FAMILIES) {
          const { calls, code } = await socketCalls(
            chain.source,
            ['-n', ...PROTOCOLS[protocol], chain.target(family)],
            AS_NOBODY,
          )
          expect(code).toBe(0)
          const type = protocol === 'tcp' ? 'SOCK_STREAM' : 'SOCK_DGRAM'
          expect(calls.join('\n')).toMatch(new RegExp(`AF_INET${family === 6 ? '6' : ''}, ${type}`))
          expect(calls.filter(call => call.includes('SOCK_RAW') && !call.includes('AF_NETLINK'))).toEqual([])
          expect(calls.filter(call => call.includes('AF_PACKET'))).toEqual([])
        }
      }
    })

    test('TCP says whether the port is open', async () => {
      for (const family of FAMILIES) {
        const args = ['-T', '-P', '8080', chain.target(family)]
        expect(await documentOf(chain.source, args, AS_NOBODY)).toMatchObject({ port: 8080, targetState: 'refused' })
      }
      // One that is bound to all addresses of one family at a time.
      await listenIn(chain.destination, 4, 8081)
      await listenIn(chain.destination, 6, 8082)
      for (const [family, port] of [
        [4, 8081],
        [6, 8082],
      ] as const) {
        const args = ['-T', '-P', String(port), chain.target(family)]
        const document = await documentOf(chain.source, args, AS_NOBODY)
        expectWholePath(document, pathOf(chain, family))
        expect(document).toMatchObject({ port, targetState: 'open' })
        expect(document.verdict.join('\n')).toMatch(/open/)
      }
    })

    test('first and last hop can be chosen', async () => {
      const path = pathOf(chain, 4)
      for (const protocol of EACH) {
        const far = await documentOf(chain.source, [...PROTOCOLS[protocol], '-f', '3', chain.target(4)], AS_NOBODY)
        expect(far).toMatchObject({ exit: 0, reached: true })
        expect(far.hops.map(({ ttl, responders }) => [ttl, responders[0]?.address])).toEqual([
          [3, path[2]],
          [4, path[3]],
        ])
        const near = await documentOf(chain.source, [...PROTOCOLS[protocol], '-m', '2', chain.target(4)], AS_NOBODY)
        expect(near).toMatchObject({ exit: 1, reached: false })
        expect(hopsOf(near)).toEqual([[path[0]], [path[1]]])
      }
    })

    test('every size up to the MTU gets there', async () => {
      for (const [family, least] of [
        [4, '46'],
        [6, '66'],
      ] as const) {
        for (const protocol of ['icmp', 'udp'] as const) {
          for (const size of [least, '500', '1500']) {
            const args = [...PROTOCOLS[protocol], '-s', size, chain.target(family)]
            const document = await documentOf(chain.source, args, AS_NOBODY)
            expectWholePath(document, pathOf(chain, family))
            expect(document.packetBytes).toBe(Number(size))
          }
        }
      }
    })

    test('source address, interface and type of service reach the probes', async () => {
      for (const family of FAMILIES) {
        const here = chain.farAddress(0, family)
        for (const protocol of EACH) {
          const args = [...PROTOCOLS[protocol], '-a', here, '-I', 'far0', '-Q', '0x10', chain.target(family)]
          expectWholePath(await documentOf(chain.source, args, AS_NOBODY), pathOf(chain, family))
        }
      }
    })

    test('loopback is one hop', async () => {
      for (const target of ['127.0.0.1', '::1']) {
        for (const protocol of EACH) {
          expectWholePath(await documentOf(chain.source, [...PROTOCOLS[protocol], target], AS_NOBODY), [target])
        }
      }
    })

    test('where ICMP sockets are closed, a user is served by UDP, and it is said; ICMP by name is refused', async () => {
      await setPingGroups(chain.source, 'closed')
      try {
        const served = await traceIn(chain.source, ['-n', chain.target(4)], AS_NOBODY)
        expect({ code: served.code, hops: textHops(served.stdout) }).toEqual({ code: 0, hops: pathOf(chain, 4) })
        expect(served.stderr).toMatch(/^netkit: .*UDP/m)
        const { hints } = await expectRefusal(chain.source, ['-n', '--icmp', chain.target(4)], 3, /permi/i, AS_NOBODY)
        expect(hints.join('\n')).toContain('net.ipv4.ping_group_range')
        const root = await traceIn(chain.source, ['-n', '--icmp', chain.target(4)])
        expect({ code: root.code, hops: textHops(root.stdout) }).toEqual({ code: 0, hops: pathOf(chain, 4) })
      } finally {
        await setPingGroups(chain.source, 'open')
      }
    })

    test('--raw is for those who may, and sees what routers quote', async () => {
      await expectRefusal(chain.source, ['-n', '--raw', chain.target(4)], 3, /permi/i, AS_NOBODY)
      for (const family of FAMILIES) {
        for (const protocol of EACH) {
          const args = ['--raw', ...PROTOCOLS[protocol], '-Q', '0x10', chain.target(family)]
          const document = await documentOf(chain.source, args)
          expectWholePath(document, pathOf(chain, family))
          expect(document.privilege).toBe('raw')
          const routers = document.hops.slice(0, 3).map(({ responders }) => responders[0])
          expect(routers.map(responder => responder?.tos)).toEqual([16, 16, 16])
          expect(routers.map(responder => responder?.translated)).toEqual([false, false, false])
        }
      }
    })
  })
}, ['traceroute', 'mtr', 'tracepath', 'strace'])
