/** A channel of a monitor: what it measures and how its values are written. */
export interface VitalSign {
  /** LOINC code, the name of its readings. */
  readonly code: string
  /** LOINC long common name. */
  readonly display: string
  /** UCUM unit. */
  readonly unit: string
  /** Digits behind the point that a monitor resolves. */
  readonly decimals: number
  /** Values of a living patient, in `unit`, both ends included. Outside, suspect the sensor first. */
  readonly plausible: { readonly min: number; readonly max: number }
}

/** The channels that vitalchain has names for. */
export type VitalSignName =
  | 'heartRate'
  | 'pulseRate'
  | 'respiratoryRate'
  | 'oxygenSaturation'
  | 'bodyTemperature'
  | 'systolic'
  | 'diastolic'
  | 'meanPressure'
  | 'arterialSystolic'
  | 'arterialDiastolic'
  | 'arterialMean'
  | 'cuffSystolic'
  | 'cuffDiastolic'
  | 'cuffMean'
  | 'glucose'

const pressure = { unit: 'mm[Hg]', decimals: 0 }
const systolicRange = { min: 40, max: 300 }
const diastolicRange = { min: 10, max: 200 }
const meanRange = { min: 20, max: 250 }

/**
 * The vocabulary of the simulator and of the replay. The codes for heart rate, respiration, oxygen, temperature and pressure are
 * those of the FHIR vital signs profile. A blood pressure has three sets of codes: from an arterial line, by a cuff,
 * and, where the source does not say which, the plain one. They are different measurements and not merged.
 *
 * The plausible ranges are wide: they bound what a monitor may be believed, not what is healthy.
 */
export const VITAL_SIGNS: Readonly<Record<VitalSignName, VitalSign>> = {
  heartRate: {
    code: '8867-4',
    display: 'Heart rate',
    unit: '/min',
    decimals: 0,
    plausible: { min: 20, max: 300 }
  },
  pulseRate: {
    code: '8889-8',
    display: 'Heart rate by Pulse oximetry',
    unit: '/min',
    decimals: 0,
    plausible: { min: 20, max: 300 }
  },
  respiratoryRate: {
    code: '9279-1',
    display: 'Respiratory rate',
    unit: '/min',
    decimals: 0,
    plausible: { min: 3, max: 100 }
  },
  oxygenSaturation: {
    code: '59408-5',
    display: 'Oxygen saturation in Arterial blood by Pulse oximetry',
    unit: '%',
    decimals: 0,
    plausible: { min: 40, max: 100 }
  },
  bodyTemperature: {
    code: '8310-5',
    display: 'Body temperature',
    unit: 'Cel',
    decimals: 1,
    plausible: { min: 25, max: 43 }
  },
  systolic: {
    code: '8480-6',
    display: 'Systolic blood pressure',
    ...pressure,
    plausible: systolicRange
  },
  diastolic: {
    code: '8462-4',
    display: 'Diastolic blood pressure',
    ...pressure,
    plausible: diastolicRange
  },
  meanPressure: {
    code: '8478-0',
    display: 'Mean blood pressure',
    ...pressure,
    plausible: meanRange
  },
  arterialSystolic: {
    code: '76215-3',
    display: 'Invasive Systolic blood pressure',
    ...pressure,
    plausible: systolicRange
  },
  arterialDiastolic: {
    code: '76213-8',
    display: 'Invasive Diastolic blood pressure',
    ...pressure,
    plausible: diastolicRange
  },
  arterialMean: {
    code: '76214-6',
    display: 'Invasive Mean blood pressure',
    ...pressure,
    plausible: meanRange
  },
  cuffSystolic: {
    code: '76534-7',
    display: 'Systolic blood pressure by Noninvasive',
    ...pressure,
    plausible: systolicRange
  },
  cuffDiastolic: {
    code: '76535-4',
    display: 'Diastolic blood pressure by Noninvasive',
    ...pressure,
    plausible: diastolicRange
  },
  cuffMean: {
    code: '76536-2',
    display: 'Mean blood pressure by Noninvasive',
    ...pressure,
    plausible: meanRange
  },
  glucose: {
    code: '99504-3',
    display: 'Glucose [Mass/volume] in Interstitial fluid',
    unit: 'mg/dL',
    decimals: 0,
    plausible: { min: 20, max: 600 }
  }
}

const byCode: ReadonlyMap<string, VitalSign> = new Map(
  Object.values(VITAL_SIGNS).map(sign => [sign.code, sign])
)

/** The channel with a LOINC code, or undefined when the vocabulary does not have it. */
export function vitalSignOfCode(code: string): VitalSign | undefined {
  return byCode.get(code)
}
