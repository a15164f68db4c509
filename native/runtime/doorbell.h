#pragma once

namespace unitscope {

/// Tells the consumer that there are records. It may be rung from any thread, must not wait, and need not count.
class Doorbell {
 public:
  virtual void ring() noexcept = 0;

 protected:
  ~Doorbell() = default;
};

}  // namespace unitscope
