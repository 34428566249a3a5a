/* A device of the vitalchain in C99: docs/device-protocol.md. Its state is one directory; see README.md. */
#include "node.h"
#include "outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How the program ends. */
enum { ALL_DONE = 0, USAGE = 2, WAITS = 3, STOPPED = 4, BROKEN = 5 };

/* Statements that are sent before the first of their receipts is asked for: what a node holds for a device. */
#define WINDOW 64
/* Rounds over all nodes before `send` gives up for now, with pauses of 0.25 s that double up to 8 s. */
#define ROUNDS 8
#define PAUSE_MS_MAX 8000
/* An epoch lasts at most an hour: P-2. */
#define EPOCH_S 3600

static const char usage_text[] =
    "vitalchain-device key DIR                                   make or show the device's key\n"
    "vitalchain-device enrol DIR NETWORK NODE                    begin, registered by the operator\n"
    "vitalchain-device enrol DIR NETWORK NODE CLAIM MODEL FIRMWARE [METRIC...]\n"
    "                                                            begin with a claim, read from the file CLAIM\n"
    "vitalchain-device record DIR COUNT                          store batches of COUNT readings from stdin\n"
    "vitalchain-device send DIR NODE...                          send until all is proved\n"
    "\n"
    "NETWORK is the network id, NODE is http://host:port#<transport key>, FIRMWARE the SHA-256 of the firmware or -; all in\n"
    "hexadecimal. A reading is a line: name unit time value [flag], the unit - for none, the time in ms since 1970 by the\n"
    "device's clock; with ! in front it is urgent and does not wait for more.\n";

static int usage(void) {
  fputs(usage_text, stderr);
  return USAGE;
}

static void print_hex(const char *heading, const uint8_t *from, size_t length) {
  printf("%s ", heading);
  for (size_t k = 0; k < length; k++) printf("%02x", from[k]);
  putchar('\n');
}

static void pause_ms(long ms) {
  struct timespec span = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&span, NULL);
}

/* Twice as long each time, and anything from half of it to all, so that a ward does not come back in step. */
static void back_off(int round) {
  uint16_t random;
  long ms = 250L << round;
  if (ms > PAUSE_MS_MAX) ms = PAUSE_MS_MAX;
  random_bytes((uint8_t *)&random, sizeof random);
  pause_ms(ms / 2 + ms / 2 * random / UINT16_MAX);
}

static int key_command(const char *directory) {
  static outbox o;
  if (!outbox_open(&o, directory)) return BROKEN;
  print_hex("device", o.who.device, HASH);
  print_hex("key", o.who.public_key, KEY);
  print_hex("stream", o.who.stream, STREAM);
  return ALL_DONE;
}

/* ---- enrolment */

static node peer;

/* A head is one node's word. That this statement is on the ledger, and is this device's in this lane, its receipt says. */
static bool prove_head(const outbox *o, int lane, lane_end *start) {
  bytes receipt, transaction;
  uint64_t height;
  if (node_receipt(&peer, start->head, &receipt) != DONE) return false;
  return receipt_fault(receipt, o->who.network, &transaction, &height) == NULL &&
         statement_is(transaction, &o->who, lane, start->head, &start->epoch);
}

/* Learns where the ledger has the lanes, once: an outbox that begins where the ledger has statements lost its history. */
static bool learn_lanes(const outbox *o) {
  for (int lane = 0; lane < 2; lane++) {
    lane_end end, start = {0};
    lane_head head;
    if (!outbox_end(o, lane, &end)) return false;
    if (end.known) continue;
    if (node_head(&peer, lane, &head) != DONE) return false;
    start.any = head.any;
    start.boot = head.boot;
    start.seq = head.seq;
    memcpy(start.head, head.head, HASH);
    if (head.any && !prove_head(o, lane, &start)) {
      fprintf(stderr, "%s:%s: where lane %d stands is not proved\n", peer.host, peer.port, lane);
      return false;
    }
    if (!outbox_keep_start(o, lane, &start)) return false;
  }
  return true;
}

static bool read_claim(const char *file, uint8_t claim[STREAM], const uint8_t network[HASH]) {
  char text[128] = {0};
  FILE *from = fopen(file, "rb");
  size_t length = from == NULL ? 0 : fread(text, 1, sizeof text - 1, from);
  if (from != NULL) fclose(from);
  return length > 0 && claim_read(claim, text, network);
}

