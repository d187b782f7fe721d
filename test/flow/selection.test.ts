import { describe, expect, it } from 'vitest'
import { FlowSet } from '../../src/flow/flow-set.js'
import { LABELS } from '../../src/flow/labels.js'
import { Selection, type Wanted } from '../../src/flow/selection.js'
import { Stepper } from './track-steps.js'

const ALL: Wanted = {
  hosts: [],
  ports: [],
  flows: new Set(),
  outcomes: new Set(),
  states: new Set(),
  labels: 0,
  since: null,
  until: null,
}

/** Frame 1 is of flow 1 and at 0 s; frames 2 to 4 are of flow 2, at 1, 2 and 3 s. Those that are wanted. */
function framesOf(wanted: Partial<Wanted>, found: FlowSet | null = null): number[] {
  const selection = new Selection({ ...ALL, ...wanted })
  selection.found = found
  const stepper = new Stepper()
  const frames: number[] = []
  for (const [index, atMs] of [0, 1000, 2000, 3000].entries()) {
    const ports = { a: index === 0 ? 40_000 : 40_001, b: 80 }
    stepper.add({ is: 'a>A', seq: 1, bytes: 10, atMs, ports })
    const isWanted = found === null ? selection.wantsPacket(stepper.packet, stepper.tracker) : null
    if (isWanted ?? selection.wantsWritten(stepper.packet, stepper.tracker)) frames.push(index + 1)
  }
  return frames
}

describe('times count from the first packet of the capture', () => {
  const since = { ns: 2_000_000_000n, isRelative: true }

  it('and not from the first of a flow that is wanted', () => {
    expect(framesOf({ flows: new Set([2]), since })).toEqual([3, 4])
    expect(framesOf({ flows: new Set([2]), until: since })).toEqual([2, 3])
  })

  it('and not from the first with a label', () => {
    expect(framesOf({ labels: 1 << LABELS.indexOf('retransmission'), since })).toEqual([3, 4])
  })

  it('and not from the first of the flows that another pass found', () => {
    const found = new FlowSet()
    found.add(2)
    expect(framesOf({ since }, found)).toEqual([3, 4])
  })
})

describe('a set of flows', () => {
  it('has those that were added, near and far', () => {
    const flows = new FlowSet()
    for (const id of [1, 8, 70_000]) flows.add(id)
    expect([0, 1, 7, 8, 9, 69_999, 70_000, 70_001, 9_000_000].filter(id => flows.has(id))).toEqual([1, 8, 70_000])
  })
})
