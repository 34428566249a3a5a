/* Deterministic CBOR (docs/spec/formats.md, F-1): a writer into memory of the caller's, and a reader of untrusted bytes. */
#ifndef VITALCHAIN_CBOR_H
#define VITALCHAIN_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of somebody else's memory. */
typedef struct {
  const uint8_t *at;
  size_t length;
} bytes;

/* Where a writer puts its bytes. What does not fit sets `failed` and writes nothing more. */
typedef struct {
  uint8_t *at;
  size_t length;
  size_t room;
  bool failed;
} writer;

writer write_into(void *memory, size_t room);
bytes written(const writer *w);
void put_raw(writer *w, const void *from, size_t length);
void put_uint(writer *w, uint64_t value);
void put_int(writer *w, int64_t value);
void put_bytes(writer *w, const void *from, size_t length);
void put_text(writer *w, const char *text);
void put_array(writer *w, size_t items);
void put_map(writer *w, size_t entries);
void put_tag(writer *w, uint64_t tag);
void put_null(writer *w);
void put_bool(writer *w, bool value);
/* Only SenML has floats; a document of the ledger has none. */
void put_double(writer *w, double value);

/* What is left to read. The first item that is not what was asked for sets `failed`; from then on everything read is
   zero or empty, so that it is enough to look at `failed` at the end. */
typedef struct {
  const uint8_t *at;
  const uint8_t *end;
  bool failed;
} reader;

reader read_from(bytes from);
uint64_t get_uint(reader *r, uint64_t max);
int64_t get_int(reader *r);
/* A byte string of `min` to `max` bytes. */
bytes get_bytes(reader *r, size_t min, size_t max);
bytes get_text(reader *r, size_t max);
/* How many items follow, at most `max`. */
size_t get_array(reader *r, size_t max);
/* An array of exactly so many items. */
void expect_array(reader *r, size_t items);
void expect_text(reader *r, const char *text);
void expect_tag(reader *r, uint64_t tag);
bool get_bool(reader *r);
/* Passes over null if that is next. */
bool get_null(reader *r);
/* Passes over one item of at most 16 levels, and says which bytes it took. */
bytes get_item(reader *r);
/* Whether everything was as asked for and nothing is left. */
bool all_read(const reader *r);

#endif
