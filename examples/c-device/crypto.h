/* The few operations that the formats need (docs/spec/formats.md, F-2; payload.md), by OpenSSL 3. Each ends the program when
   the library fails: there is nothing to go on with. */
#ifndef VITALCHAIN_CRYPTO_H
#define VITALCHAIN_CRYPTO_H

#include "cbor.h"

#define HASH 32
#define KEY 32
#define SIGNATURE 64

void random_bytes(uint8_t *to, size_t length);
void sha256(uint8_t digest[HASH], bytes message);
/* SHA-256(prefix || a || b): the leaves and nodes of Merkle trees. */
void sha256_prefixed(uint8_t digest[HASH], uint8_t prefix, bytes a, bytes b);
void hmac_sha256(uint8_t mac[HASH], const uint8_t key[KEY], bytes message);
/* RFC 5869, 64 bytes of key material. */
void hkdf_sha256(uint8_t keys[2 * KEY], const uint8_t secret[KEY], bytes salt, bytes info);
/* AES-256-GCM with a nonce of zeros and no associated data; `sealed` has room for 16 bytes more than `clear`. */
void aes_gcm_seal(uint8_t *sealed, const uint8_t key[KEY], bytes clear);
void ed25519_public(uint8_t public_key[KEY], const uint8_t secret[KEY]);
void ed25519_sign(uint8_t signature[SIGNATURE], const uint8_t secret[KEY], bytes message);
bool ed25519_verify(const uint8_t public_key[KEY], bytes message, const uint8_t signature[SIGNATURE]);

#endif
