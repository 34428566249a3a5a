import {
  createRules,
  devices,
  members,
  registerDeviceArgs,
  type State
} from '@vitalchain/contracts'
import {
  callFormat,
  callTransaction,
  createSigner,
  decodeTransaction,
  genesisFormat,
  memberId,
  networkId,
  sha256,
  signCose,
  toHex,
  utf8,
  type PublicKey
} from '@vitalchain/core'

/**
 * The contracts of a real network, in memory, with a device registered: what the ledger of the tests committed by its own
 * rules, these must take too.
 *
 * @param genesis - of the tests' ledger, whose first operator has a key that everybody knows
 */
export async function contractRules(
  genesis: Uint8Array,
  device: PublicKey
): Promise<(transaction: Uint8Array) => void> {
  const entries = new Map<string, Uint8Array>()
  const state: State = {
    get: key => entries.get(toHex(key)),
    put: (key, value) => void entries.set(toHex(key), value),
    delete: key => void entries.delete(toHex(key))
  }
  const rules = createRules([members, devices])
  const document = { ...genesisFormat.decode(genesis), contracts: rules.versions }
  rules.genesis(state, document)
  const network = networkId(genesis)
  let height = 0
  const apply = (transaction: Uint8Array): void => {
    const block = { network, genesis: document, height: ++height, time: 1_700_000_000_000 + height }
    rules.apply(state, decodeTransaction(transaction), block, false)
  }
  const operator = createSigner('ed25519', sha256(utf8('operator 0')))
  const register = callFormat.encode({
    network,
    author: memberId(operator.publicKey),
    previous: new Uint8Array(32),
    method: 'devices.register',
    args: registerDeviceArgs({ publicKey: device, model: 'monitor', firmware: undefined })
  })
  apply(callTransaction(await signCose(operator, register)))
  return apply
}
