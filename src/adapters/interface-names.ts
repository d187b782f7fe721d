// Interface names of a network namespace, through rtnetlink where it may be asked, from procfs otherwise.

import { KernelReplyError, NetkitError } from '../errors/index.js'
import { addLink, encodeLinkDump, NETLINK_ROUTE } from '../netlink/link.js'
import { walkMessages } from '../netlink/message.js'
import type { DatagramBatch, NetlinkPort } from '../ports/netlink.js'
import { readInterfaceNames } from './names.js'

/** More reads than any host has interfaces for; a reader that never ends is a bug. */
const MAX_READS = 10_000

/**
 * Interface names by index. `fd` is a descriptor of the namespace, -1 for the caller's own, null when it cannot be opened;
 * `pid` a process in it. Empty when neither way works.
 */
export function interfaceNames(
  netlink: NetlinkPort | null,
  fd: number | null,
  pid: number | null,
): Map<number, string> {
  if (netlink !== null && fd !== null) {
    try {
      return throughNetlink(netlink, fd)
    } catch (error) {
      if (!(error instanceof NetkitError)) throw error
    }
  }
  return fd === -1 || pid !== null ? readInterfaceNames({ pid }) : new Map()
}

function throughNetlink(netlink: NetlinkPort, fd: number): Map<number, string> {
  const names = new Map<number, string>()
  const connection = netlink.open(NETLINK_ROUTE, fd)
  try {
    connection.send(encodeLinkDump())
    for (let reads = 0; reads < MAX_READS; reads++) {
      const batch = connection.readNow()
      if (batch === null || addBatch(batch, names)) break
    }
  } finally {
    connection.close()
  }
  return names
}

/** True when the dump is over. */
function addBatch(batch: DatagramBatch, names: Map<number, string>): boolean {
  for (let index = 0; index < batch.count; index++) {
    const start = batch.start(index)
    const { data } = batch
    const end = walkMessages(data, start, start + batch.length(index), (type, from, to) =>
      addLink(data, type, from, to, names),
    )
    if (end.errno !== 0) throw new KernelReplyError('the kernel refused to list interfaces', end.errno)
    if (end.done) return true
  }
  return false
}
