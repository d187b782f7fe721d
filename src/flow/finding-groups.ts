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
export const MOST_DISTINCT = 65_536
const REST = 'others'

/** What joins a group; its member is asked for only when it is to be kept. */
export interface Joining {
  flow: FlowBrief
  weight: number
  /** Whether more is known of it when the capture ends. */
  isPending: boolean
  member(): Member
}

type Key = 'client' | 'server'

/** Findings of one rule, by client and by server at once: whichever needs fewer groups is shown. */
export class RuleGroups {
  readonly #by = new Map<Key, Map<string, Group>>([
    ['server', new Map()],
    ['client', new Map()],
  ])

  add(member: Member): void {
    const { match, flow } = member
    this.join({ flow, weight: match.weight, isPending: match.complete !== undefined, member: () => member })
  }

  join(joining: Joining): void {
    for (const [by, groups] of this.#by) {
      join(groups, joining.flow[by], joining)
      // Where the one needs too many, the other is shown.
      if (groups.size > MOST_GROUPS && this.#by.size > 1) this.#by.delete(by)
    }
  }

  groups(): { by: Key; groups: Group[] } {
    const [first, other] = [...this.#by]
    const [by, groups] = other !== undefined && other[1].size < first![1].size ? other : first!
    return { by, groups: [...groups.values()] }
  }
}

function join(groups: Map<string, Group>, name: string, joining: Joining): void {
  const key = groups.size < MOST_GROUPS || groups.has(name) ? name : REST
  const { flow, isPending } = joining
  let group = groups.get(key)
  if (group === undefined) {
    group = {
      key,
      flows: 0,
      worst: joining.member(),
      ids: [],
      frames: [],
      distinct: null,
      pending: [],
      allPending: true,
    }
    groups.set(key, group)
  } else noteDistinct(group, flow)
  group.flows++
  if (!isPending) group.allPending = false
  if (group.ids.length < MOST_NAMED) group.ids.push(flow.id)
  const isWorst = joining.weight > group.worst.match.weight
  const isHeld = isPending && group.pending.length < MOST_NAMED
  if (!isWorst && !isHeld && group.frames.length === MOST_NAMED) return
  const member = joining.member()
  if (isWorst) group.worst = member
  if (isHeld) group.pending.push(member)
  for (const frame of member.match.frames) if (group.frames.length < MOST_NAMED) group.frames.push(frame)
}

function noteDistinct(group: Group, flow: FlowBrief): void {
  if (group.distinct === null) {
    const { client, serverAddress, port } = group.worst.flow
    group.distinct = { clients: new Set([client]), servers: new Set([serverAddress]), ports: new Set([port]) }
  }
  const { clients, servers, ports } = group.distinct
  if (clients.size < MOST_DISTINCT) clients.add(flow.client)
  if (servers.size < MOST_DISTINCT) servers.add(flow.serverAddress)
  ports.add(flow.port)
}
