// Opening devices. What a driver would answer with -1 is checked first, so that the message can
// name the missing thing and the command that helps.
#include "emu/device.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "emu/lone_socket.h"
#include "emu/setup_error.h"

namespace twinpath::emu {
namespace {

constexpr std::uint64_t kBitsPerMegabit = 1'000'000;
constexpr int kMaxOpenFiles = 1024;  // descriptors searched for a device's own socket

// The value of `key` in "net_af_packet0,iface=veth0,…"; nothing when absent.
std::optional<std::string> argument(const std::string& device, const std::string& key) {
  const std::size_t at = device.find("," + key + "=");
  if (at == std::string::npos) return std::nullopt;
  const std::size_t from = at + key.size() + 2;
  return device.substr(from, device.find(',', from) - from);
}

// The first address of an interface that the kernel answers for; nothing when it is free for us.
std::optional<std::string> address_of(const std::string& interface) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  std::optional<std::string> found;
  for (const ifaddrs* entry = list; entry != nullptr && !found; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || interface != entry->ifa_name) continue;
    if (entry->ifa_addr->sa_family != AF_INET) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
    found = inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
  }
  freeifaddrs(list);
  return found;
}

// An interface with an address carries somebody's traffic, this login perhaps: it is not ours to
// take.
void refuse_used_interface(const std::string& interface) {
  const std::optional<std::string> address = address_of(interface);
  if (!address) return;
  throw SetupError("interface " + interface + " is in use: it has the address " + *address +
                       "; choose one without",
                   "ip -brief address", SetupFault::kRefused);
}

void require_interface(const std::string& device) {
  const std::optional<std::string> interface = argument(device, "iface");
  if (!interface) return;
  if (if_nametoindex(interface->c_str()) == 0) {
    throw SetupError("there is no network interface " + *interface + " here for " + device,
                     "ip link show");
  }
  const int probe = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (probe < 0) {
    throw SetupError("packet sockets on " + *interface + " need root", "sudo ./twinpath …");
  }
  close(probe);
  refuse_used_interface(*interface);
}

void require_pci_device(const std::string& device) {
  std::string address = device.substr(0, device.find(','));
  if (address.size() < std::string("0000:03:00.0").size()) address = "0000:" + address;
  const std::filesystem::path node = "/sys/bus/pci/devices/" + address;
  if (!std::filesystem::exists(node)) {
    throw SetupError("there is no PCI device " + address, "dpdk-devbind.py --status-dev net");
  }
  const std::filesystem::path driver = node / "driver";
  const std::string bound =
      std::filesystem::exists(driver) ? std::filesystem::read_symlink(driver).filename() : "none";
  if (bound.starts_with("vfio") || bound.starts_with("uio") || bound.starts_with("mlx")) return;
  throw SetupError(
      "PCI device " + address + " is bound to the driver " + bound + ", which DPDK cannot use",
      "sudo dpdk-devbind.py --bind=vfio-pci " + address);
}

void require(int result, const std::string& what, const Eal& eal) {
  if (result >= 0) return;
  const std::string words = eal.last_words();
  throw SetupError(what + ": " + rte_strerror(-result) + (words.empty() ? "" : " (" + words + ")"),
                   "");
}

}  // namespace

Device::Device(Eal& eal, const DeviceOptions& options, std::span<MbufPool* const> pools)
    : eal_(eal),
      options_(options),
      name_(options.device.substr(0, options.device.find(','))),
      pools_(pools.begin(), pools.end()) {
  CHECK(pools_.size() == options_.queues);
  const OutputGuard guard(eal_.log_fd());
  probe();
  try {
    configure();
  } catch (...) {
    rte_eth_dev_close(id_);
    throw;
  }
  find_wake_fd();
}

void Device::probe() {
  if (rte_eth_dev_get_port_by_name(name_.c_str(), &id_) == 0) return;
  if (is_pci_address(options_.device)) {
    require_pci_device(options_.device);
  } else {
    require_interface(options_.device);
  }
  const bool is_alone = name_.starts_with("net_af_packet") &&
                        argument(options_.device, "qpairs").value_or("1") == "1";
  const LoneSocket lone(is_alone);
  const int result = rte_dev_probe(options_.device.c_str());
  if (result < 0 || rte_eth_dev_get_port_by_name(name_.c_str(), &id_) != 0) {
    throw SetupError("DPDK has no device " + options_.device + " (" + eal_.last_words() + ")",
                     "ls /usr/lib/*/dpdk/pmds-*; ip -brief link");
  }
  probed_ = true;
}

