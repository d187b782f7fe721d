// Who waits in TIME-WAIT: what `netkit decode` says of a capture, and what `netkit ss` says on the two hosts.

import { expect, it } from 'vitest'
import { describeLab, type SceneEnds, withTcpScenes } from '../../lab/index.js'
import { listing } from '../ss/acceptance.js'
import { between, decode } from './acceptance.js'

type TimeWait = 'client' | 'server' | 'both' | 'none'

/** How a connection ends, and who waits then by RFC 9293 3.6. */
const ENDINGS: readonly [closing: string, family: 'v4' | 'v6', waits: TimeWait][] = [
  ['client', 'v4', 'client'],
  ['server', 'v4', 'server'],
  ['both', 'v4', 'both'],
  ['client-abort', 'v4', 'none'],
  ['server-abort', 'v4', 'none'],
  ['client', 'v6', 'client'],
  ['server', 'v6', 'server'],
  ['both', 'v6', 'both'],
]

/** `local peer` of the sockets in TIME-WAIT there. */
async function waiting(ns: string): Promise<Set<string>> {
  const { sockets } = await listing(ns, ['-n', '-t', '--state', 'time-wait'])
  return new Set(sockets.map(({ local, peer }) => `${local.address} ${local.port} ${peer.address} ${peer.port}`))
}

const name = (own: SceneEnds['client'], other: SceneEnds['client']): string =>
  `${own.address} ${own.port} ${other.address} ${other.port}`

describeLab('TIME-WAIT', () => {
  it('is on the side that ss shows it on, however the connection ends', async () => {
    await withTcpScenes(async ({ near, far, capture, play, captured }) => {
      const files = [await capture(near), await capture(far)]
      const played: SceneEnds[] = []
      for (const [at, [closing, family]] of ENDINGS.entries())
        played.push(await play<SceneEnds>('conversation', 4000 + at, closing, family))
      // They wait for 60 s.
      const [clients, servers] = await Promise.all([waiting(near), waiting(far)])
      await captured()
      const bySs = played.map(({ client, server }): TimeWait => {
        const isClient = clients!.has(name(client, server))
        const isServer = servers!.has(name(server, client))
        return isClient ? (isServer ? 'both' : 'client') : isServer ? 'server' : 'none'
      })
      expect(bySs).toEqual(ENDINGS.map(([, , waits]) => waits))
      for (const file of files) {
        const document = await decode(file)
        const flows = played.map(ends => between(document, ends))
        expect(flows.map(({ length }) => length)).toEqual(ENDINGS.map(() => 1))
        expect(flows.map(([flow]) => flow!.timeWaitSide)).toEqual(bySs)
        for (const [at, [flow]] of flows.entries()) {
          const [closing, , waits] = ENDINGS[at]!
          const isReset = closing.endsWith('-abort')
          expect(flow).toMatchObject({
            opening: 'full',
            outcome: isReset ? `reset-by-${closing.replace('-abort', '')}` : 'closed-normally',
            closedFirst: closing.replace('-abort', ''),
            clientState: waits === 'client' || waits === 'both' ? 'time-wait' : 'closed',
            serverState: waits === 'server' || waits === 'both' ? 'time-wait' : 'closed',
          })
        }
      }
    })
  })
}, ['tcpdump', '/dev/net/tun'])
