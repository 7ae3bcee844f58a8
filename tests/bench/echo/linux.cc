// See linux.h.
#include "tests/bench/echo/linux.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

namespace twinpath::bench {
namespace {

constexpr std::uint16_t kFirstPort = 17000;
constexpr std::uint32_t kPorts = 16;
constexpr int kBacklog = 4096;
constexpr int kEvents = 32;

int checked(int result, const char* what) {
  if (result < 0) throw std::runtime_error(std::string(what) + " failed");
  return result;
}

// 127.0.0.N: TIME-WAITs of one server's address and port would use up the client's ports.
sockaddr_in address_of(std::uint32_t number) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(kFirstPort + number % kPorts));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(getpid()) % 60000);
  return address;
}

struct SocketFlag {
  int level;
  int option;
};

void set(int fd, const SocketFlag& flag) {
  const int on = 1;
  checked(setsockopt(fd, flag.level, flag.option, &on, sizeof(on)), "setsockopt");
}

std::array<int, kPorts> listen_all(int flags, bool tuned) {
  std::array<int, kPorts> listeners{};
  for (std::uint32_t i = 0; i < kPorts; ++i) {
    const int fd = checked(socket(AF_INET, SOCK_STREAM | flags, 0), "socket");
    set(fd, {SOL_SOCKET, SO_REUSEADDR});
    set(fd, {SOL_SOCKET, SO_REUSEPORT});
    if (tuned) set(fd, {IPPROTO_TCP, TCP_DEFER_ACCEPT});
    const sockaddr_in address = address_of(i);
    checked(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "bind");
    checked(listen(fd, kBacklog), "listen");
    listeners[i] = fd;
  }
  return listeners;
}

struct Ends {
  int from;
  int to;
};

void transfer(const Ends& ends, std::vector<char>& bytes) {
  checked(static_cast<int>(send(ends.from, bytes.data(), bytes.size(), 0)), "send");
  std::size_t got = 0;
  while (got < bytes.size()) {
    const auto more = recv(ends.to, bytes.data() + got, bytes.size() - got, 0);
    got += static_cast<std::size_t>(checked(static_cast<int>(more), "recv"));
  }
}

class Tuned {
 public:
  explicit Tuned(const EchoLoad& load)
      : load_(load), listeners_(listen_all(0, true)), bytes_(load.message_bytes) {}
  Tuned(const Tuned&) = delete;
  Tuned& operator=(const Tuned&) = delete;
  ~Tuned() {
    for (const int fd : listeners_) close(fd);
  }

  void run(EchoResult& result) {
    for (std::uint32_t i = 0; i < load_.connections; ++i) {
      const sockaddr_in address = address_of(i);
      const int client = checked(socket(AF_INET, SOCK_STREAM, 0), "socket");
      checked(connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              "connect");
      int server = -1;
      for (std::uint32_t message = 0; message < load_.messages; ++message) {
        const std::int64_t asked = load_.timed ? monotonic_ns() : 0;
        checked(static_cast<int>(send(client, bytes_.data(), bytes_.size(), 0)), "send");
        if (server < 0)
          server = checked(accept(listeners_[i % kPorts], nullptr, nullptr), "accept");
        checked(static_cast<int>(recv(server, bytes_.data(), bytes_.size(), MSG_WAITALL)), "recv");
        transfer({server, client}, bytes_);
        if (load_.timed) {
          result.round_trips_ns.push_back(static_cast<std::uint32_t>(monotonic_ns() - asked));
        }
      }
      close(client);
      checked(static_cast<int>(recv(server, bytes_.data(), 1, 0)), "recv");
      close(server);
    }
  }

 private:
  EchoLoad load_;
  std::array<int, kPorts> listeners_;
  std::vector<char> bytes_;
};

class Epoll {
 public:
  Epoll() : fd_(checked(epoll_create1(0), "epoll_create1")) {}
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;
  ~Epoll() { close(fd_); }
  void add(int fd, std::uint32_t events, bool listener = false) {
    epoll_event event{};
    event.events = events | EPOLLET;
    event.data.u64 = static_cast<std::uint64_t>(fd) << 1 | (listener ? 1U : 0U);
    checked(epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  }
  std::size_t wait(std::array<epoll_event, kEvents>& events) {
    return static_cast<std::size_t>(checked(epoll_wait(fd_, events.data(), kEvents, 0), "wait"));
  }

 private:
  int fd_;
};

// The counterpart of EchoBenchServer and EchoBenchClient, call by call.
class Default {
 public:
  Default(const EchoLoad& load, EchoResult& result)
      : load_(load),
        result_(result),
        listeners_(listen_all(SOCK_NONBLOCK, false)),
        bytes_(load.message_bytes) {
    for (const int fd : listeners_) server_.add(fd, EPOLLIN, true);
  }
  Default(const Default&) = delete;
  Default& operator=(const Default&) = delete;
  ~Default() {
    for (const int fd : listeners_) close(fd);
  }

