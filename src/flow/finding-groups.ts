// Puts findings that are alike together while flows end: a scan of a thousand ports is one finding. What is kept is bounded.

import type { FlowMatch } from './finding-rule.js'
import { endName } from './finding-subject.js'
import type { TcpFlow } from './model.js'

export interface Member {
  match: FlowMatch
  flow: TcpFlow
}

export interface Group {
  /** Address of the client, or address and port of the server. */
  key: string
  flows: number
  worst: Member
  /** The first ones. */
  ids: number[]
  frames: number[]
  clients: Set<string>
  servers: Set<string>
  ports: Set<number>
  /** Every one of its flows has something that is known only at the end. */
  pending: Member[]
  allPending: boolean
}

const MOST_GROUPS = 4096
const MOST_NAMED = 8
const MOST_DISTINCT = 65_536
const REST = 'others'

/** Findings of one rule, by client and by server at once: whichever needs fewer groups is shown. */
export class RuleGroups {
  readonly #byServer = new Map<string, Group>()
  readonly #byClient = new Map<string, Group>()

  add(member: Member): void {
    join(this.#byServer, endName(member.flow.server), member)
    join(this.#byClient, member.flow.client.address, member)
  }

  groups(): { by: 'client' | 'server'; groups: Group[] } {
    return this.#byClient.size < this.#byServer.size
      ? { by: 'client', groups: [...this.#byClient.values()] }
      : { by: 'server', groups: [...this.#byServer.values()] }
  }
}

function join(groups: Map<string, Group>, name: string, member: Member): void {
  const key = groups.size < MOST_GROUPS || groups.has(name) ? name : REST
  const { match, flow } = member
  let group = groups.get(key)
  if (group === undefined) {
    group = {
      key,
      flows: 0,
      worst: member,
      ids: [],
      frames: [],
      clients: new Set(),
      servers: new Set(),
      ports: new Set(),
      pending: [],
      allPending: true,
    }
    groups.set(key, group)
  }
  group.flows++
  if (match.weight > group.worst.match.weight) group.worst = member
  if (match.complete === undefined) group.allPending = false
  else if (group.pending.length < MOST_NAMED) group.pending.push(member)
  if (group.ids.length < MOST_NAMED) group.ids.push(flow.id)
  for (const frame of match.frames) if (group.frames.length < MOST_NAMED) group.frames.push(frame)
  if (group.clients.size < MOST_DISTINCT) group.clients.add(flow.client.address)
  if (group.servers.size < MOST_DISTINCT) group.servers.add(flow.server.address)
  if (group.ports.size < MOST_DISTINCT) group.ports.add(flow.server.port)
}
