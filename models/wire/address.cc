// Text forms of addresses. Parsers accept exactly the standard forms: a scenario file with a typing
// error must be reported, not guessed at.
#include "models/wire/address.h"

#include <charconv>

#include "models/wire/prefix.h"

namespace twinpath {
namespace {

constexpr std::size_t kIpv6Groups = 8;

// All of `text` as an unsigned number, at most `max`.
std::optional<unsigned> parse_number(std::string_view text, int base, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

// "0" to "255"; "01" is refused because some readers take a leading zero as octal.
std::optional<std::uint32_t> parse_octet(std::string_view text) {
  if (text.size() > 3 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  return parse_number(text, 10, 255);
}

// Cuts `text` at the first `separator`; what is left of it is returned.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view word = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return word;
}

void append_hex(std::string& text, unsigned value, std::size_t width) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  bool started = false;
  for (std::size_t shift = 16; shift > 0; shift -= 4) {
    const unsigned digit = value >> (shift - 4) & 0xf;
    started = started || digit != 0 || shift / 4 <= width;
    if (started) text += kDigits[digit];
  }
}

struct Groups {
  std::array<std::uint16_t, kIpv6Groups> values{};
  std::size_t count = 0;

  bool push(unsigned value) {
    if (count == kIpv6Groups) return false;
    values[count++] = static_cast<std::uint16_t>(value);
    return true;
  }
};

// Colon-separated groups, the last of which may be a dotted quad. Empty text is no groups.
std::optional<Groups> parse_groups(std::string_view text) {
  Groups groups;
  if (text.empty()) return groups;
  if (text.back() == ':') return std::nullopt;
  while (!text.empty()) {
    const std::string_view word = take_until(text, ':');
    if (text.empty() && word.find('.') != std::string_view::npos) {
      const auto quad = Ipv4Address::parse(word);
      if (!quad || !groups.push(quad->value() >> 16)) return std::nullopt;
      if (!groups.push(quad->value() & 0xffff)) return std::nullopt;
      continue;
    }
    const auto value = word.size() > 4 ? std::nullopt : parse_number(word, 16, 0xffff);
    if (!value || !groups.push(*value)) return std::nullopt;
  }
  return groups;
}

Ipv6Address join_groups(const Groups& head, const Groups& tail) {
  std::array<std::uint8_t, Ipv6Address::kLen> octets{};
  const auto set = [&](std::size_t index, std::uint16_t value) {
    octets[2 * index] = static_cast<std::uint8_t>(value >> 8);
    octets[2 * index + 1] = static_cast<std::uint8_t>(value);
  };
  for (std::size_t i = 0; i < head.count; ++i) set(i, head.values[i]);
  for (std::size_t i = 0; i < tail.count; ++i) set(kIpv6Groups - tail.count + i, tail.values[i]);
  return Ipv6Address(octets);
}

struct Run {
  std::size_t first = 0;
  std::size_t count = 0;
};

// RFC 5952 §4.2: the first of the longest runs of zero groups; a single zero is not shortened.
Run longest_zero_run(const std::array<std::uint16_t, kIpv6Groups>& groups) {
  Run best;
  Run current;
  for (std::size_t i = 0; i < kIpv6Groups; ++i) {
    current =
        groups[i] == 0 ? Run{current.count == 0 ? i : current.first, current.count + 1} : Run{};
    if (current.count > best.count) best = current;
  }
  return best.count >= 2 ? best : Run{kIpv6Groups, 0};
}

template <typename Address>
std::optional<Prefix<Address>> parse_prefix(std::string_view text) {
  const bool has_len = text.find('/') != std::string_view::npos;
  const auto address = Address::parse(take_until(text, '/'));
  if (!address) return std::nullopt;
  if (!has_len) return Prefix<Address>(*address, Prefix<Address>::kLenMax);
  const auto len = parse_number(text, 10, Prefix<Address>::kLenMax);
  if (!len) return std::nullopt;
  return Prefix<Address>(*address, *len);
}

}  // namespace

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  if (text.size() != 3 * kLen - 1) return std::nullopt;
  std::array<std::uint8_t, kLen> octets{};
  for (std::uint8_t& octet : octets) {
    const std::string_view word = take_until(text, ':');
    const auto value = word.size() == 2 ? parse_number(word, 16, 255) : std::nullopt;
    if (!value) return std::nullopt;
    octet = static_cast<std::uint8_t>(*value);
  }
  return text.empty() ? std::optional(MacAddress(octets)) : std::nullopt;
}

std::string MacAddress::to_string() const {
  std::string text;
  for (const std::uint8_t octet : octets_) {
    if (!text.empty()) text += ':';
    append_hex(text, octet, 2);
  }
  return text;
}

std::optional<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  if (text.empty() || text.back() == '.') return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kLen; ++i) {
    const auto octet = parse_octet(take_until(text, '.'));
    if (!octet) return std::nullopt;
    value = value << 8 | *octet;
  }
  return text.empty() ? std::optional(Ipv4Address(value)) : std::nullopt;
}

std::string Ipv4Address::to_string() const {
  std::string text;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    if (!text.empty()) text += '.';
    text += std::to_string(value_ >> (shift - 8) & 0xff);
  }
  return text;
}

std::optional<Ipv6Address> Ipv6Address::parse(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    const auto groups = parse_groups(text);
    if (!groups || groups->count != kIpv6Groups) return std::nullopt;
    return join_groups(*groups, {});
  }
  const auto head = parse_groups(text.substr(0, gap));
  const auto tail = parse_groups(text.substr(gap + 2));
  // "::" stands for at least one group (RFC 4291 §2.2).
  if (!head || !tail || head->count + tail->count >= kIpv6Groups) return std::nullopt;
  return join_groups(*head, *tail);
}

std::string Ipv6Address::to_string() const {
  std::array<std::uint16_t, kIpv6Groups> groups{};
  for (std::size_t i = 0; i < kIpv6Groups; ++i) {
    groups[i] = static_cast<std::uint16_t>(octets_[2 * i] << 8 | octets_[2 * i + 1]);
  }
  const Run zeros = longest_zero_run(groups);
  std::string text;
  for (std::size_t i = 0; i < kIpv6Groups; ++i) {
    if (i == zeros.first) {
      text += "::";
      i += zeros.count - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    append_hex(text, groups[i], 1);
  }
  return text;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (const auto v4 = Ipv4Address::parse(text)) return IpAddress(*v4);
  const auto v6 = Ipv6Address::parse(text);
  return v6 ? std::optional(IpAddress(*v6)) : std::nullopt;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  if (const auto v4 = Ipv4Prefix::parse(text)) return IpPrefix(*v4);
  const auto v6 = Ipv6Prefix::parse(text);
  return v6 ? std::optional(IpPrefix(*v6)) : std::nullopt;
}

template <>
std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
  return parse_prefix<Ipv4Address>(text);
}

template <>
std::optional<Ipv6Prefix> Ipv6Prefix::parse(std::string_view text) {
  return parse_prefix<Ipv6Address>(text);
}

}  // namespace twinpath
