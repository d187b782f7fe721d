// Trouble made on purpose: a listener whose queue is full, and a link too small for the packets of a server, with a router that
// tells and one that does not.

import { expect, it } from 'vitest'
import { describeLab, type SceneEnds, withTcpScenes } from '../../lab/index.js'
import { between, connections, decode, inspect } from './acceptance.js'

describeLab('trouble made on purpose', () => {
  it('a full accept queue is found for the connections that it keeps out, and for no other', async () => {
    await withTcpScenes(async ({ near, far, capture, play, captured }) => {
      const files = [await capture(near), await capture(far)]
      type Truth = { queued: number[]; stuck: number[]; unanswered: number[]; overflows: number }
      const truth = await play<Truth>('full-queue', 4000)
      await captured()
      // The kernel's own count.
      expect(truth.overflows).toBeGreaterThan(0)
      expect(truth).toMatchObject({ queued: [expect.any(Number)], stuck: [expect.any(Number), expect.any(Number)] })
      for (const file of files) {
        const flows = new Map(connections(await decode(file)).map(flow => [flow.client.port, flow]))
        expect(flows.size).toBe(8)
        for (const port of truth.stuck) {
          expect(flows.get(port)).toMatchObject({ opening: 'full', outcome: 'established' })
          expect(flows.get(port)!.synAckRetransmits).toBeGreaterThanOrEqual(2)
          expect(flows.get(port)!.retransmissions.client).toBeGreaterThanOrEqual(1)
        }
        for (const port of truth.queued)
          expect(flows.get(port)).toMatchObject({ outcome: 'established', synAckRetransmits: 0 })
        for (const port of truth.unanswered)
          expect(flows.get(port)).toMatchObject({ opening: 'syn-only', outcome: 'no-answer' })
        const { findings } = await inspect(file)
        const overflow = findings.find(({ rule }) => rule === 'accept-queue-overflow')
        expect(overflow).toMatchObject({ flows: truth.stuck.length })
        expect(truth.stuck.map(port => flows.get(port)!.id)).toContain(overflow!.flow)
      }
    })
  })

  it('a small link behind a silent router is a black hole where the segments are seen, and is not guessed where they are not', async () => {
    await withTcpScenes(async ({ near, far, capture, play, captured }) => {
      const files = [await capture(near), await capture(far)]
      const truth = await play<SceneEnds & { dropped: number; most: number }>('small-link', 4000, 'silent')
      await captured()
      const [atClient, atServer] = await Promise.all(files.map(async file => between(await decode(file), truth)[0]!))
      expect(atClient).toMatchObject({ outcome: 'established', payloadBytes: { client: 7, server: 656 } })
      expect(atClient).toMatchObject({ gaps: { server: 1 }, retransmissions: { server: 0 } })
      expect(atServer).toMatchObject({ outcome: 'established', icmpErrors: [] })
      expect(atServer!.retransmissions.server).toBeGreaterThanOrEqual(truth.most - 1)
      const [ofClient, ofServer] = await Promise.all(files.map(async file => (await inspect(file)).findings))
      expect(ofServer!.filter(({ rule }) => rule === 'mtu-black-hole')).toMatchObject([
        { flow: atServer!.id, flows: 1 },
      ])
      expect(ofClient!.filter(({ rule }) => rule === 'mtu-black-hole')).toEqual([])
    })
  })

  it('a small link behind a router that tells is no black hole: the size is told, and all arrives', async () => {
    await withTcpScenes(async ({ near, far, capture, play, captured }) => {
      const files = [await capture(near), await capture(far)]
      const truth = await play<SceneEnds & { dropped: number }>('small-link', 4000, 'tells')
      await captured()
      for (const [file, errors] of [
        [files[0]!, 0],
        // So many are kept of a flow.
        [files[1]!, Math.min(truth.dropped, 8)],
      ] as const) {
        const [flow] = between(await decode(file), truth)
        expect(flow).toMatchObject({ outcome: 'closed-normally', unacknowledgedBytes: { server: 0 } })
        expect(flow!.icmpErrors).toHaveLength(errors)
        for (const error of flow!.icmpErrors)
          expect(error).toMatchObject({ from: '192.0.2.254', type: 3, code: 4, about: 'server' })
        const rules = (await inspect(file)).findings.map(({ rule }) => rule)
        expect(rules).not.toContain('mtu-black-hole')
        expect(rules.includes('path-mtu')).toBe(errors > 0)
      }
    })
  })
}, ['tcpdump', '/dev/net/tun'])
