export { secureElementSigner, type SecureElement } from './secure-element.ts'
export {
  createWebCryptoKeys,
  webCryptoSigner,
  type WebCryptoKey,
  type WebCryptoKeys
} from './web-crypto.ts'
