/* What the load generator is asked for: name=value, as `drive.ts` writes them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a read or a write asks for: plain GET and PUT; a PUT under a condition; a page of keys; a batch of PUTs. */
enum shape { shape_plain, shape_conditional, shape_list, shape_batch };

static const char *prefix = "user-", *log_path = NULL, *counter_path = NULL;
static int port, connections = 64, timeout_ms = 5000, grace_ms = 1000;
static enum shape shape = shape_plain;
static uint32_t keys = 100000, seed = 1;
static size_t value_bytes = 100;
static double seconds = 1, read_share = 0.5, increment_share = 0, rate = 0;
/* Each key once, in order, then the end: what loads a store (read_share=0) and what audits it (read_share=1). */
static bool zipfian = false, each_once = false;

static void fail(const char *what) {
  fprintf(stderr, "load: %s\n", what);
  exit(2);
}

static enum shape shape_of(const char *name) {
  if (!strcmp(name, "plain")) return shape_plain;
  if (!strcmp(name, "conditional")) return shape_conditional;
  if (!strcmp(name, "list")) return shape_list;
  if (!strcmp(name, "batch")) return shape_batch;
  fail(name);
  return shape_plain;
}

static void read_arguments(int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    char *value = strchr(arguments[i], '=');
    if (value == NULL) fail("arguments are name=value");
    *value++ = 0;
    const char *name = arguments[i];
    if (!strcmp(name, "port")) port = atoi(value);
    else if (!strcmp(name, "connections")) connections = atoi(value);
    else if (!strcmp(name, "seconds")) seconds = atof(value);
    else if (!strcmp(name, "seed")) seed = (uint32_t)strtoul(value, NULL, 10);
    else if (!strcmp(name, "keys")) keys = (uint32_t)strtoul(value, NULL, 10);
    else if (!strcmp(name, "prefix")) prefix = value;
    else if (!strcmp(name, "value-bytes")) value_bytes = strtoul(value, NULL, 10);
    else if (!strcmp(name, "read-share")) read_share = atof(value);
    else if (!strcmp(name, "increment-share")) increment_share = atof(value);
    else if (!strcmp(name, "counter-path")) counter_path = value;
    else if (!strcmp(name, "rate")) rate = atof(value); /* a second; 0: as fast as answers come */
    else if (!strcmp(name, "distribution")) zipfian = !strcmp(value, "zipfian");
    else if (!strcmp(name, "each-once")) each_once = !strcmp(value, "true");
    else if (!strcmp(name, "timeout-ms")) timeout_ms = atoi(value);
    else if (!strcmp(name, "shape")) shape = shape_of(value);
    else if (!strcmp(name, "log")) log_path = value;
    else fail(name);
  }
  if (port == 0 || connections < 1 || keys == 0 || value_bytes < 16) fail("port, connections, keys or value-bytes");
}
