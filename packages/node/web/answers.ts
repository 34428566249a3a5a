// What the node's answers hold: the types that its OpenAPI description gives, which a test holds to what it answers.
import type { paths } from '../src/client/schema.ts'

/** The JSON that `GET path` answers. */
type JsonOf<P extends keyof paths> = paths[P] extends {
  readonly get: { responses: { 200: { content: { 'application/json': infer T } } } }
}
  ? T
  : never

/** Where the node stands. */
export type NodeStatus = JsonOf<'/v1/status'>

/** What is wrong, and what to do. */
export type Diagnosis = JsonOf<'/v1/diagnosis'>

/** How each member's node is now. */
export type ReportsJson = JsonOf<'/v1/members/reports'>

/** How one member's node is. */
export type MemberReport = ReportsJson['members'][number]

/** The members, and the open changes of them. */
export type MembersReport = JsonOf<'/v1/members'>

/** What was committed in the last ten minutes. */
export type FiguresJson = JsonOf<'/v1/figures'>

/** What was committed in two seconds. */
export type Figure = FiguresJson['figures'][number]

/** A page of blocks, newest first. */
export type BlocksJson = JsonOf<'/v1/blocks'>

/** A block with its transactions. */
export type BlockJson = JsonOf<'/v1/blocks/{height}'>

/** A transaction as a block and the stream of events tell it. */
export type TransactionJson = BlockJson['transactions'][number]

/** A transaction by its identity, committed or waiting. */
export type FoundTransactionJson = JsonOf<'/v1/transactions/{id}'>

/** A page of devices. */
export type DevicesJson = JsonOf<'/v1/devices'>

/** A device of a member. */
export type DeviceJson = DevicesJson['devices'][number]

/** One lane of a device, and the newest statement in it. */
export type LaneJson = DeviceJson['lanes'][number]

/** One device, with the member that answers for it. */
export type DeviceDetailJson = JsonOf<'/v1/devices/{id}'>

/** Devices that show signs of faults or tampering. */
export type SignsJson = JsonOf<'/v1/devices/signs'>

/** The signs of one device. */
export type DeviceSigns = SignsJson['devices'][number]
