#include "receipt.h"

#include "statement.h"

#include <string.h>

enum { VALIDATORS_MAX = 50, MAX_HEADER = 1024, MAX_GENESIS = 65536, HAND_OVERS = 1000, PATH_MAX_NODES = 53, COMMIT = 1 };
static const uint64_t uint53_max = ((uint64_t)1 << 53) - 1;

typedef struct {
  size_t count;
  uint8_t hash[HASH];
  uint8_t keys[VALIDATORS_MAX][KEY]; /* of consensus */
} validators;

/* The fields of a header (F-8) that a receipt rests on. */
typedef struct {
  uint64_t height, size;
  bytes network, root, now, next;
  uint8_t hash[HASH];
} header;

static bool same(bytes a, const uint8_t b[HASH]) { return a.length == HASH && memcmp(a.at, b, HASH) == 0; }

/* A set as it is written (F-7): its hash is over the same bytes behind its kind. */
static void read_validators(bytes encoded, validators *set) {
  static uint8_t memory[VALIDATORS_MAX * 110];
  reader r = read_from(encoded);
  writer w = write_into(memory, sizeof memory);
  set->count = get_array(&r, VALIDATORS_MAX);
  for (size_t k = 0; k < set->count; k++) {
    expect_array(&r, 3);
    get_bytes(&r, HASH, HASH);
    bytes key = get_bytes(&r, KEY, KEY);
    get_bytes(&r, KEY, KEY);
    if (!r.failed) memcpy(set->keys[k], key.at, KEY);
  }
  put_array(&w, 2);
  put_text(&w, "vitalchain/validators");
  put_raw(&w, encoded.at, encoded.length);
  sha256(set->hash, written(&w));
  if (!all_read(&r) || w.failed) set->count = 0;
}

/* The founders, F-5 and F-7. The document's hash is trusted, so what it means is all that matters. */
static void founders(bytes genesis, validators *set) {
  static uint8_t memory[VALIDATORS_MAX * 110];
  reader r = read_from(genesis);
  writer w = write_into(memory, sizeof memory);
  expect_array(&r, 8);
  expect_text(&r, "vitalchain/genesis");
  get_uint(&r, 1);
  get_text(&r, 256);
  get_uint(&r, uint53_max);
  size_t count = get_array(&r, VALIDATORS_MAX);
  put_array(&w, count);
  for (size_t k = 0; k < count && !r.failed; k++) {
    uint8_t preimage[128], id[HASH];
    writer member = write_into(preimage, sizeof preimage);
    expect_array(&r, 5);
    get_text(&r, 256);
    bytes operator_key = get_item(&r);
    put_array(&member, 2);
    put_text(&member, "vitalchain/member");
    put_raw(&member, operator_key.at, operator_key.length);
    sha256(id, written(&member));
    bytes consensus = get_bytes(&r, KEY, KEY), checkpoint = get_bytes(&r, KEY, KEY);
    get_bytes(&r, KEY, KEY);
    put_array(&w, 3);
    put_bytes(&w, id, HASH);
    put_bytes(&w, consensus.at, consensus.length);
    put_bytes(&w, checkpoint.at, checkpoint.length);
    if (member.failed) r.failed = true;
  }
  read_validators(written(&w), set);
  if (r.failed || w.failed) set->count = 0;
}

static bool read_header(bytes encoded, header *h) {
  reader r = read_from(encoded);
  expect_array(&r, 15);
  expect_text(&r, "vitalchain/header");
  bool known = get_uint(&r, uint53_max) == 1;
  h->network = get_bytes(&r, HASH, HASH);
  known = get_uint(&r, uint53_max) == 0 && known; /* the recovery epoch */
  h->height = get_uint(&r, uint53_max);
  get_bytes(&r, HASH, HASH);
  get_uint(&r, uint53_max);
  get_uint(&r, UINT32_MAX);
  get_uint(&r, VALIDATORS_MAX - 1);
  get_uint(&r, 2000);
  expect_array(&r, 2);
  h->size = get_uint(&r, uint53_max);
  h->root = get_bytes(&r, HASH, HASH);
  get_bytes(&r, HASH, HASH);
  h->now = get_bytes(&r, HASH, HASH);
  h->next = get_bytes(&r, HASH, HASH);
  get_bytes(&r, HASH, HASH);
  sha256(h->hash, encoded);
  return all_read(&r) && known;
}

static void put_number(uint8_t *to, uint64_t value, int width) {
  for (int k = 0; k < width; k++) to[k] = (uint8_t)(value >> 8 * (width - 1 - k));
}

