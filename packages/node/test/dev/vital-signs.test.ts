import { encodeReadings } from '@vitalchain/core'
import t from 'tap'
import { VITAL_SIGNS, vitalSignOfCode } from '../../src/dev/vital-signs.ts'

t.test('every code is a LOINC number with its right check digit and names one channel', async t => {
  for (const sign of Object.values(VITAL_SIGNS)) {
    const [digits = '', check] = sign.code.split('-')
    t.equal(mod10(digits), Number(check), sign.code)
    t.equal(vitalSignOfCode(sign.code), sign)
  }
  t.equal(vitalSignOfCode('1-8'), undefined)
})

/** The check digit of LOINC (its user's guide, appendix C): digits at odd places from the right count twice. */
function mod10(digits: string): number {
  let sum = 0
  for (const [index, digit] of digits.split('').toReversed().entries()) {
    const doubled = index % 2 === 0 ? 2 * Number(digit) : Number(digit)
    sum += Math.floor(doubled / 10) + (doubled % 10)
  }
  return (10 - (sum % 10)) % 10
}

t.test('every channel can name a reading', async t => {
  const readings = Object.values(VITAL_SIGNS).map(({ code, unit, plausible }) => {
    return { name: code, unit, time: 0, value: plausible.min }
  })
  t.ok(encodeReadings(readings).length > 0)
})