static int enrol_command(int count, char **words) {
  static outbox o;
  static uint8_t memory[ENROLMENT_MAX];
  uint8_t network[HASH], claim[STREAM], firmware[HASH];
  bool by_claim = count > 3, has_firmware = by_claim && count >= 6 && strcmp(words[5], "-") != 0;
  if ((count != 3 && count < 6) || count - 6 > METRICS_MAX) return usage();
  if (!hex_read(network, HASH, words[1]) || !node_at(&peer, words[2])) return usage();
  if (has_firmware && !hex_read(firmware, HASH, words[5])) return usage();
  if (!outbox_open(&o, words[0]) || !outbox_lock(&o, "record") || !outbox_keep_network(&o, network)) return BROKEN;
  if (by_claim && !read_claim(words[3], claim, network)) {
    fputs("that is not the text of a claim for this network\n", stderr);
    return USAGE;
  }
  bool handed_over = !by_claim;
  for (int round = 0; round < ROUNDS; round++) {
    if (round > 0) back_off(round);
    outcome opened = node_open(&peer, &o.who);
    if (opened == DONE) {
      if (!learn_lanes(&o)) continue;
      print_hex("enrolled", o.who.device, HASH);
      return ALL_DONE;
    }
    fprintf(stderr, "%s:%s: %s\n", peer.host, peer.port, peer.code);
    /* Only a device that the ledger does not know yet enrols; it is known as soon as the call is committed. */
    if (handed_over || opened != REFUSED || strcmp(peer.code, "ERR_DEVICE_UNKNOWN") != 0) continue;
    writer w = write_into(memory, sizeof memory);
    bytes none = {NULL, 0};
    put_enrolment(&w, &o.who, claim, words[4], has_firmware ? firmware : NULL, words + 6, (size_t)(count - 6));
    if (w.failed) return usage();
    outcome submitted = node_submit(&peer, written(&w), none);
    handed_over = submitted == DONE || strcmp(peer.code, "ERR_ALREADY_COMMITTED") == 0;
    if (submitted == REFUSED && !handed_over && !peer.retryable) {
      fprintf(stderr, "the claim was refused: %s\n", peer.code);
      return STOPPED;
    }
  }
  return WAITS;
}

/* ---- recording */

static uint32_t hours_since(const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)((now.tv_sec - start->tv_sec) / EPOCH_S);
}

typedef struct {
  place next;
  bool lost;
  pack readings;
} recorded_lane;

typedef struct {
  outbox o;
  recorded_lane lanes[2];
  uint32_t first_epoch;
  struct timespec started;
} recorder;

/* Signs and stores what was gathered in a lane. */
static bool store(recorder *r, recorded_lane *lane) {
  static stored list[WAITING_MAX + 2];
  static batch made;
  if (lane->readings.count == 0) return true;
  if (outbox_list(&r->o, lane->next.lane, list, WAITING_MAX + 2) > WAITING_MAX) {
    fputs("the outbox is full\n", stderr);
    return false;
  }
  uint32_t epoch = r->first_epoch + hours_since(&r->started);
  uint8_t salt[SALT];
  random_bytes(salt, SALT);
  /* Nobody told this device the time. */
  batch_of(&made, &r->o.who, &lane->next, lane->lost, epoch, NULL, salt, &lane->readings);
  if (!outbox_append(&r->o, &lane->next, epoch, &made)) return false;
  printf("%d.%" PRIu32 ".%" PRIu64 " ", lane->next.lane, lane->next.boot, lane->next.seq);
  print_hex("stored", made.id, HASH);
  fflush(stdout);
  memcpy(lane->next.previous, made.id, HASH);
  lane->next.seq++;
  lane->lost = false;
  pack_begin(&lane->readings);
  return true;
}

