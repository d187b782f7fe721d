// Openings that are rare: from both sides at once, on the ports of a connection that is not forgotten yet, and with sequence
// numbers that begin again at 0. The kernel makes them; each is captured at both ends.

import { expect, it } from 'vitest'
import { describeLab, type SceneEnds, type TcpScenes, withTcpScenes } from '../../lab/index.js'
import { between, connections, decode, inspect, troubles } from './acceptance.js'

/** Plays a scene; the captures at its ends, the clients' first. */
async function captured<Truth>(
  { near, far, capture, play, captured }: TcpScenes,
  scene: string,
): Promise<{ truth: Truth; files: readonly [near: string, far: string] }> {
  const files = [await capture(near), await capture(far)] as const
  const truth = await play<Truth>(scene, 4000)
  await captured()
  return { truth, files }
}

const turned = ({ client, server }: SceneEnds): SceneEnds => ({ client: server, server: client })

describeLab('openings that are rare', () => {
  it('two ends that connect to each other at once are one connection, opened by both, without a SYN-ACK too many', async () => {
    await withTcpScenes(async scenes => {
      const { truth, files } = await captured<SceneEnds>(scenes, 'simultaneous-open')
      for (const [file, ends] of [
        [files[0], truth],
        // There the other SYN came first: its sender is the client.
        [files[1], turned(truth)],
      ] as const) {
        const document = await decode(file)
        expect(connections(document)).toHaveLength(1)
        const [flow] = between(document, ends)
        expect(flow).toMatchObject({
          opening: 'simultaneous',
          outcome: 'closed-normally',
          synRetransmits: 0,
          synAckRetransmits: 0,
          retransmissions: { client: 0, server: 0 },
        })
        // The clients' host closed first.
        const first = ends === truth ? 'client' : 'server'
        expect(flow).toMatchObject({ closedFirst: first, timeWaitSide: first })
        expect(flow!.payloadBytes[first]).toBe(7)
        const { packets, findings } = await inspect(file)
        expect(troubles(packets)).toEqual([])
        expect(findings.filter(({ rule }) => !rule.startsWith('slow-'))).toEqual([])
      }
    })
  })

  it('ports whose server waits in TIME-WAIT are taken by a new connection: two flows, and the SYN says why', async () => {
    await withTcpScenes(async scenes => {
      const { truth, files } = await captured<SceneEnds>(scenes, 'reuse')
      for (const file of files) {
        const flows = between(await decode(file), truth)
        const facts = { opening: 'full', outcome: 'closed-normally', payloadBytes: { client: 7, server: 800 } }
        expect(flows).toMatchObject([
          { ...facts, timeWaitSide: 'server' },
          { ...facts, timeWaitSide: 'client' },
        ])
        const { packets, findings } = await inspect(file)
        expect(troubles(packets)).toEqual(['port-reuse'])
        const reuse = packets.find(({ labels }) => labels.includes('port-reuse'))
        expect(reuse).toMatchObject({ flow: flows[1]!.id, frame: flows[1]!.frames.syn })
        expect(findings.filter(({ rule }) => !rule.startsWith('slow-'))).toEqual([])
      }
    })
  })

  it('a SYN that TIME-WAIT takes for an old one is answered by an old ACK, and resets it; then the connection is as any', async () => {
    await withTcpScenes(async scenes => {
      const { truth, files } = await captured<SceneEnds>(scenes, 'reuse-refused')
      for (const file of files) {
        const flows = between(await decode(file), truth)
        const facts = { outcome: 'closed-normally', payloadBytes: { client: 7, server: 800 } }
        expect(flows).toMatchObject([
          { ...facts, timeWaitSide: 'server', ignoredResetFrames: [] },
          { ...facts, timeWaitSide: 'client', resetBy: 'client', synRetransmits: 1 },
        ])
        const second = flows[1]!
        expect(second).toMatchObject({ gaps: { client: 0, server: 0 }, retransmissions: { client: 0, server: 0 } })
        const { packets, findings } = await inspect(file)
        expect(troubles(packets)).toEqual(['port-reuse', 'challenge-ack', 'rst-answer', 'syn-retransmit'])
        const reset = packets.find(({ labels }) => labels.includes('rst-answer'))
        expect(second.ignoredResetFrames).toEqual([reset!.frame])
        const evidence = second.evidence.filter(({ text }) => text.startsWith('the reset'))
        expect(evidence).toMatchObject([
          { text: expect.stringContaining('older connection'), frames: [reset!.frame - 1, reset!.frame] },
        ])
        expect(findings.map(({ rule }) => rule)).toContain('time-wait-refusal')
      }
    })
  })

  it('numbers that pass 2^32 are no jump: every byte counts once, and the segment that was lost there is the one sent again', async () => {
    await withTcpScenes(async scenes => {
      const { truth, files } = await captured<SceneEnds & { lost: number; again: number }>(scenes, 'wrap')
      expect(truth.lost).toBe(1)
      for (const file of files) {
        const [flow, ...more] = between(await decode(file), truth)
        expect(more).toEqual([])
        expect(flow).toMatchObject({
          opening: 'full',
          outcome: 'closed-normally',
          timeWaitSide: 'client',
          gaps: { client: 0, server: 0 },
          retransmissions: { server: 0 },
          outOfOrder: { server: 0 },
        })
        const { client, server } = flow!.payloadBytes
        expect({ client: client - flow!.retransmittedBytes.client, server }).toMatchObject({ server: 100_000 })
        const { packets } = await inspect(file)
        const again = packets.filter(({ labels }) =>
          labels.some(label => /^(retransmission|out-of-order)$/.test(label)),
        )
        // Where the lost segment was never seen, its first copy fills the hole.
        expect(again).toHaveLength(truth.again)
      }
      const [near, far] = await Promise.all(files.map(async file => between(await decode(file), truth)[0]!))
      expect(near!.payloadBytes.client - far!.payloadBytes.client).toBe(1448)
    })
  })
}, ['tcpdump', '/dev/net/tun'])
