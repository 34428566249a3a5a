/* What the device keeps on disk, one directory: its key, where its lanes began, and its batches until they are proved. A file is
   there as a whole or not at all: it is written beside, synced, renamed, and the directory is synced. */
#ifndef VITALCHAIN_OUTBOX_H
#define VITALCHAIN_OUTBOX_H

#include "statement.h"

/* Batches that may wait. At one a minute it is a week; when they are as many, `record` takes no more. */
#define WAITING_MAX 10080

typedef struct {
  char directory[512];
  identity who;
  bool has_network;
} outbox;

/* A stored batch: its name on disk, and where its lane stands behind it. */
typedef struct {
  int lane;
  uint32_t boot;
  uint64_t seq;
  bool proved;
} stored;

/* Where a lane goes on. */
typedef struct {
  bool known; /* false until the ledger was asked where the lane stands */
  bool any;   /* whether there is a statement before */
  bool lost;  /* that one is known from the ledger, not from this outbox */
  uint32_t boot, epoch;
  uint64_t seq;
  uint8_t head[HASH];
} lane_end;

/* Opens a directory, with a new key and a new stream when there is none. False with a message on stderr. */
bool outbox_open(outbox *o, const char *directory);
/* Takes the right to record, or to send, for this process alone; given back when it ends. */
bool outbox_lock(const outbox *o, const char *what);
bool outbox_keep_network(outbox *o, const uint8_t network[HASH]);
/* Keeps where the ledger had a lane when this outbox was made; `head` is NULL for a lane without statements. */
bool outbox_keep_start(const outbox *o, int lane, const lane_end *start);
bool outbox_end(const outbox *o, int lane, lane_end *end);
/* The batches of a lane in order, at most `max`, proved ones included. */
size_t outbox_list(const outbox *o, int lane, stored *list, size_t max);
bool outbox_append(const outbox *o, const place *at, uint32_t epoch, const batch *made);
/* The batch of a file; `epoch` may be NULL. */
bool outbox_read(const outbox *o, const stored *s, batch *to, uint32_t *epoch);
/* Keeps the receipt of a batch, which has been verified. */
bool outbox_proved(const outbox *o, const stored *s, bytes receipt);
/* Deletes the proved batches of a lane but the newest, behind which the next one stands. */
bool outbox_forget(const outbox *o, int lane);
/* Makes sure that everything that can be seen in the directory outlives a power cut: before anything is sent. */
bool outbox_sync(const outbox *o);

#endif
