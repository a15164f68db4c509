#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "os/unique_fd.h"
#include "support/message_builder.h"

namespace unitscope::test {

/// Closed until somebody opens it.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

/// A D-Bus server for one connection on an abstract socket, on its own thread, that does what a test tells it.
class FakeBus {
 public:
  /// The server's end of the connection.
  class Peer {
   public:
    Peer(int fd, Gate& connected) : fd_(fd), connected_(connected) {}

    void send(std::string_view text) const {
      // A client that has gone already is not the script's concern.
      [[maybe_unused]] const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    }
    void send(const std::vector<std::uint8_t>& bytes) const {
      send(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
    /// Sends all of it, however long the client takes to read.
    void send_all(const std::vector<std::uint8_t>& bytes) const {
      for (std::size_t at = 0; at < bytes.size();) {
        const auto sent = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) return;
        at += static_cast<std::size_t>(sent);
      }
    }
    /// Sends one byte with a descriptor beside it.
    void send_descriptor() const {
      char byte = 0;
      iovec part{.iov_base = &byte, .iov_len = 1};
      alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* const head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(head), &fd_, sizeof fd_);
      ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    }
    /// Reads until `text` has come; false when the client closed before.
    bool read_until(std::string_view text) {
      while (read_.find(text) == std::string::npos) {
        char chunk[4096];
        const auto size = ::recv(fd_, chunk, sizeof chunk, 0);
        if (size <= 0) return false;
        read_.append(chunk, static_cast<std::size_t>(size));
      }
      return true;
    }
    /// The handshake, and the answers to Hello and `rules` calls of AddMatch.
    bool welcome(std::uint32_t rules = 0) {
      if (!read_until("BEGIN\r\n")) return false;
      send("OK 0123456789abcdef0123456789abcdef\r\n");
      if (!read_until(rules == 0 ? "Hello" : "AddMatch")) return false;
      for (std::uint32_t call = 1; call <= rules + 1; call++) answer(call);
      return true;
    }
    /// Until the client has told that it is connected: what it read before, it does not tell.
    void wait_connected() { connected_.wait(); }
    void welcome_and_wait() {
      if (welcome()) wait_connected();
    }
    static MessageParts answer_to(std::uint32_t call) {
      return {.type = 2, .fields = {MessageParts::reply_serial(call)}};
    }
    void answer(std::uint32_t call) const { send(answer_to(call).bytes()); }
    void refuse(std::uint32_t call, std::string error, std::string text) const {
      MessageParts reply{.type = 3, .fields = {MessageParts::reply_serial(call), MessageParts::error_name(std::move(error))}};
      reply.signature = "s";
      reply.body = [text](Wire& out) { out.str(text); };
      send(reply.bytes());
    }

   private:
    int fd_;
    Gate& connected_;
    std::string read_;
  };

  using Script = std::function<void(Peer&)>;

  /// When the script returns, the connection is closed.
  explicit FakeBus(Script script) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), script_(std::move(script)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    // Autobind (unix(7)): the kernel picks a free abstract name of five bytes.
    ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name.sun_family);
    socklen_t size = sizeof name;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    address_ = "unix:abstract=" + std::string(name.sun_path + 1, size - sizeof name.sun_family - 1);
    ::listen(listener_.get(), 1);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeBus() {
    connected_.open();
    ::shutdown(listener_.get(), SHUT_RDWR);  // frees an accept() that waits for nobody
    thread_.join();
  }
  FakeBus(const FakeBus&) = delete;
  FakeBus& operator=(const FakeBus&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }
  /// The test has seen the client's `connected`.
  void connected() { connected_.open(); }

 private:
  void serve() {
    const UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    Peer peer(fd.get(), connected_);
    script_(peer);
  }

  UniqueFd listener_;
  Script script_;
  std::string address_;
  Gate connected_;
  std::thread thread_;
};

}  // namespace unitscope::test
