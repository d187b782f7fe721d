// inet_diag_msg of a 6.18 kernel: the forms a TCP socket takes besides an ordinary connection.

import { hex } from './samples.js'

/** TIME-WAIT: a mini-socket without owner, inode and queues. */
export const TIME_WAITING = hex(`
  02       // family
  06       // state
  03       // timer: time-wait
  00       // retransmits
  df74     // local port 57204
  1388     // peer port 5000
  7f000001 000000000000000000000000 // local
  7f000001 000000000000000000000000 // peer
  00000000 // ifindex
  25c78a00 // cookieLow
  00000000 // cookieHigh
  98e90000 // expires in 59,800 ms
  00000000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  00000000 // inode
  0800 0f00 00000000 // MARK
`)

/** FIN-WAIT-2 held as a mini-socket: the process has closed, the other end has not. */
export const ORPHAN = hex(`
  02       // family
  05       // state
  03       // timer: time-wait
  00       // retransmits
  df80     // local port 57216
  1388     // peer port 5000
  7f000001 000000000000000000000000 // local
  7f000001 000000000000000000000000 // peer
  00000000 // ifindex
  26c78a00 // cookieLow
  00000000 // cookieHigh
  98e90000 // expires in 59,800 ms
  00000000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  00000000 // inode
  0800 0f00 00000000 // MARK
`)

/** A half-open request: TCP_DEFER_ACCEPT waits for data. */
export const HALF_OPEN = hex(`
  02       // family
  03       // state
  01       // timer: retransmit
  00       // retransmits
  1389     // local port 5001
  bd32     // peer port 48434
  7f000001 000000000000000000000000 // local
  7f000001 000000000000000000000000 // peer
  00000000 // ifindex
  27c78a00 // cookieLow
  00000000 // cookieHigh
  1c030000 // expires in 796 ms
  00000000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  00000000 // inode
  0800 0f00 00000000 // MARK
`)

/** Bound, neither connected nor listening: asked for with bit 13, reported as CLOSED. */
export const BOUND = hex(`
  02       // family
  07       // state
  00       // timer
  00       // retransmits
  138a     // local port 5002
  0000     // peer port
  7f000001 000000000000000000000000 // local
  00000000 000000000000000000000000 // peer
  00000000 // ifindex
  28c78a00 // cookieLow
  00000000 // cookieHigh
  00000000 // expires
  00000000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  53564101 // inode
  0500 0800 00 000000         // SHUTDOWN
  0800 0f00 00000000          // MARK
  0c00 1500 0100000000000000  // CGROUP_ID
  0600 1600 5200 0000         // SOCKOPT
`)

/** The accepted end of an IPv4 connection to a dual-stack listener. */
export const MAPPED = hex(`
  0a       // family
  01       // state
  00       // timer
  00       // retransmits
  138b     // local port 5003
  89f0     // peer port 35312
  0000000000000000 0000ffff 7f000001 // local ::ffff:127.0.0.1
  0000000000000000 0000ffff 7f000001 // peer
  00000000 // ifindex
  29c78a00 // cookieLow
  00000000 // cookieHigh
  00000000 // expires
  00000000 // recvQueue
  00000000 // sendQueue
  00000000 // uid
  56564101 // inode
  0500 0800 00 000000         // SHUTDOWN
  0800 0f00 00000000          // MARK
  0c00 1500 0100000000000000  // CGROUP_ID
  0600 1600 1200 0000         // SOCKOPT
`)

/** A dual-stack listener on every address. */
export const LISTENER6 = hex(`
  0a       // family
  0a       // state
  00       // timer
  00       // retransmits
  138b     // local port 5003
  0000     // peer port
  00000000 00000000 00000000 00000000 // local
  00000000 00000000 00000000 00000000 // peer
  00000000 // ifindex
  2ac78a00 // cookieLow
  00000000 // cookieHigh
  00000000 // expires
  00000000 // recvQueue
  05000000 // sendQueue: the limit
  00000000 // uid
  54564101 // inode
  0500 0800 00 000000         // SHUTDOWN
  0500 0b00 00 000000         // SKV6ONLY
  0800 0f00 00000000          // MARK
  0c00 1500 0100000000000000  // CGROUP_ID
  0600 1600 1200 0000         // SOCKOPT
`)
