// What the acceptance tests of `netkit decode` share: the document of a capture, and the labels of its packets.

import { expect } from 'vitest'
import { openCaptureFile } from '../../../src/adapters/capture-file.js'
import type { Finding } from '../../../src/flow/finding.js'
import { Findings } from '../../../src/flow/findings.js'
import { type Label, labelNames, RETRANSMISSION_KINDS, type RetransmissionKind } from '../../../src/flow/labels.js'
import type { Flow, TcpFlow } from '../../../src/flow/model.js'
import type { CaptureQuality } from '../../../src/flow/quality.js'
import { FlowTracker } from '../../../src/flow/tracker.js'
import type { SceneEnds } from '../../lab/index.js'
import { netkitIn } from '../acceptance.js'

export interface Document {
  packets: number
  linkTypes: { number: number; name: string; description: string }[]
  firstTimestamp: string
  lastTimestamp: string
  warnings: string[]
  captureQuality: CaptureQuality & { format: string }
  flows: Flow[]
  findings: unknown[]
}

/** What `netkit decode --json FILE` says. */
export async function decode(file: string): Promise<Document> {
  const { stdout, stderr, code } = await netkitIn(null, ['decode', '--json', file])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Document
}

/** The TCP connections, by id. */
export const connections = ({ flows }: Document): TcpFlow[] =>
  flows.filter((flow): flow is TcpFlow => flow.protocol === 'tcp').sort((one, two) => one.id - two.id)

/** The connections between two ends. */
export const between = (document: Document, { client, server }: SceneEnds): TcpFlow[] =>
  connections(document).filter(
    flow =>
      flow.client.address === client.address &&
      flow.client.port === client.port &&
      flow.server.address === server.address &&
      flow.server.port === server.port,
  )

export interface LabelledPacket {
  frame: number
  flow: number
  labels: Label[]
  kind: RetransmissionKind
}

/** The TCP packets of a capture that have a label, in their order, and what is found wrong. */
export async function inspect(file: string): Promise<{ packets: LabelledPacket[]; findings: Finding[] }> {
  const packets: LabelledPacket[] = []
  const findings = new Findings()
  let ending = -1
  const tracker = new FlowTracker({
    isWanted: slot => {
      ending = slot
      return true
    },
    onFlow: flow => findings.addFlow(flow, ending),
  })
  const source = await openCaptureFile(file)
  do {
    while (source.next()) {
      tracker.add(source.packet)
      findings.note(source.packet, tracker)
      if (tracker.labels === 0) continue
      const kind = RETRANSMISSION_KINDS[tracker.retransmissionKind]!
      packets.push({ frame: source.packet.frame, flow: tracker.flowId, labels: labelNames(tracker.labels), kind })
    }
  } while (await source.more())
  source.close()
  const quality = tracker.quality()
  tracker.finish()
  return { packets, findings: findings.finish(quality) }
}

/** Labels that say of a packet that something went wrong. */
export const troubles = (packets: readonly LabelledPacket[]): Label[] =>
  packets.flatMap(({ labels }) => labels).filter(label => label !== 'handshake-ack' && label !== 'window-update')

/** The TCP packets of a capture that have a label, in their order. */
export const labelled = async (file: string): Promise<LabelledPacket[]> => (await inspect(file)).packets
