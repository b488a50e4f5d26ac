/*
 * The load generator: many keep-alive connections to one HTTP server, one request at a time on each, in one thread.
 * It is C because on a small machine it shares the cores with what it measures: it takes 4 to 6 µs a request, nearly
 * all of them system calls, where one in JavaScript takes as much as the servers themselves.
 *
 * Two ways to drive:
 *   saturate    each connection sends its next request as soon as the last one is answered
 *   fixed rate  requests have intended start times (Poisson arrivals, seeded); one that finds no free connection
 *               waits, and its latency counts from when it was intended. A server that stalls is charged for every
 *               request that would have come meanwhile: no coordinated omission.
 *
 * Every value is 16 hexadecimal digits, repeated: which drive and which request wrote it. No two requests write the
 * same, no page of a value equals the old one, and a read tells whose write it saw and whether the value is whole.
 *
 * Arguments are name=value (`arguments.h`); the result is one line of JSON on standard output.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "chance.h"
#include "tally.h"

enum { head_bytes_max = 4096, page_entries = 100, batch_operations = 100, entry_bytes_max = 256, reconnect_delay_ns = 10 * 1000 * 1000, tick_ms = 20, silence_s_max = 15 };

/* ── Connections ───────────────────────────────────────────────────────────────────────────────────────────────── */

struct connection {
  int fd; /* -1: to be connected again at `retry_ns` */
  bool busy, is_free, waits_to_write;
  enum operation operation;
  uint32_t key;
  uint64_t value, intended_ns, sent_ns, retry_ns;
  char *out, *in;
  size_t out_length, out_sent, in_length;
};

static struct connection *all;
static int epoll_fd, timer_fd;
static size_t in_bytes_max;
/* Free connections, first in first out, so that all of them are used evenly at any rate. */
static int *free_ring, free_first, free_count;

static void set_free(int index) {
  /* One that was closed while it was free has kept its place. */
  if (all[index].is_free) return;
  all[index].is_free = true;
  free_ring[(free_first + free_count++) % connections] = index;
}

static void watch(struct connection *c, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.u32 = (uint32_t)(c - all)};
  if (epoll_ctl(epoll_fd, operation, c->fd, &event) != 0) fail("epoll_ctl");
}

static bool open_connection(struct connection *c) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) fail("socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) { close(fd); return false; }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  c->fd = fd;
  c->in_length = 0;
  c->busy = c->waits_to_write = false;
  watch(c, EPOLLIN, EPOLL_CTL_ADD);
  return true;
}

static void log_request(struct connection *c, uint64_t now, enum outcome outcome, uint64_t value) {
  if (log_file == NULL) return;
  struct log_entry entry = {c->sent_ns, now, value, c->key, (uint8_t)c->operation, (uint8_t)outcome, (uint16_t)(c - all)};
  fwrite(&entry, sizeof entry, 1, log_file);
}

static void note_failure(const char *what, size_t length) {
  if (first_failure[0] != 0) return;
  size_t kept = 0;
  for (size_t i = 0; i < length && kept < sizeof first_failure - 1; i++) {
    char byte = what[i];
    first_failure[kept++] = byte >= ' ' && byte < 127 && byte != '"' && byte != '\\' ? byte : ' ';
  }
}

/* What was under way has no answer, and nobody knows whether it was done. */
static void close_connection(struct connection *c, uint64_t now, uint64_t *counter) {
  if (c->busy) {
    (*counter)++;
    log_request(c, now, outcome_unknown, c->operation == op_write ? c->value : 0);
  }
  close(c->fd);
  c->fd = -1;
  c->retry_ns = now + reconnect_delay_ns;
}

/* ── Requests and answers ──────────────────────────────────────────────────────────────────────────────────────── */

static uint32_t sequence, next_key;

static void fill_value(char *to, uint64_t id) {
  char digits[17];
  snprintf(digits, sizeof digits, "%016" PRIx64, id);
  size_t filled = value_bytes < 16 ? value_bytes : 16;
  memcpy(to, digits, filled);
  while (filled < value_bytes) {
    size_t more = filled < value_bytes - filled ? filled : value_bytes - filled;
    memcpy(to + filled, to, more);
    filled += more;
  }
}

