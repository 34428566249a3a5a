import t from 'tap'
import { CODE_MS, createDashboardLogins, SESSION_MS } from '../../src/dashboard/logins.ts'

t.test('a code opens one session of its role, once', async t => {
  const logins = createDashboardLogins(() => 0)
  const code = logins.createCode('monitor')
  t.match(code, { role: 'monitor', expiresInMs: CODE_MS, secret: /^[0-9a-f]{64}$/ })
  const session = logins.open(code.secret)
  t.match(session, { role: 'monitor', expiresInMs: SESSION_MS })
  t.strictSame(logins.find(session.secret), {
    role: 'monitor',
    name: 'dashboard',
    goodMs: SESSION_MS
  })
  t.throws(() => logins.open(code.secret), { code: 'ERR_UNAUTHORIZED' })
  t.equal(logins.find(code.secret), undefined, 'a code is no token')
  t.throws(() => logins.open(session.secret), { code: 'ERR_UNAUTHORIZED' })
})

t.test('codes and sessions end by themselves', async t => {
  let now = 1_000
  const logins = createDashboardLogins(() => now)
  const late = logins.createCode('reader')
  now += CODE_MS
  t.throws(() => logins.open(late.secret), { code: 'ERR_UNAUTHORIZED' })
  const { secret } = logins.open(logins.createCode('reader').secret)
  now += SESSION_MS - 1
  t.match(logins.find(secret), { role: 'reader', goodMs: 1 }, 'an open stream ends with it')
  now += 1
  t.equal(logins.find(secret), undefined)
})

t.test('whoever makes many codes takes only the oldest ones away', async t => {
  const logins = createDashboardLogins(() => 0)
  const codes = Array.from({ length: 20 }, () => logins.createCode('reader').secret)
  t.throws(() => logins.open(codes[3]!), { code: 'ERR_UNAUTHORIZED' })
  const sessions = Array.from(
    { length: 70 },
    () => logins.open(logins.createCode('reader').secret).secret
  )
  t.equal(logins.find(sessions[5]!), undefined)
  t.match(logins.find(sessions[6]!), { role: 'reader' })
})
