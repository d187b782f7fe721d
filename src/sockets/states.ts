// The TCP states as the kernel numbers them, as ss spells them on input, and as ss prints them.

/** Kernel state numbers, include/net/tcp_states.h. */
export const ESTABLISHED = 1
export const SYN_SENT = 2
export const SYN_RECV = 3
export const FIN_WAIT_1 = 4
export const FIN_WAIT_2 = 5
export const TIME_WAIT = 6
export const CLOSED = 7
export const CLOSE_WAIT = 8
export const LAST_ACK = 9
export const LISTENING = 10
export const CLOSING = 11
/** TCP_BOUND_INACTIVE: a pseudo state for requests (kernel >= 6.8); such a socket is reported as CLOSED. */
export const BOUND_INACTIVE = 13

/** number -> [the word of the model and of filters, the word ss prints]. */
const STATES: readonly (readonly [number, string, string])[] = [
  [ESTABLISHED, 'established', 'ESTAB'],
  [SYN_SENT, 'syn-sent', 'SYN-SENT'],
  [SYN_RECV, 'syn-recv', 'SYN-RECV'],
  [FIN_WAIT_1, 'fin-wait-1', 'FIN-WAIT-1'],
  [FIN_WAIT_2, 'fin-wait-2', 'FIN-WAIT-2'],
  [TIME_WAIT, 'time-wait', 'TIME-WAIT'],
  [CLOSED, 'closed', 'UNCONN'],
  [CLOSE_WAIT, 'close-wait', 'CLOSE-WAIT'],
  [LAST_ACK, 'last-ack', 'LAST-ACK'],
  [LISTENING, 'listening', 'LISTEN'],
  [CLOSING, 'closing', 'CLOSING'],
  [BOUND_INACTIVE, 'bound-inactive', 'BOUND'],
]

const bit = (state: number): number => 1 << state

/** Every state bit that a request may carry. */
export const ALL_STATES = STATES.reduce((mask, [state]) => mask | bit(state), 0)

const CONNECTED = ALL_STATES & ~(bit(LISTENING) | bit(CLOSED) | bit(BOUND_INACTIVE))
const BUCKET = bit(SYN_RECV) | bit(TIME_WAIT)

/** State groups. Unlike ss, bound-inactive is in `all` only: it is neither connected nor synchronized nor large. */
const GROUPS: ReadonlyMap<string, number> = new Map([
  ['all', ALL_STATES],
  ['connected', CONNECTED],
  ['synchronized', CONNECTED & ~bit(SYN_SENT)],
  ['bucket', BUCKET],
  ['big', ALL_STATES & ~(BUCKET | bit(BOUND_INACTIVE))],
])

/** What is listed without -a, -l or a state: connections that hold memory, as ss does. */
export const DEFAULT_STATES = CONNECTED & ~BUCKET
/** `-l`: listeners, and sockets that receive without a connection. */
export const LISTENING_STATES = bit(LISTENING) | bit(CLOSED)

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['estab', 'established'],
  ['syn-rcv', 'syn-recv'],
  ['syn-received', 'syn-recv'],
  ['fin-wait1', 'fin-wait-1'],
  ['fin-wait2', 'fin-wait-2'],
  ['timewait', 'time-wait'],
  ['closewait', 'close-wait'],
  ['close', 'closed'],
  ['unconnected', 'closed'],
  ['unconn', 'closed'],
  ['listen', 'listening'],
  ['bound', 'bound-inactive'],
])

/** All words that `parseState` takes, in the order in which help shows them. */
export const STATE_WORDS: readonly string[] = [...STATES.map(([, word]) => word), ...GROUPS.keys()]

/**
 * The mask (bit = 1 << kernel state) for a state or group word, in any case, with `_` for `-` as netstat spells it.
 * `null` when the word names no state.
 */
export function parseState(text: string): number | null {
  const folded = text.toLowerCase().replaceAll('_', '-')
  const word = ALIASES.get(folded) ?? folded
  const group = GROUPS.get(word)
  if (group !== undefined) return group
  const found = STATES.find(([, name]) => name === word)
  return found ? bit(found[0]) : null
}

const WORD_OF: string[] = []
const LABEL_OF: string[] = []
for (const [state, word, label] of STATES) {
  WORD_OF[state] = word
  LABEL_OF[state] = label
}

/** The word of the model for a kernel state number; an unknown one keeps its number. */
export function formatState(state: number): string {
  return WORD_OF[state] ?? `state-${state}`
}

/** The label that a listing shows, as ss prints it. */
export function stateLabel(state: number): string {
  return LABEL_OF[state] ?? `STATE-${state}`
}
