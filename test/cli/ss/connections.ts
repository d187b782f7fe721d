// Connections in a namespace that open and close on command, and a netkit that runs on while they do.

import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Helper, inNetns, spawnInNetns } from '../../lab/index.js'
import { finish, NETKIT, type RunResult, spawnNetkit } from '../run.js'

const SCRIPT = fileURLToPath(new URL('connections.py', import.meta.url))

export interface Connections {
  helper: Helper
  port: number
}

export async function connections(ns: string): Promise<Connections> {
  const helper = await spawnInNetns(ns, ['python3', SCRIPT])
  return { helper, port: (await helper.next<{ port: number }>()).port }
}

export const clients = async ({ helper }: Connections, command: string): Promise<number[]> =>
  (await helper.ask<{ ports: number[] }>(command)).ports

/** A netkit that runs on, whose output can be waited for. */
export class Running {
  readonly child: ChildProcess
  readonly ended: Promise<RunResult>
  private text = ''

  constructor(ns: string, args: readonly string[]) {
    this.child = spawnNetkit(['netns', 'exec', ns, NETKIT, ...args], { program: 'ip' })
    this.child.stdout!.on('data', chunk => {
      this.text += chunk
    })
    this.ended = finish(this.child)
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1)
  }

  /** Resolves when a condition on the lines so far holds. */
  async until(holds: (lines: string[]) => boolean): Promise<string[]> {
    const limit = Date.now() + 20_000
    while (!holds(this.lines)) {
      if (Date.now() > limit) throw new Error(`never came; there is:\n${this.text}`)
      await pause(20)
    }
    return this.lines
  }

  async stop(signal: NodeJS.Signals = 'SIGINT'): Promise<RunResult> {
    this.child.kill(signal)
    return this.ended
  }
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
export const run = (ns: string, args: readonly string[], uid?: number): Promise<RunResult> =>
  inNetns(ns, [NETKIT, 'ss', ...args], uid === undefined ? {} : { uid })
