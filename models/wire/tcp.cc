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

}  // namespace

void TcpRepr::emit(std::span<std::byte> out, InetSum rest) const {
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
