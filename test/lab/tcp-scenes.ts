// Rare moments of TCP made certain: the kernel at both ends of a wire that holds, drops and renumbers, and captures of it.

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { spawnInNetns, withNetns } from './netns.js'

const SCENES = fileURLToPath(new URL('tcp-scenes.py', import.meta.url))

/** Longer than what a scene itself waits for one state of the kernel. */
const SCENE_LIMIT_MS = 55_000

/** The two ends of a scene's connection. */
export interface SceneEnds {
  client: { address: string; port: number }
  server: { address: string; port: number }
}

export interface TcpScenes {
  /** The namespace of the clients, and that of the servers. */
  near: string
  far: string
  /** Starts tcpdump there; gives the file, which is complete when `captured` is done. */
  capture(ns: string, device?: string): Promise<string>
  /** Plays a scene of tcp-scenes.py to its end; answers what is true of it. */
  play<Truth>(scene: string, ...more: (string | number)[]): Promise<Truth>
  /** Ends the captures, once all that was sent is in them. */
  captured(): Promise<void>
}

interface Recording {
  file: string
  tcpdump: ChildProcess
  said(): string
}

/** Waits for what the machine does in its own time; a machine with much to do takes long. */
async function until(what: string, ready: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 45_000
  while (!(await ready())) {
    if (Date.now() > deadline) throw new Error(`never came: ${what}`)
    await pause(20)
  }
}

async function record(ns: string, device: string, file: string): Promise<Recording> {
  // In immediate mode each packet takes as much of the buffer as the longest: 2048 of them have room.
  const options = ['-i', device, '-w', file, '-U', '--immediate-mode', '-s', '4096', '-B', '8192', '-Z', 'root']
  const tcpdump = spawn('ip', ['netns', 'exec', ns, 'tcpdump', ...options], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  tcpdump.stderr.setEncoding('utf8').on('data', text => {
    said += text
  })
  await until('tcpdump', () => {
    if (tcpdump.exitCode !== null) throw new Error(`tcpdump: ${said}`)
    return said.includes('listening on')
  })
  return { file, tcpdump, said: () => said }
}

async function finish({ file, tcpdump, said }: Recording, mark: string): Promise<void> {
  await until('the mark in the capture', async () => (await readFile(file)).includes(mark))
  await end(tcpdump)
  if (!said().includes('\n0 packets dropped by kernel')) throw new Error(`the capture is not whole: ${said()}`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'close')
  child.kill('SIGTERM')
  await ended
}

/** Two namespaces and the wire between them; all of it is gone afterwards, the captures too. Needs tcpdump and /dev/net/tun. */
export async function withTcpScenes<T>(work: (scenes: TcpScenes) => Promise<T>): Promise<T> {
  return withNetns(2, async (near, far) => {
    const directory = await mkdtemp(join(tmpdir(), 'nk-scenes-'))
    const recordings: Recording[] = []
    // -B: no byte code is left beside the sources.
    const helper = await spawnInNetns(near!, ['python3', '-B', SCENES, near!, far!])
    await helper.next<{ pid: number }>()
    try {
      return await work({
        near: near!,
        far: far!,
        capture: async (ns, device = 'wire0') => {
          const file = join(directory, `${recordings.length}.pcap`)
          recordings.push(await record(ns, device, file))
          return file
        },
        play: (scene, ...more) => helper.ask([scene, ...more].join(' '), SCENE_LIMIT_MS),
        captured: async () => {
          const mark = `mark-${randomBytes(8).toString('hex')}`
          await helper.ask(`mark ${mark}`)
          for (const recording of recordings) await finish(recording, mark)
        },
      })
    } finally {
      for (const { tcpdump } of recordings) await end(tcpdump)
      await rm(directory, { recursive: true, force: true })
    }
  })
}
