// Which options a packet carries, and whether it may pass.
#include "models/nf/ipv4_options_filter.h"

#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"

namespace twinpath {
namespace {

constexpr std::uint8_t kEndOfList = 0;
constexpr std::uint8_t kNoOperation = 1;
constexpr std::uint8_t kNumberMask = 0x1f;
constexpr std::size_t kOptionLenMin = 2;

}  // namespace

// The header's checksum is not looked at: whoever the packet is for will. Frames of other protocols
// are none of this function's business.
Verdict Ipv4OptionsFilter::process(Instant, PortId in, PacketBuf& packet, Probe& probe) {
  const Verdict pass = Verdict::forward(in ^ 1);
  const auto ethernet = EthernetView::parse(packet.bytes());
  if (!ethernet || ethernet->ethertype() != EtherType::kIpv4) {
    probe.outcome = kNotIpv4;
    return pass;
  }
  const std::span<const std::byte> header = ethernet->payload();
  const std::size_t header_len =
      header.empty() ? 0 : std::size_t{(load_u8(header.data()) & 0x0fU)} * 4U;
  if (header_len < kIpv4HeaderLen || header_len > header.size()) {
    probe.outcome = kMalformed;
    return Verdict::drop();
  }
  const Outcome outcome = judge(header.subspan(kIpv4HeaderLen, header_len - kIpv4HeaderLen), probe);
  probe.outcome = outcome;
  return outcome == kNoOptions || outcome == kAllowed ? pass : Verdict::drop();
}

// At most 40 turns: an option takes at least one octet of kIpv4HeaderLenMax - kIpv4HeaderLen.
Ipv4OptionsFilter::Outcome Ipv4OptionsFilter::judge(std::span<const std::byte> options,
                                                    Probe& probe) const {
  if (options.empty()) return kNoOptions;
  while (!options.empty()) {
    probe.count(kPcvOptions);
    const std::uint8_t type = load_u8(options.data());
    if ((allowed_ >> (type & kNumberMask) & 1U) == 0) return kRefused;
    if (type == kEndOfList) return kAllowed;
    if (type == kNoOperation) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < kOptionLenMin) return kMalformed;
    const std::size_t len = load_u8(options.data() + 1);
    if (len < kOptionLenMin || len > options.size()) return kMalformed;
    options = options.subspan(len);
  }
  return kAllowed;
}

}  // namespace twinpath
