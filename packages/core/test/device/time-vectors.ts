import { agreeOnTime, signTime, timeSignBytes, type TimeAnswer } from '../../src/device/time.ts'
import { seed, testSigner } from '../ledger/small-ledger.ts'
import { type Json, toJson } from '../ledger/vector-json.ts'

const NOW = 1_800_000_000_000

/** What members answer in a vector: place of the member, its clock, and what is wrong with the answer. */
interface Said {
  readonly member: number
  readonly clock: number
  readonly fault?: 'nonce' | 'network' | 'key' | 'clock'
}

const cases: readonly {
  readonly why: string
  readonly members: number
  readonly roundTripMs: number
  readonly precisionMs: number
  readonly said: readonly Said[]
}[] = [
  { why: 'one member', members: 1, roundTripMs: 100, precisionMs: 50, said: clocks(0) },
  { why: 'all agree', members: 4, roundTripMs: 100, precisionMs: 50, said: clocks(0, 0, 0, 0) },
  { why: 'three of four', members: 4, roundTripMs: 7, precisionMs: 500, said: clocks(0, 80, 160) },
  { why: 'one lies', members: 4, roundTripMs: 100, precisionMs: 50, said: clocks(0, 0, 20, 9e9) },
  {
    why: 'two of seven lie near the truth',
    members: 7,
    roundTripMs: 100,
    precisionMs: 50,
    said: clocks(0, 10, -10, 190, 190)
  },
  { why: 'too few answer', members: 4, roundTripMs: 100, precisionMs: 50, said: clocks(0, 0) },
  { why: 'none agree', members: 4, roundTripMs: 100, precisionMs: 50, said: clocks(0, 1e4, 2e4) },
  ...(['nonce', 'network', 'key', 'clock'] as const).map(fault => ({
    why: `the third answer has another ${fault} than is signed`,
    members: 4,
    roundTripMs: 100,
    precisionMs: 50,
    said: [...clocks(0, 0), { member: 2, clock: NOW, fault }]
  })),
  {
    why: 'one answers twice',
    members: 4,
    roundTripMs: 100,
    precisionMs: 50,
    said: [...clocks(0, 0), { member: 1, clock: NOW + 1 }]
  },
  {
    why: 'a stranger answers',
    members: 4,
    roundTripMs: 100,
    precisionMs: 50,
    said: [...clocks(0, 0), { member: 9, clock: NOW }]
  }
]

function checkpointKey(k: number): Uint8Array {
  return testSigner('ed25519', `checkpoint ${k}`).publicKey.bytes
}

function clocks(...errors: readonly number[]): Said[] {
  return errors.map((error, member) => ({ member, clock: NOW + error }))
}

/** Signed time: what is signed, and what a device makes of answers (T-2, T-4). */
export async function timeVectors(): Promise<Json> {
  const network = seed('network')
  const nonce = seed('nonce')
  const answer = async ({ member, clock, fault }: Said): Promise<TimeAnswer> => {
    const signed = await signTime(
      {
        network: fault === 'network' ? nonce : network,
        nonce: fault === 'nonce' ? network : nonce
      },
      {
        member: seed(`member ${member}`),
        clock,
        signer: testSigner('ed25519', `checkpoint ${fault === 'key' ? 9 : member}`)
      }
    )
    return fault === 'clock' ? { ...signed, clock: clock + 1 } : signed
  }
  const agreements = cases.map(async ({ why, members, roundTripMs, precisionMs, said }) => {
    const validators = Array.from({ length: members }, (_, k) => ({
      member: seed(`member ${k}`),
      consensusKey: checkpointKey(k),
      checkpointKey: checkpointKey(k)
    }))
    const answers = await Promise.all(said.map(answer))
    const question = { network, nonce, validators, roundTripMs, precisionMs }
    return toJson({
      why,
      validators: validators.map(each => ({
        member: each.member,
        checkpointKey: each.checkpointKey
      })),
      roundTripMs,
      precisionMs,
      answers,
      interval: agreeOnTime(answers, question)
    })
  })
  return {
    purpose:
      'Signed time: the bytes that a member signs (T-2), and from when to when it is by the answers, or null (T-4).',
    network: toJson(network),
    nonce: toJson(nonce),
    signed: [0, NOW, Number.MAX_SAFE_INTEGER].map(clock =>
      toJson({ clock, bytes: timeSignBytes(network, nonce, clock) })
    ),
    agreements: await Promise.all(agreements)
  }
}
