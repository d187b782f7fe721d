// How flows are told apart by their encapsulation, and how many of them at the most: each one more is looked at for every packet.

import { expect, test } from 'vitest'
import { MOST_ALIKE } from '../../src/flow/flow-table.js'
import { OTHER_CHAIN } from '../../src/wire/encapsulations.js'
import { Stepper } from './track-steps.js'

test('the same ends in more encapsulations than are told apart are one flow of other ones, both ways', () => {
  const stepper = new Stepper()
  const first = OTHER_CHAIN + 1
  for (let chain = 0; chain < MOST_ALIKE; chain++)
    expect(stepper.add({ is: 'a>S', seq: 5, encapsulation: first + chain }).flowId).toBe(chain + 1)
  const other = MOST_ALIKE + 1
  for (let chain = MOST_ALIKE; chain < 2 * MOST_ALIKE; chain++)
    expect(stepper.add({ is: 'a>S', seq: 5, encapsulation: first + chain }).flowId).toBe(other)
  // Those that are told apart are found as before.
  expect(stepper.add({ is: 'a>S', seq: 5, encapsulation: first + 7 }).flowId).toBe(8)
  expect(stepper.add({ is: 'a>S', seq: 5, encapsulation: first + MOST_ALIKE - 1 }).flowId).toBe(MOST_ALIKE)
  // Other ends are not concerned.
  const elsewhere = { ports: { a: 9, b: 80 }, encapsulation: first + 3 * MOST_ALIKE }
  expect(stepper.add({ is: 'a>S', seq: 5, ...elsewhere }).flowId).toBe(other + 1)
  const flows = stepper.finish()
  expect(flows).toHaveLength(MOST_ALIKE + 2)
  expect(flows.find(({ id }) => id === other)!.encapsulation).toEqual(['other'])
})

test('a reply in yet another encapsulation still belongs to what it acknowledges', () => {
  const stepper = new Stepper()
  const first = OTHER_CHAIN + 1
  for (let chain = 0; chain < MOST_ALIKE; chain++)
    stepper.add({ is: 'a>S', seq: chain * 4_000_000, encapsulation: first + chain })
  const reply = { is: 'b>SA', seq: 9, ack: 3 * 4_000_000 + 1, encapsulation: first + 2 * MOST_ALIKE }
  expect(stepper.add(reply)).toMatchObject({ flowId: 4, sender: 1 })
})
