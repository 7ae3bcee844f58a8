// The bytes of a pcapng file, block by block, and what of a link's drops gets into it.
#include "models/port/pcapng.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/port/link.h"
#include "models/wire/byte_order.h"

namespace twinpath {
namespace {

class Memory final : public ByteSink {
 public:
  bool write(std::span<const std::byte> piece) override {
    if (bytes.size() + piece.size() > room) return false;
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return true;
  }
  [[nodiscard]] bool has(std::string_view text) const {
    const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return all.find(text) != std::string_view::npos;
  }
  std::vector<std::byte> bytes;
  std::size_t room = 1 << 20;
};

std::uint32_t word(std::span<const std::byte> bytes, std::size_t at) {
  return byte_swap(load_be32(bytes.data() + at));
}

// Types of the blocks; stops where lengths at both ends differ.
std::vector<std::uint32_t> block_types(std::span<const std::byte> file) {
  std::vector<std::uint32_t> types;
  while (file.size() >= 12) {
    const std::uint32_t length = word(file, 4);
    if (length % 4 != 0 || length > file.size() || word(file, length - 4) != length) break;
    types.push_back(word(file, 0));
    file = file.subspan(length);
  }
  EXPECT_TRUE(file.empty());
  return types;
}

const std::array<std::string, 3> kNames = {"client/eth0", "wire", "client"};

TEST(Pcapng, IsASectionItsInterfacesAndItsPackets) {
  Memory memory;
  PcapngWriter writer(memory, kNames);
  const std::array<std::byte, 5> frame{std::byte{1}};
  writer.write({1, at_ns(5'000'000'007), Direction::kTransmit, "hello"}, frame);
  EXPECT_EQ(block_types(memory.bytes), (std::vector<std::uint32_t>{0x0A0D0D0A, 1, 1, 1, 6}));
  for (const std::string& name : kNames) EXPECT_TRUE(memory.has(name));
  EXPECT_TRUE(memory.has("hello"));
  const auto packet = std::span(memory.bytes).last(word(memory.bytes, memory.bytes.size() - 4));
  EXPECT_EQ(word(packet, 8), 1U);  // the interface
  EXPECT_EQ(std::uint64_t{word(packet, 12)} << 32 | word(packet, 16), 5'000'000'007U);
  EXPECT_EQ(word(packet, 20), 5U);
  EXPECT_EQ(writer.packets(), 1U);
}

TEST(Pcapng, AFullDiskEndsIt) {
  Memory memory;
  PcapngWriter writer(memory, kNames);
  memory.room = memory.bytes.size();
  writer.write({}, {});
  EXPECT_FALSE(writer.is_good());
  EXPECT_EQ(writer.packets(), 0U);
}

BufPtr frame_of(HeapPool& pool, std::size_t bytes) {
  BufPtr frame(pool.take());
  static_cast<void>(frame->push_back(static_cast<std::uint32_t>(bytes)));
  return frame;
}

TEST(Pcapng, ALinksDropsCarryTheirReason) {
  HeapPool pool;
  Memory memory;
  PcapngWriter writer(memory, kNames);
  PcapngLinkDrops drops(writer, 1, "client to server");
  LinkConfig config{.rate_bps = 1'000'000, .queue_bytes = 200};
  LinkModel narrow(config, Rng(1));
  narrow.set_drop_listener(&drops);
  for (int i = 0; i < 4; ++i) narrow.offer(kStart, frame_of(pool, 150));
  EXPECT_EQ(narrow.counters().dropped_queue, writer.packets());
  EXPECT_TRUE(memory.has("dropped: queue_full (queue), client to server"));
  config = {};
  config.faults.loss = 1;
  LinkModel lossy(config, Rng(1));
  lossy.set_drop_listener(&drops);
  lossy.offer(kStart, frame_of(pool, 60));
  EXPECT_TRUE(memory.has("dropped: loss (asked), client to server"));
}

TEST(Pcapng, OnlyFramesOfTheWindowAreCaptured) {
  class Sink final : public Port {
   public:
    [[nodiscard]] PortCaps caps() const override { return {}; }
    std::size_t rx_burst(std::span<BufPtr>) override { return 0; }
    std::size_t tx_burst(std::span<BufPtr> frames) override {
      for (BufPtr& frame : frames) frame.reset();
      return frames.size();
    }
    [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  } sink;
  HeapPool pool;
  Memory memory;
  PcapngWriter writer(memory, kNames);
  PcapngPort port(sink, writer, {.interface = 0, .transmit = {.from = 3, .to = 5}});
  for (int i = 0; i < 10; ++i) {
    BufPtr frame = frame_of(pool, 60);
    EXPECT_EQ(port.tx_burst(std::span(&frame, 1)), 1U);
  }
  EXPECT_EQ(writer.packets(), 2U);
}

}  // namespace
}  // namespace twinpath
