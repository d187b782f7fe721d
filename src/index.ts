// netkit as a library: typed results, no command line.

export {
  type CapturePacket,
  type LabelledItem,
  type LabelledPacket,
  labelFlows,
  type ReadCaptureOptions,
  readCapture,
  writeCapture,
} from './compose/decode-library.js'
export { type ListingSummary, listSockets, streamSockets } from './compose/library.js'
export { type PingOptions, ping, pingMany, type UnresolvedEvent } from './compose/ping-library.js'
export type { SocketDetail, SocketQuery } from './compose/query.js'
export { type TraceOptions, type TraceStartEvent, trace } from './compose/trace-library.js'
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
export type { Label, RetransmissionKind } from './flow/labels.js'
export type { Flow, FlowBase, Outcome, TcpFacts, TcpFlow, UdpFlow } from './flow/model.js'
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
export { type ChangedHop, diffTraces, type RttChange, type TraceDiff } from './probe/trace-diff.js'
export type {
  Branches,
  FlowPath,
  Hop,
  HopRtt,
  IcmpCount,
  LocatedLoss,
  MssClamp,
  MtuLimit,
  PathChange,
  RateLimitedHop,
  Responder,
  TraceDocument,
  TraceMtu,
} from './probe/trace-document.js'
export type {
  HopEvent,
  PathChangeEvent,
  ProbePurpose,
  QuotedProbe,
  RoundEvent,
  TraceAnswer,
  TraceContext,
  TraceErrorEvent,
  TraceEvent,
  TraceHeader,
  TracePrivilege,
  TraceProtocol,
  TraceReplyEvent,
  TraceSentEvent,
  TraceTimeoutEvent,
  VerifiedEvent,
} from './probe/trace-events.js'
export { readTraceDocument } from './probe/trace-reader.js'
export { summarizeTrace } from './probe/trace-statistics.js'
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
export type { InterfaceInfo, InterfaceRole, MplsLabel } from './wire/icmp-extensions.js'
