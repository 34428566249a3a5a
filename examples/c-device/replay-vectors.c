/* Makes what test/vectors/device describes, so that a test can compare: for whoever ports this example. Each line of stdin is a task
   of words, bytes in hexadecimal and `-` for none; each line of stdout is what came of it, or `refused`. */
#include "node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 65536

static void out(const char *heading, const void *from, size_t length) {
  printf("%s ", heading);
  for (size_t k = 0; k < length; k++) printf("%02x", ((const uint8_t *)from)[k]);
}

/* The next word; the program ends when there is none. */
static char *word(void) {
  char *found = strtok(NULL, " \n");
  if (found == NULL) exit(2);
  return found;
}

static void hex(uint8_t *to, size_t length) {
  if (!hex_read(to, length, word())) exit(2);
}

/* A word of hexadecimal that is a text. */
static char *text(char *to, size_t room) {
  const char *digits = word();
  size_t length = strlen(digits) / 2;
  if (length >= room || !hex_read((uint8_t *)to, length, digits)) exit(2);
  to[length] = 0;
  return to;
}

/* Secret key and network: who the device is. */
static identity who_is(void) {
  identity who = {0};
  hex(who.secret, KEY);
  hex(who.network, HASH);
  ed25519_public(who.public_key, who.secret);
  identifier_of(who.device, "vitalchain/device", who.public_key);
  return who;
}

/* identity SECRET NETWORK */
static void identity_task(void) {
  identity who = who_is();
  out("public", who.public_key, KEY);
  out(" device", who.device, HASH);
}

/* claim NETWORK TEXT */
static void claim_task(void) {
  uint8_t network[HASH], secret[STREAM];
  char claim[128];
  hex(network, HASH);
  if (!claim_read(secret, text(claim, sizeof claim), network)) printf("refused");
  else out("secret", secret, STREAM);
}

/* enrol SECRET NETWORK CLAIM MODEL FIRMWARE METRIC... */
static void enrol_task(void) {
  static uint8_t memory[ENROLMENT_MAX];
  static char model[256], names[METRICS_MAX][129];
  char *metrics[METRICS_MAX];
  size_t count = 0;
  uint8_t claim[STREAM], firmware[HASH];
  identity who = who_is();
  hex(claim, STREAM);
  text(model, sizeof model);
  const char *digest = word();
  if (strcmp(digest, "-") != 0 && !hex_read(firmware, HASH, digest)) exit(2);
  for (const char *name = strtok(NULL, " \n"); name != NULL && count < METRICS_MAX; name = strtok(NULL, " \n")) {
    metrics[count] = names[count];
    snprintf(names[count++], sizeof names[0], "%s", name);
  }
  writer w = write_into(memory, sizeof memory);
  put_enrolment(&w, &who, claim, model, strcmp(digest, "-") == 0 ? NULL : firmware, metrics, count);
  if (w.failed) printf("refused");
  else out("transaction", w.at, w.length);
}

/* Readings as NAME UNIT TIME VALUE FLAG, until the line ends. False when the pack takes one not. */
static bool read_pack(pack *p) {
  pack_begin(p);
  for (const char *name = strtok(NULL, " \n"); name != NULL; name = strtok(NULL, " \n")) {
    const char *unit = word();
    int64_t time = strtoll(word(), NULL, 10);
    const char *value = word(), *flag = word();
    if (!pack_add(p, name, strcmp(unit, "-") == 0 ? NULL : unit, time, value, strcmp(flag, "-") == 0 ? NULL : flag)) return false;
  }
  return true;
}

/* pack READINGS */
static void pack_task(void) {
  static pack readings;
  uint8_t memory[8];
  if (!read_pack(&readings)) {
    printf("refused");
    return;
  }
  writer head = write_into(memory, sizeof memory);
  put_array(&head, readings.count);
  out("pack", head.at, head.length);
  for (size_t k = 0; k < readings.records.length; k++) printf("%02x", readings.memory[k]);
}

