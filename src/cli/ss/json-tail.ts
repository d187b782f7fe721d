// The end of every JSON document of `netkit ss`: what is known only after everything was read.

import type { ListingReport } from '../../sockets/listing.js'
import type { Output } from '../output.js'

export function writeTail(report: ListingReport, notes: readonly string[], out: Output): void {
  const { sources, consistency } = report
  const tail = [
    `"sources": ${JSON.stringify(sources)}`,
    `"notes": ${JSON.stringify(notes)}`,
    `"consistency": ${JSON.stringify(consistency)}`,
  ]
  out.write(`  ${tail.join(',\n  ')}\n}\n`)
}
