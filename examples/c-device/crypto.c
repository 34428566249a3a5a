#include "crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(int ok) {
  if (ok == 1) return;
  fputs("the cryptographic library failed\n", stderr);
  abort();
}

void random_bytes(uint8_t *to, size_t length) { need(RAND_bytes(to, (int)length)); }

void sha256(uint8_t digest[HASH], bytes message) {
  need(EVP_Digest(message.at, message.length, digest, NULL, EVP_sha256(), NULL));
}

void sha256_prefixed(uint8_t digest[HASH], uint8_t prefix, bytes a, bytes b) {
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  need(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
  need(EVP_DigestUpdate(context, &prefix, 1));
  need(EVP_DigestUpdate(context, a.at, a.length));
  need(EVP_DigestUpdate(context, b.at, b.length));
  need(EVP_DigestFinal_ex(context, digest, NULL));
  EVP_MD_CTX_free(context);
}

/* A key of any length: HKDF takes a salt as one. */
static void hmac(uint8_t mac[HASH], bytes key, bytes message) {
  need(HMAC(EVP_sha256(), key.at, (int)key.length, message.at, message.length, mac, NULL) != NULL);
}

void hmac_sha256(uint8_t mac[HASH], const uint8_t key[KEY], bytes message) {
  bytes of = {key, KEY};
  hmac(mac, of, message);
}

void hkdf_sha256(uint8_t keys[2 * KEY], const uint8_t secret[KEY], bytes salt, bytes info) {
  uint8_t extracted[HASH], block[HASH + 128 + 1];
  bytes input = {secret, KEY};
  if (info.length > 128) abort();
  hmac(extracted, salt, input);
  memcpy(block, info.at, info.length);
  block[info.length] = 1;
  bytes first = {block, info.length + 1};
  hmac_sha256(keys, extracted, first);
  memcpy(block, keys, HASH);
  memcpy(block + HASH, info.at, info.length);
  block[HASH + info.length] = 2;
  bytes second = {block, HASH + info.length + 1};
  hmac_sha256(keys + KEY, extracted, second);
}

void aes_gcm_seal(uint8_t *sealed, const uint8_t key[KEY], bytes clear) {
  static const uint8_t nonce[12];
  int length = 0, rest = 0;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  need(context != NULL && EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
  need(EVP_EncryptUpdate(context, sealed, &length, clear.at, (int)clear.length));
  need(EVP_EncryptFinal_ex(context, sealed + length, &rest));
  need(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, sealed + clear.length));
  EVP_CIPHER_CTX_free(context);
}

static EVP_PKEY *secret_key(const uint8_t secret[KEY]) {
  EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, KEY);
  need(key != NULL);
  return key;
}

void ed25519_public(uint8_t public_key[KEY], const uint8_t secret[KEY]) {
  size_t length = KEY;
  EVP_PKEY *key = secret_key(secret);
  need(EVP_PKEY_get_raw_public_key(key, public_key, &length));
  EVP_PKEY_free(key);
}

void ed25519_sign(uint8_t signature[SIGNATURE], const uint8_t secret[KEY], bytes message) {
  size_t length = SIGNATURE;
  EVP_PKEY *key = secret_key(secret);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  need(context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1);
  need(EVP_DigestSign(context, signature, &length, message.at, message.length));
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
}

bool ed25519_verify(const uint8_t public_key[KEY], bytes message, const uint8_t signature[SIGNATURE]) {
  EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, KEY);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool valid = key != NULL && context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
               EVP_DigestVerify(context, signature, SIGNATURE, message.at, message.length) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return valid;
}
