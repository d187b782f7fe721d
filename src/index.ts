// netkit as a library: typed results, no command line.

export { type ListingSummary, listSockets, streamSockets } from './compose/library.js'
export { type PingOptions, ping, pingMany, type UnresolvedEvent } from './compose/ping-library.js'
export type { SocketDetail, SocketQuery } from './compose/query.js'
export {
  DecodeError,
  EXIT,
  type ExitCode,
  InternalError,
  KernelReplyError,
  NetkitError,
  PermissionError,
  SystemCallError,
  UnsupportedError,
  UsageError,
} from './errors/index.js'
export type {
  AnswerKind,
  CorruptByte,
  ErrorEvent,
  ProbeContext,
  ProbeEvent,
  ProbeTarget,
  ReplyEvent,
  SentEvent,
  SummaryEvent,
  TimeoutEvent,
  TimestampSource,
  TransportKind,
} from './probe/events.js'
export type { PingStatistics, RttStatistics } from './probe/statistics.js'
export type { SourceChoice } from './sockets/collect.js'
export type { Family, Protocol } from './sockets/constants.js'
export type {
  AcceptQueue,
  Consistency,
  Endpoint,
  Holder,
  Socket,
  SocketListing,
  SocketMemory,
  SocketOptions,
  SourceReport,
  TcpDetails,
  Timer,
  TimerName,
} from './sockets/model.js'
export type { MplsLabel } from './wire/icmp-extensions.js'