  void run() {
    for (std::uint32_t i = 0; i < load_.at_once; ++i) open();
    while (closed_ < load_.connections) {
      for (std::size_t i = 0, count = server_.wait(events_); i < count; ++i) {
        const std::uint64_t data = events_[i].data.u64;
        const int fd = static_cast<int>(data >> 1);
        (data & 1) != 0 ? accept_all(fd) : serve(fd);
      }
      for (std::size_t i = 0, count = client_.wait(events_); i < count; ++i) {
        on_client(static_cast<int>(events_[i].data.u64 >> 1), events_[i].events);
      }
    }
  }

 private:
  struct Session {
    std::uint32_t received = 0;
    std::uint32_t messages = 0;
    bool asked = false;
    std::int64_t asked_ns = 0;
  };
  Session& session(int fd) {
    const auto number = static_cast<std::size_t>(fd);
    if (number >= sessions_.size()) sessions_.resize(number + 1);
    return sessions_[number];
  }
  void open() {
    if (opened_ == load_.connections) return;
    const sockaddr_in address = address_of(static_cast<std::uint32_t>(opened_++));
    const int fd = checked(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    session(fd) = Session();
    const int done = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    if (done != 0 && errno != EINPROGRESS) throw std::runtime_error("connect failed");
    client_.add(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
  }
  void accept_all(int listener) {
    for (;;) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
      if (fd < 0) return;
      session(fd) = Session();
      server_.add(fd, EPOLLIN | EPOLLRDHUP);
    }
  }
  // False: would wait. A message of `bytes_` is there when `received` has come round to 0.
  bool receive(int fd, Session& session, bool& ended) {
    const auto got = recv(fd, bytes_.data(), bytes_.size() - session.received, 0);
    ended = got == 0;
    if (got <= 0) return false;
    session.received = static_cast<std::uint32_t>((session.received + got) % bytes_.size());
    return true;
  }
  void serve(int fd) {
    bool ended = false;
    while (receive(fd, session(fd), ended)) {
      if (session(fd).received == 0) send(fd, bytes_.data(), bytes_.size(), 0);
    }
    if (ended) close(fd);
  }
  void ask(int fd) {
    session(fd).asked = true;
    if (load_.timed) session(fd).asked_ns = monotonic_ns();
    checked(static_cast<int>(send(fd, bytes_.data(), bytes_.size(), 0)), "send");
  }
  void on_client(int fd, std::uint32_t events) {
    if (!session(fd).asked) {
      if ((events & EPOLLOUT) == 0) return;
      ask(fd);
    }
    bool ended = false;
    while ((events & EPOLLIN) != 0 && receive(fd, session(fd), ended)) {
      Session& mine = session(fd);
      if (mine.received != 0) continue;
      if (load_.timed) {
        const std::int64_t took = monotonic_ns() - mine.asked_ns;
        result_.round_trips_ns.push_back(static_cast<std::uint32_t>(took));
      }
      if (++mine.messages < load_.messages) {
        ask(fd);
        continue;
      }
      close(fd);
      ++closed_;
      return open();
    }
  }

  EchoLoad load_;
  EchoResult& result_;
  Epoll server_;
  Epoll client_;
  std::array<int, kPorts> listeners_;
  std::array<epoll_event, kEvents> events_{};
  std::vector<Session> sessions_;
  std::vector<char> bytes_;
  std::uint64_t opened_ = 0;
  std::uint64_t closed_ = 0;
};

}  // namespace

EchoResult run_linux(const EchoLoad& load, LinuxStyle style) {
  pin_to_bench_cpu();
  EchoResult result;
  result.transactions = load.transactions();
  result.offloads = "Linux loopback: no checksums, no segments on a wire";
  const double begin = thread_cpu_s();
  if (style == LinuxStyle::kTuned) {
    Tuned(load).run(result);
  } else {
    Default(load, result).run();
  }
  result.cpu_s = thread_cpu_s() - begin;
  return result;
}

}  // namespace twinpath::bench
