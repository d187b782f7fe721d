// What may be read out of the extensions of an ICMP error, however damaged it is.

import { expect } from 'vitest'
import { type InterfaceInfo, type MplsLabel, parseIcmpExtensions } from '../../src/wire/icmp-extensions.js'

function checkLabels(labels: readonly MplsLabel[] | null): void {
  if (labels === null) return
  expect(labels.length).toBeGreaterThan(0)
  for (const { label, trafficClass, ttl } of labels) {
    expect(label >= 0 && label < 2 ** 20 && trafficClass < 8 && ttl < 256).toBe(true)
  }
}

function checkInterfaces(interfaces: readonly InterfaceInfo[] | null): void {
  if (interfaces === null) return
  expect(interfaces.length >= 1 && interfaces.length <= 4).toBe(true)
  for (const { role, index, address, name, mtu } of interfaces) {
    expect(['incoming', 'incoming-sub', 'outgoing', 'next-hop']).toContain(role)
    for (const number of [index ?? 0, mtu ?? 0]) expect(number >= 0 && number < 2 ** 32).toBe(true)
    expect(address ?? '::').toMatch(/^[0-9a-f.:]+$/)
    expect(name?.length ?? 0).toBeLessThanOrEqual(63)
    expect(name ?? '').not.toContain('\0')
  }
}

/** What is read of extensions is within the bounds of its fields. */
export function checkExtensions(quoted: Uint8Array, quotedBytes: number, headerBytes: number): void {
  const found = parseIcmpExtensions(quoted, quotedBytes, headerBytes)
  if (found === null) return
  expect(found.mpls !== null || found.interfaces !== null).toBe(true)
  checkLabels(found.mpls)
  checkInterfaces(found.interfaces)
}
