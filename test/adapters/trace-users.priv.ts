// Who may trace: a user without any privilege with three protocols, and root through the raw-socket package.

import { chmod, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addChain, type Chain, describeLab, type Family, NOBODY, removeChain, setPingGroups } from '../lab/index.js'
import { withReachableAddon } from './probe-collect.js'
import { probeOptions } from './probe-helper.js'
import { bundledTrace } from './trace-bundled.js'
import { TRACEROUTE_PORT, type TraceRow, trueOutline } from './trace-collect.js'

/** Where the bundle, which is run from elsewhere, finds the package. */
process.env['NODE_PATH'] = dirname(dirname(createRequire(import.meta.url).resolve('raw-socket/package.json')))

const ROUTERS = 3
const HOPS = ROUTERS + 1
const FAMILIES: readonly Family[] = [4, 6]
const PORT_UNREACHABLE = { 4: '3/3', 6: '1/4' } as const
const PROTOCOLS = [
  ['datagram', 'adapters/echo-socket.ts', 'openEchoSocket', () => 'echo-reply'],
  ['udp', 'adapters/udp-probe.ts', 'openUdpProbe', (family: Family) => PORT_UNREACHABLE[family]],
  ['tcp', 'adapters/tcp-probe.ts', 'openTcpProbe', () => 'refused'],
] as const
const EVERY = PROTOCOLS.flatMap(([kind, ...more]) => FAMILIES.map(family => [kind, family, ...more] as const))

const rowsOf = (kind: string, count: number): TraceRow[] =>
  Array.from({ length: count }, (_, index) => ({
    sequence: index + 1,
    ttl: 1 + ((index * 3) % HOPS),
    flow: kind === 'tcp' ? index : index % 3,
  }))

const plain = ({ answers }: { answers: { sequence: number; from: string | null; what: string }[] }) =>
  answers.map(({ sequence, from, what }) => ({ sequence, from, what }))

describeLab('a trace by whoever runs it', () => {
  let chain: Chain
  beforeAll(async () => {
    chain = await addChain(ROUTERS)
    await setPingGroups(chain.source, 'open')
  })
  afterAll(() => removeChain(chain))

  test.each(EVERY)('%s as nobody: forty probes, none lost, each answered by its hop (IPv%i)', async (...row) => {
    const [kind, family, module, open, word] = row
    const rows = rowsOf(kind, 40)
    const options = probeOptions([chain.target(family)], {
      payloadBytes: 32,
      port: kind === 'datagram' ? null : TRACEROUTE_PORT,
      timestamps: 'rx',
      sourcePort: null,
    })
    await withReachableAddon(async root => {
      const calls = join(root, 'calls')
      await writeFile(calls, '')
      await chmod(calls, 0o666)
      const through = ['strace', '-f', '-qq', '-e', 'trace=socket', '-e', 'signal=none', '-o', calls]
      for (const gapMs of [0, 2]) {
        const got = await bundledTrace(
          ['adapters/native.ts', module],
          `x.${open}(x.loadNative(${JSON.stringify(root)}), options)`,
          options,
          rows,
          { ns: chain.source, uid: NOBODY, gapMs, through },
        )
        expect(got.kind).toBe(kind)
        expect(got.results).toEqual(rows.map(() => 0))
        expect(plain(got)).toEqual(trueOutline(chain, family, rows, word(family)))
        const sockets = await readFile(calls, 'utf8')
        expect(sockets).toContain(kind === 'tcp' ? 'SOCK_STREAM' : 'SOCK_DGRAM')
        expect(sockets).not.toContain('SOCK_RAW')
      }
    })
  })

  test.each(FAMILIES)(
    'the raw-socket package: forty probes, each answered by its hop, in flows (IPv%i)',
    async family => {
      const rows = rowsOf('raw-socket', 40)
      const wishes = {
        payloadBytes: 32,
        timestamps: 'user',
        transport: 'raw-socket',
        tos: 0x48,
        quotedHeaders: true,
      } as const
      const got = await bundledTrace(
        ['adapters/echo-raw-socket.ts'],
        'x.openRawSocketPackage(options)',
        probeOptions([chain.target(family)], wishes),
        rows,
        { ns: chain.source, gapMs: 1 },
      )
      expect(got.results).toEqual(rows.map(() => 0))
      expect(plain(got)).toEqual(trueOutline(chain, family, rows, 'echo-reply'))
      const asSent = { tos: 0x48, ttl: 1, translated: false, source: null, destination: null }
      for (const { quote, what } of got.answers) expect(quote).toEqual(what === 'echo-reply' ? null : asSent)
      const sums = [0, 1, 2].map(flow => {
        const own = got.answers.filter(({ sequence, quoted }) => (sequence - 1) % 3 === flow && quoted.length > 0)
        expect(own.length).toBeGreaterThan(5)
        return [...new Set(own.map(({ quoted }) => (quoted[2]! << 8) | quoted[3]!))]
      })
      expect(sums).toEqual([sums[0], [sums[0]![0]! + 1], [sums[0]![0]! + 2]])
      // What the sums of ICMPv6 cover is not known to who sends through the package.
      expect(got.flowValues).toEqual(family === 4 ? sums.flat() : [0, 0, 0])
    },
  )
}, ['strace'])
