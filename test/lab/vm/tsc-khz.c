// Prints the frequency of this machine's time stamp counter in kHz: under TCG the guest's counter is the same one, and
// the guest's own measurement goes wrong when the host is busy meanwhile (see vm.sh).
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

typedef struct {
  int64_t nanos;
  uint64_t ticks;
} Moment;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

// Of many readings the one that was interrupted least: some 100 ns apart even where most are not, 0.5 ppm of what lies between two.
static Moment moment(void) {
  Moment best = {0, 0};
  int64_t least = INT64_MAX;
  for (int i = 0; i < 1000; i++) {
    const int64_t before = now();
    const uint64_t ticks = __rdtsc();
    const int64_t gap = now() - before;
    if (gap >= least) continue;
    least = gap;
    best = (Moment){before + gap / 2, ticks};
  }
  return best;
}

int main(void) {
  const Moment from = moment();
  nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
  const Moment to = moment();
  printf("%.0f\n", (double)(to.ticks - from.ticks) * 1e6 / (double)(to.nanos - from.nanos));
  return 0;
}
