// Capture filters in tcpdump's language, compiled by the libpcap of this machine, which is loaded when it is there.

import { ERRNO, type NetkitError, systemError, UnsupportedError, UsageError } from '../errors/index.js'
import type { PacketRingPort } from '../ports/packet-ring.js'

export const LIBPCAP_HINT =
  'install it: sudo apt-get install libpcap0.8 (libpcap0.8t64 in newer Debian and Ubuntu; libpcap elsewhere)'

/** More instructions than the kernel takes: such programs are run here. */
const MOST_BYTES = 64 * 1024 * 8
const MESSAGE_BYTES = 512
/** Where LINKTYPE_ numbers of files and DLT_ numbers of libpcap differ (pcap/dlt.h). */
const DLT_OF_LINKTYPE: Readonly<Record<number, number>> = { 101: 12 }

/**
 * The program of an expression, as struct sock_filter bytes.
 * @param linkType LINKTYPE_ number of what it shall run on
 * @throws UsageError when the expression is wrong, UnsupportedError where there is no libpcap
 */
export function compileBpf(
  native: Pick<PacketRingPort, 'compileFilter'>,
  expression: string,
  linkType: number,
  snapLength: number,
): Uint8Array {
  const program = new Uint8Array(MOST_BYTES)
  const message = new Uint8Array(MESSAGE_BYTES)
  const text = new TextEncoder().encode(expression)
  const length = native.compileFilter(text, DLT_OF_LINKTYPE[linkType] ?? linkType, snapLength, program, message)
  if (length >= 0) return program.slice(0, length)
  throw failure(-length, expression, new TextDecoder().decode(message.subarray(0, message.indexOf(0))))
}

function failure(errno: number, expression: string, words: string): NetkitError {
  if (errno === ERRNO.ENOSYS)
    return new UnsupportedError(`a capture filter needs libpcap, which cannot be loaded: ${words}`, {
      code: 'libpcap-missing',
      hints: [
        LIBPCAP_HINT,
        'or capture without a filter, and select afterwards: --write OUT.pcap, then netkit decode OUT.pcap --host HOST --port PORT',
      ],
    })
  if (errno === ERRNO.EINVAL)
    return new UsageError(`the capture filter "${expression}" is not understood: ${words}`, {
      code: 'bad-filter',
      hints: [
        ...(words.includes('Linux cooked') ? ['name an interface: all of them at once have no such filter'] : []),
        "the language is tcpdump's: man pcap-filter",
      ],
    })
  return systemError('filter-attach', errno, `compile the capture filter "${expression}"`)
}
