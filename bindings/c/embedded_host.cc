// Frames with and without Ethernet, and the tables of descriptors.
#include "bindings/c/embedded_host.h"

#include "models/wire/ethernet.h"

namespace twinpath::bind {

bool EmbeddedHost::inject(PortId port, std::span<const std::byte> frame) {
  if (!raw_[port]) return carrier_->inject(port, frame);
  const InterfaceConfig& interface = host().config().interfaces[port];
  const bool is_v6 = !frame.empty() && std::to_integer<unsigned>(frame[0]) >> 4 == 6;
  const EthernetRepr header{.dst = interface.mac,
                            .src = interface.peer,
                            .ethertype = is_v6 ? EtherType::kIpv6 : EtherType::kIpv4};
  std::vector<std::byte> whole(kEthernetHeaderLen);
  header.emit(whole);
  whole.insert(whole.end(), frame.begin(), frame.end());
  return carrier_->inject(port, whole);
}

void EmbeddedHost::on_frame(Instant at, PortId port, std::span<const std::byte> frame) {
  if (raw_[port]) frame = frame.subspan(kEthernetHeaderLen);
  out_.push_back({at, port, {frame.begin(), frame.end()}});
}

void EmbeddedHost::pop_front() {
  const bool was_full = !has_room();
  out_.pop_front();
  if (was_full) flush();
}

Descriptor* EmbeddedHost::descriptor(int fd) {
  const auto found = descriptors_.find(fd);
  return found == descriptors_.end() ? nullptr : &found->second;
}

void EmbeddedHost::adopt(Fd fd, const Descriptor& descriptor) {
  descriptors_[static_cast<int>(fd)] = descriptor;
}

int EmbeddedHost::open_epoll() {
  if (epolls_.size() == kEpollsMax) return failure(Errno::kTooManyFiles);
  int fd = kEpollBase;
  while (epolls_.contains(fd)) ++fd;  // at most kEpollsMax steps
  epolls_[fd] = std::make_unique<Poller>(sockets_);
  return fd;
}

Poller* EmbeddedHost::epoll(int fd) {
  const auto found = epolls_.find(fd);
  return found == epolls_.end() ? nullptr : found->second.get();
}

}  // namespace twinpath::bind
