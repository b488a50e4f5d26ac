/* What came of the requests: counts, latencies, and one entry each for the judge. */
#pragma once
#include <time.h>

#include "arguments.h"

/* Logarithmic buckets of microseconds, 64 to each power of two: at most 1.6 % too high. `histogram.ts` reads them. */
enum { sub_buckets = 64, sub_bucket_bits = 6, buckets = (32 - sub_bucket_bits + 1) * sub_buckets };

static uint32_t read_latencies[buckets], write_latencies[buckets];
static uint64_t answered, failed_status, broken, timed_out, missing, corrupt, unsent, last_answer_ns;
/* The first answer that was not as it should be, for the message. */
static char first_failure[200];

static void record(uint32_t *histogram, uint64_t ns) {
  uint64_t us64 = ns / 1000;
  uint32_t us = us64 > UINT32_MAX ? UINT32_MAX : (uint32_t)us64;
  if (us < sub_buckets) { histogram[us]++; return; }
  int exponent = 31 - __builtin_clz(us) - sub_bucket_bits;
  histogram[(exponent + 1) * sub_buckets + ((us >> exponent) - sub_buckets)]++;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

enum operation { op_read, op_write, op_increment };
enum outcome { outcome_done, outcome_unknown };

/* What the judge needs of one request. `history.ts` reads this layout. */
struct log_entry {
  uint64_t sent_ns, answered_ns; /* CLOCK_MONOTONIC: comparable between drives */
  uint64_t value;                /* written, or seen; 0: nothing was there. Of increments: the counter's new value */
  uint32_t key;
  uint8_t operation, outcome;
  uint16_t connection;
};
_Static_assert(sizeof(struct log_entry) == 32, "history.ts reads 32 bytes an entry");

static FILE *log_file;