/* Opens a boot, and an epoch, above all that were: D-4, P-2. */
static int begin_boot(recorder *r, const char *directory) {
  uint32_t boot = 0;
  if (!outbox_open(&r->o, directory) || !outbox_lock(&r->o, "record")) return BROKEN;
  for (int lane = 0; lane < 2; lane++) {
    recorded_lane *to = &r->lanes[lane];
    lane_end end;
    if (!outbox_end(&r->o, lane, &end)) return BROKEN;
    if (!r->o.has_network || !end.known) {
      fputs("enrol first\n", stderr);
      return USAGE;
    }
    if (end.any && end.boot >= boot) boot = end.boot + 1;
    if (end.epoch >= r->first_epoch) r->first_epoch = end.epoch + 1;
    to->next.lane = lane;
    to->lost = end.lost;
    memcpy(to->next.previous, end.head, HASH);
    pack_begin(&to->readings);
  }
  r->lanes[0].next.boot = r->lanes[1].next.boot = boot;
  clock_gettime(CLOCK_MONOTONIC, &r->started);
  return ALL_DONE;
}

/* Adds the reading of a line; a pack that is full of bytes takes it when it is empty again. */
static bool add_line(recorder *r, recorded_lane *lane, const char *line) {
  char name[129], unit[65], value[65], flag[17] = "";
  int64_t time;
  if (sscanf(line, "%128s %64s %" SCNd64 " %64s %16s", name, unit, &time, value, flag) < 4) {
    fprintf(stderr, "not a reading: %s", line);
    return true;
  }
  const char *its_unit = strcmp(unit, "-") == 0 ? NULL : unit, *its_flag = flag[0] == 0 ? NULL : flag;
  if (pack_add(&lane->readings, name, its_unit, time, value, its_flag)) return true;
  if (!store(r, lane)) return false;
  if (!pack_add(&lane->readings, name, its_unit, time, value, its_flag)) fprintf(stderr, "not a reading: %s", line);
  return true;
}

static int record_command(const char *directory, unsigned count) {
  static recorder r;
  char line[512];
  int status = begin_boot(&r, directory);
  if (status != ALL_DONE) return status;
  while (fgets(line, sizeof line, stdin) != NULL) {
    /* Urgent readings do not wait for more. */
    bool urgent = line[0] == '!';
    recorded_lane *lane = &r.lanes[urgent];
    if (!add_line(&r, lane, line + urgent)) return BROKEN;
    if ((urgent || lane->readings.count >= count) && !store(&r, lane)) return BROKEN;
  }
  return store(&r, &r.lanes[0]) ? ALL_DONE : BROKEN;
}

/* ---- sending */

/* How a step ended: well; with something that another node, or this one later, may do; with a node's word that the lane is at
   its end, which is believed when all of them say so; or with a fault of this device. */
typedef enum { GO_ON, LATER, DENIED, FAULT } verdict;

static verdict refused(const char *what) {
  fprintf(stderr, "%s:%s: %s: %s\n", peer.host, peer.port, what, peer.code);
  /* S-6: another device, or another state of this one, uses this key. */
  if (strcmp(peer.code, "ERR_STATEMENT_CONFLICT") == 0 || strcmp(peer.code, "ERR_CHAIN_QUARANTINED") == 0) return DENIED;
  return LATER;
}

/* Hands over what the ledger does not hold yet: S-4. */
static verdict submit(const outbox *o, const stored *s) {
  static batch sent;
  if (!outbox_read(o, s, &sent, NULL)) return FAULT;
  bytes transaction = {sent.transaction, sent.transaction_length}, payload = {sent.payload, sent.payload_length};
  if (node_submit(&peer, transaction, payload) == DONE) return GO_ON;
  /* It may be on the ledger, or wait: its receipt says so. */
  if (strcmp(peer.code, "ERR_ALREADY_COMMITTED") == 0 || strcmp(peer.code, "ERR_PLACE_TAKEN") == 0) return GO_ON;
  return refused("submit");
}

