export { explainReport, onlyUnsupported } from '../../compose/explain.js'
