/* One node of the network, over HTTP: the requests of docs/spec/device-protocol.md (S-3), one for each POST /v1/device (S-10). */
#ifndef VITALCHAIN_NODE_H
#define VITALCHAIN_NODE_H

#include "receipt.h"
#include "statement.h"

/* What became of a request. */
typedef enum {
  DONE,
  REFUSED, /* `code` and `retryable` say why */
  UNREACHABLE /* no connection, or not an answer of this protocol; `code` says which */
} outcome;

typedef struct {
  char host[256], port[8];
  uint8_t key[KEY]; /* its transport key, which its greeting must be signed with */
  char token[256];  /* of the session */
  char code[65];
  bool retryable;
  uint8_t answer[RECEIPT_MAX + 4096];
  size_t answer_length;
} node;

/* Where the ledger has a lane. */
typedef struct {
  bool any;
  uint32_t boot;
  uint64_t seq;
  uint8_t head[HASH];
} lane_head;

/* Reads `http://host:port#<transport key in hexadecimal>`. */
bool node_at(node *n, const char *address);
/* Makes sure that the node is the one of the address, and shows it who the device is: S-9, S-2. */
outcome node_open(node *n, const identity *who);
/* Hands over a transaction; the payload is empty where none belongs. Done is no promise: S-4. */
outcome node_submit(node *n, bytes transaction, bytes payload);
outcome node_head(node *n, int lane, lane_head *head);
/* Asks for the receipt of a statement, and waits some seconds for it. It is not verified here. */
outcome node_receipt(node *n, const uint8_t id[HASH], bytes *receipt);

bool hex_read(uint8_t *to, size_t length, const char *text);

#endif
