// UDP: emission of the header.
#include "models/wire/udp.h"

#include "models/base/check.h"

namespace twinpath {
namespace {

void emit_header(const UdpRepr& repr, std::span<std::byte> out) {
  CHECK(out.size() >= kUdpHeaderLen && repr.payload_len <= 65535 - kUdpHeaderLen);
  store_be16(out.data(), repr.src_port);
  store_be16(out.data() + 2, repr.dst_port);
  store_be16(out.data() + 4, static_cast<std::uint16_t>(kUdpHeaderLen + repr.payload_len));
  store_be16(out.data() + kUdpChecksumOffset, 0);
}

}  // namespace

void UdpRepr::emit(std::span<std::byte> out, InetSum rest) const {
  emit_header(*this, out);
  const std::uint16_t checksum = rest.add_bytes(out.first(kUdpHeaderLen)).checksum();
  // RFC 768: zero means "no checksum", so a computed zero goes out as its equal, all ones.
  store_be16(out.data() + kUdpChecksumOffset, checksum == 0 ? 0xffff : checksum);
}

void UdpRepr::emit_for_offload(std::span<std::byte> out, InetSum pseudo) const {
  emit_header(*this, out);
  store_be16(out.data() + kUdpChecksumOffset, pseudo.folded());
}

}  // namespace twinpath
