// Fragments on their way in: what is no fragment is refused, what has become whole goes the way of
// every packet. Whatever a device said of a fragment's checksum, the whole has its own. Read RFC
// 791 §3.2 and RFC 8200 §4.5.
#include "models/host/ip_host.h"
#include "models/wire/ethernet.h"

namespace twinpath {

void IpHost::on_ipv4_fragment(Instant now, const Arrival& arrival, const Ipv4View& ip,
                              BufPtr frame) {
  const auto bytes = ip.payload();
  // RFC 791 §3.2: all but the last are multiples of 8 bytes long.
  if (bytes.empty() || (ip.more_fragments() && bytes.size() % 8 != 0)) {
    return drop(now, arrival.interface, DropReason::kBadFragment, *frame);
  }
  const FragmentArrival fragment{
      .interface = arrival.interface,
      .source = ip.src(),
      .target = ip.dst(),
      .protocol = ip.protocol(),
      .identification = ip.identification(),
      .offset_bytes = static_cast<std::uint32_t>(ip.fragment_offset_bytes()),
      .more = ip.more_fragments(),
      .ecn = ip.ecn(),
      .head = frame->bytes().first(frame->l3_offset + ip.header_len()),
      .bytes = bytes,
      .packet = ip.bytes()};
  BufPtr whole = reassembler_.add(now, fragment);
  if (whole == nullptr) return;
  whole->l3_offset = frame->l3_offset;
  std::byte* header = whole->data() + whole->l3_offset;
  const std::uint32_t total = whole->len - whole->l3_offset;
  if (total > kIpv4TotalLenMax) {
    return drop(now, arrival.interface, DropReason::kBadFragment, *whole);
  }
  store_be16(header + 2, static_cast<std::uint16_t>(total));
  store_be16(header + 6, 0);
  store_be16(header + 10, 0);
  const std::size_t header_len = (load_u8(header) & 0x0fU) * 4U;
  store_be16(header + 10, sum_bytes({header, header_len}).checksum());
  on_ipv4(now, arrival, std::move(whole));
}

void IpHost::on_ipv6_fragment(Instant now, const Arrival& arrival, const Ipv6View& ip,
                              BufPtr frame) {
  const Ipv6Fragment& part = ip.fragment();
  const std::size_t begin = part.header_offset + kIpv6FragmentHeaderLen;
  const auto bytes = ip.bytes().subspan(begin);
  const bool uneven = part.more && bytes.size() % 8 != 0;
  const std::size_t longest = part.offset_bytes + bytes.size();
  // RFC 8200 §4.5: the length field, or the fragment's offset, is named as wrong.
  if (uneven || longest > kIpv6PayloadLenMax) {
    const std::size_t pointer = uneven ? 4 : part.header_offset + 2;
    icmpv6_.send_error(now, {arrival.interface, ip.bytes(), arrival.by_group},
                       {.type = Icmpv6Type::kParameterProblem,
                        .code = static_cast<std::uint8_t>(ParameterCode::kHeader),
                        .word = static_cast<std::uint32_t>(pointer)});
  }
  if (uneven || longest > kIpv6PayloadLenMax || bytes.empty()) {
    return drop(now, arrival.interface, DropReason::kBadFragment, *frame);
  }
  const FragmentArrival fragment{
      .interface = arrival.interface,
      .source = IpAddress(ip.src()),
      .target = IpAddress(ip.dst()),
      .protocol = IpProtocol::kFragment,
      .identification = part.identification,
      .offset_bytes = static_cast<std::uint32_t>(part.offset_bytes),
      .more = part.more,
      .ecn = ip.ecn(),
      .head = frame->bytes().first(frame->l3_offset + part.header_offset),
      .named_offset = frame->l3_offset + part.named_offset,
      .next_header = load_u8(&ip.bytes()[part.header_offset]),
      .bytes = bytes,
      .packet = ip.bytes()};
  BufPtr whole = reassembler_.add(now, fragment);
  if (whole == nullptr) return;
  whole->l3_offset = frame->l3_offset;
  on_ipv6_whole(now, arrival, std::move(whole));
}

void IpHost::on_ipv6_whole(Instant now, const Arrival& arrival, BufPtr frame) {
  std::byte* header = frame->data() + frame->l3_offset;
  const std::size_t payload = frame->len - frame->l3_offset - kIpv6HeaderLen;
  if (payload > kIpv6PayloadLenMax) {
    return drop(now, arrival.interface, DropReason::kBadFragment, *frame);
  }
  store_be16(header + 4, static_cast<std::uint16_t>(payload));
  const auto bytes = std::as_const(*frame).bytes().subspan(frame->l3_offset);
  if (!headers_are_good(now, arrival, bytes)) return;
  const auto parsed = Ipv6View::parse(bytes);
  if (!parsed) return drop(now, arrival.interface, parsed.reason(), *frame);
  // What was cut is not cut again: a fragment inside a fragment hides what it carries.
  if (parsed->is_fragment()) {
    return drop(now, arrival.interface, DropReason::kBadFragment, *frame);
  }
  on_ipv6_payload(now, arrival, *parsed, std::move(frame));
}

}  // namespace twinpath
