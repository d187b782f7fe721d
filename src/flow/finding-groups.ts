// Puts findings that are alike together while flows end: a scan of a thousand ports is one finding. What is kept is bounded.

import type { FlowMatch } from './finding-rule.js'

/** What is kept of a flow: the flow itself is too large where there are many. */
export interface FlowBrief {
  id: number
  client: string
  /** Address, and address and port. */
  serverAddress: string
  server: string
  port: number
  startNs: number
  endNs: number
}

export interface Member {
  match: FlowMatch
  flow: FlowBrief
}

export interface Group {
  /** Address of the client, or address and port of the server. */
  key: string
  flows: number
  worst: Member
  /** The first ones. */
  ids: number[]
  frames: number[]
  /** Of its flows; null while there is one only. */
  distinct: Distinct | null
  /** Every one of its flows has something that is known only at the end. */
  pending: Member[]
  allPending: boolean
}

export interface Distinct {
  clients: Set<string>
  servers: Set<string>
  ports: Set<number>
}

const MOST_GROUPS = 1024
const MOST_NAMED = 8
const MOST_DISTINCT = 65_536
const REST = 'others'

/** Findings of one rule, by client and by server at once: whichever needs fewer groups is shown. */
export class RuleGroups {
  readonly #byServer = new Map<string, Group>()
  readonly #byClient = new Map<string, Group>()

  add(member: Member): void {
    join(this.#byServer, member.flow.server, member)
    join(this.#byClient, member.flow.client, member)
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
      distinct: null,
      pending: [],
      allPending: true,
    }
    groups.set(key, group)
  } else noteDistinct(group, flow)
  group.flows++
  if (match.weight > group.worst.match.weight) group.worst = member
  if (match.complete === undefined) group.allPending = false
  else if (group.pending.length < MOST_NAMED) group.pending.push(member)
  if (group.ids.length < MOST_NAMED) group.ids.push(flow.id)
  for (const frame of match.frames) if (group.frames.length < MOST_NAMED) group.frames.push(frame)
}

function noteDistinct(group: Group, flow: FlowBrief): void {
  if (group.distinct === null) {
    const { client, serverAddress, port } = group.worst.flow
    group.distinct = { clients: new Set([client]), servers: new Set([serverAddress]), ports: new Set([port]) }
  }
  const { clients, servers, ports } = group.distinct
  if (clients.size < MOST_DISTINCT) clients.add(flow.client)
  if (servers.size < MOST_DISTINCT) servers.add(flow.serverAddress)
  if (ports.size < MOST_DISTINCT) ports.add(flow.port)
}
