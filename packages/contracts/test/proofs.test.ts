import {
  blockHash,
  deviceId,
  EMPTY_ROOT,
  fromHex,
  genesisFormat,
  genesisValidators,
  hashValidatorSet,
  laneStateKey,
  proveState,
  quorum,
  signEd25519,
  stateProofFormat,
  updateStateTree,
  verifyStateProofDocument,
  voteSignBytes,
  type Header,
  type ProvenState
} from '@vitalchain/core'
import { deviceStanding, deviceStateKey, laneHead, revokeDeviceArgs } from '@vitalchain/contracts'
import t from 'tap'
import { secret, signer, World } from './fixture.ts'

/** What a state proof of the world's state, certified at its height, proves of a key. */
function shown(world: World, key: Uint8Array): ProvenState {
  const nodes = new Map<string, Uint8Array>()
  const store = { get: (position: string) => nodes.get(position) }
  const entries = [...world.state.entries].map(([hex, value]) => [fromHex(hex), value] as const)
  const { root, writes } = updateStateTree(store, entries)
  for (const [position, record] of writes) if (record !== undefined) nodes.set(position, record)
  const validators = hashValidatorSet(genesisValidators(world.genesis))
  const header: Header = {
    protocol: 1,
    network: world.network,
    recoveryEpoch: 0,
    height: world.height,
    previous: world.network,
    time: world.time,
    originView: 0,
    originProposer: 0,
    transactionCount: 0,
    history: { size: 0, root: EMPTY_ROOT },
    stateRoot: root,
    validatorsHash: validators,
    nextValidatorsHash: validators,
    previousCertificateHash: new Uint8Array(32)
  }
  const place = { network: world.network, recoveryEpoch: 0, height: world.height, view: 0 }
  const message = voteSignBytes(place, { type: 'commit', blockHash: blockHash(header) })
  const signers = Array.from({ length: quorum(world.operators.length) }, (_, k) => k)
  const encoded = stateProofFormat.encode({
    genesis: genesisFormat.encode(world.genesis),
    handOvers: [],
    header,
    certificate: {
      phase: 'commit',
      height: world.height,
      view: 0,
      blockHash: blockHash(header),
      signers,
      signatures: signers.map(k => signEd25519(secret(`consensus ${k}`), message))
    },
    consistency: undefined,
    key,
    value: world.state.get(key),
    proof: proveState(store, key)
  })
  return verifyStateProofDocument(encoded, { genesis: world.network })
}

/** A world in which a device was registered at height 3 and revoked at height 7. */
async function revokedAtSeven(): Promise<{ world: World; id: Uint8Array; key: Uint8Array }> {
  const world = new World()
  world.height = 3
  const device = signer('device')
  const id = await world.register(device)
  world.height = 7
  const [operator] = world.operators
  world.apply(await world.call(operator!, 'devices.revoke', revokeDeviceArgs({ device: id })))
  return { world, id, key: deviceStateKey(id) }
}

t.test(
  'one state proof tells for every height up to its own whether a device was revoked',
  async t => {
    const { world, id, key } = await revokedAtSeven()
    world.height = 9
    const proven = shown(world, key)
    const standings = [1, 2, 3, 6, 7, 8, 9].map(height => deviceStanding(proven, id, height).type)
    t.same(standings, [
      'unregistered',
      'unregistered',
      'registered',
      'registered',
      'revoked',
      'revoked',
      'revoked'
    ])
    t.match(deviceStanding(proven, id), { type: 'revoked', record: { model: 'monitor' } })
  }
)

t.test(
  'a height above the proof is refused: the device may be revoked in the next block',
  async t => {
    const { world, id, key } = await revokedAtSeven()
    const proven = shown(world, key)
    for (const height of [8, Number.NaN, Number.POSITIVE_INFINITY])
      t.throws(() => deviceStanding(proven, id, height), { code: 'ERR_STATE_HEIGHT' })
  }
)

t.test('a device that nobody registered is shown to be unknown', async t => {
  const { world } = await revokedAtSeven()
  const stranger = deviceId(signer('stranger').publicKey)
  t.same(deviceStanding(shown(world, deviceStateKey(stranger)), stranger), { type: 'unregistered' })
})

t.test('a proof of another key says nothing of a device or lane', async t => {
  const { world, id, key } = await revokedAtSeven()
  const stranger = deviceId(signer('stranger').publicKey)
  const proven = shown(world, key)
  t.throws(() => deviceStanding(proven, stranger), { code: 'ERR_STATE_PROOF' })
  t.throws(() => laneHead(proven, id, 0), { code: 'ERR_STATE_PROOF' })
  const lane = shown(world, laneStateKey(id, 0))
  t.throws(() => deviceStanding(lane, id), { code: 'ERR_STATE_PROOF' })
  t.throws(() => laneHead(lane, id, 1), { code: 'ERR_STATE_PROOF' })
})

t.test('a state proof shows where a lane stands, or that it has nothing', async t => {
  const world = new World()
  const device = signer('device')
  const id = await world.register(device)
  const { id: head } = world.apply(await world.sign(device, world.readings(device)))
  t.match(laneHead(shown(world, laneStateKey(id, 0)), id, 0), {
    boot: 1,
    seq: 0,
    head,
    quarantinedHeight: undefined
  })
  t.equal(laneHead(shown(world, laneStateKey(id, 1)), id, 1), undefined)
})
