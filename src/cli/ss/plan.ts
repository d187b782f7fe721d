export { type DetailFlags, planListing, type SocketRequest } from '../../compose/plan.js'
