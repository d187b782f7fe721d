export { openSession, type RunTarget, type Session, serviceLookup } from '../../compose/session.js'
