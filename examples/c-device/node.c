#include "node.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* A node answers at once, or within the 20 s that a question for a receipt may wait. */
#define SILENCE_S 30
#define WAIT_QUERY "?wait=20"
/* A request: a transaction, a payload and the few bytes around them. */
#define REQUEST_MAX (PAYLOAD_MAX + ENROLMENT_MAX + 64)

enum { SESSION = 1, SUBMIT = 2, HEAD = 3, RECEIPT = 4, GREETING = 5 };
enum { ANSWER_DONE = 2, ANSWER_REFUSED = 3, ANSWER_HEAD = 4, ANSWER_RECEIPT = 5, ANSWER_GREETING = 6 };

bool hex_read(uint8_t *to, size_t length, const char *text) {
  if (strlen(text) != 2 * length) return false;
  for (size_t k = 0; k < 2 * length; k++) {
    const char *digits = "0123456789abcdef", *found = strchr(digits, text[k]);
    if (found == NULL) return false;
    to[k / 2] = (uint8_t)(k % 2 == 0 ? (found - digits) << 4 : to[k / 2] | (found - digits));
  }
  return true;
}

bool node_at(node *n, const char *address) {
  const char *host = address + strlen("http://"), *hash = strchr(address, '#');
  if (strncmp(address, "http://", strlen("http://")) != 0 || hash == NULL || !hex_read(n->key, KEY, hash + 1)) return false;
  const char *end = hash[-1] == '/' ? hash - 1 : hash, *colon = end;
  while (colon > host && *colon != ':') colon--;
  if (colon <= host || end - colon < 2 || end - colon > 6) return false;
  bool bracketed = *host == '[' && colon[-1] == ']';
  size_t length = (size_t)(colon - host) - (bracketed ? 2 : 0);
  if (length == 0 || length >= sizeof n->host) return false;
  memcpy(n->host, host + bracketed, length);
  n->host[length] = 0;
  memcpy(n->port, colon + 1, (size_t)(end - colon) - 1);
  n->port[end - colon - 1] = 0;
  n->token[0] = 0;
  return true;
}

static outcome unreachable(node *n, const char *why) {
  snprintf(n->code, sizeof n->code, "%s", why);
  n->retryable = true;
  return UNREACHABLE;
}

/* ---- HTTP/1.1: one request for each connection */

static int connect_to(const node *n) {
  struct addrinfo hints = {0}, *found, *each;
  struct timeval limit = {SILENCE_S, 0};
  int one = -1, at_once = 1;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(n->host, n->port, &hints, &found) != 0) return -1;
  for (each = found; each != NULL && one < 0; each = each->ai_next) {
    one = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
    if (one < 0) continue;
    setsockopt(one, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(one, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    /* Head and body are two writes; the second is not to wait for an acknowledgement of the first. */
    setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    if (connect(one, each->ai_addr, each->ai_addrlen) == 0) continue;
    close(one);
    one = -1;
  }
  freeaddrinfo(found);
  return one;
}

static bool send_all(int to, const void *from, size_t length) {
  const uint8_t *at = from;
  while (length > 0) {
    ssize_t sent = send(to, at, length, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += sent;
    length -= (size_t)sent;
  }
  return true;
}

/* The value of a header field, or NULL. `head` is text whose lines end in CR LF. */
static const char *field(const char *head, const char *name) {
  for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ':') continue;
    line += strlen(name) + 1;
    return line + strspn(line, " ");
  }
  return NULL;
}

/* Reads a whole answer into n->answer and leaves its body there. */
static outcome read_answer(node *n, int from) {
  size_t length = 0;
  ssize_t taken;
  char *text = (char *)n->answer;
  while (length < sizeof n->answer - 1 && (taken = recv(from, text + length, sizeof n->answer - 1 - length, 0)) > 0)
    length += (size_t)taken;
  text[length] = 0;
  char *body = strstr(text, "\r\n\r\n");
  if (body == NULL || strncmp(text, "HTTP/1.1 ", 9) != 0) return unreachable(n, "no answer");
  body[2] = 0;
  body += 4;
  length -= (size_t)(body - text);
  if (strncmp(text + 9, "200 ", 4) != 0) return unreachable(n, "not the status 200");
  const char *announced = field(text, "content-length"), *token = field(text, "vitalchain-session");
  if (announced == NULL || strtoull(announced, NULL, 10) != length) return unreachable(n, "an answer that was cut off");
  size_t token_length = token == NULL ? 0 : strcspn(token, "\r");
  if (token_length > 0 && token_length < sizeof n->token) {
    memcpy(n->token, token, token_length);
    n->token[token_length] = 0;
  }
  memmove(n->answer, body, length);
  n->answer_length = length;
  return DONE;
}

static outcome post(node *n, const char *query, bytes body) {
  char head[1024];
  int length = snprintf(head, sizeof head,
                        "POST /v1/device%s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n"
                        "Content-Type: application/cbor\r\nContent-Length: %zu\r\n%s%s%s\r\n",
                        query, n->host, n->port, body.length, n->token[0] == 0 ? "" : "Authorization: Bearer ", n->token,
                        n->token[0] == 0 ? "" : "\r\n");
  if (length < 0 || (size_t)length >= sizeof head) return unreachable(n, "a name that is too long");
  int to = connect_to(n);
  if (to < 0) return unreachable(n, "no connection");
  outcome result = send_all(to, head, (size_t)length) && send_all(to, body.at, body.length)
                       ? read_answer(n, to)
                       : unreachable(n, "the connection broke");
  close(to);
  return result;
}

