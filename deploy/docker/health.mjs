/* oxlint-disable typescript/no-unsafe-assignment -- plain JavaScript has no types */
// Whether the node in this container answers, for HEALTHCHECK. The administration's port is that of the variables: who sets it in
// node.json sets VITALCHAIN_ADMIN_PORT too.
const { VITALCHAIN_ADMIN_PORT: admin, VITALCHAIN_HTTP_PORT: http = '7700' } = process.env
const port = admin ?? String(Number(http) + 100)

// It asks loopback whether anything lives: what name a certificate has does not matter here.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
process.removeAllListeners('warning')

async function ask(scheme) {
  const { ok, status } = await fetch(`${scheme}://127.0.0.1:${port}/livez`)
  if (!ok) throw new Error(`it answers ${status}`)
}

try {
  await Promise.any([ask('http'), ask('https')])
} catch {
  process.exitCode = 1
}
