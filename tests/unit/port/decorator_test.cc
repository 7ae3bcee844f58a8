// Proves: decorators stack over a Port and do what they say: pcap reads back, traces agree with the
// fingerprint, faults and links apply to both directions, a busy device holds frames back.
#include <gtest/gtest.h>

#include "models/base/heap_pool.h"
#include "models/port/fault_port.h"
#include "models/port/link_port.h"
#include "models/port/pcap.h"
#include "models/port/trace.h"
#include "models/wire/ethernet.h"
#include "tests/fakes/memory_port.h"
#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

BufPtr frame_of(HeapPool& pool, std::span<const std::byte> bytes) {
  BufPtr frame(pool.take());
  std::ranges::copy(bytes, frame->push_back(static_cast<std::uint32_t>(bytes.size())).begin());
  return frame;
}

BufPtr numbered(HeapPool& pool, std::uint32_t number) {
  std::vector<std::byte> bytes(60);
  EthernetRepr().emit(bytes);
  store_be32(&bytes[14], number);
  return frame_of(pool, bytes);
}

std::uint32_t number_of(const BufPtr& frame) { return load_be32(frame->data() + 14); }

class MemorySink final : public ByteSink {
 public:
  explicit MemorySink(std::size_t bound = SIZE_MAX) : bound_(bound) {}
  bool write(std::span<const std::byte> bytes) override {
    if (file.size() + bytes.size() > bound_) return false;
    file.insert(file.end(), bytes.begin(), bytes.end());
    return true;
  }
  std::vector<std::byte> file;

 private:
  std::size_t bound_;
};

