// Local ports that connections have had, and whether all of those would share them: what bind()
// asks before it looks for connections there, so that ports nobody used cost nothing. A byte for
// each port, in pages made when the first port in them is used.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

namespace twinpath {

struct PortSharing {
  bool reuse_address = false;
  bool reuse_port = false;
};

class PortHistory {
 public:
  // A connection with this local port begins.
  void use(std::uint16_t port, const PortSharing& sharing) {
    auto& page = pages_[port / kPagePorts];
    if (page == nullptr) page = std::make_unique<Page>();
    std::uint8_t& mark = (*page)[port % kPagePorts];
    const auto now = static_cast<std::uint8_t>(kUsed | (sharing.reuse_address ? kAddress : 0U) |
                                               (sharing.reuse_port ? kPort : 0U));
    mark = mark == 0 ? now : mark & now;
  }
  // The last of them is gone.
  void forget(std::uint16_t port) {
    if (auto& page = pages_[port / kPagePorts]) (*page)[port % kPagePorts] = 0;
  }
  [[nodiscard]] bool is_used(std::uint16_t port) const { return mark_of(port) != 0; }
  // What every connection asked for.
  [[nodiscard]] PortSharing sharing(std::uint16_t port) const {
    const std::uint8_t mark = mark_of(port);
    return {(mark & kAddress) != 0, (mark & kPort) != 0};
  }

 private:
  static constexpr std::size_t kPagePorts = 1024;
  static constexpr std::uint8_t kUsed = 1;
  static constexpr std::uint8_t kAddress = 2;
  static constexpr std::uint8_t kPort = 4;
  using Page = std::array<std::uint8_t, kPagePorts>;

  [[nodiscard]] std::uint8_t mark_of(std::uint16_t port) const {
    const auto& page = pages_[port / kPagePorts];
    return page == nullptr ? 0 : (*page)[port % kPagePorts];
  }

  std::array<std::unique_ptr<Page>, 65536 / kPagePorts> pages_;
};

}  // namespace twinpath
