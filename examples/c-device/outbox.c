#include "outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_MAX_BYTES 640
#define FILE_MAX (PAYLOAD_MAX + TRANSACTION_MAX + 128)

static const char waiting[] = "waiting", proved[] = "proved", receipts[] = "receipt";

static void path_of(char path[PATH_MAX_BYTES], const outbox *o, const char *name) {
  snprintf(path, PATH_MAX_BYTES, "%s/%s", o->directory, name);
}

static void name_of(char name[64], const stored *s, const char *ending) {
  snprintf(name, 64, "%d-%010" PRIu32 "-%016" PRIu64 ".%s", s->lane, s->boot, s->seq, ending);
}

static bool complain(const char *what, const char *name) {
  fprintf(stderr, "%s %s: %s\n", what, name, strerror(errno));
  return false;
}

bool outbox_sync(const outbox *o) {
  int directory = open(o->directory, O_RDONLY);
  bool synced = directory >= 0 && fsync(directory) == 0;
  if (directory >= 0) close(directory);
  return synced || complain("cannot sync", o->directory);
}

static bool write_whole(int file, bytes content) {
  while (content.length > 0) {
    ssize_t taken = write(file, content.at, content.length);
    if (taken < 0 && errno == EINTR) continue;
    if (taken <= 0) return false;
    content.at += taken;
    content.length -= (size_t)taken;
  }
  return fsync(file) == 0;
}

static bool write_file(const outbox *o, const char *name, bytes content) {
  char path[PATH_MAX_BYTES], beside[PATH_MAX_BYTES], beside_name[80];
  snprintf(beside_name, sizeof beside_name, "%s.%ld.tmp", name, (long)getpid());
  path_of(path, o, name);
  path_of(beside, o, beside_name);
  int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0) return complain("cannot write", beside);
  bool whole = write_whole(file, content);
  whole = close(file) == 0 && whole;
  if (!whole || rename(beside, path) != 0) return complain("cannot write", path);
  return outbox_sync(o);
}

/* 1 when it is read, 0 when there is none, -1 with a message when it cannot be read. */
static int read_file(const outbox *o, const char *name, uint8_t *to, size_t max, size_t *length) {
  char path[PATH_MAX_BYTES];
  path_of(path, o, name);
  FILE *file = fopen(path, "rb");
  if (file == NULL && errno == ENOENT) return 0;
  if (file == NULL) return complain("cannot read", path) - 1;
  *length = fread(to, 1, max, file);
  bool whole = !ferror(file) && fgetc(file) == EOF;
  fclose(file);
  return whole ? 1 : complain("cannot read", path) - 1;
}

static bool damaged(const char *name) {
  fprintf(stderr, "%s is damaged\n", name);
  return false;
}

/* The stream: [identifier, generation, secret]. Whoever is to read the payloads gets it from the operator. */
static bool open_stream(outbox *o) {
  uint8_t memory[128];
  size_t length = 0;
  int found = read_file(o, "stream", memory, sizeof memory, &length);
  if (found < 0) return false;
  if (found == 0) {
    writer w = write_into(memory, sizeof memory);
    random_bytes(o->who.stream, STREAM);
    random_bytes(o->who.stream_secret, KEY);
    o->who.generation = 0;
    put_array(&w, 3);
    put_bytes(&w, o->who.stream, STREAM);
    put_uint(&w, o->who.generation);
    put_bytes(&w, o->who.stream_secret, KEY);
    return write_file(o, "stream", written(&w));
  }
  bytes all = {memory, length};
  reader r = read_from(all);
  expect_array(&r, 3);
  bytes id = get_bytes(&r, STREAM, STREAM);
  o->who.generation = (uint32_t)get_uint(&r, UINT32_MAX);
  bytes secret = get_bytes(&r, KEY, KEY);
  if (!all_read(&r)) return damaged("stream");
  memcpy(o->who.stream, id.at, STREAM);
  memcpy(o->who.stream_secret, secret.at, KEY);
  return true;
}