/* ---- messages, S-3 */

static uint8_t request_memory[REQUEST_MAX];
static const uint64_t request_number = 1; /* each connection carries one */

static writer begin(uint64_t kind, size_t items) {
  writer w = write_into(request_memory, sizeof request_memory);
  put_array(&w, items);
  put_uint(&w, kind);
  put_uint(&w, request_number);
  return w;
}

/* Sends what was written and gives a reader of the answer's fields behind its kind, if it is of the kind wanted. */
static outcome ask(node *n, const char *query, const writer *w, uint64_t wanted, size_t items, reader *fields) {
  if (w->failed) return unreachable(n, "a request that is too long");
  outcome posted = post(n, query, written(w));
  if (posted != DONE) return posted;
  bytes all = {n->answer, n->answer_length};
  *fields = read_from(all);
  size_t count = get_array(fields, 8);
  uint64_t kind = get_uint(fields, 64);
  if (!fields->failed && kind == ANSWER_REFUSED && count == 5) {
    get_uint(fields, UINT32_MAX);
    bytes code = get_text(fields, 64);
    get_text(fields, 1024);
    n->retryable = get_bool(fields);
    if (!all_read(fields)) return unreachable(n, "an answer of another form");
    snprintf(n->code, sizeof n->code, "%.*s", (int)code.length, (const char *)code.at);
    return REFUSED;
  }
  if (fields->failed || kind != wanted || count != items) return unreachable(n, "an answer of another kind");
  return DONE;
}

static outcome checked(node *n, const reader *fields) {
  return all_read(fields) ? DONE : unreachable(n, "an answer of another form");
}

static outcome expect_done(node *n, const writer *w) {
  reader r;
  outcome result = ask(n, "", w, ANSWER_DONE, 2, &r);
  if (result != DONE) return result;
  get_uint(&r, UINT32_MAX);
  return checked(n, &r);
}

outcome node_open(node *n, const identity *who) {
  uint8_t nonce[HASH], session[512];
  reader r;
  random_bytes(nonce, sizeof nonce);
  n->token[0] = 0;
  writer w = begin(GREETING, 3);
  put_bytes(&w, nonce, sizeof nonce);
  outcome result = ask(n, "", &w, ANSWER_GREETING, 5, &r);
  if (result != DONE) return result;
  bytes network = get_bytes(&r, HASH, HASH), key = get_bytes(&r, KEY, KEY), challenge = get_bytes(&r, HASH, HASH);
  bytes proof = get_bytes(&r, SIGNATURE, SIGNATURE), nonces = {nonce, sizeof nonce};
  if (!all_read(&r)) return unreachable(n, "an answer of another form");
  if (memcmp(network.at, who->network, HASH) != 0) return unreachable(n, "a node of another network");
  if (memcmp(key.at, n->key, KEY) != 0 || !greeting_holds(network, key, nonces, challenge, proof))
    return unreachable(n, "another node answers at this address");
  writer cose = write_into(session, sizeof session);
  put_session(&cose, who, challenge, key);
  w = begin(SESSION, 3);
  put_bytes(&w, cose.at, cose.length);
  result = expect_done(n, &w);
  return result == DONE && n->token[0] == 0 ? unreachable(n, "a session without a token") : result;
}

outcome node_submit(node *n, bytes transaction, bytes payload) {
  writer w = begin(SUBMIT, 4);
  put_bytes(&w, transaction.at, transaction.length);
  if (payload.length == 0) put_null(&w);
  else put_bytes(&w, payload.at, payload.length);
  return expect_done(n, &w);
}

outcome node_head(node *n, int lane, lane_head *head) {
  reader r;
  writer w = begin(HEAD, 3);
  put_uint(&w, (uint64_t)lane);
  outcome result = ask(n, "", &w, ANSWER_HEAD, 3, &r);
  if (result != DONE) return result;
  get_uint(&r, UINT32_MAX);
  memset(head, 0, sizeof *head);
  head->any = !get_null(&r);
  if (head->any) {
    expect_array(&r, 3);
    head->boot = (uint32_t)get_uint(&r, UINT32_MAX);
    head->seq = get_uint(&r, ((uint64_t)1 << 53) - 1);
    bytes id = get_bytes(&r, HASH, HASH);
    if (!r.failed) memcpy(head->head, id.at, HASH);
  }
  return checked(n, &r);
}

outcome node_receipt(node *n, const uint8_t id[HASH], bytes *receipt) {
  reader r;
  writer w = begin(RECEIPT, 3);
  put_bytes(&w, id, HASH);
  outcome result = ask(n, WAIT_QUERY, &w, ANSWER_RECEIPT, 3, &r);
  if (result != DONE) return result;
  bytes named = get_bytes(&r, HASH, HASH);
  *receipt = get_bytes(&r, 1, RECEIPT_MAX);
  if (!r.failed && memcmp(named.at, id, HASH) != 0) r.failed = true;
  return checked(n, &r);
}
