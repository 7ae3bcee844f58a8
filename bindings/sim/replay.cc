// One core: its Stages in the order of the plan's hosts, as the emulation adds them.
#include "bindings/sim/replay.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <variant>
#include <vector>

#include "bindings/plan/build.h"
#include "bindings/plan/capture.h"
#include "bindings/plan/hosts.h"
#include "bindings/plan/worker.h"
#include "models/app/app_host.h"
#include "models/base/host_stage.h"
#include "models/base/turn_replay.h"
#include "models/port/fingerprint.h"
#include "sim/pcap_file.h"

namespace twinpath::bind {
namespace {

using nlohmann::json;

constexpr ContractId kNoContract = 0;

// A file's bytes, read where they are.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
      size_ = static_cast<std::size_t>(status.st_size);
      memory_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    if (fd >= 0) close(fd);
    if (memory_ == MAP_FAILED) throw std::runtime_error("cannot read the turn log " + path);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() { munmap(memory_, size_); }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(memory_), size_};
  }

 private:
  void* memory_ = MAP_FAILED;
  std::size_t size_ = 0;
};

// Gives what the log says and keeps account of both directions.
class LoggedTraffic final : public ReplayPort {
 public:
  LoggedTraffic(std::uint16_t number, std::string path, std::vector<LoggedSent>& sent)
      : number_(number), path_(std::move(path)), sent_(sent) {}

  void capture(PcapngWriter& writer, const PcapngPort::Options& options) {
    writer_ = &writer;
    options_ = options;
  }
  void receive(const LoggedFrame& frame, BufPool& pool) {
    BufPtr buffer(pool.take());
    if (!buffer || buffer->tailroom() < frame.bytes.size()) {
      throw std::runtime_error("the turn log is damaged: a frame is longer than a buffer");
    }
    std::ranges::copy(frame.bytes,
                      buffer->push_back(static_cast<std::uint32_t>(frame.bytes.size())).begin());
    note(Direction::kReceive, frame.at, frame.bytes);
    buffer->arrived = frame.at;
    feed(std::move(buffer));
  }
  // For the turn to come.
  void begin_turn(Instant now) { now_ = now; }
  void limit_room(std::size_t frames) { room_ = std::min(frames, kBurst); }
  void end_turn() { room_ = kBurst; }

  [[nodiscard]] PortCaps caps() const override { return {}; }
  [[nodiscard]] std::size_t tx_room() const override { return room_; }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) {
      sent_.push_back({number_, frame->len, hash_bytes(frame->bytes())});
      note(Direction::kTransmit, now_, frame->bytes());
      frame.reset();
    }
    return frames.size();
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const FrameChain& chain(Direction direction) const {
    return direction == Direction::kReceive ? received_ : transmitted_;
  }

 private:
  void note(Direction direction, Instant at, std::span<const std::byte> bytes) {
    FrameChain& chain = direction == Direction::kReceive ? received_ : transmitted_;
    const FrameWindow& window =
        direction == Direction::kReceive ? options_.receive : options_.transmit;
    const std::uint64_t index = chain.frames();
    if (writer_ != nullptr && index >= window.from && index < window.to) {
      writer_->write({options_.interface, at, direction, ""}, bytes);
    }
    chain.add(at, bytes);
  }

  std::uint16_t number_;
  std::string path_;
  std::vector<LoggedSent>& sent_;
  PcapngWriter* writer_ = nullptr;
  PcapngPort::Options options_{};
  Instant now_{};
  std::size_t room_ = kBurst;
  FrameChain received_;
  FrameChain transmitted_;
};

class Replay {
 public:
  Replay(const Job& job, bool stop_at_difference);
  void run(std::span<const std::byte> records);
  [[nodiscard]] json answer() const;

 private:
  struct Seat {
    std::size_t host;
    std::vector<LoggedTraffic*> ports;
  };
  void make_seats();
  void make_hosts();
  void open_capture();
  LoggedTraffic& port(std::uint16_t number);
  void turn(const TurnRecord& record);
  void compare(const TurnRecord& record);

  const Job& job_;
  bool stop_at_difference_;
  HeapPool pool_;
  std::deque<LoggedTraffic> ports_;
  std::vector<Seat> seats_;
  std::deque<PlannedHost> hosts_;
  std::deque<HostStage> stages_;
  CoreSchedule schedule_;
  std::optional<sim::FileSink> file_;
  std::optional<PcapngCapture> capture_;
  std::vector<LoggedSent> expected_;  // in this turn
  std::vector<LoggedSent> sent_;
  std::vector<std::uint64_t> sent_before_;  // frames each port had sent before this turn
  std::uint64_t turns_ = 0;
  Instant now_{};
  json difference_;
};

Replay::Replay(const Job& job, bool stop_at_difference)
    : job_(job), stop_at_difference_(stop_at_difference) {
  make_seats();
  make_hosts();
  open_capture();
}

void Replay::make_seats() {
  for (std::size_t host = 0; host < job_.plan.hosts.size(); ++host) {
    if (is_emulated(job_.plan.hosts[host])) seats_.push_back({host, {}});
  }
  for (const EmulatedPort& port : emulated_ports(job_.plan)) {
    ports_.emplace_back(static_cast<std::uint16_t>(ports_.size()), port_path(job_.plan, port.where),
                        sent_);
    for (Seat& seat : seats_) {
      if (seat.host == port.where.host) seat.ports.push_back(&ports_.back());
    }
  }
  sent_before_.resize(ports_.size());
}

void Replay::make_hosts() {
  for (const Seat& seat : seats_) {
    hosts_.push_back(make_host(job_.plan, seat.host, job_.seed, pool_));
    const std::vector<Port*> ports(seat.ports.begin(), seat.ports.end());
    stages_.emplace_back(job_.plan.hosts[seat.host].name, *hosts_.back().host, ports, kNoContract);
    schedule_.add(stages_.back());
  }
}