bool outbox_open(outbox *o, const char *directory) {
  size_t length = 0;
  if (strlen(directory) >= sizeof o->directory) return false;
  memset(o, 0, sizeof *o);
  strcpy(o->directory, directory);
  if (mkdir(directory, 0700) != 0 && errno != EEXIST) return complain("cannot make", directory);
  int found = read_file(o, "key", o->who.secret, KEY, &length);
  if (found < 0 || (found == 1 && length != KEY)) return damaged("key");
  if (found == 0) {
    bytes secret = {o->who.secret, KEY};
    random_bytes(o->who.secret, KEY);
    if (!write_file(o, "key", secret)) return false;
  }
  ed25519_public(o->who.public_key, o->who.secret);
  identifier_of(o->who.device, "vitalchain/device", o->who.public_key);
  found = read_file(o, "network", o->who.network, HASH, &length);
  if (found < 0 || (found == 1 && length != HASH)) return damaged("network");
  o->has_network = found == 1;
  return open_stream(o);
}

bool outbox_lock(const outbox *o, const char *what) {
  char path[PATH_MAX_BYTES];
  struct flock all = {0};
  path_of(path, o, what);
  int file = open(path, O_WRONLY | O_CREAT, 0600); /* open until the process ends */
  all.l_type = F_WRLCK;
  all.l_whence = SEEK_SET;
  return (file >= 0 && fcntl(file, F_SETLK, &all) == 0) || complain("cannot lock", path);
}

bool outbox_keep_network(outbox *o, const uint8_t network[HASH]) {
  bytes content = {network, HASH};
  if (o->has_network && memcmp(o->who.network, network, HASH) != 0) {
    fputs("this device belongs to another network\n", stderr);
    return false;
  }
  memcpy(o->who.network, network, HASH);
  return write_file(o, "network", content);
}

/* ---- lanes */

static void start_name(char name[64], int lane) { snprintf(name, 64, "lane-%d", lane); }

bool outbox_keep_start(const outbox *o, int lane, const lane_end *start) {
  uint8_t memory[128];
  char name[64];
  writer w = write_into(memory, sizeof memory);
  start_name(name, lane);
  if (start->any) {
    put_array(&w, 4);
    put_uint(&w, start->boot);
    put_uint(&w, start->seq);
    put_bytes(&w, start->head, HASH);
    put_uint(&w, start->epoch);
  } else {
    put_null(&w);
  }
  return write_file(o, name, written(&w));
}

static bool read_start(const outbox *o, int lane, lane_end *end) {
  uint8_t memory[128];
  char name[64];
  size_t length = 0;
  start_name(name, lane);
  int found = read_file(o, name, memory, sizeof memory, &length);
  end->known = found == 1;
  if (found <= 0) return found == 0;
  bytes all = {memory, length};
  reader r = read_from(all);
  if (!get_null(&r)) {
    end->any = end->lost = true;
    expect_array(&r, 4);
    end->boot = (uint32_t)get_uint(&r, UINT32_MAX);
    end->seq = get_uint(&r, ((uint64_t)1 << 53) - 1);
    bytes head = get_bytes(&r, HASH, HASH);
    end->epoch = (uint32_t)get_uint(&r, UINT32_MAX);
    if (!r.failed) memcpy(end->head, head.at, HASH);
  }
  return all_read(&r) || damaged(name);
}

static int in_order(const void *a, const void *b) {
  const stored *one = a, *other = b;
  if (one->boot != other->boot) return one->boot < other->boot ? -1 : 1;
  return one->seq < other->seq ? -1 : one->seq > other->seq;
}

