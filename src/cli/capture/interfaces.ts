// `netkit capture --list-interfaces`.

import { networkInterfaces } from 'node:os'
import { interfaceNames } from '../../adapters/interface-names.js'
import { isLoadFailure, loadNative } from '../../adapters/native.js'
import { nativeNetlink } from '../../adapters/netlink.js'
import { printable } from '../../bytes/printable.js'
import { ANY_INTERFACE } from '../../compose/live-capture.js'
import type { Console } from '../console.js'

export function listInterfaces({ out, format }: Console): void {
  const native = loadNative()
  const names = interfaceNames(isLoadFailure(native) ? null : nativeNetlink(native), -1, null)
  const addresses = networkInterfaces()
  const rows = [...names]
    .sort(([one], [other]) => one - other)
    .map(([index, name]) => ({
      index,
      name,
      addresses: (addresses[name] ?? []).map(({ cidr, address }) => cidr ?? address),
    }))
  // The packet socket's number for all of them (packet(7)).
  rows.push({ index: 0, name: ANY_INTERFACE, addresses: [] })
  if (format === 'json') out.json({ interfaces: rows })
  else if (format === 'ndjson') for (const row of rows) out.jsonLine(row)
  else {
    const width = Math.max(...rows.map(({ name }) => printable(name).length))
    for (const row of rows) {
      const what = row.name === ANY_INTERFACE ? 'all interfaces' : row.addresses.join(', ')
      out.line(`${String(row.index).padStart(3)}  ${printable(row.name).padEnd(width)}  ${what}`.trimEnd())
    }
  }
}
