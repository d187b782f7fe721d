// Counts sockets from /proc/net/sockstat and sockstat6, and says which of the numbers are the whole machine's.

/** Numbers of one line by name: `inuse`, `tw`, `mem`. */
type SockstatLine = Readonly<Record<string, number>>

/** Lines by name, `TCP`, `UDP6`. Which lines and names there are differs from kernel to kernel. */
export type Sockstat = Readonly<Record<string, SockstatLine>>

/**
 * Fields that count the whole machine, in whatever network namespace they are read (net/ipv4/proc.c, sockstat_seq_show).
 * Mixing them with the others is what makes `ss -s` print the host's closed sockets in a container.
 */
const MACHINE_WIDE: ReadonlyMap<string, readonly string[]> = new Map([
  ['TCP', ['orphan', 'alloc', 'mem']],
  ['UDP', ['mem']],
])

/** True when a field counts the whole machine and not the network namespace. */
export function isMachineWide(line: string, field: string): boolean {
  return MACHINE_WIDE.get(line)?.includes(field) ?? false
}

/** Parses `NAME: field number ...` lines. What is not of this shape is left out; never throws. */
export function parseSockstat(text: string): Sockstat {
  const lines: Record<string, SockstatLine> = Object.create(null)
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const words = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
    const fields: Record<string, number> = Object.create(null)
    for (let at = 0; at + 1 < words.length; at += 2) {
      if (/^\d{1,15}$/.test(words[at + 1]!)) fields[words[at]!] = Number(words[at + 1])
    }
    lines[line.slice(0, colon)] = fields
  }
  return lines
}

/** Sockets of one network namespace by kind; null where the kernel has no such line. */
export interface SocketCounts {
  /** Sockets with a file, of any family. */
  total: number | null
  tcp: FamilyCounts
  udp: FamilyCounts
  raw: FamilyCounts
  fragments: FamilyCounts
  /** TIME-WAIT and FIN-WAIT-2 mini-sockets, of IPv4 and IPv6 together; they are not in `tcp`. */
  timeWait: number | null
}

interface FamilyCounts {
  inet: number | null
  inet6: number | null
}

/** The numbers that are right inside a container: only fields that the kernel keeps per namespace. */
export function namespaceCounts(sockstat: Sockstat, sockstat6: Sockstat): SocketCounts {
  const both = (name: string): FamilyCounts => ({
    inet: sockstat[name]?.['inuse'] ?? null,
    inet6: sockstat6[`${name}6`]?.['inuse'] ?? null,
  })
  return {
    total: sockstat['sockets']?.['used'] ?? null,
    tcp: both('TCP'),
    udp: both('UDP'),
    raw: both('RAW'),
    fragments: both('FRAG'),
    timeWait: sockstat['TCP']?.['tw'] ?? null,
  }
}

/** Numbers of the whole machine, to be labelled as such. Memory is in pages. */
export interface MachineCounts {
  tcpOrphans: number | null
  tcpAllocated: number | null
  tcpMemoryPages: number | null
  udpMemoryPages: number | null
}

export function machineCounts(sockstat: Sockstat): MachineCounts {
  return {
    tcpOrphans: sockstat['TCP']?.['orphan'] ?? null,
    tcpAllocated: sockstat['TCP']?.['alloc'] ?? null,
    tcpMemoryPages: sockstat['TCP']?.['mem'] ?? null,
    udpMemoryPages: sockstat['UDP']?.['mem'] ?? null,
  }
}