void Device::configure() {
  rte_eth_dev_info info{};
  require(rte_eth_dev_info_get(id_, &info), "cannot ask " + name_ + " what it can do", eal_);
  if (options_.queues > std::min(info.max_rx_queues, info.max_tx_queues)) {
    throw SetupError(name_ + " has " + std::to_string(info.max_rx_queues) + " queue pairs, " +
                         std::to_string(options_.queues) + " were asked for",
                     "");
  }
  rte_eth_conf wanted{};
  require(rte_eth_dev_configure(id_, options_.queues, options_.queues, &wanted),
          "cannot configure " + name_, eal_);
  rte_eth_dev_adjust_nb_rx_tx_desc(id_, &options_.rx_descriptors, &options_.tx_descriptors);
  const auto socket = static_cast<unsigned>(std::max(0, rte_eth_dev_socket_id(id_)));
  for (std::uint16_t queue = 0; queue < options_.queues; ++queue) {
    require(rte_eth_rx_queue_setup(id_, queue, options_.rx_descriptors, socket, nullptr,
                                   pools_[queue]->raw()),
            "cannot set up receiving on " + name_, eal_);
    require(rte_eth_tx_queue_setup(id_, queue, options_.tx_descriptors, socket, nullptr),
            "cannot set up sending on " + name_, eal_);
  }
  static_cast<void>(rte_eth_dev_set_mtu(id_, options_.mtu_bytes));  // vdevs have none to set
  require(rte_eth_dev_start(id_), "cannot start " + name_, eal_);
  static_cast<void>(rte_eth_promiscuous_enable(id_));  // our hosts have MAC addresses of their own
}

// net_af_packet offers no interrupt, but its socket is in this process and can be slept on: it is
// the packet socket bound to the device's interface.
void Device::find_wake_fd() {
  const std::optional<std::string> interface = argument(options_.device, "iface");
  if (!interface || !name_.starts_with("net_af_packet") || options_.queues != 1) return;
  const auto wanted = static_cast<int>(if_nametoindex(interface->c_str()));
  for (int fd = 0; fd < kMaxOpenFiles; ++fd) {
    sockaddr_ll address{};
    socklen_t length = sizeof(address);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) continue;
    if (address.sll_family == AF_PACKET && address.sll_ifindex == wanted) wake_fd_ = fd;
  }
}

Device::~Device() {
  const OutputGuard guard(eal_.log_fd());
  rte_eth_dev_stop(id_);
  if (!probed_) {
    rte_eth_dev_close(id_);
    return;
  }
  rte_eth_dev_info info{};
  const bool known = rte_eth_dev_info_get(id_, &info) == 0;
  rte_eth_dev_close(id_);
  if (known && info.device != nullptr) rte_dev_remove(info.device);
}

std::array<std::uint8_t, 6> Device::mac() const {
  rte_ether_addr address{};
  rte_eth_macaddr_get(id_, &address);
  std::array<std::uint8_t, 6> octets{};
  std::copy(std::begin(address.addr_bytes), std::end(address.addr_bytes), octets.begin());
  return octets;
}

DeviceFacts Device::facts() const {
  DeviceFacts facts;
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(id_, &info) == 0) {
    facts.driver = info.driver_name == nullptr ? "" : info.driver_name;
    facts.queues_max = std::min(info.max_rx_queues, info.max_tx_queues);
  }
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) == 0) {
    facts.link_up = link.link_status == RTE_ETH_LINK_UP;
    const bool known = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN;
    facts.speed_bps = known ? link.link_speed * kBitsPerMegabit : 0;
  }
  facts.numa_node = rte_eth_dev_socket_id(id_);
  rte_eth_dev_get_mtu(id_, &facts.mtu_bytes);
  return facts;
}

DeviceStats Device::stats() const {
  rte_eth_stats raw{};
  rte_eth_stats_get(id_, &raw);
  tpacket_stats kernel{};
  socklen_t length = sizeof(kernel);
  if (wake_fd_ >= 0 && getsockopt(wake_fd_, SOL_PACKET, PACKET_STATISTICS, &kernel, &length) == 0) {
    kernel_drops_ += kernel.tp_drops;  // reading resets the kernel's counter
  }
  return {.rx_frames = raw.ipackets,
          .tx_frames = raw.opackets,
          .rx_missed = raw.imissed + kernel_drops_,
          .rx_errors = raw.ierrors,
          .rx_no_buffer = raw.rx_nombuf,
          .tx_errors = raw.oerrors};
}

}  // namespace twinpath::emu
