// What a trace has found so far, with names and places: what every view shows.

import { NetkitError } from '../../errors/index.js'
import type { AddressPlace, PlaceDatabase } from '../../ports/places.js'
import type { TraceDocument, TraceMtu } from '../../probe/trace-document.js'
import type { TraceEvent, TraceHeader, VerifiedEvent } from '../../probe/trace-events.js'
import type { TraceNames } from './names.js'
import type { RunningTrace, TraceFold } from './parts.js'

/** As many as there are look-ups of names. */
const MOST_PLACES = 4096

export class TraceSession {
  private readonly run: RunningTrace
  private readonly newFold: (header: TraceHeader) => TraceFold
  private readonly names: TraceNames | null
  private readonly database: PlaceDatabase | null
  private readonly places = new Map<string, AddressPlace | null>()
  private readonly verified = new Map<number, VerifiedEvent>()
  private fold: TraceFold
  /** Probes up to this one were forgotten. */
  private forgotten = 0
  private lastSent = 0
  /** Why places are not known any more: a database turned out to be damaged. */
  damage: NetkitError | null = null

  constructor(
    run: RunningTrace,
    newFold: (header: TraceHeader) => TraceFold,
    names: TraceNames | null,
    database: PlaceDatabase | null,
  ) {
    this.run = run
    this.newFold = newFold
    this.names = names
    this.database = database
    this.fold = newFold(run.header)
  }

  add(event: TraceEvent): void {
    if ('sequence' in event) {
      if (event.event === 'sent') this.lastSent = Math.max(this.lastSent, event.sequence)
      if (event.sequence <= this.forgotten) return
      if ('from' in event) this.names?.want(event.from)
    }
    if (event.event === 'verified') this.verified.set(event.ttl, event)
    if (event.event === 'path-change') this.forgetBehind(event.ttl)
    this.fold.add(event)
  }

  /** Other hops are there now. */
  private forgetBehind(first: number): void {
    for (const ttl of this.verified.keys()) if (ttl >= first) this.verified.delete(ttl)
  }

  /** Forgets what was measured, and not what slowed probes have told of a hop: they are sent once. Answers to earlier probes count no more. */
  reset(): void {
    this.forgotten = this.lastSent
    this.fold = this.newFold(this.header)
    const atMs = Date.now()
    for (const event of this.verified.values()) this.fold.add({ ...event, atMs })
  }

  /** What the run is; it grows as flows are added. */
  get header(): TraceHeader {
    return this.run.header
  }

  document(mtu: TraceMtu | null = null): TraceDocument {
    return this.fold.document(Date.now(), {
      names: address => this.nameOf(address),
      place: address => this.placeOf(address),
      mtu,
      header: this.header,
    })
  }

  nameOf(address: string): string | null {
    return this.names?.nameOf(address) ?? null
  }

  placeOf(address: string): AddressPlace | null {
    const known = this.places.get(address)
    if (known !== undefined) return known
    const place = this.lookUp(address)
    if (this.places.size < MOST_PLACES) this.places.set(address, place)
    return place
  }

  private lookUp(address: string): AddressPlace | null {
    if (this.database === null || this.damage !== null) return null
    try {
      return this.database.placeOf(address)
    } catch (error) {
      if (!(error instanceof NetkitError)) throw error
      this.damage = error
      return null
    }
  }
}
