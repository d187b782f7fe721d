// Rules about how connections end: resets by class, and an end that never closes its half.

import type { Match, Severity } from './finding.js'
import type { FlowMatch } from './finding-rule.js'
import { counted, framesOf, frameWords, lasting, otherSide, type Subject, sideName } from './finding-subject.js'
import type { Side, TcpFlow } from './model.js'

/** FIN-WAIT-2 of one that nobody holds lasts 60 s (tcp_fin_timeout); a program that only is slow closes sooner than this. */
const LEAK_NS = 10e9

const PHASES = {
  handshake: 'in the handshake',
  'before-data': 'before any data',
  'after-data': 'after data',
  'after-fin': 'after a FIN',
} as const

function lostWords(flow: TcpFlow, by: Side): string {
  const parts = [otherSide(by), by].flatMap(side => {
    const bytes = flow.unacknowledgedBytes[side]
    return bytes === 0 ? [] : [`${counted(bytes, 'byte')} of the ${side}`]
  })
  return parts.length === 0 ? '' : `; ${parts.join(' and ')} never acknowledged`
}

function resetMatch(flow: TcpFlow, by: Side, severity: Severity, meaning: string): FlowMatch {
  const phase = flow.resetPhase === null ? '' : ` ${PHASES[flow.resetPhase]}`
  const evidence = flow.evidence.map(({ text }) => text).filter(text => !/never acknowledged$/.test(text))
  const frames = framesOf(flow.frames.rst, ...flow.evidence.flatMap(each => each.frames))
  const because = evidence.length === 0 ? '' : `: ${evidence.join('; ')}`
  const { client, server } = flow.unacknowledgedBytes
  return {
    severity,
    frames,
    numbers: {
      phase: flow.resetPhase,
      class: flow.resetClass,
      clientBytesUnacknowledged: client,
      serverBytesUnacknowledged: server,
    },
    sentence: `${sideName(flow, by)} reset the connection with ${sideName(flow, otherSide(by))}${phase} (frame ${flow.frames.rst})${because}${lostWords(flow, by)}${meaning}`,
    weight: client + server,
  }
}

const inHandshake = (flow: TcpFlow): boolean => flow.outcome === 'refused' || flow.outcome === 'aborted-in-handshake'

export function injectedReset({ flow }: Subject): FlowMatch | null {
  if (flow.resetClass !== 'injected-suspect' || flow.resetBy === null || flow.frames.rst === null) return null
  return resetMatch(flow, flow.resetBy, 'error', '; somebody between the two may have sent it')
}

export function idleReset({ flow }: Subject): FlowMatch | null {
  if (flow.resetClass !== 'idle-timeout-suspect' || flow.resetBy === null || flow.frames.rst === null) return null
  return resetMatch(flow, flow.resetBy, 'warning', '; a time limit of a middlebox or of that end may have ended it')
}

export function ignoredReset({ flow }: Subject): FlowMatch | null {
  if (flow.ignoredResetFrames.length === 0) return null
  const frames = framesOf(...flow.ignoredResetFrames)
  const evidence = flow.resetClass === 'ignored' ? flow.evidence.map(({ text }) => text) : []
  const because = evidence.length === 0 ? '' : `: ${evidence.join('; ')}`
  return {
    severity: 'warning',
    frames: framesOf(...frames, ...(flow.resetClass === 'ignored' ? flow.evidence.flatMap(each => each.frames) : [])),
    numbers: { ignoredResets: frames.length },
    sentence: `a reset between ${sideName(flow, 'client')} and ${sideName(flow, 'server')} ended nothing (${frameWords(frames)})${because}`,
    weight: frames.length,
  }
}

export function reset({ flow }: Subject): FlowMatch | null {
  const { resetBy: by, resetClass, frames } = flow
  if (by === null || frames.rst === null || inHandshake(flow)) return null
  if (resetClass !== 'abort' && resetClass !== 'answer-to-stray') return null
  const lost = flow.unacknowledgedBytes.client + flow.unacknowledgedBytes.server
  // Who has closed already answers what still comes with a reset: every day's end of a connection.
  const isLate = flow.resetPhase === 'after-fin' && (lost === 0 || flow.closedFirst === by)
  const severity: Severity = isLate ? 'note' : lost > 0 ? 'error' : 'warning'
  return resetMatch(flow, by, severity, '')
}

/** A FIN that was acknowledged and never answered by one: the other end's program does not close. */
export function closeWaitLeak({ flow, endNs }: Subject): FlowMatch | null {
  const side: Side | null =
    flow.outcome === 'half-closed-by-client' ? 'client' : flow.outcome === 'half-closed-by-server' ? 'server' : null
  if (side === null || endNs === null) return null
  const other = otherSide(side)
  if (flow[`${other}State`] !== 'close-wait' || flow[`${side}State`] !== 'fin-wait-2') return null
  const fin = side === 'client' ? flow.frames.clientFin : flow.frames.serverFin
  const complete = (end: { frame: number; ns: number }): Match | null => {
    const silentMs = (end.ns - endNs) / 1e6
    if (end.ns - endNs < LEAK_NS) return null
    const frames = framesOf(fin, flow.lastFrame, end.frame)
    return {
      severity: 'warning',
      frames,
      numbers: { silentMs },
      sentence: `${sideName(flow, other)} did not close after the FIN of the ${side} (frame ${fin}): silent for ${lasting(silentMs)} from the connection's last packet (frame ${flow.lastFrame}) to the end of the capture (frame ${end.frame}); its socket stays in CLOSE-WAIT until the program closes it`,
      weight: silentMs,
    }
  }
  return { severity: 'warning', frames: [], numbers: {}, sentence: '', weight: 0, complete }
}
