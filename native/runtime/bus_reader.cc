#include "runtime/bus_reader.h"

#include <signal.h>

#include "os/clock.h"
#include "runtime/session.h"

namespace unitscope {

BusReader::BusReader(ReaderOptions options, Doorbell& doorbell)
    : options_(std::move(options)),
      doorbell_(doorbell),
      ring_(options_.ring),
      capture_(options_.capture_bytes) {}

void BusReader::start() {
  if (state_ != State::kIdle) return;
  state_ = State::kStopped;
  if (!wakeup_.valid()) return fail_with("cannot start: no file descriptor left (raise LimitNOFILE=)");
  // The process's signals belong to its main thread: the new one inherits a full mask.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // Not std::thread: without exceptions its failure would end the process.
  const bool started = pthread_create(&thread_, nullptr, thread_main, this) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!started) return fail_with("cannot start a thread (raise TasksMax=)");
  state_ = State::kRunning;
}

void BusReader::stop() {
  const State before = state_;
  state_ = State::kStopped;
  if (before == State::kRunning) {
    wakeup_.raise();
    ring_.close();  // a push that waits for room gives up
    pthread_join(thread_, nullptr);
  }
  // Not left to the destructor: JavaScript's garbage collector may take minutes, and an agent without a bus makes a
  // reader every few seconds.
  wakeup_.close();
}

void* BusReader::thread_main(void* self) {
  pthread_setname_np(pthread_self(), "unitscope-bus");
  static_cast<BusReader*>(self)->run();
  return nullptr;
}

void BusReader::run() {
  Session session({options_, ring_, symbols_, counters_, capture_, doorbell_, wakeup_, forget_, kBufferBytes});
  if (const auto reason = session.run()) fail_with(reason->c_str());
}

void BusReader::fail_with(const char* reason) {
  const ClockPair now = read_clocks();
  RecordWriter writer;
  ring_.push_last(writer.write(RecordKind::kDisconnected, {now.realtime_ns, now.boottime_ns},
                               {.text = reason, .urgent = true}));
  doorbell_.ring();
}

}  // namespace unitscope
