// Ethernet II frames with IEEE 802.1Q tags. Read IEEE 802.3 §3.2 and 802.1Q §9. The frame check
// sequence is the device's business and never appears in our buffers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "models/base/check.h"
#include "models/wire/address.h"
#include "models/wire/byte_order.h"
#include "models/wire/parsed.h"

namespace twinpath {

enum class EtherType : std::uint16_t {
  kIpv4 = 0x0800,
  kArp = 0x0806,
  kVlan = 0x8100,  // 802.1Q customer tag
  kIpv6 = 0x86dd,
  kServiceVlan = 0x88a8,  // 802.1ad outer tag of QinQ
};

inline constexpr std::size_t kEthernetHeaderLen = 14;
inline constexpr std::size_t kVlanTagLen = 4;
inline constexpr std::size_t kVlanTagsMax = 2;  // QinQ; a third tag has no standard meaning
inline constexpr std::size_t kEthernetHeaderLenMax =
    kEthernetHeaderLen + kVlanTagsMax * kVlanTagLen;
// Shortest frame on a wire without its check sequence (IEEE 802.3 §3.2.8); devices pad to it.
inline constexpr std::size_t kEthernetFrameLenMin = 60;

struct VlanTag {
  EtherType tpid = EtherType::kVlan;
  std::uint16_t tci = 0;  // priority 3 bits, drop eligible 1 bit, VLAN identifier 12 bits

  constexpr std::uint16_t id() const { return tci & 0x0fff; }
  constexpr unsigned priority() const { return tci >> 13; }
  constexpr bool drop_eligible() const { return (tci & 0x1000) != 0; }
  friend constexpr bool operator==(VlanTag, VlanTag) = default;
};

constexpr bool is_vlan_tpid(std::uint16_t ethertype) {
  return ethertype == static_cast<std::uint16_t>(EtherType::kVlan) ||
         ethertype == static_cast<std::uint16_t>(EtherType::kServiceVlan);
}

class EthernetView {
 public:
  static Parsed<EthernetView> parse(std::span<const std::byte> frame) {
    if (frame.size() < kEthernetHeaderLen) return DropReason::kTruncated;
    EthernetView view(frame);
    // Untagged frames, nearly all, leave here after one compare.
    while (is_vlan_tpid(load_be16(frame.data() + view.header_len_ - 2))) {
      if (view.vlan_count() == kVlanTagsMax) return DropReason::kTooManyTags;
      if (frame.size() < view.header_len_ + kVlanTagLen) return DropReason::kTruncated;
      view.header_len_ += kVlanTagLen;
    }
    return view;
  }

  MacAddress dst() const { return MacAddress::load(frame_.data()); }
  MacAddress src() const { return MacAddress::load(frame_.data() + 6); }
  // The type behind all tags. Values below 0x600 are 802.3 lengths.
  EtherType ethertype() const {
    return static_cast<EtherType>(load_be16(frame_.data() + header_len_ - 2));
  }
  std::size_t vlan_count() const { return (header_len_ - kEthernetHeaderLen) / kVlanTagLen; }
  // Outermost first. Requires: index < vlan_count().
  VlanTag vlan(std::size_t index) const {
    const std::byte* at = frame_.data() + 12 + index * kVlanTagLen;
    return {static_cast<EtherType>(load_be16(at)), load_be16(at + 2)};
  }
  std::size_t header_len() const { return header_len_; }
  std::span<const std::byte> payload() const { return frame_.subspan(header_len_); }
  std::span<const std::byte> bytes() const { return frame_; }

 private:
  explicit EthernetView(std::span<const std::byte> frame) : frame_(frame) {}

  std::span<const std::byte> frame_;
  std::size_t header_len_ = kEthernetHeaderLen;
};

struct EthernetRepr {
  MacAddress dst;
  MacAddress src;
  EtherType ethertype = EtherType::kIpv4;
  std::array<VlanTag, kVlanTagsMax> vlans{};  // outermost first
  std::size_t vlan_count = 0;                 // at most kVlanTagsMax

  std::size_t header_len() const { return kEthernetHeaderLen + vlan_count * kVlanTagLen; }

  // Requires: out.size() >= header_len().
  void emit(std::span<std::byte> out) const {
    CHECK(vlan_count <= kVlanTagsMax && out.size() >= header_len());
    dst.store(out.data());
    src.store(out.data() + 6);
    std::byte* at = out.data() + 12;
    for (std::size_t i = 0; i < vlan_count; ++i, at += kVlanTagLen) {
      store_be16(at, static_cast<std::uint16_t>(vlans[i].tpid));
      store_be16(at + 2, vlans[i].tci);
    }
    store_be16(at, static_cast<std::uint16_t>(ethertype));
  }
};

}  // namespace twinpath
