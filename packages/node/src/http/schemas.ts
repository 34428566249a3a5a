import { Type, type TSchema } from 'typebox'
import { publicCodes } from './problem.ts'

/** 32 bytes in hexadecimal: an identifier, a digest or a hash. */
export function hashSchema(description: string): TSchema {
  return Type.String({ pattern: '^[0-9a-f]{64}$', description })
}

/** Bytes of any length in hexadecimal. */
export function hexSchema(description: string, bytesMax?: number): TSchema {
  return Type.String({
    pattern: '^([0-9a-f]{2})*$',
    description,
    ...(bytesMax === undefined ? {} : { maxLength: 2 * bytesMax })
  })
}

/** A whole number; below 2^53 unless a limit is named. */
export function wholeSchema(description: string, maximum: number = 999_999_999_999_999): TSchema {
  return Type.Integer({ minimum: 0, maximum, description })
}

/** A time in ms since 1970 (UTC). */
export function timeSchema(description: string): TSchema {
  return wholeSchema(`${description}, ms since 1970`)
}

/** What may be null. */
export function nullable(schema: TSchema): TSchema {
  return Type.Union([schema, Type.Null()])
}

/** One of these texts. */
export function oneOf(texts: readonly string[], description?: string): TSchema {
  return Type.Enum([...texts], description === undefined ? {} : { description })
}

/** Bytes as a body, in the media type that it stands under. */
export const BYTES: TSchema = Type.Unsafe({ type: 'string', format: 'binary' })

/** A text as a body. */
export const PLAIN: TSchema = Type.String()

/** The place of an event, `height.index`. */
export const CURSOR: TSchema = Type.String({
  pattern: '^(0|[1-9]\\d{0,15})\\.(0|[1-9]\\d{0,8})$',
  description: 'The place of a transaction: `height.index`; `0.0` stands before the first.'
})

/** The name of {@link problemSchema} among the schemas of the API. */
export const PROBLEM_SCHEMA: string = 'Problem'

/** An error (RFC 9457) with one of the stable codes. */
export function problemSchema(): TSchema {
  return Type.Object(
    {
      type: Type.String({ description: 'Names the kind of problem: `/errors#CODE`.' }),
      title: Type.String(),
      status: Type.Integer({ minimum: 400, maximum: 599 }),
      detail: Type.Optional(Type.String({ description: 'For people; may change.' })),
      code: oneOf([...publicCodes(), 'ERR_INTERNAL'], 'The stable code to test.'),
      retryable: Type.Boolean({
        description: 'Whether the same request can succeed later without a change to it.'
      })
    },
    { $id: PROBLEM_SCHEMA, description: 'What was refused, and why (RFC 9457).' }
  )
}

/** The number of a lane: 0 for readings, 1 for what is urgent. */
export const LANE: TSchema = Type.Enum(['0', '1'], { description: '0: readings, 1: urgent.' })
