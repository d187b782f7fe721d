// The rows of the benchmark: what is measured, against what, and the goal of each.

/**
 * @typedef {object} Row
 * @property {string} name   to name it on the command line
 * @property {string} work   what the table says
 * @property {string} load   verb and number of sockets for hold.py
 * @property {string[]} netkit   arguments of `netkit`
 * @property {string[]} ss   arguments of `ss`, the measure of the ratio
 * @property {string[]} [netstat]
 * @property {number} goal   netkit's wall time over ss's, at most
 * @property {number} [netstatGoal]
 * @property {'null' | 'pipe'} [output]   /dev/null when left out
 * @property {[netkit: string, ss: string, more?: number]} [same]   what must occur as often in netkit's output as in ss's,
 *   but for `more`; without it netkit must print anything at all
 */

/** @type {Row[]} */
export const ROWS = [
  {
    name: 'established',
    work: '{n} established, full table (`-tan`)',
    load: 'established 400000',
    netkit: ['ss', '-tan'],
    ss: ['-tan'],
    netstat: ['-tan'],
    goal: 0.5,
    netstatGoal: 0.3,
    same: ['\n', '\n'],
  },
  {
    name: 'established-pipe',
    work: 'the same into a pipe (`| cat`)',
    load: 'established 400000',
    netkit: ['ss', '-tan'],
    ss: ['-tan'],
    netstat: ['-tan'],
    goal: 0.5,
    netstatGoal: 0.3,
    output: 'pipe',
    same: ['\n', '\n'],
  },
  {
    name: 'count',
    work: '`--count-by state`, {n}',
    load: 'established 400000',
    netkit: ['ss', '-tan', '--count-by', 'state'],
    ss: ['-tan'],
    goal: 0.45,
  },
  {
    name: 'port',
    work: "one port out of {n} (`'dport = :443'`)",
    load: 'established 400000',
    netkit: ['ss', '-tan', 'dport = :443'],
    ss: ['-tan', 'dport = :443'],
    goal: 1.2,
    same: ['\n', '\n'],
  },
  {
    name: 'json',
    work: '`--json` of {n}, to `ss -tan`',
    load: 'established 400000',
    netkit: ['ss', '-tan', '--json'],
    ss: ['-tan'],
    goal: 1.5,
    // ss has a header line more than there are sockets.
    same: ['"cookie"', '\n', -1],
  },
  {
    name: 'established-100k',
    work: '{n} established, full table',
    load: 'established 100000',
    netkit: ['ss', '-tan'],
    ss: ['-tan'],
    netstat: ['-tan'],
    goal: 0.85,
    same: ['\n', '\n'],
  },
  {
    name: 'info',
    work: 'all of tcp_info (`-i`), {n}',
    load: 'established 100000',
    netkit: ['ss', '-tani'],
    ss: ['-tani'],
    goal: 0.6,
    same: ['cwnd:', 'cwnd:'],
  },
  {
    name: 'processes',
    work: 'with processes (`-p`), {n} descriptors in a few processes',
    load: 'established 100000',
    netkit: ['ss', '-tanp'],
    ss: ['-tanp'],
    goal: 0.15,
    same: ['\n', '\n'],
  },
  {
    name: 'time-wait',
    work: '{n} TIME-WAIT, `--state time-wait`',
    load: 'time-wait 400000',
    netkit: ['ss', '--state', 'time-wait'],
    ss: ['-tan', 'state', 'time-wait'],
    netstat: ['-tan'],
    goal: 0.5,
    same: ['\n', '\n'],
  },
]

/** Highest resident memory of netkit in any row, MiB. */
export const PEAK_GOAL_MIB = 110
/** Start-up over `node -e 0` in the same run, ms. */
export const STARTUP_GOAL_MS = 30
