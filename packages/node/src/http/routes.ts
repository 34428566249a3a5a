import { callHead, getDevice, getLane } from '@vitalchain/contracts'
import { toHex } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { LedgerNode } from '../types.ts'
import { forbidden, mayReadOf, type Access } from './access.ts'
import { acceptBytes, bodyBytes } from './bodies.ts'
import type { DeviceTokens } from './device-tokens.ts'
import { CBOR, COSE, OCTETS } from './media-types.ts'
import { json, operation } from './operation.ts'
import { notFound, parseHash, parseLane } from './parameters.ts'
import { BYTES, hashSchema, hexSchema, LANE, wholeSchema } from './schemas.ts'
import { STATUS_SCHEMA } from './status-schema.ts'
import type { Upgrades } from './upgrades.ts'
import type { WaitingRoom } from './waiting.ts'

/** Bytes of a signed session: about 330 are used. */
const SESSION_BODY_BYTES_MAX = 1_024

/** What the routes work with. */
export interface RouteComponents {
  readonly node: LedgerNode
  readonly access: Access
  readonly devices: DeviceTokens
  readonly waiting: WaitingRoom
  readonly upgrades: Upgrades
  /** Aborts when the API closes: streams end. */
  readonly closing: AbortSignal
  readonly log: (event: string, values: Readonly<Record<string, string>>) => void
}

/** What anybody may ask: it says nothing of devices, patients or statements. */
export function addPublicRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get(
    '/v1/status',
    operation({
      id: 'getStatus',
      tag: 'node',
      summary: 'Where the node stands',
      access: 'anyone',
      answers: { 200: { description: 'Where it stands now.', content: json(STATUS_SCHEMA) } }
    }),
    () => node.status()
  )
  app.get(
    '/v1/genesis',
    operation({
      id: 'getGenesis',
      tag: 'ledger',
      summary: 'The genesis document, whose SHA-256 is the network id',
      access: 'anyone',
      answers: { 200: { description: 'The document.', content: { [CBOR]: BYTES } } }
    }),
    (_request, reply) => reply.type(CBOR).send(node.ledger.genesisBytes)
  )
}

/** How a device gets a token. spec S-2 */
export function addSessionRoutes(app: FastifyInstance, { node, devices }: RouteComponents): void {
  acceptBytes(app, COSE)
  app.post(
    '/v1/challenges',
    operation({
      id: 'createChallenge',
      tag: 'devices',
      summary: 'A challenge for a device to sign, good once and for a minute',
      access: 'anyone',
      answers: {
        200: {
          description: 'What the device signs.',
          content: json(
            Type.Object({
              challenge: hashSchema('To be signed.'),
              node: hashSchema("The node's transport key."),
              network: hashSchema('The network id.')
            })
          )
        }
      }
    }),
    () => ({
      challenge: toHex(devices.challenge()),
      node: toHex(node.transportKey),
      network: toHex(node.network)
    })
  )
  app.post(
    '/v1/sessions',
    {
      bodyLimit: SESSION_BODY_BYTES_MAX,
      ...operation({
        id: 'openSession',
        tag: 'devices',
        summary: 'A token for a device that signed a challenge',
        access: 'anyone',
        cost: 2,
        body: { [COSE]: BYTES },
        answers: {
          201: {
            description: 'The token.',
            content: json(
              Type.Object({
                token: Type.String(),
                expiresInMs: wholeSchema('How long it is good, ms.')
              })
            )
          }
        },
        errors: [
          'ERR_ENCODING',
          'ERR_NOT_CANONICAL',
          'ERR_SCHEMA',
          'ERR_ALGORITHM_UNKNOWN',
          'ERR_KEY_INVALID',
          'ERR_SESSION',
          'ERR_SIGNATURE',
          'ERR_DEVICE_UNKNOWN',
          'ERR_OTHER_NETWORK'
        ]
      })
    },
    (request, reply) => reply.code(201).send(devices.open(bodyBytes(request.body)))
  )
}

/** Reading what is not proved by itself. */
export function addReadingRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get<{ Params: { digest: string } }>(
    '/v1/payloads/:digest',
    operation({
      id: 'getPayload',
      tag: 'ledger',
      summary: 'A payload as the device encrypted it',
      access: 'reader',
      params: { digest: hashSchema('SHA-256 of the payload.') },
      answers: { 200: { description: 'Its bytes.', content: { [OCTETS]: BYTES } } },
      errors: ['ERR_HEX', 'ERR_NOT_FOUND']
    }),
    (request, reply) => {
      const payload = node.ledger.getPayload(parseHash(request.params.digest))
      if (payload === undefined) throw notFound('this node holds no payload with this digest')
      return reply.type(OCTETS).send(payload)
    }
  )

  app.get<{ Params: { member: string } }>(
    '/v1/accounts/:member/head',
    operation({
      id: 'getAccountHead',
      tag: 'members',
      summary: "What a member's next call must name as its previous",
      access: 'reader',
      params: { member: hashSchema("The member's identifier.") },
      answers: {
        200: {
          description: 'The identity of its newest call.',
          content: json(Type.Object({ head: hashSchema('32 zero bytes before the first.') }))
        }
      },
      errors: ['ERR_HEX', 'ERR_NOT_FOUND']
    }),
    request => {
      const head = callHead(node.state, parseHash(request.params.member))
      if (head === undefined) throw notFound('nobody with this identifier may make calls')
      return { head: toHex(head) }
    }
  )

  app.get<{ Params: { id: string; lane: string } }>(
    '/v1/devices/:id/lanes/:lane',
    operation({
      id: 'getLaneHead',
      tag: 'devices',
      summary: 'The newest committed place of a lane',
      access: 'device',
      params: { id: hashSchema("The device's identifier."), lane: LANE },
      answers: {
        200: {
          description: 'The place.',
          content: json(
            Type.Object({
              boot: wholeSchema('The boot.', 0xffff_ffff),
              seq: wholeSchema('The number.'),
              head: hexSchema('The identity of the statement there.')
            })
          )
        }
      },
      errors: ['ERR_HEX', 'ERR_SCHEMA', 'ERR_NOT_FOUND']
    }),
    request => {
      const device = parseHash(request.params.id)
      if (!mayReadOf(request.caller, device)) throw forbidden()
      const lane = getLane(node.state, device, parseLane(request.params.lane))
      if (lane === undefined) {
        throw notFound(
          getDevice(node.state, device) === undefined
            ? 'no such device is registered'
            : 'the device has no statement in this lane'
        )
      }
      return { boot: lane.boot, seq: lane.seq, head: toHex(lane.head) }
    }
  )
}