void Replay::open_capture() {
  if (!job_.pcapng) return;
  std::vector<std::string> paths;
  for (const LoggedTraffic& port : ports_) paths.push_back(port.path());
  file_.emplace(job_.pcapng->path);
  capture_.emplace(*job_.pcapng, job_.plan, std::move(paths), *file_);
  for (LoggedTraffic& port : ports_) {
    port.capture(capture_->writer(), capture_->port(port.path()));
  }
}

LoggedTraffic& Replay::port(std::uint16_t number) {
  if (number >= ports_.size()) throw std::runtime_error("the turn log is damaged: no such port");
  return ports_[number];
}

void Replay::turn(const TurnRecord& record) {
  if (record.stage >= seats_.size()) {
    throw std::runtime_error("the turn log is damaged: no such stage");
  }
  now_ = at_ns(record.now_ns);
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    ports_[i].begin_turn(now_);
    sent_before_[i] = ports_[i].chain(Direction::kTransmit).frames();
  }
  const auto& seat = seats_[record.stage].ports;
  const std::vector<ReplayPort*> inputs(seat.begin(), seat.end());
  const bool same_items = replay_turn(schedule_, record, inputs);
  if (!same_items && difference_.is_null()) {
    difference_ = {{"what", "items"}, {"turn", turns_}, {"t_ns", record.now_ns}};
  }
  if (difference_.is_null()) compare(record);
  for (LoggedTraffic& port : ports_) port.end_turn();
  expected_.clear();
  sent_.clear();
  ++turns_;
}

json frame_json(const std::vector<LoggedSent>& frames, std::size_t at) {
  if (at >= frames.size()) return nullptr;
  return {{"length", frames[at].length}, {"hash", fingerprint_text(frames[at].hash)}};
}

void Replay::compare(const TurnRecord& record) {
  if (expected_ == sent_) return;
  std::size_t at = 0;
  while (at < expected_.size() && at < sent_.size() && expected_[at] == sent_[at]) ++at;
  const LoggedSent& first = at < expected_.size() ? expected_[at] : sent_[at];
  std::uint64_t index = sent_before_[first.port];
  for (std::size_t before = 0; before < at; ++before) {
    if (sent_[before].port == first.port) ++index;
  }
  difference_ = {{"what", "sent"},
                 {"turn", turns_},
                 {"port", ports_[first.port].path()},
                 {"direction", "tx"},
                 {"index", index},
                 {"t_ns", record.now_ns},
                 {"logged", frame_json(expected_, at)},
                 {"replayed", frame_json(sent_, at)}};
}

void Replay::run(std::span<const std::byte> records) {
  TurnLogReader reader(records);
  while (const auto entry = reader.next()) {
    if (const auto* record = std::get_if<TurnRecord>(&*entry)) {
      turn(*record);
      if (stop_at_difference_ && !difference_.is_null()) break;
    } else if (const auto* frame = std::get_if<LoggedFrame>(&*entry)) {
      port(frame->port).receive(*frame, pool_);
    } else if (const auto* sent = std::get_if<LoggedSent>(&*entry)) {
      static_cast<void>(port(sent->port));
      expected_.push_back(*sent);
    } else {
      const auto& room = std::get<LoggedRoom>(*entry);
      port(room.port).limit_room(room.frames);
    }
  }
  if (!reader.is_good()) throw std::runtime_error("the turn log is damaged: no such record");
  if (file_) file_->close();
}

// As record_chain() stores them: instant and hash.
json chunks_json(const FrameChain& chain) {
  json list = json::array();
  const auto add = [&](const FrameChunk& chunk) {
    list.push_back({to_ns(chunk.at), fingerprint_text(chunk.value)});
  };
  for (const FrameChunk& chunk : chain.chunks()) add(chunk);
  if (chain.frames() == 0 || chain.frames() % kFingerprintChunkFrames != 0) add(chain.last());
  return list;
}

json Replay::answer() const {
  RunResult result;
  std::vector<PortFingerprint> prints;
  json chains = json::array();
  json chunks = json::object();
  for (const LoggedTraffic& port : ports_) {
    for (const Direction direction : {Direction::kReceive, Direction::kTransmit}) {
      const FrameChain& chain = port.chain(direction);
      const char* way = direction == Direction::kReceive ? "rx" : "tx";
      prints.push_back({port.path(), direction, chain.frames(), chain.value()});
      chains.push_back({{"port", port.path()},
                        {"direction", way},
                        {"frames", chain.frames()},
                        {"hash", fingerprint_text(chain.value())}});
      chunks[port.path() + "/" + way] = chunks_json(chain);
      if (direction == Direction::kReceive) result.frames += chain.frames();
    }
  }
  result.fingerprint = run_fingerprint(prints);
  result.model = now_ - kStart;
  json answer = json::parse(to_json(result));
  answer["turns"] = turns_;
  answer["chains"] = std::move(chains);
  answer["chunks"] = std::move(chunks);
  answer["difference"] = difference_;
  return answer;
}

}  // namespace

std::string replay(const std::string& job_json) {
  const Job job = parse_job(job_json);
  const json log = json::parse(job_json).at("log");
  const MappedFile file(log.at("path").get<std::string>());
  const auto begin = log.at("begin").get<std::size_t>();
  const auto end = log.at("end").get<std::size_t>();
  if (begin > end || end > file.bytes().size()) {
    throw std::runtime_error("the turn log is damaged: it is shorter than it says");
  }
  Replay run(job, log.value("stop_at_difference", true));
  run.run(file.bytes().subspan(begin, end - begin));
  return run.answer().dump();
}

}  // namespace twinpath::bind
