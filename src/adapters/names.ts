// Looks names up where the system keeps them. What is missing gives no name, never an error: numbers are shown then.

import fs from 'node:fs'
import {
  addInterfaceColumns,
  parsePasswd,
  parsePortRange,
  parseProtocols,
  parseServices,
  parseSnmp6Index,
  type ServiceNames,
  type UserNames,
} from '../sockets/names.js'

/** Service names of /etc/services; empty when there is no such file, as in many containers. */
export function readServices(path = '/etc/services'): ServiceNames {
  return parseServices(readText(path))
}

/** Names of IP protocol numbers from /etc/protocols; empty when there is no such file. */
export function readProtocols(path = '/etc/protocols'): Map<number, string> {
  return parseProtocols(readText(path))
}

/** User names of /etc/passwd. Users of a directory service (LDAP, systemd-homed) are numbers here. */
export function readUsers(path = '/etc/passwd'): UserNames {
  return parsePasswd(readText(path))
}

/** Where local ports of outgoing connections come from. The sysctl is that of the namespace netkit runs in. */
export function readPortRange(procRoot = '/proc'): { low: number; high: number } | null {
  return parsePortRange(readText(`${procRoot}/sys/net/ipv4/ip_local_port_range`))
}

/**
 * Interface names by index: of a process's network namespace with `pid`, else of netkit's own. Only from procfs, because
 * /sys/class/net shows the namespace that sysfs was mounted in. An interface that is down and has IPv6 switched off is in none
 * of these files; rtnetlink knows it.
 */
export function readInterfaceNames(options: { procRoot?: string; pid?: number | null } = {}): Map<number, string> {
  const root = options.procRoot ?? '/proc'
  const directory = options.pid == null ? `${root}/net` : `${root}/${options.pid}/net`
  const names = new Map<number, string>()
  for (const name of readDirectory(`${directory}/dev_snmp6`)) {
    const index = parseSnmp6Index(readText(`${directory}/dev_snmp6/${name}`))
    if (index !== null) names.set(index, name)
  }
  addInterfaceColumns(readText(`${directory}/igmp`), names)
  addInterfaceColumns(readText(`${directory}/dev_mcast`), names)
  return names
}

function readText(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function readDirectory(path: string): string[] {
  try {
    return fs.readdirSync(path)
  } catch {
    return []
  }
}
