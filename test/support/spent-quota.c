/*
 * Preloaded into every process of a service: a quota that is spent, while a file `quota-spent` lies in the directory
 * that $QUOTA_DIRECTORY names. Then no file there grows, with EDQUOT, unless the service has given up its reserve.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int exists(const char *directory, const char *name) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return access(path, F_OK) == 0;
}

/* Whether this write may not be: `end` is where it ends, or -1 for the end of the file. */
static int is_refused(int file, off_t end) {
  const char *directory = getenv("QUOTA_DIRECTORY");
  char link[64], path[PATH_MAX];
  struct stat found;
  if (directory == NULL || !exists(directory, "quota-spent")) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strncmp(path, directory, strlen(directory)) != 0 || fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) return 0;
  if (end >= 0 && end <= found.st_size) return 0;
  /* The room of the reserve is for everything but a new one. */
  if (exists(directory, "reserve.given") && strstr(path, "/reserve") == NULL) return 0;
  errno = EDQUOT;
  return 1;
}

#define NEXT(name, type) static type next; if (next == NULL) next = (type)dlsym(RTLD_NEXT, name)
typedef ssize_t (*write_at)(int, const void *, size_t, off_t);
typedef ssize_t (*write_on)(int, const void *, size_t);

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) {
  NEXT("pwrite64", write_at);
  return is_refused(file, at + (off_t)count) ? -1 : next(file, bytes, count, at);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  NEXT("pwrite", write_at);
  return is_refused(file, at + (off_t)count) ? -1 : next(file, bytes, count, at);
}

ssize_t write(int file, const void *bytes, size_t count) {
  NEXT("write", write_on);
  return is_refused(file, -1) ? -1 : next(file, bytes, count);
}