/* One operation a line, each on a key of its own choice. Returns the length. */
static int batch_body(char *to) {
  char *at = to;
  for (int i = 0; i < batch_operations; i++) {
    at += sprintf(at, "{\"op\":\"put\",\"key\":\"%s%06u\",\"value\":\"", prefix, random_key());
    fill_value(at, (uint64_t)seed << 32 | ++sequence);
    at += value_bytes;
    at += sprintf(at, "\"}\n");
  }
  return (int)(at - to);
}

static int batch_request(char *to) {
  static char *body = NULL;
  if (body == NULL) body = malloc(batch_operations * (value_bytes + entry_bytes_max));
  int length = batch_body(body);
  int head = sprintf(to,
                     "POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/x-ndjson\r\n"
                     "Content-Length: %d\r\n\r\n", port, length);
  memcpy(to + head, body, (size_t)length);
  return head + length;
}

static void flush(struct connection *c, uint64_t now) {
  while (c->out_sent < c->out_length) {
    ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_length - c->out_sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) { close_connection(c, now, &broken); return; }
      if (!c->waits_to_write) watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      c->waits_to_write = true;
      return;
    }
    c->out_sent += (size_t)sent;
  }
  if (c->waits_to_write) watch(c, EPOLLIN, EPOLL_CTL_MOD);
  c->waits_to_write = false;
}

