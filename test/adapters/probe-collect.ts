// Sends probes through a transport in a namespace and collects what comes back.

import { closeSync, openSync } from 'node:fs'
import { chmod, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProbeError, ProbeOptions, ProbeReply, ProbeTransport, SendBatch } from '../../src/ports/probe.js'
import type { SocketPort } from '../../src/ports/socket.js'
import { type Helper, spawnInNetns } from '../lab/index.js'
import { native } from '../native/helper.js'
import { probeOptions } from './probe-helper.js'

/** A reply, its payload copied, or an error. */
export type Message = { kind: 'reply'; reply: ProbeReply } | { kind: 'error'; error: ProbeError }

export interface Collected {
  /** By row: 0 or -errno. */
  results: number[]
  sentNs: number[]
  sentMonoNs: number[]
  mtus: number[]
  messages: Message[]
}

type Open = (port: SocketPort, options: ProbeOptions) => ProbeTransport

export function optionsFor(
  family: 4 | 6,
  addresses: readonly string[],
  more: Partial<ProbeOptions> = {},
): ProbeOptions {
  return probeOptions(addresses, { family, timestamps: 'rx', ...more })
}

/** Rows of target and sequence as a batch. */
export function batchOf(rows: readonly (readonly [target: number, sequence: number, bytes?: number])[]): SendBatch {
  return {
    count: rows.length,
    target: Int32Array.from(rows, row => row[0]),
    sequence: Uint32Array.from(rows, row => row[1]),
    payloadBytes: Int32Array.from(rows, row => row[2] ?? 56),
    result: new Int32Array(rows.length),
    sentNs: new Float64Array(rows.length),
    sentMonoNs: new Float64Array(rows.length),
    mtu: new Int32Array(rows.length),
  }
}

/** A transport in a namespace for as long as `work` takes. */
export async function withTransport<T>(
  open: Open,
  ns: string,
  options: ProbeOptions,
  work: (transport: ProbeTransport) => Promise<T>,
): Promise<T> {
  const netnsFd = openSync(`/run/netns/${ns}`, 'r')
  try {
    const transport = open(native, { ...options, netnsFd })
    try {
      return await work(transport)
    } finally {
      transport.close()
    }
  } finally {
    closeSync(netnsFd)
  }
}

/** Sends rows and takes what comes until there are `wanted` messages, or the time is over. */
export async function exchange(
  transport: ProbeTransport,
  batch: SendBatch,
  wanted: number,
  timeoutMs = 5000,
): Promise<Collected> {
  const messages: Message[] = []
  const visitor = {
    reply: (reply: ProbeReply) => {
      messages.push({
        kind: 'reply',
        reply: { ...reply, data: reply.data.slice(reply.payloadStart, reply.payloadEnd) },
      })
    },
    error: (error: ProbeError) => {
      messages.push({ kind: 'error', error: { ...error } })
    },
    transmitted: () => undefined,
  }
  await new Promise<void>(resolve => {
    const timer = setTimeout(resolve, timeoutMs)
    const receive = (): void => {
      transport.receive(visitor)
      if (messages.length < wanted) return
      clearTimeout(timer)
      resolve()
    }
    transport.onReadable(receive)
    transport.send(batch)
    receive()
  })
  // Nothing more than was wanted may be there.
  transport.receive(visitor)
  return {
    results: [...batch.result],
    sentNs: [...batch.sentNs],
    sentMonoNs: [...batch.sentMonoNs],
    mtus: [...(batch.mtu ?? [])],
    messages,
  }
}

/** One probe of one address. */
export async function probe(
  open: Open,
  ns: string,
  options: ProbeOptions,
  { wanted = 1, timeoutMs = 5000, bytes = 56 } = {},
): Promise<Collected> {
  return withTransport(open, ns, options, transport => exchange(transport, batchOf([[0, 1, bytes]]), wanted, timeoutMs))
}

const LISTENER = `
import json, socket, sys
sock = socket.create_server(('::', 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
print(json.dumps({'port': sock.getsockname()[1]}), flush=True)
sys.stdin.read()
`

/** Echoes datagrams, answers them with other words, or twice; by what the first byte says where there is one. */
const RESPONDER = `
import json, socket, sys, threading
mode = sys.argv[1]
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
sock.bind(('::', 0))
print(json.dumps({'port': sock.getsockname()[1]}), flush=True)
def serve():
    while True:
        data, peer = sock.recvfrom(65535)
        for _ in range(2 if mode == 'twice' else 1):
            sock.sendto(data if mode != 'words' else b'hello', peer)
threading.Thread(target=serve, daemon=True).start()
sys.stdin.read()
`

async function start(ns: string, script: string, ...words: string[]): Promise<{ port: number; helper: Helper }> {
  const helper = await spawnInNetns(ns, ['python3', '-c', script, ...words])
  const { port } = await helper.next<{ port: number }>()
  return { port, helper }
}

/** A TCP listener that never accepts, of both families. */
export const listen = (ns: string) => start(ns, LISTENER)

/** A UDP port, of both families, that echoes, echoes twice, or answers with words of its own. */
export const respond = (ns: string, mode: 'echo' | 'twice' | 'words') => start(ns, RESPONDER, mode)

/** One row, target 0 and sequence 1, as text of a program of its own. */
export const BATCH_TEXT = `{
  count: 1, target: new Int32Array(1), sequence: new Uint32Array([1]), payloadBytes: new Int32Array([56]),
  result: new Int32Array(1), sentNs: new Float64Array(1), sentMonoNs: new Float64Array(1),
}`

/** Runs `work` with a directory for `loadNative` that every user may read, wherever this checkout is. */
export async function withReachableAddon<T>(work: (root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), 'nk-addon-'))
  try {
    await chmod(root, 0o755)
    const prebuilds = fileURLToPath(new URL('../../prebuilds', import.meta.url))
    await cp(prebuilds, join(root, 'prebuilds'), { recursive: true })
    return await work(root)
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
