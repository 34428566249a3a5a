#include "statement.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ED25519 = -8, SIGN1_TAG = 18, DECIMAL_TAG = 4, SENML_CBOR = 112, HISTORY_LOST = 1, READINGS_MAX = 8192 };
/* Labels of RFC 8428, table 6. */
enum { UNIT = 1, VALUE = 2, BOOLEAN = 4, TIME = 6, BASE_NAME = -2, BASE_TIME = -3 };

static const uint8_t nothing[HASH];

static void put_public_key(writer *w, const uint8_t public_key[KEY]) {
  put_array(w, 2);
  put_int(w, ED25519);
  put_bytes(w, public_key, KEY);
}

void identifier_of(uint8_t id[HASH], const char *kind, const uint8_t public_key[KEY]) {
  uint8_t memory[128];
  writer w = write_into(memory, sizeof memory);
  put_array(&w, 2);
  put_text(&w, kind);
  put_public_key(&w, public_key);
  sha256(id, written(&w));
}

/* ---- readings, P-1 */

void pack_begin(pack *p) {
  p->records = write_into(p->memory, sizeof p->memory);
  p->count = 0;
  p->name[0] = 0;
}

static bool is_name(const char *name) {
  static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  size_t length = strlen(name);
  return length >= 1 && length <= 128 && strchr(first, name[0]) != NULL &&
         strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-:./_") == length;
}

/* Units are ASCII (UCUM); a text of other bytes would have to be checked to be UTF-8. */
static bool is_unit(const char *unit) {
  size_t length = strlen(unit);
  for (size_t k = 0; k < length; k++)
    if (unit[k] < '!' || unit[k] > '~') return false;
  return length >= 1 && length <= 64;
}

static bool is_flag(const char *flag) {
  static const char *const flags[] = {"sensor-off", "artefact", "questionable", "calibrating", "test"};
  for (size_t k = 0; k < sizeof flags / sizeof flags[0]; k++)
    if (strcmp(flag, flags[k]) == 0) return true;
  return false;
}

/* Exact seconds: an integer when whole, else a decimal fraction of milliseconds; never a float. */
static void put_seconds(writer *w, int64_t ms) {
  if (ms % 1000 == 0) {
    put_int(w, ms / 1000);
    return;
  }
  put_tag(w, DECIMAL_TAG);
  put_array(w, 2);
  put_int(w, -3);
  put_int(w, ms);
}

static bool put_value(writer *w, const char *value) {
  char *end;
  bool whole = value[strspn(value, "-0123456789")] == 0 && strlen(value) <= 15 && strcmp(value, "-0") != 0;
  if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
    put_int(w, BOOLEAN);
    put_bool(w, value[0] == 't');
    return true;
  }
  put_int(w, VALUE);
  double number = strtod(value, &end);
  if (end == value || *end != 0 || !isfinite(number)) return false;
  if (whole) put_int(w, strtoll(value, NULL, 10));
  else put_double(w, number);
  return true;
}

bool pack_add(pack *p, const char *name, const char *unit, int64_t time, const char *value, const char *flag) {
  const int64_t safe = (int64_t)1 << 52;
  writer w = p->records;
  if (!is_name(name) || (unit != NULL && !is_unit(unit)) || (flag != NULL && !is_flag(flag))) return false;
  if (time > safe || time < -safe || p->count == READINGS_MAX) return false;
  int64_t base = p->count == 0 ? time : p->base_time;
  bool new_name = strcmp(name, p->name) != 0, first = p->count == 0;
  size_t fields = (unit != NULL ? 2u : 1u) + (time != base) + new_name + first + (flag != NULL);
  /* Labels in the order of their bytes: positive, negative, text. */
  put_map(&w, fields);
  if (unit != NULL) {
    put_int(&w, UNIT);
    put_text(&w, unit);
  }
  if (!put_value(&w, value)) return false;
  if (time != base) {
    put_int(&w, TIME);
    put_seconds(&w, time - base);
  }
  if (new_name) {
    put_int(&w, BASE_NAME);
    put_text(&w, name);
  }
  if (first) {
    put_int(&w, BASE_TIME);
    put_seconds(&w, time);
  }
  if (flag != NULL) {
    put_text(&w, "flag_");
    put_text(&w, flag);
  }
  if (w.failed) return false;
  p->records = w;
  p->base_time = base;
  strcpy(p->name, name);
  p->from = first || time < p->from ? time : p->from;
  p->to = first || time > p->to ? time : p->to;
  p->count++;
  return true;
}

