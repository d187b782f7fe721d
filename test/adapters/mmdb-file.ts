// Writes a MaxMind DB file of version 2.0 (https://maxmind.github.io/MaxMind-DB/), as small as it can be: 24-bit records, no pointers.

import { writeFileSync } from 'node:fs'

type Value = string | number | { readonly [key: string]: Value }

const UTF8 = 2
const UINT16 = 5
const UINT32 = 6
const MAP = 7

/** Type in the high three bits; sizes from 29 on in a byte of their own. */
function control(type: number, size: number): Buffer {
  return size < 29 ? Buffer.from([(type << 5) | size]) : Buffer.from([(type << 5) | 29, size - 29])
}

function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value)
    return Buffer.concat([control(UTF8, text.length), text])
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return value < 65_536
      ? Buffer.concat([control(UINT16, 2), bytes.subarray(2)])
      : Buffer.concat([control(UINT32, 4), bytes])
  }
  const entries = Object.entries(value)
  return Buffer.concat([control(MAP, entries.length), ...entries.flatMap(([key, item]) => [encode(key), encode(item)])])
}

/** Bits of an IPv4 network, first bit first. */
function bitsOf(network: string): number[] {
  const [address, length] = network.split('/') as [string, string]
  const word = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  return Array.from({ length: Number(length) }, (_, bit) => Math.floor(word / 2 ** (31 - bit)) % 2)
}

/** The bytes of a database of IPv4 networks: `{ '10.0.0.0/8': { autonomous_system_number: 64500 } }`. */
export function mmdbBytes(networks: Readonly<Record<string, Value>>): Buffer {
  const nodes: [number | null, number | null][] = [[null, null]]
  const data: Buffer[] = []
  let offset = 0
  const leaves: { node: number; bit: 0 | 1; offset: number }[] = []
  for (const [network, value] of Object.entries(networks)) {
    const bits = bitsOf(network)
    let at = 0
    for (const [index, bit] of bits.entries()) {
      if (index === bits.length - 1) leaves.push({ node: at, bit: bit as 0 | 1, offset })
      else {
        nodes[at]![bit as 0 | 1] ??= nodes.push([null, null]) - 1
        at = nodes[at]![bit as 0 | 1]!
      }
    }
    const encoded = encode(value)
    data.push(encoded)
    offset += encoded.length
  }
  for (const { node, bit, offset: place } of leaves) nodes[node]![bit] = nodes.length + 16 + place
  const tree = Buffer.alloc(nodes.length * 6)
  for (const [index, node] of nodes.entries()) {
    for (const bit of [0, 1] as const) tree.writeUIntBE(node[bit] ?? nodes.length, index * 6 + bit * 3, 3)
  }
  const metadata = {
    node_count: nodes.length,
    record_size: 24,
    ip_version: 4,
    database_type: 'Test',
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
  }
  return Buffer.concat([
    tree,
    Buffer.alloc(16),
    ...data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    encode(metadata),
  ])
}

export function writeMmdb(path: string, networks: Readonly<Record<string, Value>>): void {
  writeFileSync(path, mmdbBytes(networks))
}
