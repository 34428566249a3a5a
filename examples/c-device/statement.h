/* What a device signs and sends: docs/spec/formats.md (F-), payload.md (P-), device-protocol.md (S-). */
#ifndef VITALCHAIN_STATEMENT_H
#define VITALCHAIN_STATEMENT_H

#include "crypto.h"

#define STREAM 16
#define SALT 16
#define PAYLOAD_MAX 65536
#define PAYLOAD_OVERHEAD 33
/* A statement has at most 1 024 bytes (F-11); its signature and the transaction around it add about 130. */
#define TRANSACTION_MAX 2048
/* A device's description in its enrolment; the ledger allows 65 535 bytes. */
#define ENROLMENT_MAX 4096
#define METRICS_MAX 32

/* Who the device is, and whose readings it sends under which key. */
typedef struct {
  uint8_t secret[KEY], public_key[KEY], device[HASH], network[HASH];
  uint8_t stream[STREAM], stream_secret[KEY];
  uint32_t generation;
} identity;

/* A place in a lane and the statement before it: F-11. */
typedef struct {
  int lane;
  uint32_t boot;
  uint64_t seq;
  uint8_t previous[HASH];
} place;

/* Readings on their way into one payload: SenML in CBOR, P-1. */
typedef struct {
  uint8_t memory[PAYLOAD_MAX - PAYLOAD_OVERHEAD - 3];
  writer records;
  unsigned count;
  int64_t base_time, from, to;
  char name[129];
} pack;

/* A signed statement with its payload, as it is sent and stored. */
typedef struct {
  uint8_t id[HASH];
  uint8_t transaction[TRANSACTION_MAX];
  size_t transaction_length;
  uint8_t payload[PAYLOAD_MAX];
  size_t payload_length;
} batch;

/* Writes ["vitalchain/device" or another kind, public key] and hashes it: F-4. */
void identifier_of(uint8_t id[HASH], const char *kind, const uint8_t public_key[KEY]);

void pack_begin(pack *p);
/* Adds one reading. `unit` and `flag` may be NULL; `value` is a number, or `true` or `false`; `time` is in ms since 1970 by
   the device's clock. False for a reading that no pack takes, or when the pack is full: then it is as before. */
bool pack_add(pack *p, const char *name, const char *unit, int64_t time, const char *value, const char *flag);

/* How far the device's clock is off, and how wrong that may be, in ms: T-6. */
typedef struct {
  int64_t offset;
  uint64_t uncertainty;
} clock_error;

/* Seals a pack for its place and signs its statement: P-2, P-3, F-11, F-3, F-13. `salt` is fresh random bytes; `clock` is NULL for
   a device that nobody told the time. */
void batch_of(batch *made, const identity *who, const place *at, bool history_lost, uint32_t epoch, const clock_error *clock,
              const uint8_t salt[SALT], const pack *readings);

/* Whether a transaction is a statement of readings with this identity, of this device and lane; in which epoch it is. */
bool statement_is(bytes transaction, const identity *who, int lane, const uint8_t id[HASH], uint32_t *epoch);

/* A signed session: S-2. */
void put_session(writer *w, const identity *who, bytes challenge, bytes node);

/* Whether a node's transport key signed its greeting: S-9. */
bool greeting_holds(bytes network, bytes node, bytes nonce, bytes challenge, bytes proof);

/* Reads the text of a claim: F-29. False for one that was mistyped, or is of another network. */
bool claim_read(uint8_t secret[STREAM], const char *text, const uint8_t network[HASH]);

/* The transaction that enrols the device by a claim: F-30. `firmware` is its SHA-256, or NULL. */
void put_enrolment(writer *w, const identity *who, const uint8_t claim[STREAM], const char *model, const uint8_t *firmware,
                   char *const *metrics, size_t metric_count);

#endif
