import { expect, test } from 'vitest'
import * as Bits from '../../src/flow/label-bits.js'
import { LABELS, labelBit } from '../../src/flow/labels.js'

test('every label has the bit that its constant says', () => {
  const bits = Bits as Record<string, number>
  for (const label of LABELS) expect(bits[label.toUpperCase().replaceAll('-', '_')]).toBe(labelBit(label))
  expect(Object.keys(bits)).toHaveLength(LABELS.length)
})
