/* Chance, seeded: a run with the same seed asks for the same keys in the same order. */
#pragma once
#include <math.h>

#include "arguments.h"

static uint64_t random_state;

static uint64_t mixed(uint64_t x) { /* the finalizer of splitmix64 (Steele, Lea, Flood 2014) */
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

static double unit_random(void) { /* 0 ≤ … < 1 */
  return (double)(mixed(random_state += 0x9e3779b97f4a7c15u) >> 11) * 0x1p-53;
}

/* Zipfian ranks by Gray et al. ("Quickly generating billion-record synthetic databases", 1994), as YCSB does, with
 * its constant 0.99, and scattered over the key space as in its ScrambledZipfianGenerator. */
static const double theta = 0.99;
static double zipf_zeta, zipf_alpha, zipf_eta;

static void prepare_zipf(void) {
  for (uint32_t i = 1; i <= keys; i++) zipf_zeta += 1 / pow(i, theta);
  double zeta2 = 1 + 1 / pow(2, theta);
  zipf_alpha = 1 / (1 - theta);
  zipf_eta = (1 - pow(2.0 / keys, 1 - theta)) / (1 - zeta2 / zipf_zeta);
}

static uint32_t random_key(void) {
  double u = unit_random();
  if (!zipfian) return (uint32_t)(u * keys);
  double uz = u * zipf_zeta;
  uint64_t rank = uz < 1 ? 0 : uz < 1 + pow(0.5, theta) ? 1 : (uint64_t)(keys * pow(zipf_eta * u - zipf_eta + 1, zipf_alpha));
  return (uint32_t)(mixed(rank + 1) % keys);
}