static void send_request(struct connection *c, uint64_t intended_ns, uint64_t now) {
  c->key = each_once ? next_key++ : random_key();
  double chance = unit_random();
  c->operation = chance < increment_share ? op_increment : chance < increment_share + read_share ? op_read : op_write;
  c->intended_ns = intended_ns;
  c->sent_ns = now;
  c->busy = true;
  c->in_length = c->out_sent = 0;
  int head;
  if (c->operation == op_read && shape == shape_list) {
    head = sprintf(c->out, "GET /v1/kv?limit=%d&start-after=%s%06u HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                   page_entries, prefix, c->key, port);
  } else if (c->operation == op_read) {
    head = sprintf(c->out, "GET /v1/kv/%s%06u HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", prefix, c->key, port);
  } else if (c->operation == op_increment) {
    head = sprintf(c->out, "POST %s%s%06u HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 0\r\n\r\n",
                   counter_path, prefix, c->key, port);
  } else if (shape == shape_batch) {
    head = batch_request(c->out);
  } else {
    c->value = (uint64_t)seed << 32 | ++sequence;
    head = sprintf(c->out,
                   "PUT /v1/kv/%s%06u HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: text/plain\r\n"
                   "%sContent-Length: %zu\r\n\r\n", prefix, c->key, port,
                   shape == shape_conditional ? "If-Match: *\r\n" : "", value_bytes);
    fill_value(c->out + head, c->value);
    head += (int)value_bytes;
  }
  c->out_length = (size_t)head;
  flush(c, now);
}

/* -1 while the answer is not whole. A server may leave the length out where there is no body. */
static ssize_t body_offset_of(struct connection *c, size_t *body_length) {
  char *end = memmem(c->in, c->in_length, "\r\n\r\n", 4);
  if (end == NULL) return -1;
  *body_length = 0;
  for (char *line = memmem(c->in, (size_t)(end - c->in), "\r\n", 2); line != NULL && line < end;
       line = memmem(line + 2, (size_t)(end - line), "\r\n", 2)) {
    if (strncasecmp(line + 2, "content-length:", 15) == 0) *body_length = strtoul(line + 17, NULL, 10);
    if (strncasecmp(line + 2, "transfer-encoding:", 18) == 0) fail("an answer in chunks: not understood");
  }
  ssize_t offset = end + 4 - c->in;
  return c->in_length < (size_t)offset + *body_length ? -1 : offset;
}

static uint64_t hexadecimal(const char *digits) {
  char copy[17];
  memcpy(copy, digits, 16);
  copy[16] = 0;
  return strtoull(copy, NULL, 16);
}

static void take_answer(struct connection *c, uint64_t now, ssize_t body_offset, size_t body_length) {
  const char *body = c->in + body_offset;
  int status = atoi(c->in + 9);
  uint64_t value = c->value;
  enum outcome outcome = outcome_done;
  if (shape == shape_list && status == 200) {
    value = 0;
  } else if (shape == shape_batch && status == 200 && memmem(body, body_length, "\"code\"", 6) != NULL) {
    failed_status++;
    note_failure(body, body_length);
    outcome = outcome_unknown;
  } else if (c->operation == op_read && status == 200) {
    bool is_whole = body_length == value_bytes && memcmp(body, body + 16, body_length - 16) == 0;
    if (!is_whole) { corrupt++; note_failure(body, body_length); }
    value = body_length >= 16 ? hexadecimal(body) : UINT64_MAX;
  } else if (c->operation == op_read && status == 404) {
    missing++;
    value = 0;
  } else if (c->operation == op_increment && status / 100 == 2) {
    size_t at = 0;
    while (at < body_length && !isdigit((unsigned char)body[at])) at++;
    for (value = 0; at < body_length && isdigit((unsigned char)body[at]); at++) value = value * 10 + (uint64_t)(body[at] - '0');
  } else if (status / 100 != 2) {
    failed_status++;
    note_failure(c->in, c->in_length);
    outcome = outcome_unknown;
  }
  log_request(c, now, outcome, value);
  if (outcome == outcome_unknown) return;
  answered++;
  record(c->operation == op_read ? read_latencies : write_latencies, now - c->intended_ns);
  last_answer_ns = now;
}

/* True when a request has been answered. */
static bool receive(struct connection *c) {
  ssize_t got = recv(c->fd, c->in + c->in_length, in_bytes_max - c->in_length, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  uint64_t now = now_ns();
  if (got <= 0) { close_connection(c, now, &broken); return false; }
  c->in_length += (size_t)got;
  if (!c->busy) { close_connection(c, now, &broken); return false; }
  size_t body_length;
  ssize_t body_offset = body_offset_of(c, &body_length);
  if (body_offset < 0) {
    if (c->in_length == in_bytes_max) fail("an answer that is longer than any value");
    return false;
  }
  take_answer(c, now, body_offset, body_length);
  c->busy = false;
  return true;
}

/* ── The drive ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t start_ns, end_ns, next_ns;

static void set_timer(uint64_t at_ns) {
  struct itimerspec at = {.it_value = {.tv_sec = (time_t)(at_ns / 1000000000u), .tv_nsec = (long)(at_ns % 1000000000u)}};
  timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static bool has_next(uint64_t now) {
  if (each_once) return next_key < keys;
  return rate > 0 ? next_ns < end_ns : now < end_ns;
}

/* Sends what is due on free connections; what finds none stays due. */
static void send_due(void) {
  uint64_t now = now_ns();
  while (free_count > 0 && has_next(now) && (rate == 0 || next_ns <= now)) {
    struct connection *c = &all[free_ring[free_first]];
    free_first = (free_first + 1) % connections;
    free_count--;
    c->is_free = false;
    if (c->fd < 0) continue; /* closed while it was free: it comes back when it is connected again */
    send_request(c, rate > 0 ? next_ns : now, now);
    if (rate > 0) next_ns += (uint64_t)(-log(1 - unit_random()) * 1e9 / rate);
  }
  if (rate > 0 && free_count > 0 && next_ns < end_ns) set_timer(next_ns);
}

/* Time-outs, and connections that were lost. Not often: it looks at all of them. */
static void look_after_connections(uint64_t now) {
  for (int i = 0; i < connections; i++) {
    struct connection *c = &all[i];
    if (c->fd >= 0 && c->busy && now - c->sent_ns > (uint64_t)timeout_ms * 1000000u) {
      note_failure("no answer in time", 17);
      close_connection(c, now, &timed_out);
    }
    if (c->fd < 0 && now >= c->retry_ns) {
      if (open_connection(c)) set_free(i);
      else c->retry_ns = now + reconnect_delay_ns;
    }
  }
}

static int busy_count(void) {
  int count = 0;
  for (int i = 0; i < connections; i++) count += all[i].fd >= 0 && all[i].busy;
  return count;
}

static void drive(void) {
  struct epoll_event events[256];
  uint64_t looked_ns = start_ns, give_up_ns = each_once ? UINT64_MAX : end_ns + (uint64_t)grace_ms * 1000000u;
  for (;;) {
    send_due();
    int count = epoll_wait(epoll_fd, events, 256, tick_ms);
    for (int i = 0; i < count; i++) {
      if (events[i].data.u32 == UINT32_MAX) {
        uint64_t expirations;
        if (read(timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN) fail("timer");
        continue;
      }
      struct connection *c = &all[events[i].data.u32];
      if (c->fd < 0) continue;
      if (events[i].events & EPOLLOUT) flush(c, now_ns());
      if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && receive(c)) set_free((int)(c - all));
    }
    uint64_t now = now_ns();
    if (now - looked_ns >= (uint64_t)tick_ms * 1000000u) {
      look_after_connections(now);
      looked_ns = now;
    }
    /* Closed at its end, a saturating drive does not wait for the last answers: they are not counted either. */
    bool over = rate == 0 && !each_once && log_file == NULL ? now >= end_ns : !has_next(now) && busy_count() == 0;
    bool is_silent = now - last_answer_ns > silence_s_max * 1000000000ull;
    /* One that stands still for all of a short drive is slow: so much is known when its first answer comes. */
    bool is_known = answered + failed_status + broken + timed_out > 0;
    if ((is_known && (over || now >= give_up_ns)) || is_silent) break;
  }
}

/* At the end of its patience: what has no answer took at least until now. */
static void count_leftovers(uint64_t now) {
  if (rate == 0 && log_file == NULL && !each_once) return;
  for (int i = 0; i < connections; i++) {
    struct connection *c = &all[i];
    if (c->fd < 0 || !c->busy) continue;
    record(c->operation == op_read ? read_latencies : write_latencies, now - c->intended_ns);
    close_connection(c, now, &timed_out);
  }
  for (; rate > 0 && next_ns < end_ns; unsent++) {
    record(unit_random() < read_share ? read_latencies : write_latencies, now - next_ns);
    next_ns += (uint64_t)(-log(1 - unit_random()) * 1e9 / rate);
  }
}

static void print_histogram(const char *name, const uint32_t *histogram) {
  printf(",\"%s\":[", name);
  const char *separator = "";
  for (int bucket = 0; bucket < buckets; bucket++) {
    if (histogram[bucket] == 0) continue;
    printf("%s[%d,%u]", separator, bucket, histogram[bucket]);
    separator = ",";
  }
  printf("]");
}

int main(int argument_count, char **arguments) {
  read_arguments(argument_count, arguments);
  random_state = mixed(seed + 1);
  if (zipfian) prepare_zipf();
  if (log_path != NULL && (log_file = fopen(log_path, "w")) == NULL) fail("the log cannot be written");

  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct epoll_event timer_event = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &timer_event);
  in_bytes_max = value_bytes + head_bytes_max;
  if (shape == shape_list) in_bytes_max += page_entries * entry_bytes_max;
  if (shape == shape_batch) in_bytes_max += batch_operations * entry_bytes_max;
  all = calloc((size_t)connections, sizeof *all);
  free_ring = calloc((size_t)connections, sizeof *free_ring);
  for (int i = 0; i < connections; i++) {
    all[i].out = malloc(head_bytes_max + (shape == shape_batch ? batch_operations : 1) * (value_bytes + entry_bytes_max));
    all[i].in = malloc(in_bytes_max);
    if (!open_connection(&all[i])) fail("the server does not accept connections");
    set_free(i);
  }

  start_ns = next_ns = last_answer_ns = now_ns();
  end_ns = start_ns + (uint64_t)(seconds * 1e9);
  drive();
  uint64_t now = now_ns();
  count_leftovers(now);
  if (log_file != NULL && fclose(log_file) != 0) fail("the log cannot be written");

  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  uint64_t cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
                    (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  printf("{\"answered\":%" PRIu64 ",\"durationUs\":%" PRIu64 ",\"failedStatus\":%" PRIu64 ",\"broken\":%" PRIu64
         ",\"timedOut\":%" PRIu64 ",\"unsent\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"corrupt\":%" PRIu64
         ",\"cpuUs\":%" PRIu64 ",\"firstFailure\":\"%s\"",
         answered, (now - start_ns) / 1000, failed_status, broken, timed_out, unsent, missing, corrupt,
         cpu_us, first_failure);
  print_histogram("reads", read_latencies);
  print_histogram("writes", write_latencies);
  printf("}\n");
  return 0;
}
