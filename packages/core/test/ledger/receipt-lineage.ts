import type { HandOver, Pin } from '../../src/ledger/anchor.ts'
import type { Receipt } from '../../src/ledger/receipt.ts'
import { hashValidatorSet } from '../../src/ledger/validators.ts'
import { refused, type Case, type Damage } from './receipt-cases.ts'
import { resigned, STRANGERS } from './receipt-forged.ts'
import {
  certify,
  FOUNDERS,
  seed,
  SmallLedger,
  TestDevice,
  testMember,
  validatorsOf
} from './small-ledger.ts'

/** A hand-over with one signature less. */
function less(at: HandOver): HandOver {
  const { signers, signatures } = at.certificate
  return {
    ...at,
    certificate: { ...at.certificate, signers: signers.slice(1), signatures: signatures.slice(1) }
  }
}

/** Chains of hand-overs that do not lead from genesis to the header. */
export function handOverCases(ledger: SmallLedger): Case[] {
  const receipt = ledger.receipt(2)
  const [a, b, c] = receipt.handOvers as [HandOver, HandOver, HandOver]
  const stranger = testMember('Mallory').validator
  const chains: readonly (readonly [string, Receipt['handOvers'], string])[] = [
    ['none', [], 'ERR_HANDOVER'],
    ['the first skipped', [b, c], 'ERR_HANDOVER'],
    ['the middle one skipped', [a, c], 'ERR_HANDOVER'],
    ['the last skipped', [a, b], 'ERR_HANDOVER'],
    ['the first twice', [a, a, b, c], 'ERR_HANDOVER'],
    ['the last twice', [a, b, c, c], 'ERR_HANDOVER'],
    ['swapped', [b, a, c], 'ERR_HANDOVER'],
    ['in reverse', [c, b, a], 'ERR_HANDOVER'],
    [
      'to validators in another order',
      [{ ...a, validators: a.validators.toReversed() }, b, c],
      'ERR_HANDOVER'
    ],
    ['to a stranger', [{ ...a, validators: a.validators.with(4, stranger) }, b, c], 'ERR_HANDOVER'],
    ['to a validator less', [{ ...a, validators: a.validators.slice(0, 4) }, b, c], 'ERR_HANDOVER'],
    [
      'to a validator twice',
      [{ ...a, validators: [...a.validators, a.validators[0]!] }, b, c],
      'ERR_HANDOVER'
    ],
    ['to the validators of the next', [{ ...a, validators: b.validators }, b, c], 'ERR_HANDOVER'],
    [
      'a header that hands over to the same validators',
      [
        {
          header: ledger.header(1),
          certificate: ledger.receipt(0, 1).certificate,
          validators: validatorsOf(FOUNDERS)
        },
        a,
        b,
        c
      ],
      'ERR_HANDOVER'
    ],
    [
      'with the certificate of another',
      [{ ...a, certificate: b.certificate }, b, c],
      'ERR_CERTIFICATE'
    ],
    ['the first with a signature less', [less(a), b, c], 'ERR_CERTIFICATE'],
    ['the middle one with a signature less', [a, less(b), c], 'ERR_CERTIFICATE'],
    ['the last with a signature less', [a, b, less(c)], 'ERR_CERTIFICATE'],
    [
      'the first with prepare votes',
      [{ ...a, certificate: certify(a.header, FOUNDERS, { phase: 'prepare' }) }, b, c],
      'ERR_CERTIFICATE'
    ],
    [
      'the first certified by strangers',
      [{ ...a, certificate: certify(a.header, STRANGERS) }, b, c],
      'ERR_CERTIFICATE'
    ],
    [
      'the first in recovery epoch 1',
      [
        {
          ...a,
          header: { ...a.header, recoveryEpoch: 1 },
          certificate: certify({ ...a.header, recoveryEpoch: 1 }, FOUNDERS)
        },
        b,
        c
      ],
      'ERR_HANDOVER'
    ],
    [
      'the first above the second',
      [
        {
          ...a,
          header: { ...a.header, height: 4 },
          certificate: certify({ ...a.header, height: 4 }, FOUNDERS)
        },
        b,
        c
      ],
      'ERR_HANDOVER'
    ]
  ]
  const after = ledger.receipt(0, 2)
  return [
    ...refused(
      'hand-over',
      ledger.network,
      chains.map(([why, handOvers, code]): Damage => [why, { ...receipt, handOvers }, code])
    ),
    ...refused('hand-over', ledger.network, [
      ['its own header as a hand-over', { ...after, handOvers: [a] }, 'ERR_HANDOVER'],
      [
        'a header certified by the retired validators',
        resigned(receipt, {}, FOUNDERS),
        'ERR_CERTIFICATE'
      ],
      [
        'a header certified by the retired validators under their hash',
        resigned(receipt, { validatorsHash: hashValidatorSet(validatorsOf(FOUNDERS)) }),
        'ERR_HANDOVER'
      ]
    ])
  ]
}

/**
 * A history that the founders forged after they had handed over: they kept their keys and went on from block 1 as if
 * nothing had happened. Nothing in such a receipt is wrong; only who knows the true history can refuse it.
 */
