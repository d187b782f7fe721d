// Names for numbers, parsed from the files the system keeps them in: services, users, interfaces, mounts.

/** Ports and service names both ways. */
export interface ServiceNames {
  /** The name of a port, as getservbyport(3) gives it: the first line that has it. Null when there is none. */
  nameOf(port: number, protocol: string): string | null
  /** The port of a name or an alias. Null when there is none. */
  portOf(name: string, protocol: string): number | null
}

/** Parses /etc/services, services(5). Damaged lines are left out, as the C library does. */
export function parseServices(text: string): ServiceNames {
  const names = new Map<string, string>()
  const ports = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [name, where, ...aliases] = wordsOf(line)
    const found = /^(\d{1,5})\/(\S+)$/.exec(where ?? '')
    if (name === undefined || !found) continue
    const port = Number(found[1])
    const protocol = found[2]!
    if (port > 65_535) continue
    setFirst(names, `${port}/${protocol}`, name)
    for (const alias of [name, ...aliases]) setFirst(ports, `${alias}/${protocol}`, port)
  }
  return {
    nameOf: (port, protocol) => names.get(`${port}/${protocol}`) ?? null,
    portOf: (name, protocol) => ports.get(`${name}/${protocol}`) ?? null,
  }
}

/** User names and numbers both ways. */
export interface UserNames {
  nameOf(uid: number): string | null
  uidOf(name: string): number | null
}

/** Parses /etc/passwd, passwd(5): the first line of a uid or a name counts. */
export function parsePasswd(text: string): UserNames {
  const names = new Map<number, string>()
  const uids = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [name, , id] = line.split(':')
    if (!name || id === undefined || !/^\d{1,10}$/.test(id)) continue
    setFirst(names, Number(id), name)
    setFirst(uids, name, Number(id))
  }
  return { nameOf: uid => names.get(uid) ?? null, uidOf: name => uids.get(name) ?? null }
}

/**
 * Adds interface names by index from /proc/PID/net/igmp (`2  eth0  :  1  V3`) or dev_mcast (`2  eth0  1  0  0100...`), whose
 * first two columns are alike. Continuation lines, which begin with a tab, are left out.
 */
export function addInterfaceColumns(text: string, names: Map<number, string>): void {
  for (const line of text.split('\n')) {
    const found = /^(\d{1,10})\s+(\S+)/.exec(line)
    if (found) setFirst(names, Number(found[1]), found[2]!.replace(/:$/, ''))
  }
}

/** The `ifIndex` of a file in /proc/PID/net/dev_snmp6; null when it has none. */
export function parseSnmp6Index(text: string): number | null {
  const found = /^ifIndex\s+(\d{1,10})$/m.exec(text)
  return found ? Number(found[1]) : null
}

/** One line of /proc/PID/mountinfo, proc_pid_mountinfo(5). */
export interface Mount {
  /** The directory of the mounted file system that is its root here; `net:[4026531833]` for a namespace. */
  root: string
  mountPoint: string
  type: string
  superOptions: string
}

/** Parses mountinfo; lines of another shape are left out. */
export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of text.split('\n')) {
    const [left, right] = splitOnce(line, ' - ')
    const [, , , root, mountPoint] = left.split(' ')
    const [type, , superOptions] = (right ?? '').split(' ')
    if (root === undefined || mountPoint === undefined || !type) continue
    mounts.push({
      root: unescapeOctal(root),
      mountPoint: unescapeOctal(mountPoint),
      type,
      superOptions: superOptions ?? '',
    })
  }
  return mounts
}

/** Blank, tab, newline and backslash are written as octal escapes there. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** Parses /proc/sys/net/ipv4/ip_local_port_range. */
export function parsePortRange(text: string): { low: number; high: number } | null {
  const found = /^(\d{1,5})\s+(\d{1,5})\s*$/.exec(text)
  return found ? { low: Number(found[1]), high: Number(found[2]) } : null
}

function wordsOf(line: string): string[] {
  const comment = line.indexOf('#')
  return (comment < 0 ? line : line.slice(0, comment)).split(/\s+/).filter(word => word !== '')
}

function setFirst<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  if (!map.has(key)) map.set(key, value)
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)]
}

/** Parses /etc/protocols, protocols(5): names of IP protocol numbers. */
export function parseProtocols(text: string): Map<number, string> {
  const names = new Map<number, string>()
  for (const line of text.split('\n')) {
    const [name, number] = wordsOf(line)
    if (name !== undefined && /^\d{1,3}$/.test(number ?? '')) setFirst(names, Number(number), name)
  }
  return names
}
