// TCP: emission of the header.
#include "models/wire/tcp.h"

#include "models/base/check.h"

namespace twinpath {
namespace {

// The header with a zero checksum field.
void emit_header(const TcpRepr& repr, std::span<std::byte> out, std::size_t header_len) {
  CHECK(out.size() >= header_len);
  std::byte* at = out.data();
  store_be16(at, repr.src_port);
  store_be16(at + 2, repr.dst_port);
  store_be32(at + 4, repr.seq.value());
  store_be32(at + 8, repr.flags.ack() ? repr.ack.value() : 0);
  store_be16(at + 12, static_cast<std::uint16_t>(header_len / 4 << 12 | repr.flags.bits()));
  store_be16(at + 14, repr.window);
  store_be16(at + kTcpChecksumOffset, 0);
  store_be16(at + 18, repr.urgent_pointer);
  if (header_len > kTcpHeaderLen) {
    repr.options.emit(out.subspan(kTcpHeaderLen, header_len - kTcpHeaderLen));
  }
}

// The header with timestamps and nothing else, eight bytes at a time: each word is summed on its
// way to memory.
void emit_usual(const TcpRepr& repr, std::span<std::byte> out, InetSum rest) {
  constexpr std::size_t kLen = kTcpHeaderLen + kTcpTimestampsPaddedLen;
  CHECK(out.size() >= kLen);
  const auto control = static_cast<std::uint16_t>(kLen / 4 << 12 | repr.flags.bits());
  const std::uint32_t ack = repr.flags.ack() ? repr.ack.value() : 0;
  const TcpTimestamps& timestamps = *repr.options.timestamps;
  const std::uint64_t words[] = {
      std::uint64_t{repr.src_port} << 48 | std::uint64_t{repr.dst_port} << 32 | repr.seq.value(),
      std::uint64_t{ack} << 32 | std::uint64_t{control} << 16 | repr.window,
      std::uint64_t{repr.urgent_pointer} << 32 | kTcpTimestampsWord,
      std::uint64_t{timestamps.value.value()} << 32 | timestamps.echo.value()};
  std::byte* at = out.data();
  for (const std::uint64_t word : words) {
    const std::uint64_t native = network_order(word);
    store_native(at, native);
    rest.add_native(native);
    at += sizeof word;
  }
  store_be16(out.data() + kTcpChecksumOffset, rest.checksum());
}

}  // namespace

void TcpRepr::emit(std::span<std::byte> out, InetSum rest) const {
  if (options.has_only_timestamps()) return emit_usual(*this, out, rest);
  const std::size_t len = header_len();
  emit_header(*this, out, len);
  rest.add_bytes(out.first(len));
  store_be16(out.data() + kTcpChecksumOffset, rest.checksum());
}

void TcpRepr::emit_for_offload(std::span<std::byte> out, InetSum pseudo) const {
  emit_header(*this, out, header_len());
  store_be16(out.data() + kTcpChecksumOffset, pseudo.folded());
}

}  // namespace twinpath