export async function retiredCases(ledger: SmallLedger): Promise<Case[]> {
  const forged = new SmallLedger(FOUNDERS, ledger.genesis.name)
  const device = new TestDevice(forged.network, 'es256', 'forged')
  forged.addBlock(ledger.blocks[0]!.block.transactions)
  for (let height = 2; height <= 8; height++) forged.addBlock([await device.nextTransaction()])
  const { network } = ledger
  const index = 6
  const at = (pinSize?: number): Receipt => forged.receipt(index, undefined, pinSize)
  const root = (height: number): Pin => ledger.pin(height)
  const kind = 'retired-quorum'
  return [
    {
      kind,
      why: 'a history forged by retired validators, without a pin',
      receipt: forged.encodedReceipt(index),
      network,
      code: undefined
    },
    {
      kind,
      why: 'a history forged by retired validators, with a pin from before it parted: still genesis-only',
      receipt: forged.encodedReceipt(index, undefined, 1),
      network,
      pin: root(1),
      code: undefined
    },
    ...[2, 5, 7].flatMap(height => [
      ...refused(
        kind,
        network,
        [[`forged, consistent with itself, the pin at size ${height}`, at(height), 'ERR_PIN']],
        root(height)
      ),
      ...refused(
        kind,
        network,
        [
          [
            `forged, with the true root of size ${height}`,
            withRoot(at(height), root(height)),
            'ERR_CONSISTENCY'
          ]
        ],
        root(height)
      ),
      ...refused(
        kind,
        network,
        [[`forged, without consistency, the pin at size ${height}`, at(), 'ERR_PIN_UNPROVEN']],
        root(height)
      )
    ]),
    ...refused(kind, network, [['forged, of the size of the pin', at(), 'ERR_PIN']], root(8)),
    ...refused(
      kind,
      network,
      [
        [
          'forged, the pin from before it parted, with the validators that came then',
          at(2),
          'ERR_PIN'
        ]
      ],
      { ...forged.pin(2), validators: ledger.header(2).nextValidatorsHash }
    )
  ]
}

function withRoot(receipt: Receipt, { root }: Pin): Receipt {
  return { ...receipt, consistency: { ...receipt.consistency!, root } }
}

/** True receipts that a pin does not fit. */
export function pinCases(ledger: SmallLedger): Case[] {
  const { network } = ledger
  const receipt = ledger.receipt(2, undefined, 5)
  const pinned = (pin: Pin, ...damage: readonly Damage[]): Case[] =>
    refused('pin', network, damage, pin)
  const validators = hashValidatorSet(validatorsOf(STRANGERS))
  return [
    ...pinned(
      ledger.pin(6),
      ['consistency from the size before the pin', receipt, 'ERR_PIN_UNPROVEN'],
      [
        'consistency from the size behind the pin',
        ledger.receipt(2, undefined, 7),
        'ERR_PIN_UNPROVEN'
      ],
      ['no consistency', ledger.receipt(2), 'ERR_PIN_UNPROVEN'],
      ['a header older than the pin', ledger.receipt(2, 5), 'ERR_PIN_UNPROVEN']
    ),
    ...pinned({ size: 5, root: seed('root') }, ['another root', receipt, 'ERR_PIN']),
    ...pinned({ size: 8, root: seed('root') }, [
      'another root of the same size',
      receipt,
      'ERR_PIN'
    ]),
    ...pinned({ size: 0, root: seed('root') }, ['another empty history', receipt, 'ERR_PIN']),
    ...pinned({ ...ledger.pin(5), validators }, ['validators that never were', receipt, 'ERR_PIN']),
    ...pinned({ ...ledger.pin(5), validators: ledger.header(1).validatorsHash }, [
      'validators that had handed over before the pin',
      receipt,
      'ERR_PIN'
    ]),
    ...pinned({ ...ledger.pin(1), validators: ledger.header(8).validatorsHash }, [
      'validators of later than the header',
      ledger.receipt(0, 1),
      'ERR_PIN'
    ]),
    ...pinned({ size: 1_000, root: seed('root') }, ['a pin far ahead', receipt, 'ERR_PIN_UNPROVEN'])
  ]
}

/** Validators whose consensus key is the neutral point: whoever wants signs for them, if a verifier lets them. spec F-2. */
export async function weakValidatorCases(): Promise<Case[]> {
  const neutral = new Uint8Array(32).with(0, 1)
  const beyondField = new Uint8Array(32).fill(0xff).with(0, 0xee).with(31, 0x7f)
  const cases: Case[] = []
  for (const [why, consensusKey] of [
    ['the neutral point', neutral],
    ['the neutral point, written beyond the field', beyondField],
    ['the neutral point, written with a sign', neutral.with(31, 0x80)]
  ] as const) {
    const ledger = new SmallLedger(FOUNDERS, 'weak network')
    const device = new TestDevice(ledger.network, 'es256', 'weak')
    const weak = FOUNDERS.map(each => ({ ...each, validator: { ...each.validator, consensusKey } }))
    ledger.addBlock([await device.nextTransaction()], { next: weak })
    ledger.addBlock([await device.nextTransaction()])
    const receipt = ledger.receipt(0)
    // With A neutral, R the base point and S = 1 the equation holds for every message.
    const signature = new Uint8Array(64).fill(0x66, 1, 32).with(0, 0x58).with(32, 1)
    const signatures = receipt.certificate.signers.map(() => signature)
    cases.push(
      ...refused('key-edge', ledger.network, [
        [
          `validators whose key is ${why}`,
          { ...receipt, certificate: { ...receipt.certificate, signatures } },
          'ERR_CERTIFICATE'
        ]
      ])
    )
  }
  return cases
}