/* Takes the receipt of a batch, verifies it and keeps it: S-5. */
static verdict prove(const outbox *o, const stored *s) {
  static batch sent;
  bytes receipt, shown;
  uint64_t height;
  if (!outbox_read(o, s, &sent, NULL)) return FAULT;
  if (node_receipt(&peer, sent.id, &receipt) != DONE) return refused("receipt");
  const char *fault = receipt_fault(receipt, o->who.network, &shown, &height);
  if (fault == NULL && (shown.length != sent.transaction_length || memcmp(shown.at, sent.transaction, shown.length) != 0))
    fault = "it is for another transaction";
  if (fault != NULL) {
    fprintf(stderr, "%s:%s: a receipt that does not hold: %s\n", peer.host, peer.port, fault);
    return LATER;
  }
  if (!outbox_proved(o, s, receipt)) return FAULT;
  printf("%d.%" PRIu32 ".%" PRIu64 " proved by height %" PRIu64 "\n", s->lane, s->boot, s->seq, height);
  return GO_ON;
}

static int compare(const stored *s, const lane_head *head) {
  if (s->boot != head->boot) return s->boot < head->boot ? -1 : 1;
  return s->seq < head->seq ? -1 : s->seq > head->seq;
}

/* How many of these the node says are committed; -1 when the ledger holds what this outbox does not know. */
static long committed(const outbox *o, const stored *list, size_t count, const lane_head *head) {
  static batch each;
  if (!head->any || compare(&list[0], head) > 0) return 0;
  for (size_t k = 0; k < count; k++) {
    if (compare(&list[k], head) != 0) continue;
    return outbox_read(o, &list[k], &each, NULL) && memcmp(each.id, head->head, HASH) == 0 ? (long)k + 1 : -1;
  }
  return -1;
}

/* Sends a lane as far as this node takes it. */
static verdict send_lane(const outbox *o, int lane) {
  static stored all[WAITING_MAX + 2];
  lane_head head;
  size_t count = outbox_list(o, lane, all, WAITING_MAX + 2), first = 0;
  while (first < count && all[first].proved) first++;
  if (first == count) return GO_ON;
  if (node_head(&peer, lane, &head) != DONE) return refused("head");
  long done = committed(o, all + first, count - first, &head);
  if (done < 0) {
    fprintf(stderr, "%s:%s: the ledger holds statements that this outbox does not know\n", peer.host, peer.port);
    return DENIED;
  }
  for (size_t from = first, to; from < count; from = to) {
    verdict sent = GO_ON, shown = GO_ON;
    for (to = from; to < count && to - from < WINDOW; to++) {
      if (to >= first + (size_t)done) sent = submit(o, &all[to]);
      if (sent != GO_ON) break;
    }
    for (size_t k = from; k < to && shown == GO_ON; k++) shown = prove(o, &all[k]);
    if (!outbox_forget(o, lane)) return FAULT;
    if (shown != GO_ON) return shown;
    /* A node that has no room for more may have some now that these are committed. */
    if (sent == DENIED || sent == FAULT || to == from) return sent;
  }
  return GO_ON;
}

static int send_command(const char *directory, char **addresses, int count) {
  static outbox o;
  for (int k = 0; k < count; k++)
    if (!node_at(&peer, addresses[k])) return usage();
  if (!outbox_open(&o, directory) || !outbox_lock(&o, "send") || !outbox_sync(&o)) return BROKEN;
  if (!o.has_network) return usage();
  for (int round = 0; round < ROUNDS; round++) {
    int denied = 0;
    if (round > 0) back_off(round);
    for (int k = 0; k < count; k++) {
      node_at(&peer, addresses[k]);
      if (node_open(&peer, &o.who) != DONE) {
        refused("session");
        continue;
      }
      /* Urgent readings first. */
      verdict step = send_lane(&o, 1);
      if (step == GO_ON) step = send_lane(&o, 0);
      if (step == GO_ON) return ALL_DONE;
      if (step == FAULT) return BROKEN;
      denied += step == DENIED;
    }
    if (denied == count) return STOPPED;
  }
  return WAITS;
}

int main(int count, char **words) {
  const char *command = count >= 3 ? words[1] : "";
  if (strcmp(command, "key") == 0 && count == 3) return key_command(words[2]);
  if (strcmp(command, "enrol") == 0) return enrol_command(count - 2, words + 2);
  if (strcmp(command, "record") == 0 && count == 4) {
    long readings = strtol(words[3], NULL, 10);
    return readings < 1 || readings > 8192 ? usage() : record_command(words[2], (unsigned)readings);
  }
  if (strcmp(command, "send") == 0 && count >= 4) return send_command(words[2], words + 3, count - 3);
  return usage();
}
