// AF_INET and AF_INET6, as the kernel checks them.
#include "bindings/c/sockaddr.h"

#include <netinet/in.h>

#include <algorithm>
#include <climits>
#include <cstring>

namespace twinpath::bind {
namespace {

constexpr socklen_t kIpv6AddressLenMin = 24;  // SIN6_LEN_RFC2133: without the scope

SocketAddress from_in(const sockaddr_in& in) {
  return {Ipv4Address(ntohl(in.sin_addr.s_addr)), ntohs(in.sin_port)};
}

SocketAddress from_in6(const sockaddr_in6& in6) {
  const auto* octets = reinterpret_cast<const std::byte*>(&in6.sin6_addr);
  return {IpAddress(Ipv6Address::load(octets)), ntohs(in6.sin6_port)};
}

}  // namespace

AddressResult read_sockaddr(const sockaddr* address, socklen_t length) {
  AddressResult result;
  if (address == nullptr) {
    result.error = Errno::kFault;
    return result;
  }
  result.error = Errno::kInvalid;
  if (length < sizeof(sa_family_t) || length > sizeof(sockaddr_storage)) return result;
  sockaddr_storage kept{};
  std::memcpy(&kept, address, length);
  result.family = kept.ss_family;
  if (kept.ss_family == AF_UNSPEC) {
    result.error = Errno::kNone;
  } else if (kept.ss_family == AF_INET) {
    if (length < sizeof(sockaddr_in)) return result;
    sockaddr_in in{};
    std::memcpy(&in, &kept, sizeof in);
    result.address = from_in(in);
    result.error = Errno::kNone;
  } else if (kept.ss_family == AF_INET6) {
    if (length < kIpv6AddressLenMin) return result;
    sockaddr_in6 in6{};
    std::memcpy(&in6, &kept, sizeof in6);
    result.address = from_in6(in6);
    result.error = Errno::kNone;
  } else {
    result.error = Errno::kAddressFamilyNotSupported;
  }
  return result;
}

Errno write_sockaddr(const SocketAddress& from, int domain, sockaddr* to, socklen_t* length) {
  if (to == nullptr || length == nullptr) return Errno::kFault;
  if (*length > INT_MAX) return Errno::kInvalid;
  sockaddr_storage whole{};
  socklen_t whole_len = sizeof(sockaddr_in);
  if (domain == AF_INET6) {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(from.port);
    from.address.v6().store(reinterpret_cast<std::byte*>(&in6.sin6_addr));
    std::memcpy(&whole, &in6, sizeof in6);
    whole_len = sizeof in6;
  } else {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(from.port);
    in.sin_addr.s_addr = from.address.is_v4() ? htonl(from.address.v4().value()) : 0;
    std::memcpy(&whole, &in, sizeof in);
  }
  std::memcpy(to, &whole, std::min(*length, whole_len));
  *length = whole_len;
  return Errno::kNone;
}

}  // namespace twinpath::bind
