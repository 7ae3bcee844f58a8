// See addresses.h. Both sides keep addresses in network byte order.
#include "models/foreign/lwip/addresses.h"

namespace twinpath::lwip {

ip_addr_t to_lwip(const IpAddress& address) {
  ip_addr_t made{};
  if (address.is_any()) {
    made.type = IPADDR_TYPE_ANY;
  } else if (address.is_v4()) {
    made.type = IPADDR_TYPE_V4;
    made.u_addr.ip4.addr = PP_HTONL(address.v4().value());
  } else {
    made.type = IPADDR_TYPE_V6;
    const Ipv6Address v6 = address.v6();
    std::memcpy(made.u_addr.ip6.addr, v6.octets().data(), Ipv6Address::kLen);
  }
  return made;
}

IpAddress from_lwip(const ip_addr_t& address) {
  if (address.type == IPADDR_TYPE_ANY) return {};
  if (address.type == IPADDR_TYPE_V4) {
    return Ipv4Address(PP_NTOHL(address.u_addr.ip4.addr));
  }
  std::array<std::uint8_t, Ipv6Address::kLen> octets{};
  std::memcpy(octets.data(), address.u_addr.ip6.addr, octets.size());
  return IpAddress(Ipv6Address(octets));
}

Errno error_of(err_t error) {
  switch (error) {
    case ERR_OK:
      return Errno::kNone;
    case ERR_MEM:
    case ERR_BUF:
      return Errno::kNoBufferSpace;
    case ERR_TIMEOUT:
      return Errno::kTimedOut;
    case ERR_RTE:
      return Errno::kNetworkUnreachable;
    case ERR_INPROGRESS:
      return Errno::kInProgress;
    case ERR_WOULDBLOCK:
      return Errno::kAgain;
    case ERR_USE:
      return Errno::kAddressInUse;
    case ERR_ALREADY:
      return Errno::kAlready;
    case ERR_ISCONN:
      return Errno::kIsConnected;
    case ERR_CONN:
    case ERR_CLSD:
      return Errno::kNotConnected;
    case ERR_ABRT:
      return Errno::kConnectionAborted;
    case ERR_RST:
      return Errno::kConnectionReset;
    default:
      return Errno::kInvalid;
  }
}

}  // namespace twinpath::lwip