size_t outbox_list(const outbox *o, int lane, stored *list, size_t max) {
  DIR *directory = opendir(o->directory);
  struct dirent *each;
  size_t count = 0;
  while (directory != NULL && (each = readdir(directory)) != NULL) {
    stored s = {lane, 0, 0, false};
    char whole[64];
    if (sscanf(each->d_name, "%d-%10" SCNu32 "-%16" SCNu64 ".", &s.lane, &s.boot, &s.seq) != 3 || s.lane != lane) continue;
    name_of(whole, &s, waiting);
    bool waits = strcmp(whole, each->d_name) == 0;
    name_of(whole, &s, proved);
    s.proved = strcmp(whole, each->d_name) == 0;
    if ((waits || s.proved) && count < max) list[count++] = s;
  }
  if (directory != NULL) closedir(directory);
  qsort(list, count, sizeof *list, in_order);
  return count;
}

bool outbox_end(const outbox *o, int lane, lane_end *end) {
  static stored list[WAITING_MAX + 2];
  static batch newest;
  memset(end, 0, sizeof *end);
  if (!read_start(o, lane, end)) return false;
  size_t count = outbox_list(o, lane, list, WAITING_MAX + 2);
  if (count == 0) return true;
  const stored *last = &list[count - 1];
  if (!outbox_read(o, last, &newest, &end->epoch)) return false;
  end->any = true;
  end->lost = false;
  end->boot = last->boot;
  end->seq = last->seq;
  memcpy(end->head, newest.id, HASH);
  return true;
}

/* ---- batches: [epoch, identity, transaction, payload] */

bool outbox_append(const outbox *o, const place *at, uint32_t epoch, const batch *made) {
  static uint8_t memory[FILE_MAX];
  char name[64];
  stored s = {at->lane, at->boot, at->seq, false};
  writer w = write_into(memory, sizeof memory);
  name_of(name, &s, waiting);
  put_array(&w, 4);
  put_uint(&w, epoch);
  put_bytes(&w, made->id, HASH);
  put_bytes(&w, made->transaction, made->transaction_length);
  put_bytes(&w, made->payload, made->payload_length);
  return !w.failed && write_file(o, name, written(&w));
}

bool outbox_read(const outbox *o, const stored *s, batch *to, uint32_t *epoch) {
  static uint8_t memory[FILE_MAX];
  char name[64];
  size_t length = 0;
  /* It may be proved by another process in the meantime. */
  name_of(name, s, waiting);
  int found = read_file(o, name, memory, sizeof memory, &length);
  if (found == 0) {
    name_of(name, s, proved);
    found = read_file(o, name, memory, sizeof memory, &length);
  }
  if (found != 1) return damaged(name);
  bytes all = {memory, length};
  reader r = read_from(all);
  expect_array(&r, 4);
  uint32_t used = (uint32_t)get_uint(&r, UINT32_MAX);
  bytes id = get_bytes(&r, HASH, HASH), transaction = get_bytes(&r, 1, TRANSACTION_MAX), payload = get_bytes(&r, 1, PAYLOAD_MAX);
  if (!all_read(&r)) return damaged(name);
  if (epoch != NULL) *epoch = used;
  memcpy(to->id, id.at, HASH);
  memcpy(to->transaction, transaction.at, to->transaction_length = transaction.length);
  memcpy(to->payload, payload.at, to->payload_length = payload.length);
  return true;
}

bool outbox_proved(const outbox *o, const stored *s, bytes receipt) {
  char name[64], from[PATH_MAX_BYTES], to[PATH_MAX_BYTES];
  name_of(name, s, receipts);
  if (!write_file(o, name, receipt)) return false;
  name_of(name, s, waiting);
  path_of(from, o, name);
  name_of(name, s, proved);
  path_of(to, o, name);
  if (rename(from, to) != 0) return complain("cannot rename", from);
  return outbox_sync(o);
}

bool outbox_forget(const outbox *o, int lane) {
  static stored list[WAITING_MAX + 2];
  char name[64], path[PATH_MAX_BYTES];
  size_t count = outbox_list(o, lane, list, WAITING_MAX + 2);
  for (size_t k = 0; k + 1 < count; k++) {
    if (!list[k].proved) continue;
    name_of(name, &list[k], proved);
    path_of(path, o, name);
    if (unlink(path) != 0) return complain("cannot delete", path);
  }
  return true;
}
