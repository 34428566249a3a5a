import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type Tracer
} from '@opentelemetry/api'
import { errorCode, sha256, toHex } from '@vitalchain/core'
import type { Meters } from './meters.ts'

/** Transactions followed at once, also those committed lately; the oldest is given up for a new one. */
const FOLLOWED_MAX = 4_096

/** A transaction that is followed. */
interface Followed {
  /** From the hand-over to the durable block. */
  readonly whole: Span
  readonly inWhole: Context
  /** The part that it is in now. */
  part: { readonly name: 'submit' | 'pool' | 'consensus'; readonly span: Span }
}

/**
 * Makes meters that trace what this node's own clients hand over, by the OpenTelemetry API: the span `vitalchain.transaction` from
 * the hand-over to the durable block, in it `vitalchain.submit` (checks, and the payload on the disk), `vitalchain.pool` (until a
 * proposal names it) and `vitalchain.consensus` (until it is durable); and `vitalchain.receipt` for each receipt. Their parent is
 * the context in which the node was called. Without an SDK in the process nothing is recorded and nothing is kept.
 */
export function createTraces(tracer: Tracer = trace.getTracer('@vitalchain/node')): Meters {
  /** By SHA-256 of the transaction's bytes. */
  const followed = new Map<string, Followed>()
  /** The context of each whole, by the transaction's identity; kept a while for receipts. */
  const contexts = new Map<string, Context>()

  function begin(name: string, parent: Context, attributes: Attributes = {}): Span {
    return tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, parent)
  }

  function end(key: string, { whole, part }: Followed): void {
    followed.delete(key)
    part.span.end()
    whole.end()
  }

  return {
    submitting({ transaction }) {
      const parent = context.active()
      const whole = begin('vitalchain.transaction', parent)
      if (!whole.isRecording()) return () => undefined
      const key = toHex(sha256(transaction))
      const inWhole = trace.setSpan(parent, whole)
      const part = { name: 'submit', span: begin('vitalchain.submit', inWhole) } as const
      const each: Followed = { whole, inWhole, part }
      // Handed over again meanwhile: the first is followed.
      if (!followed.has(key)) {
        const [oldest] = followed
        if (oldest !== undefined && followed.size >= FOLLOWED_MAX) end(...oldest)
        followed.set(key, each)
      }
      return ({ error }) => {
        if (error !== undefined)
          // The code alone: a message could hold more than a trace may.
          for (const span of [part.span, whole])
            span.setStatus({ code: SpanStatusCode.ERROR, message: errorCode(error) })
        // It goes on; or it was refused, or waited here before, and there is nothing to follow.
        if (each.part !== part || !whole.isRecording()) return
        if (followed.get(key) === each) followed.delete(key)
        part.span.end()
        whole.end()
      }
    },
    admitted({ hash, transaction }) {
      const each = followed.get(toHex(hash))
      if (each === undefined) return
      each.part.span.end()
      each.part = { name: 'pool', span: begin('vitalchain.pool', each.inWhole) }
      const id = toHex(transaction.id)
      contexts.set(id, each.inWhole)
      if (contexts.size > FOLLOWED_MAX) forgetOldest(contexts)
      each.whole.setAttributes({
        'vitalchain.transaction.id': id,
        'vitalchain.transaction.type': transaction.type
      })
    },
    proposed({ height, view, transactions }) {
      if (followed.size === 0) return
      for (const hash of transactions) {
        const each = followed.get(toHex(hash))
        if (each === undefined) continue
        // Proposed again in a later view: the part before ends here too.
        each.part.span.end()
        const attributes = { 'vitalchain.height': height, 'vitalchain.view': view }
        const span = begin('vitalchain.consensus', each.inWhole, attributes)
        each.part = { name: 'consensus', span }
      }
    },
    heightDone: () => undefined,
    committed({ executed: { block, transactions }, by }) {
      if (followed.size === 0) return
      for (const { hash } of transactions) {
        const key = toHex(hash)
        const each = followed.get(key)
        if (each === undefined) continue
        each.whole.setAttributes({
          'vitalchain.height': block.header.height,
          'vitalchain.committed.by': by
        })
        end(key, each)
      }
    },
    receiptMade(id) {
      const of = contexts.get(toHex(id))
      const asked = context.active()
      // Who asks has a trace of its own, or belongs to that of the transaction.
      const parent = trace.getSpan(asked) === undefined ? (of ?? asked) : asked
      const whole = of && trace.getSpanContext(of)
      tracer
        .startSpan(
          'vitalchain.receipt',
          {
            attributes: { 'vitalchain.transaction.id': toHex(id) },
            links: whole === undefined ? [] : [{ context: whole }]
          },
          parent
        )
        .end()
    },
    httpAnswered: () => undefined,
    logged: () => undefined
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys()
  if (oldest !== undefined) map.delete(oldest)
}
