export { ERRNO, type ErrnoName, errnoName, errnoOfWords, errnoWords } from './errno.js'
export { hintsFor, type Operation } from './hints.js'
export {
  type Damage,
  DecodeError,
  type ErrorDetails,
  EXIT,
  type ExitCode,
  InternalError,
  KernelReplyError,
  NetkitError,
  UnsupportedError,
  UsageError,
} from './netkit-error.js'
export { fromNodeError, isNodeSystemError, PermissionError, SystemCallError, systemError } from './system.js'