/* ---- sealing, P-2 and P-3 */

static void epoch_key(uint8_t key[KEY], const uint8_t secret[KEY], uint32_t epoch) {
  memcpy(key, secret, KEY);
  for (int level = 31; level >= 0; level--) {
    uint8_t turn = epoch >> level & 1, child[KEY];
    bytes message = {&turn, 1};
    hmac_sha256(child, key, message);
    memcpy(key, child, KEY);
  }
}

static void put_big_endian(writer *w, uint64_t value, int width) {
  for (int k = width - 1; k >= 0; k--) {
    uint8_t byte = (uint8_t)(value >> 8 * k);
    put_raw(w, &byte, 1);
  }
}

/* Makes the payload; returns the commitment. */
static void seal(batch *made, uint8_t commitment[HASH], const identity *who, const place *at, uint32_t epoch,
                 const uint8_t salt[SALT], bytes clear) {
  static const char label[] = "vitalchain/payload/1"; /* with its zero byte */
  uint8_t key[KEY], keys[2 * KEY], memory[128];
  writer info = write_into(memory, sizeof memory);
  put_raw(&info, label, sizeof label);
  put_raw(&info, who->network, HASH);
  put_raw(&info, who->device, HASH);
  put_big_endian(&info, (uint64_t)at->lane, 1);
  put_big_endian(&info, at->boot, 4);
  put_big_endian(&info, at->seq, 8);
  made->payload[0] = 1;
  memcpy(made->payload + 1, salt, SALT);
  bytes salted = {salt, SALT};
  epoch_key(key, who->stream_secret, epoch);
  hkdf_sha256(keys, key, salted, written(&info));
  aes_gcm_seal(made->payload + 1 + SALT, keys, clear);
  hmac_sha256(commitment, keys + KEY, clear);
  made->payload_length = clear.length + PAYLOAD_OVERHEAD;
}

/* ---- signing, F-3 and F-13 */

static void put_signed(writer *w, const uint8_t secret[KEY], bytes payload) {
  uint8_t public_key[KEY], signature[SIGNATURE], header_memory[64];
  static uint8_t memory[ENROLMENT_MAX];
  ed25519_public(public_key, secret);
  writer header = write_into(header_memory, sizeof header_memory);
  put_map(&header, 2);
  put_int(&header, 1);
  put_int(&header, ED25519);
  put_int(&header, 4);
  put_bytes(&header, public_key, KEY);
  writer to_sign = write_into(memory, sizeof memory);
  put_array(&to_sign, 4);
  put_text(&to_sign, "Signature1");
  put_bytes(&to_sign, header.at, header.length);
  put_bytes(&to_sign, NULL, 0);
  put_bytes(&to_sign, payload.at, payload.length);
  ed25519_sign(signature, secret, written(&to_sign));
  put_tag(w, SIGN1_TAG);
  put_array(w, 4);
  put_bytes(w, header.at, header.length);
  put_map(w, 0);
  put_bytes(w, payload.at, payload.length);
  put_bytes(w, signature, SIGNATURE);
  w->failed = w->failed || to_sign.failed;
}

/* The transaction of what is signed: kind 0 is a statement, 1 a call. */
static void put_transaction(writer *w, unsigned kind, const uint8_t secret[KEY], bytes payload) {
  static uint8_t memory[ENROLMENT_MAX];
  writer cose = write_into(memory, sizeof memory);
  put_signed(&cose, secret, payload);
  put_array(w, 3);
  put_text(w, "vitalchain/tx");
  put_uint(w, kind);
  put_bytes(w, cose.at, cose.length);
  w->failed = w->failed || cose.failed;
}

