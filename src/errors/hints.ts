// What to type after a refused operation: one row an operation and the errnos it explains.

import { type ErrnoName, errnoName } from './errno.js'

/** The system operations netkit performs, as the rows of the hint table know them. */
export type Operation =
  | 'bind'
  | 'capture'
  | 'connect'
  | 'file-open'
  | 'file-write'
  | 'filter-attach'
  | 'icmp-socket'
  | 'kill-socket'
  | 'netlink'
  | 'netns'
  | 'proc-read'
  | 'raw-socket'
  | 'send'
  | 'sock-diag'
  | 'socket'
  | 'socket-option'

/** Works under nvm and sudo's secure_path, where a plain `sudo netkit` finds neither node nor netkit. */
const AS_ROOT = 'run it as root: sudo "$(command -v node)" "$(command -v netkit)" ...'
const WITH_RAW =
  'or give one run the capability: sudo setpriv --reuid="$(id -u)" --regid="$(id -g)" --init-groups ' +
  '--inh-caps=+net_raw --ambient-caps=+net_raw netkit ...'
const IN_CONTAINER = 'in a container, start it with --cap-add NET_RAW'
const DENIED = ['EPERM', 'EACCES'] as const

const HINTS: readonly (readonly [Operation, readonly ErrnoName[], readonly string[]])[] = [
  [
    'icmp-socket',
    DENIED,
    ['allow unprivileged ping: sudo sysctl -w net.ipv4.ping_group_range="0 2147483647"', AS_ROOT, IN_CONTAINER],
  ],
  [
    'icmp-socket',
    ['EAFNOSUPPORT', 'EPROTONOSUPPORT'],
    ['this host has no such address family: try the other of -4 and -6'],
  ],
  ['raw-socket', DENIED, [AS_ROOT, WITH_RAW, IN_CONTAINER]],
  [
    'raw-socket',
    ['EAFNOSUPPORT', 'EPROTONOSUPPORT'],
    ['this host has no such address family: try the other of -4 and -6'],
  ],
  ['socket-option', DENIED, [AS_ROOT, WITH_RAW, IN_CONTAINER]],
  ['capture', DENIED, [AS_ROOT, WITH_RAW, IN_CONTAINER]],
  ['capture', ['ENODEV', 'ENXIO'], ['list the interfaces: netkit netstat -i']],
  ['capture', ['ENETDOWN'], ['bring the interface up: sudo ip link set dev IFACE up']],
  ['capture', ['ENOMEM', 'ENOBUFS'], ['ask for a smaller capture buffer']],
  ['filter-attach', ['EINVAL'], ['the kernel rejected the compiled filter: try a simpler expression']],
  [
    'sock-diag',
    ['ENOENT'],
    ['load the module that lists these sockets: sudo modprobe inet_diag tcp_diag udp_diag unix_diag'],
  ],
  ['sock-diag', ['EPROTONOSUPPORT', 'EAFNOSUPPORT'], ['this kernel has no NETLINK_SOCK_DIAG: read /proc instead']],
  ['sock-diag', DENIED, ['a security policy (seccomp, SELinux) keeps netlink from this process']],
  ['kill-socket', DENIED, [AS_ROOT, 'in a container, start it with --cap-add NET_ADMIN']],
  ['kill-socket', ['EOPNOTSUPP'], ['this kernel was built without CONFIG_INET_DIAG_DESTROY']],
  ['netlink', DENIED, [AS_ROOT]],
  ['netlink', ['ENOBUFS'], ['the kernel had more to say than the socket could hold: run it again']],
  ['netns', DENIED, [AS_ROOT, 'in a container, start it with --cap-add SYS_ADMIN']],
  ['netns', ['ENOENT'], ['list the namespaces: ip netns list']],
  ['netns', ['EINVAL'], ['name a network namespace: a name from `ip netns list`, a process id, or /proc/PID/ns/net']],
  ['proc-read', DENIED, ["other users' processes are seen only as root", AS_ROOT]],
  ['proc-read', ['ENOENT'], ['mount it: sudo mount -t proc proc /proc']],
  ['bind', ['EACCES'], ['ports below 1024 need root: choose a higher port', AS_ROOT]],
  ['bind', ['EADDRINUSE'], ['see who has it: netkit ss -tulnp']],
  ['bind', ['EADDRNOTAVAIL'], ['list the addresses of this host: ip address']],
  ['connect', ['ECONNREFUSED'], ['nothing listens there: see what does with netkit ss -tln on that host']],
  ['connect', ['EADDRNOTAVAIL'], ['the local ports may be used up: netkit ss -s']],
  ['connect', ['ENETUNREACH', 'EHOSTUNREACH'], ['see the route taken: ip route get ADDRESS']],
  ['send', ['ENETUNREACH', 'EHOSTUNREACH'], ['see the route taken: ip route get ADDRESS']],
  ['send', ['EMSGSIZE'], ['send smaller packets, or allow fragments']],
  ['send', DENIED, ['a local firewall rule may forbid it: sudo nft list ruleset']],
  ['send', ['EACCES'], ['a broadcast address has to be asked for']],
  ['socket', ['EMFILE', 'ENFILE'], ['raise the limit of open files: ulimit -n 65536']],
  ['connect', ['EMFILE', 'ENFILE'], ['raise the limit of open files: ulimit -n 65536']],
  ['file-open', ['ENOENT'], ['check the name of the file']],
  ['file-open', ['EISDIR'], ['name a file, not a directory']],
  ['file-open', DENIED, ['check the permissions of the file: ls -l FILE']],
  ['file-write', ['ENOSPC', 'EDQUOT'], ['make room on that file system: df -h']],
  ['file-write', DENIED, ['check the permissions of the file: ls -l FILE']],
]

/** What to type after `operation` failed with `errno` (or `-errno`), best first; empty when there is nothing useful to say. */
export function hintsFor(operation: Operation, errno: number): string[] {
  const name = errnoName(errno)
  const found = HINTS.filter(([row, errnos]) => row === operation && (errnos as readonly string[]).includes(name))
  return found.flatMap(([, , hints]) => hints)
}
