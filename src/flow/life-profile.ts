// How an end's packets look below TCP, so that one that another host sent in its name can be told from them; and its window scale.

import { TCP_SYN, type WalkedPacket } from '../wire/walked-packet.js'
import {
  FIELDS,
  PROFILE,
  PROFILE_AGAIN,
  PROFILE_DF,
  PROFILE_DF_VARIES,
  PROFILE_IDENTITY,
  PROFILE_SCALE_SHIFT,
  PROFILE_SCALED,
  PROFILE_SEEN,
  PROFILE_TTL,
  PROFILE_TTL_VARIES,
} from './life-words.js'

const TCP_HEADER_BYTES = 20
const OPTION_NOP = 1
const OPTION_WINDOW_SCALE = 3
/** RFC 7323 2.3. */
const SCALE_MAX = 14

/** Time to live and don't fragment as they stand in a profile. */
export function packetIdentity(walked: WalkedPacket): number {
  return (walked.ttl & PROFILE_TTL) | (walked.dontFragment ? PROFILE_DF : 0)
}

/** Counts a packet that is no reset into the profile of its sender. */
export function stepProfile(words: Int32Array, own: number, walked: WalkedPacket): void {
  let profile = words[own + PROFILE]!
  const identity = packetIdentity(walked)
  if ((profile & PROFILE_SEEN) === 0) {
    profile = (profile & ~PROFILE_IDENTITY) | identity | PROFILE_SEEN
  } else {
    if (((profile ^ identity) & PROFILE_TTL) !== 0) profile |= PROFILE_TTL_VARIES
    if (((profile ^ identity) & PROFILE_DF) !== 0) profile |= PROFILE_DF_VARIES
    profile = (profile & ~PROFILE_IDENTITY) | identity | PROFILE_AGAIN
  }
  if ((walked.flags & TCP_SYN) !== 0) profile = withScale(profile, synWindowScale(walked))
  words[own + PROFILE] = profile
  words[own + FIELDS] = (walked.identification << 16) | (walked.window & 0xffff)
}

function withScale(profile: number, scale: number): number {
  const cleared = profile & ~(PROFILE_SCALED | (0xf << PROFILE_SCALE_SHIFT))
  return scale < 0 ? cleared : cleared | PROFILE_SCALED | (scale << PROFILE_SCALE_SHIFT)
}

/** -1 when a SYN offers no window scale, or its options are cut. */
function synWindowScale(walked: WalkedPacket): number {
  const data = walked.data
  const end = Math.min(walked.transportStart + walked.tcpHeaderBytes, walked.transportEnd, data.byteLength)
  for (let at = walked.transportStart + TCP_HEADER_BYTES; at < end; ) {
    const kind = data.getUint8(at)
    if (kind === 0) return -1
    if (kind === OPTION_NOP) {
      at++
      continue
    }
    if (at + 1 >= end) return -1
    const length = data.getUint8(at + 1)
    if (length < 2 || at + length > end) return -1
    if (kind === OPTION_WINDOW_SCALE && length === 3) return Math.min(data.getUint8(at + 2), SCALE_MAX)
    at += length
  }
  return -1
}
