#include "cbor.h"

#include <string.h>

enum { UINT = 0, NEGATIVE = 1, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5, TAG = 6, SIMPLE = 7 };
enum { FALSE = 0xf4, TRUE = 0xf5, NIL = 0xf6, DOUBLE = 0xfb };

/* Levels of arrays, maps and tags in a document: F-1. */
#define LEVELS_MAX 16

writer write_into(void *memory, size_t room) {
  writer w = {memory, 0, room, false};
  return w;
}

bytes written(const writer *w) {
  bytes all = {w->at, w->length};
  return all;
}

void put_raw(writer *w, const void *from, size_t length) {
  if (w->failed || length > w->room - w->length) {
    w->failed = true;
    return;
  }
  if (length > 0) memcpy(w->at + w->length, from, length);
  w->length += length;
}

/* A major type and its argument in the fewest bytes. */
static void put_head(writer *w, int major, uint64_t argument) {
  uint8_t head[9];
  int width = argument < 24 ? 0 : argument <= 0xff ? 1 : argument <= 0xffff ? 2 : argument <= 0xffffffff ? 4 : 8;
  int info = width == 0 ? (int)argument : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
  head[0] = (uint8_t)(major << 5 | info);
  for (int k = 0; k < width; k++) head[1 + k] = (uint8_t)(argument >> 8 * (width - 1 - k));
  put_raw(w, head, 1 + (size_t)width);
}

void put_uint(writer *w, uint64_t value) { put_head(w, UINT, value); }

void put_int(writer *w, int64_t value) {
  if (value < 0) put_head(w, NEGATIVE, (uint64_t)(-1 - value));
  else put_head(w, UINT, (uint64_t)value);
}

void put_bytes(writer *w, const void *from, size_t length) {
  put_head(w, BYTES, length);
  put_raw(w, from, length);
}

void put_text(writer *w, const char *text) {
  put_head(w, TEXT, strlen(text));
  put_raw(w, text, strlen(text));
}

void put_array(writer *w, size_t items) { put_head(w, ARRAY, items); }
void put_map(writer *w, size_t entries) { put_head(w, MAP, entries); }
void put_tag(writer *w, uint64_t tag) { put_head(w, TAG, tag); }

static void put_byte(writer *w, uint8_t byte) { put_raw(w, &byte, 1); }

void put_null(writer *w) { put_byte(w, NIL); }
void put_bool(writer *w, bool value) { put_byte(w, value ? TRUE : FALSE); }

void put_double(writer *w, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  put_byte(w, DOUBLE);
  for (int k = 0; k < 8; k++) put_byte(w, (uint8_t)(bits >> 8 * (7 - k)));
}

reader read_from(bytes from) {
  reader r = {from.at, from.at + from.length, false};
  return r;
}

static size_t left(const reader *r) { return (size_t)(r->end - r->at); }

static uint64_t fail(reader *r) {
  r->failed = true;
  r->at = r->end;
  return 0;
}

/* The next item's major type and argument; a longer argument than needed is refused. */
static uint64_t get_any_head(reader *r, int *major) {
  *major = -1;
  if (r->failed || left(r) == 0) return fail(r);
  int first = *r->at++;
  int info = first & 31;
  if (info > 27) return fail(r);
  uint64_t argument = (uint64_t)info;
  if (info >= 24) {
    size_t width = (size_t)1 << (info - 24);
    if (left(r) < width) return fail(r);
    argument = 0;
    for (size_t k = 0; k < width; k++) argument = argument << 8 | *r->at++;
    uint64_t smaller = width == 1 ? 24 : (uint64_t)1 << 4 * width;
    if (argument < smaller) return fail(r);
  }
  *major = first >> 5;
  return argument;
}

static uint64_t get_head(reader *r, int wanted) {
  int major;
  uint64_t argument = get_any_head(r, &major);
  return major == wanted ? argument : fail(r);
}

uint64_t get_uint(reader *r, uint64_t max) {
  uint64_t value = get_head(r, UINT);
  return value <= max ? value : fail(r);
}

int64_t get_int(reader *r) {
  int major;
  uint64_t argument = get_any_head(r, &major);
  if ((major != UINT && major != NEGATIVE) || argument > INT64_MAX) return (int64_t)fail(r);
  return major == UINT ? (int64_t)argument : -1 - (int64_t)argument;
}

static bytes get_string(reader *r, int major, size_t min, size_t max) {
  bytes string = {r->end, 0};
  uint64_t length = get_head(r, major);
  if (r->failed || length < min || length > max || length > left(r)) {
    fail(r);
    return string;
  }
  string.at = r->at;
  string.length = (size_t)length;
  r->at += length;
  return string;
}

bytes get_bytes(reader *r, size_t min, size_t max) { return get_string(r, BYTES, min, max); }
bytes get_text(reader *r, size_t max) { return get_string(r, TEXT, 0, max); }

size_t get_array(reader *r, size_t max) {
  uint64_t items = get_head(r, ARRAY);
  return items <= max ? (size_t)items : (size_t)fail(r);
}

void expect_array(reader *r, size_t items) {
  if (get_array(r, items) != items) fail(r);
}

void expect_text(reader *r, const char *text) {
  bytes found = get_text(r, 64);
  if (found.length != strlen(text) || memcmp(found.at, text, found.length) != 0) fail(r);
}

void expect_tag(reader *r, uint64_t tag) {
  if (get_head(r, TAG) != tag) fail(r);
}

bool get_bool(reader *r) {
  if (left(r) == 0 || (*r->at != FALSE && *r->at != TRUE)) return fail(r) != 0;
  return *r->at++ == TRUE;
}

bool get_null(reader *r) {
  if (left(r) == 0 || *r->at != NIL) return false;
  r->at++;
  return true;
}

static void skip(reader *r, int levels) {
  int major;
  const uint8_t *start = r->at;
  uint64_t argument = get_any_head(r, &major);
  if (r->failed) return;
  if (major == BYTES || major == TEXT) {
    if (argument > left(r)) fail(r);
    else r->at += argument;
  } else if (major >= ARRAY && major <= TAG) {
    uint64_t items = major == TAG ? 1 : argument;
    if (levels == 0 || items > left(r)) {
      fail(r);
      return;
    }
    if (major == MAP) items *= 2;
    while (items-- > 0 && !r->failed) skip(r, levels - 1);
  } else if (major == SIMPLE && *start != FALSE && *start != TRUE && *start != NIL) {
    fail(r);
  }
}

bytes get_item(reader *r) {
  bytes item = {r->at, 0};
  skip(r, LEVELS_MAX);
  if (!r->failed) item.length = (size_t)(r->at - item.at);
  return item;
}

bool all_read(const reader *r) { return !r->failed && r->at == r->end; }