/* Exactly a quorum's valid signatures over this header: F-9, F-10. */
static bool certified(bytes encoded, const header *h, const validators *set) {
  uint8_t vote[11 + 1 + HASH + 4 + 8 + 4 + HASH] = "vc-pbft/v1"; /* and its zero byte, and a recovery epoch of zero */
  reader r = read_from(encoded);
  expect_array(&r, 7);
  expect_text(&r, "vitalchain/certificate");
  bool fits = get_uint(&r, 1) == COMMIT;
  fits = get_uint(&r, uint53_max) == h->height && fits;
  uint64_t view = get_uint(&r, UINT32_MAX);
  fits = same(get_bytes(&r, HASH, HASH), h->hash) && fits;
  bytes bitmap = get_bytes(&r, 1, 7), signatures = get_bytes(&r, SIGNATURE, VALIDATORS_MAX * SIGNATURE);
  if (!all_read(&r) || !fits || bitmap.at[bitmap.length - 1] == 0 || set->count == 0) return false;
  vote[11] = 3;
  memcpy(vote + 12, h->network.at, HASH);
  put_number(vote + 48, h->height, 8);
  put_number(vote + 56, view, 4);
  memcpy(vote + 60, h->hash, HASH);
  bytes message = {vote, 60 + HASH};
  size_t n = set->count, f = (n - 1) / 3, signers = 0;
  for (size_t k = 0; k < 8 * bitmap.length; k++) {
    if (!(bitmap.at[k / 8] >> k % 8 & 1)) continue;
    if (k >= n || signers * SIGNATURE >= signatures.length) return false;
    if (!ed25519_verify(set->keys[k], message, signatures.at + signers * SIGNATURE)) return false;
    signers++;
  }
  return signers == (n + f) / 2 + 1 && signatures.length == signers * SIGNATURE;
}

static bool follows(const header *h, const uint8_t network[HASH], const validators *set, uint64_t after) {
  return same(h->network, network) && h->height > after && same(h->now, set->hash);
}

/* RFC 9162 section 2.1.3.2. */
static bool included(const bytes *path, size_t nodes, uint64_t index, const header *h, bytes transaction) {
  uint8_t hash[HASH];
  bytes none = {hash, 0}, node = {hash, HASH};
  size_t used = 0;
  if (index >= h->size) return false;
  sha256_prefixed(hash, 0, transaction, none);
  for (uint64_t at = index, last = h->size - 1; last > 0; at >>= 1, last >>= 1) {
    if (at == last && (at & 1) == 0) continue;
    if (used == nodes) return false;
    bytes sibling = path[used++];
    if (at & 1) sha256_prefixed(hash, 1, sibling, node);
    else sha256_prefixed(hash, 1, node, sibling);
  }
  return used == nodes && same(h->root, hash);
}

const char *receipt_fault(bytes receipt, const uint8_t network[HASH], bytes *transaction, uint64_t *height) {
  static validators set;
  bytes path[PATH_MAX_NODES];
  uint8_t digest[HASH];
  header h;
  reader r = read_from(receipt);
  expect_array(&r, 10);
  expect_text(&r, "vitalchain/receipt");
  if (get_uint(&r, 1) != 1) r.failed = true;
  bytes genesis = get_bytes(&r, 1, MAX_GENESIS);
  sha256(digest, genesis);
  if (r.failed || memcmp(digest, network, HASH) != 0) return "it is of another network";
  founders(genesis, &set);
  uint64_t after = 0;
  for (size_t left = get_array(&r, HAND_OVERS); left > 0 && !r.failed; left--) {
    expect_array(&r, 4);
    if (get_uint(&r, 0) != 0) r.failed = true;
    bytes encoded = get_bytes(&r, 1, MAX_HEADER), certificate = get_item(&r), next = get_item(&r);
    if (r.failed || !read_header(encoded, &h) || !follows(&h, network, &set, after)) return "a hand-over does not follow";
    if (!certified(certificate, &h, &set)) return "a hand-over is not certified";
    if (same(h.next, set.hash)) return "a hand-over changes nothing";
    read_validators(next, &set);
    if (!same(h.next, set.hash)) return "a hand-over names other validators";
    after = h.height;
  }
  bytes encoded = get_bytes(&r, 1, MAX_HEADER), certificate = get_item(&r);
  if (r.failed || !read_header(encoded, &h) || !follows(&h, network, &set, after)) return "its header does not follow";
  if (!certified(certificate, &h, &set)) return "its header is not certified";
  if (!get_null(&r)) return "it has a proof of consistency, which nobody asked for";
  uint64_t index = get_uint(&r, uint53_max);
  size_t nodes = get_array(&r, PATH_MAX_NODES);
  for (size_t k = 0; k < nodes; k++) path[k] = get_bytes(&r, HASH, HASH);
  *transaction = get_bytes(&r, 1, 65535);
  if (!all_read(&r)) return "it is not a receipt";
  if (!included(path, nodes, index, &h, *transaction)) return "the transaction is not in its history";
  *height = h.height;
  return NULL;
}