void batch_of(batch *made, const identity *who, const place *at, bool history_lost, uint32_t epoch, const clock_error *clock,
              const uint8_t salt[SALT], const pack *readings) {
  static uint8_t clear_memory[PAYLOAD_MAX];
  uint8_t memory[1024], digest[HASH], commitment[HASH];
  writer clear = write_into(clear_memory, PAYLOAD_MAX - PAYLOAD_OVERHEAD);
  put_array(&clear, readings->count);
  put_raw(&clear, readings->memory, readings->records.length);
  seal(made, commitment, who, at, epoch, salt, written(&clear));
  bytes payload = {made->payload, made->payload_length};
  sha256(digest, payload);

  writer w = write_into(memory, sizeof memory);
  put_array(&w, 20);
  put_text(&w, "vitalchain/readings");
  put_bytes(&w, who->network, HASH);
  put_bytes(&w, who->device, HASH);
  put_uint(&w, (uint64_t)at->lane);
  put_uint(&w, at->boot);
  put_uint(&w, at->seq);
  put_bytes(&w, at->previous, HASH);
  put_int(&w, readings->from);
  put_int(&w, readings->to);
  if (clock == NULL) put_null(&w);
  else {
    put_array(&w, 2);
    put_int(&w, clock->offset);
    put_uint(&w, clock->uncertainty);
  }
  put_uint(&w, readings->count);
  put_bytes(&w, who->stream, STREAM);
  put_uint(&w, who->generation);
  put_uint(&w, epoch);
  put_uint(&w, history_lost ? HISTORY_LOST : 0);
  put_uint(&w, 0); /* the first retention class */
  put_uint(&w, SENML_CBOR);
  put_uint(&w, made->payload_length);
  put_bytes(&w, digest, HASH);
  put_bytes(&w, commitment, HASH);

  writer transaction = write_into(made->transaction, TRANSACTION_MAX);
  put_transaction(&transaction, 0, who->secret, written(&w));
  if (clear.failed || w.failed || transaction.failed) abort(); /* their sizes are known: it cannot be */
  made->transaction_length = transaction.length;
  sha256(made->id, written(&w));
}

bool statement_is(bytes transaction, const identity *who, int lane, const uint8_t id[HASH], uint32_t *epoch) {
  uint8_t digest[HASH];
  reader r = read_from(transaction);
  expect_array(&r, 3);
  expect_text(&r, "vitalchain/tx");
  get_uint(&r, 0);
  reader cose = read_from(get_bytes(&r, 1, TRANSACTION_MAX));
  expect_tag(&cose, SIGN1_TAG);
  expect_array(&cose, 4);
  get_bytes(&cose, 1, 64);
  get_item(&cose);
  bytes payload = get_bytes(&cose, 1, 1024);
  if (r.failed || cose.failed) return false;
  sha256(digest, payload);
  reader fields = read_from(payload);
  expect_array(&fields, 20);
  expect_text(&fields, "vitalchain/readings");
  get_bytes(&fields, HASH, HASH);
  bytes device = get_bytes(&fields, HASH, HASH);
  bool same_lane = get_uint(&fields, 1) == (uint64_t)lane;
  for (int skipped = 0; skipped < 9; skipped++) get_item(&fields); /* from the boot to the generation */
  *epoch = (uint32_t)get_uint(&fields, UINT32_MAX);
  return !fields.failed && same_lane && memcmp(device.at, who->device, HASH) == 0 && memcmp(digest, id, HASH) == 0;
}

/* ---- sessions, S-2 and S-9 */

void put_session(writer *w, const identity *who, bytes challenge, bytes node) {
  uint8_t memory[256];
  writer session = write_into(memory, sizeof memory);
  put_array(&session, 5);
  put_text(&session, "vitalchain/session");
  put_bytes(&session, who->network, HASH);
  put_bytes(&session, who->device, HASH);
  put_bytes(&session, challenge.at, challenge.length);
  put_bytes(&session, node.at, node.length);
  put_signed(w, who->secret, written(&session));
}

bool greeting_holds(bytes network, bytes node, bytes nonce, bytes challenge, bytes proof) {
  uint8_t memory[256];
  writer hello = write_into(memory, sizeof memory);
  put_array(&hello, 5);
  put_text(&hello, "vitalchain/hello");
  put_bytes(&hello, network.at, network.length);
  put_bytes(&hello, node.at, node.length);
  put_bytes(&hello, nonce.at, nonce.length);
  put_bytes(&hello, challenge.at, challenge.length);
  return ed25519_verify(node.at, written(&hello), proof.at);
}

/* ---- enrolment, F-29 and F-30 */

enum { CLAIM_NETWORK = 4, CLAIM_BODY = CLAIM_NETWORK + STREAM, CLAIM_DIGITS = CLAIM_BODY * 8 / 5, CLAIM_CHECK = 4 };

