import {
  createSigner,
  hkdfSha256,
  networkId,
  utf8,
  VitalchainError,
  type Signer
} from '@vitalchain/core'

/** Bytes of a gateway's secret. */
const SECRET_BYTES = 32

const KEY_BYTES = 32

/** Names of sensors: they are parts of file names and of HTTP paths. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/**
 * The key of a sensor that a gateway signs for, Ed25519: HKDF-SHA-256 (RFC 5869) of the gateway's secret, with the network id
 * as salt. The same secret and name always give the same key, so the secret is all that has to be kept.
 *
 * @param secret - 32 random bytes
 * @throws VitalchainError `ERR_GATEWAY_INIT` for another length, or a name that is not 1 to 64 of A-Z a-z 0-9 . _ -
 */
export function sensorSigner(secret: Uint8Array, genesis: Uint8Array, sensor: string): Signer {
  checkSensorName(sensor)
  if (secret.length !== SECRET_BYTES)
    throw new VitalchainError(
      'ERR_GATEWAY_INIT',
      `the secret of a gateway has ${SECRET_BYTES} bytes`
    )
  const info = utf8(`vitalchain/gateway-sensor\0${sensor}`)
  return createSigner('ed25519', hkdfSha256(secret, networkId(genesis), info, KEY_BYTES))
}

/** @throws VitalchainError `ERR_GATEWAY_INIT` */
export function checkSensorName(sensor: string): void {
  if (!NAME.test(sensor))
    throw new VitalchainError(
      'ERR_GATEWAY_INIT',
      'the name of a sensor has 1 to 64 of A-Z a-z 0-9 . _ -, and begins with a letter or digit'
    )
}
