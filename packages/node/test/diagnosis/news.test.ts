import type { ErrorValues } from '@vitalchain/core'
import t from 'tap'
import { createNews } from '../../src/diagnosis/news.ts'
import type { Diagnosis, Finding } from '../../src/diagnosis/types.ts'

function finding(code: string, severity: Finding['severity']): Finding {
  return { code, severity, subject: 'Dax', text: `text of ${code}`, act: `act of ${code}` }
}

function diagnosis(...findings: readonly Finding[]): Diagnosis {
  return {
    at: 0,
    healthy: findings.every(({ severity }) => severity === 'note'),
    summary: findings[0]?.text ?? 'All is well',
    findings,
    members: [],
    quorum: { validators: 4, needed: 3, reachable: 4 }
  }
}

t.test('the log has the same words as the doctor, once, when something lasts', async t => {
  const log: (readonly [string, ErrorValues])[] = []
  let found = diagnosis()
  const news = createNews(
    async () => found,
    (event, values) => log.push([event, values])
  )
  const say = async (next: Diagnosis): Promise<readonly (readonly [string, ErrorValues])[]> => {
    found = next
    await news.look()
    return log.splice(0)
  }
  t.same(await say(diagnosis()), [], 'the first look is no news yet')
  t.match(await say(diagnosis()), [['diagnosis', { healthy: 'true', summary: 'All is well' }]])
  const down = diagnosis(finding('MEMBER_DOWN', 'warning'), finding('MEMBER_BEHIND', 'note'))
  t.same(await say(down), [], 'it may pass')
  t.same(await say(down), [
    ['diagnosis', { healthy: 'false', summary: 'text of MEMBER_DOWN' }],
    [
      'finding',
      {
        code: 'MEMBER_DOWN',
        severity: 'warning',
        subject: 'Dax',
        text: 'text of MEMBER_DOWN',
        act: 'act of MEMBER_DOWN'
      }
    ]
  ])
  t.same(await say(down), [], 'it is said once')
  await say(diagnosis())
  t.match(await say(diagnosis()), [['diagnosis', { healthy: 'true' }]])
})
