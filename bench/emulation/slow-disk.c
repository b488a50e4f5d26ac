/*
 * Preloaded into a contestant (LD_PRELOAD), SQLite's and Redis's alike: counts its calls of fsync and fdatasync, and
 * makes each take at least as long as the control file says, as on a slower disk. Syncs of several files go on side
 * by side, as on solid-state and network disks. The control file is mapped by all processes of the contestant, and
 * the benchmark writes to it while they run; `slow-disk.ts` knows its layout.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct control {
  _Atomic uint32_t least_us;
  uint32_t unused;
  _Atomic uint64_t syncs;
};

static struct control *control;
static int (*real_fsync)(int), (*real_fdatasync)(int);

__attribute__((constructor)) static void prepare(void) {
  real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  const char *path = getenv("BENCH_DISK_CONTROL");
  int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) control = mapped;
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int slowed(int (*real)(int), int file) {
  if (control == NULL) return real(file);
  int64_t started_ns = now_ns();
  int result = real(file);
  int64_t missing_ns = started_ns + (int64_t)control->least_us * 1000 - now_ns();
  if (missing_ns > 0) nanosleep(&(struct timespec){.tv_sec = missing_ns / 1000000000, .tv_nsec = missing_ns % 1000000000}, NULL);
  /* After it is done: who counts before and after a write never counts a sync that this write did not wait for. */
  control->syncs++;
  return result;
}

int fsync(int file) { return slowed(real_fsync, file); }
int fdatasync(int file) { return slowed(real_fdatasync, file); }