TEST(Pcap, ReadsBackWhatWasWritten) {
  Rng rng(1);
  HeapPool pool;
  MemoryPort device;
  MemorySink sink;
  PcapWriter writer(sink);
  PcapPort port(device, writer);
  std::vector<std::vector<std::byte>> frames;
  for (int i = 0; i < 50; ++i) frames.push_back(random_bytes(rng, 14 + rng.below(1000)));
  for (std::size_t i = 0; i < frames.size(); ++i) {
    port.begin_turn(at_ns(static_cast<std::int64_t>(1'700'000'001 * i)));
    BufPtr frame = frame_of(pool, frames[i]);
    if (i % 2 == 0) {
      ASSERT_EQ(port.tx_burst({&frame, 1}), 1u);
    } else {
      device.arrive(std::move(frame));
      ASSERT_EQ(port.rx_burst({&frame, 1}), 1u);
    }
  }
  PcapReader reader(sink.file);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto record = reader.next();
    ASSERT_TRUE(record);
    EXPECT_EQ(to_ns(record->at), static_cast<std::int64_t>(1'700'000'001 * i));
    EXPECT_TRUE(std::ranges::equal(record->frame, frames[i]));
    EXPECT_EQ(record->original_len, frames[i].size());
  }
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.is_good());
}

TEST(Pcap, SnapsAndStopsAtARefusingSink) {
  const std::vector<std::byte> frame(100);
  MemorySink sink(24 + 2 * (16 + 40));
  PcapWriter writer(sink, 40);
  for (int i = 0; i < 3; ++i) writer.write(kStart, frame);
  EXPECT_FALSE(writer.is_good());
  EXPECT_EQ(writer.frames(), 2u);
  PcapReader reader(sink.file);
  EXPECT_EQ(reader.next()->frame.size(), 40u);
  EXPECT_EQ(reader.next()->original_len, 100u);
}

TEST(Pcap, ReaderRefusesDamage) {
  MemorySink sink;
  PcapWriter(sink).write(kStart, std::vector<std::byte>(10));
  PcapReader cut(std::span(sink.file).first(sink.file.size() - 1));
  EXPECT_FALSE(cut.next());
  EXPECT_FALSE(cut.is_good());
  EXPECT_FALSE(PcapReader(std::span(sink.file).first(23)).is_good());
  sink.file[0] = std::byte{0};
  EXPECT_FALSE(PcapReader(sink.file).is_good());
}

TEST(Trace, RecordsBothDirections) {
  HeapPool pool;
  MemoryPort device(2);
  TracePort port(device, 10);
  port.begin_turn(at_ns(5));
  BufPtr frames[3] = {numbered(pool, 1), numbered(pool, 2), numbered(pool, 3)};
  EXPECT_EQ(port.tx_burst(frames), 2u) << "only what the device takes is recorded";
  device.arrive(numbered(pool, 4));
  port.begin_turn(at_ns(9));
  BufPtr received[2];
  EXPECT_EQ(port.rx_burst(received), 1u);
  ASSERT_EQ(port.records().size(), 3u);
  EXPECT_EQ(port.records()[2],
            (TraceRecord{9, Direction::kReceive, 60, hash_bytes(received[0]->bytes())}));
  EXPECT_EQ(port.chain(Direction::kTransmit).frames(), 2u);
  FrameChain expected;
  expected.add(at_ns(9), received[0]->bytes());
  EXPECT_EQ(port.chain(Direction::kReceive).value(), expected.value());
  EXPECT_EQ(trace_text(port.records()).substr(0, 8), "5 tx 60 ");
}

TEST(FaultPort, AppliesToBothDirections) {
  HeapPool pool;
  MemoryPort device;
  FaultPortConfig config;
  config.transmit.duplicate = 1;
  config.receive.loss = 1;
  FaultPort port(device, config, Rng(1), "wire");
  port.begin_turn(kStart);
  BufPtr frame = numbered(pool, 1);
  EXPECT_EQ(port.tx_burst({&frame, 1}), 1u);
  EXPECT_EQ(device.sent().size(), 2u);
  for (std::uint32_t i = 0; i < 100; ++i) device.arrive(numbered(pool, i));
  BufPtr out[8];
  EXPECT_EQ(port.rx_burst(out), 0u);
  EXPECT_EQ(port.counters(Direction::kReceive).lost, 100u);
  EXPECT_EQ(port.counters(Direction::kTransmit).duplicated, 1u);
}

TEST(FaultPort, BusyDeviceHoldsFramesBack) {
  HeapPool pool;
  MemoryPort device(1);
  FaultPortConfig config;
  config.transmit.duplicate = 1;
  FaultPort port(device, config, Rng(1), "wire");
  port.begin_turn(kStart);
  for (std::uint32_t i = 0; i < 3; ++i) {
    BufPtr frame = numbered(pool, i);
    if (port.tx_room() > 0) port.tx_burst({&frame, 1});
  }
  std::vector<std::uint32_t> sent;
  for (int turn = 1; turn < 10; ++turn) {
    while (!device.sent().empty()) sent.push_back(number_of(device.sent().pop_front()));
    port.begin_turn(at_ns(turn));
  }
  EXPECT_EQ(sent, (std::vector<std::uint32_t>{0, 0}));
}

TEST(FaultPort, HeldFramesAreReleasedByTurns) {
  HeapPool pool;
  MemoryPort device;
  FaultPortConfig config;
  config.transmit.reorder = 1;
  config.transmit.reorder_hold = 3ms;
  FaultPort port(device, config, Rng(1), "wire");
  port.begin_turn(kStart);
  BufPtr frame = numbered(pool, 1);
  port.tx_burst({&frame, 1});
  EXPECT_TRUE(device.sent().empty());
  EXPECT_EQ(port.next_deadline(), kStart + 3ms);
  port.begin_turn(kStart + 3ms);
  EXPECT_EQ(device.sent().size(), 1u);
  EXPECT_EQ(port.next_deadline(), kNever);
}

TEST(LinkPort, DelaysBothDirectionsAndSaysWhen) {
  HeapPool pool;
  MemoryPort device;
  LinkElementConfig config;
  config.from_a.delay = 2ms;
  config.from_b.delay = 5ms;
  LinkPort port(device, config, Rng(1), "wire");
  port.begin_turn(kStart);
  BufPtr frame = numbered(pool, 1);
  EXPECT_EQ(port.tx_burst({&frame, 1}), 1u);
  device.arrive(numbered(pool, 2));
  BufPtr out[4];
  EXPECT_EQ(port.rx_burst(out), 0u);
  EXPECT_TRUE(device.sent().empty());
  EXPECT_EQ(port.next_deadline(), kStart + 2ms);
  port.begin_turn(kStart + 2ms);
  EXPECT_EQ(device.sent().size(), 1u);
  EXPECT_EQ(port.next_deadline(), kStart + 5ms);
  port.begin_turn(kStart + 5ms);
  ASSERT_EQ(port.rx_burst(out), 1u);
  EXPECT_EQ(number_of(out[0]), 2u);
  EXPECT_EQ(port.next_deadline(), kNever);
}

class OffloadingPort final : public Port {
 public:
  [[nodiscard]] PortCaps caps() const override {
    return {.mtu_bytes = 9000, .tx_checksum = true, .chains = true, .gso = true};
  }
  std::size_t rx_burst(std::span<BufPtr>) override { return 0; }
  std::size_t tx_burst(std::span<BufPtr>) override { return 0; }
  [[nodiscard]] std::size_t tx_room() const override { return 0; }
};

TEST(Decorators, WantFinishedFrames) {
  OffloadingPort device;
  const TracePort port(device);
  EXPECT_EQ(port.caps().mtu_bytes, 9000u);
  EXPECT_FALSE(port.caps().tx_checksum || port.caps().gso || port.caps().chains);
}

TEST(Decorators, StackAndPassTheTimeInwards) {
  HeapPool pool;
  MemoryPort device;
  TracePort outside_link(device, 10);
  LinkElementConfig config;
  config.from_a.delay = 1ms;
  LinkPort link(outside_link, config, Rng(1), "wire");
  TracePort inside_link(link, 10);
  inside_link.begin_turn(kStart);
  BufPtr frame = numbered(pool, 1);
  inside_link.tx_burst({&frame, 1});
  EXPECT_EQ(inside_link.next_deadline(), kStart + 1ms);
  inside_link.begin_turn(kStart + 1ms);
  EXPECT_EQ(inside_link.records()[0].at_ns, 0);
  ASSERT_EQ(outside_link.records().size(), 1u);
  EXPECT_EQ(outside_link.records()[0].at_ns, 1'000'000);
  EXPECT_EQ(outside_link.records()[0].hash, inside_link.records()[0].hash);
}

}  // namespace
}  // namespace twinpath