/* batch SECRET NETWORK STREAM STREAM-SECRET GENERATION LANE BOOT SEQ PREVIOUS LOST EPOCH SALT OFFSET UNCERTAINTY FROM TO COUNT PACK; an
   offset of `-` is a device that nobody told the time; the pack, of fewer than 24 readings, may be encoded otherwise than here */
static void batch_task(void) {
  static pack readings;
  static batch made;
  uint8_t salt[SALT];
  clock_error clock;
  place at;
  identity who = who_is();
  hex(who.stream, STREAM);
  hex(who.stream_secret, KEY);
  who.generation = (uint32_t)strtoul(word(), NULL, 10);
  at.lane = atoi(word());
  at.boot = (uint32_t)strtoul(word(), NULL, 10);
  at.seq = strtoull(word(), NULL, 10);
  hex(at.previous, HASH);
  bool lost = strcmp(word(), "1") == 0;
  uint32_t epoch = (uint32_t)strtoul(word(), NULL, 10);
  hex(salt, SALT);
  const char *offset = word(), *uncertainty = word();
  clock.offset = strtoll(offset, NULL, 10);
  clock.uncertainty = strtoull(uncertainty, NULL, 10);
  pack_begin(&readings);
  readings.from = strtoll(word(), NULL, 10);
  readings.to = strtoll(word(), NULL, 10);
  readings.count = (unsigned)strtoul(word(), NULL, 10);
  const char *clear = word();
  /* Behind the head of the array, which `batch_of` writes. */
  readings.records.length = strlen(clear) / 2 - 1;
  if (readings.records.length > sizeof readings.memory || !hex_read(readings.memory, readings.records.length, clear + 2)) exit(2);
  batch_of(&made, &who, &at, lost, epoch, strcmp(offset, "-") == 0 ? NULL : &clock, salt, &readings);
  out("id", made.id, HASH);
  out(" transaction", made.transaction, made.transaction_length);
  out(" payload", made.payload, made.payload_length);
}

/* session SECRET NETWORK CHALLENGE NODE */
static void session_task(void) {
  uint8_t challenge[HASH], node[KEY], memory[512];
  identity who = who_is();
  hex(challenge, HASH);
  hex(node, KEY);
  writer w = write_into(memory, sizeof memory);
  put_session(&w, &who, (bytes){challenge, HASH}, (bytes){node, KEY});
  out("cose", w.at, w.length);
}

/* greeting NETWORK NODE NONCE CHALLENGE PROOF */
static void greeting_task(void) {
  uint8_t network[HASH], node[KEY], nonce[HASH], challenge[HASH], proof[SIGNATURE];
  hex(network, HASH);
  hex(node, KEY);
  hex(nonce, HASH);
  hex(challenge, HASH);
  hex(proof, SIGNATURE);
  bool holds = greeting_holds((bytes){network, HASH}, (bytes){node, KEY}, (bytes){nonce, HASH}, (bytes){challenge, HASH},
                              (bytes){proof, SIGNATURE});
  printf(holds ? "holds" : "refused");
}

static const struct {
  const char *name;
  void (*run)(void);
} tasks[] = {{"identity", identity_task}, {"claim", claim_task},     {"enrol", enrol_task},      {"pack", pack_task},
             {"batch", batch_task},       {"session", session_task}, {"greeting", greeting_task}};

int main(void) {
  char *line = malloc(LINE_MAX_BYTES);
  if (line == NULL) return 2;
  while (fgets(line, LINE_MAX_BYTES, stdin) != NULL) {
    const char *name = strtok(line, " \n");
    size_t k = 0;
    while (k < sizeof tasks / sizeof tasks[0] && (name == NULL || strcmp(tasks[k].name, name) != 0)) k++;
    if (k == sizeof tasks / sizeof tasks[0]) return 2;
    tasks[k].run();
    putchar('\n');
  }
  free(line);
  return 0;
}
