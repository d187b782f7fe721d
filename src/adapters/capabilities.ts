// What this process may do, by capability: root in a container lacks many, and a user may have been given one.

import fs from 'node:fs'

/** linux/capability.h: shows and changes network settings; without it the kernel hides socket marks. */
export const CAP_NET_ADMIN = 12
/** Reads the descriptors of other users' processes. */
export const CAP_SYS_PTRACE = 19
/** Enters namespaces, setns(2). */
export const CAP_SYS_ADMIN = 21

/** Whether the capability is effective; by user id where procfs does not say. */
export function hasCapability(capability: number): boolean {
  try {
    const [, mask] = /^CapEff:\s*([0-9a-f]+)$/m.exec(fs.readFileSync('/proc/self/status', 'latin1')) ?? []
    if (mask !== undefined) return ((BigInt(`0x${mask}`) >> BigInt(capability)) & 1n) === 1n
  } catch {
    // No procfs here.
  }
  return process.geteuid?.() === 0
}