static int claim_digit(char c) {
  static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
  if (c == 'O') c = '0';
  if (c == 'I' || c == 'L') c = '1';
  const char *found = c == 0 ? NULL : strchr(alphabet, c);
  return found == NULL ? -1 : (int)(found - alphabet);
}

bool claim_read(uint8_t secret[STREAM], const char *text, const uint8_t network[HASH]) {
  static const char label[] = "vitalchain/claim-text";
  static const char prefix[] = "VC1";
  int digits[3 + CLAIM_DIGITS + CLAIM_CHECK];
  const size_t wanted = sizeof digits / sizeof digits[0];
  uint8_t body[CLAIM_BODY] = {0}, digest[HASH], labelled[sizeof label - 1 + CLAIM_BODY];
  size_t count = 0;
  for (; *text != 0; text++) {
    if (*text == '-' || *text == ' ' || *text == '\n') continue;
    int digit = claim_digit(*text);
    if (digit < 0 || count == wanted) return false;
    digits[count++] = digit;
  }
  if (count != wanted) return false;
  for (size_t k = 0; k < 3; k++)
    if (digits[k] != claim_digit(prefix[k])) return false;
  for (size_t bit = 0; bit < CLAIM_BODY * 8; bit++)
    if (digits[3 + bit / 5] >> (4 - bit % 5) & 1) body[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
  memcpy(labelled, label, sizeof label - 1);
  memcpy(labelled + sizeof label - 1, body, CLAIM_BODY);
  bytes checked = {labelled, sizeof labelled};
  sha256(digest, checked);
  for (size_t bit = 0; bit < CLAIM_CHECK * 5; bit++) {
    int expected = digest[bit / 8] >> (7 - bit % 8) & 1;
    if ((digits[3 + CLAIM_DIGITS + bit / 5] >> (4 - bit % 5) & 1) != expected) return false;
  }
  memcpy(secret, body + CLAIM_NETWORK, STREAM);
  return memcmp(body, network, CLAIM_NETWORK) == 0;
}

static void put_description(writer *w, const char *model, const uint8_t *firmware, char *const *metrics, size_t count) {
  put_text(w, model);
  if (firmware == NULL) put_null(w);
  else put_bytes(w, firmware, HASH);
  put_array(w, count);
  for (size_t k = 0; k < count; k++) put_text(w, metrics[k]);
}

void put_enrolment(writer *w, const identity *who, const uint8_t claim[STREAM], const char *model, const uint8_t *firmware,
                   char *const *metrics, size_t metric_count) {
  static uint8_t proof_memory[ENROLMENT_MAX], args_memory[ENROLMENT_MAX], call_memory[ENROLMENT_MAX];
  uint8_t key_memory[64], claim_secret[KEY], claim_public[KEY], author[HASH], signature[SIGNATURE];
  writer key = write_into(key_memory, sizeof key_memory);
  put_array(&key, 2);
  put_text(&key, "vitalchain/claim-key");
  put_bytes(&key, claim, STREAM);
  sha256(claim_secret, written(&key));
  ed25519_public(claim_public, claim_secret);
  identifier_of(author, "vitalchain/claim", claim_public);

  writer proof = write_into(proof_memory, sizeof proof_memory);
  put_array(&proof, 7);
  put_text(&proof, "vitalchain/enrol-proof");
  put_bytes(&proof, who->network, HASH);
  put_bytes(&proof, author, HASH);
  put_public_key(&proof, who->public_key);
  put_description(&proof, model, firmware, metrics, metric_count);
  ed25519_sign(signature, who->secret, written(&proof));

  writer args = write_into(args_memory, sizeof args_memory);
  put_array(&args, 5);
  put_public_key(&args, who->public_key);
  put_bytes(&args, signature, SIGNATURE);
  put_description(&args, model, firmware, metrics, metric_count);

  writer call = write_into(call_memory, sizeof call_memory);
  put_array(&call, 6);
  put_text(&call, "vitalchain/call");
  put_bytes(&call, who->network, HASH);
  put_bytes(&call, author, HASH);
  put_bytes(&call, nothing, HASH); /* the only call of this claim */
  put_text(&call, "devices.enrol");
  put_bytes(&call, args.at, args.length);
  put_transaction(w, 1, claim_secret, written(&call));
  w->failed = w->failed || proof.failed || args.failed || call.failed;
}
