// Statements into structs. Every problem is noted and reading goes on.
#include "bindings/c/configuration.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "bindings/c/field_text.h"

namespace twinpath::bind {
namespace {

constexpr std::string_view kBlanks = " \t\r=";
constexpr std::uint32_t kHeadersBytes = 40;          // IPv4 and TCP
constexpr std::uint32_t kMssBytesMin = 88;           // of TcpConfig
constexpr std::uint32_t kMssBytesMax = 65495;        // likewise
constexpr std::uint64_t kFirstMac = 0x020000000001;  // locally administered
constexpr std::uint16_t kVlanMax = 4094;             // IEEE 802.1Q §9.6
constexpr std::string_view kSharesPort = "on";

struct Statement {
  std::size_t line = 0;
  std::vector<std::string_view> words;
};

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t start = text.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) return words;
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::vector<Statement> statements_of(std::string_view text) {
  std::vector<Statement> statements;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view rest = text.substr(0, std::min(text.substr(0, end).find('#'), end));
    while (!rest.empty()) {
      const std::size_t stop = std::min(rest.find(';'), rest.size());
      const auto words = words_of(rest.substr(0, stop));
      if (!words.empty()) statements.push_back({line, words});
      rest.remove_prefix(std::min(stop + 1, rest.size()));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return statements;
}

bool is_interface(const Statement& statement) { return statement.words[0] == "interface"; }

bool shares_port(const Statement& statement) {
  const auto& words = statement.words;
  return words.size() > 2 && std::find(words.begin() + 2, words.end(), kSharesPort) != words.end();
}

class Reader {
 public:
  explicit Reader(EmbeddedConfig& config) : config_(config) {}

  std::vector<ConfigurationProblem> read(std::string_view text) {
    const auto statements = statements_of(text);
    // Interfaces first, so that routes may name them wherever they stand, and of these those with a
    // port of their own, so that interface and port have one number.
    for (const bool shares : {false, true}) {
      for (const Statement& statement : statements) {
        if (is_interface(statement) && shares_port(statement) == shares) read_interface(statement);
      }
    }
    for (const Statement& statement : statements) read_other(statement);
    if (problems_.empty()) check_whole();
    return std::move(problems_);
  }

 private:
  void problem(std::size_t line, std::string text) { problems_.push_back({line, std::move(text)}); }
  void wrong(const Statement& statement, std::string_view value, std::string_view allowed) {
    problem(statement.line, std::string(statement.words[0]) + ": '" + std::string(value) +
                                "' is not " + std::string(allowed));
  }

  // Of the interface being read.
  [[nodiscard]] MacAddress default_mac() const {
    return MacAddress::from_u64(kFirstMac + config_.host.interfaces.size());
  }
  void read_interface(const Statement& statement);
  std::size_t read_interface_word(const Statement& statement, std::size_t at,
                                  InterfaceConfig& interface);
  void read_interface_value(const Statement& statement, std::size_t at, InterfaceConfig& interface);
  void read_mac(const Statement& statement, std::size_t at, InterfaceConfig& interface);
  void read_port(const Statement& statement, std::string_view name, InterfaceConfig& interface);
  void read_vlan(const Statement& statement, std::string_view text, InterfaceConfig& interface);
  void read_address(const Statement& statement, std::string_view text, InterfaceConfig& interface);
  void read_other(const Statement& statement);
  void read_route(const Statement& statement);
  void read_neighbour(const Statement& statement);
  void read_scalar(const Statement& statement);
  std::optional<PortId> device(const Statement& statement, std::string_view name);
  void check_whole();
  void fit_mss();
  void add(const std::vector<Problem>& found, const char* prefix);

  EmbeddedConfig& config_;
  bool mss_said_ = false;
  std::vector<ConfigurationProblem> problems_;
};

void Reader::read_interface(const Statement& statement) {
  const std::size_t index = config_.host.interfaces.size();
  if (statement.words.size() < 2) return problem(statement.line, "interface: has no name");
  if (index == kInterfacesMax) {
    return problem(statement.line,
                   "interface: more than " + std::to_string(kInterfacesMax) + " of them");
  }
  const std::string name(statement.words[1]);
  if (std::find(config_.interface_names.begin(), config_.interface_names.end(), name) !=
      config_.interface_names.end()) {
    problem(statement.line, "interface: '" + name + "' is there already");
  }
  InterfaceConfig interface;
  interface.mac = default_mac();
  const bool shares = shares_port(statement);
  if (!shares) config_.raw.push_back(false);
  config_.interface_names.push_back(name);
  for (std::size_t at = 2; at < statement.words.size();) {
    at += read_interface_word(statement, at, interface);
  }
  if (!shares && config_.raw.back() && interface.vlan != 0) {
    problem(statement.line, "interface: 'raw' frames have no room for a VLAN's tag");
  }
  config_.host.interfaces.push_back(std::move(interface));
}

// Reads the word at `at` and its value; returns how many words that were.
std::size_t Reader::read_interface_word(const Statement& statement, std::size_t at,
                                        InterfaceConfig& interface) {
  const std::string_view word = statement.words[at];
  if (word == "link-local") {
    interface.link_local = true;
    return 1;
  }
  if (word == "raw") {
    interface.arp = false;
    if (shares_port(statement)) {
      problem(statement.line, "interface: 'raw' is for one with a port of its own");
    } else {
      config_.raw.back() = true;
    }
    return 1;
  }
  if (at + 1 == statement.words.size()) {
    problem(statement.line, "interface: '" + std::string(word) + "' has no value");
    return 1;
  }
  read_interface_value(statement, at, interface);
  return 2;
}

void Reader::read_interface_value(const Statement& statement, std::size_t at,
                                  InterfaceConfig& interface) {
  const std::string_view word = statement.words[at];
  const std::string_view value = statement.words[at + 1];
  if (word == "mac" || word == "peer") {
    read_mac(statement, at, interface);
  } else if (word == "address") {
    read_address(statement, value, interface);
  } else if (word == "mtu") {
    const auto mtu = parse_number<std::uint32_t>(value);
    if (!mtu) wrong(statement, value, "a number of bytes (68..65535, with IPv6 1280..65535)");
    interface.mtu_bytes = mtu.value_or(interface.mtu_bytes);
  } else if (word == "vlan") {
    read_vlan(statement, value, interface);
  } else if (word == kSharesPort) {
    read_port(statement, value, interface);
  } else {
    problem(statement.line, "interface: no word '" + std::string(word) +
                                "' (address, link-local, mac, mtu, on, peer, raw, vlan)");
  }
}

void Reader::read_mac(const Statement& statement, std::size_t at, InterfaceConfig& interface) {
  const std::string_view value = statement.words[at + 1];
  const auto mac = MacAddress::parse(value);
  if (!mac) return wrong(statement, value, "an Ethernet address such as 02:00:00:00:00:01");
  if (statement.words[at] == "mac") {
    interface.mac = *mac;
  } else {
    interface.arp = false;
    interface.peer = *mac;
  }
}

// Ports have the numbers of the interfaces they belong to, which were read before.
void Reader::read_port(const Statement& statement, std::string_view name,
                       InterfaceConfig& interface) {
  const auto own = device(statement, name);
  if (!own) return;
  if (*own >= config_.raw.size()) {
    return wrong(statement, name, "an interface with a port of its own");
  }
  if (config_.raw[*own]) return wrong(statement, name, "an interface with Ethernet frames");
  interface.port = *own;
  if (interface.mac == default_mac()) interface.mac = config_.host.interfaces[*own].mac;
}

void Reader::read_vlan(const Statement& statement, std::string_view text,
                       InterfaceConfig& interface) {
  const auto vlan = parse_number<std::uint16_t>(text);
  if (!vlan || *vlan > kVlanMax) {
    return wrong(statement, text,
                 "a VLAN (1.." + std::to_string(kVlanMax) + ", or 0 for frames without a tag)");
  }
  interface.vlan = *vlan;
}

void Reader::read_address(const Statement& statement, std::string_view text,
                          InterfaceConfig& interface) {
  if (const auto prefix = IpPrefix::parse(text)) {
    interface.addresses.push_back(*prefix);
  } else {
    wrong(statement, text, "an address with prefix such as 198.18.0.1/24 or 2001:db8::1/64");
  }
}

std::optional<PortId> Reader::device(const Statement& statement, std::string_view name) {
  const auto& names = config_.interface_names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<PortId>(found - names.begin());
  wrong(statement, name, "the name of an interface");
  return std::nullopt;
}

void Reader::read_route(const Statement& statement) {
  RouteConfig route;
  if (statement.words.size() < 2) return problem(statement.line, "route: has no target");
  const std::string_view target = statement.words[1];
  const bool is_default = target == "default";
  route.target = Ipv4Prefix();
  if (const auto prefix = IpPrefix::parse(target)) {
    route.target = *prefix;
  } else if (!is_default) {
    wrong(statement, target, "a network such as 198.18.0.0/24 or 2001:db8::/64, or default");
  }
  for (std::size_t at = 2; at < statement.words.size(); at += 2) {
    const std::string_view word = statement.words[at];
    if (at + 1 == statement.words.size() || (word != "via" && word != "dev")) {
      problem(statement.line, "route: no word '" + std::string(word) + "' here (via, dev)");
      return;
    }
    const std::string_view value = statement.words[at + 1];
    if (word == "dev") {
      route.interface = device(statement, value).value_or(0);
    } else if (const auto gateway = IpAddress::parse(value)) {
      route.gateway = *gateway;
      // A default route is one of its gateway's version.
      if (is_default && !gateway->is_v4()) route.target = IpPrefix();
    } else {
      wrong(statement, value, "an address");
    }
  }
  config_.host.routes.push_back(route);
}

void Reader::read_neighbour(const Statement& statement) {
  const auto& words = statement.words;
  const bool shape =
      (words.size() == 4 || (words.size() == 6 && words[4] == "dev")) && words[2] == "mac";
  if (!shape) {
    return problem(statement.line, "neighbour: write neighbour ADDRESS mac MAC [dev INTERFACE]");
  }
  const auto address = IpAddress::parse(words[1]);
  const auto mac = MacAddress::parse(words[3]);
  if (!address) wrong(statement, words[1], "an address");
  if (!mac) wrong(statement, words[3], "an Ethernet address");
  const auto port = words.size() == 6 ? device(statement, words[5]) : PortId{0};
  if (address && mac && port) config_.host.neighbours.push_back({*address, *mac, *port});
}

void Reader::read_other(const Statement& statement) {
  const std::string_view word = statement.words[0];
  if (is_interface(statement)) return;
  if (word == "route") return read_route(statement);
  if (word == "neighbour") return read_neighbour(statement);
  read_scalar(statement);
}

void Reader::read_scalar(const Statement& statement) {
  const std::string_view key = statement.words[0];
  if (statement.words.size() != 2) {
    return problem(statement.line, std::string(key) + ": takes one value");
  }
  const std::string_view value = statement.words[1];
  if (key == "name") {
    config_.host.name = std::string(value);
  } else if (key == "seed") {
    const auto seed = parse_number<std::uint64_t>(value);
    if (!seed) wrong(statement, value, "a number (0..18446744073709551615)");
    config_.host.seed = seed.value_or(0);
  } else if (key == "isn") {
    const auto isn = parse_number<std::uint32_t>(value);
    if (!isn) wrong(statement, value, "a sequence number, 0 to 4294967295");
    config_.tcp.initial_sequence = isn;
  } else {
    mss_said_ = mss_said_ || key == "tcp.mss_bytes";
    const std::string complaint =
        key.starts_with("tcp.")    ? set_field(config_.tcp, key.substr(4), value)
        : key.starts_with("host.") ? set_field(config_.host, key.substr(5), value)
                                   : "no such statement; twinpath_options() lists all";
    if (!complaint.empty()) problem(statement.line, std::string(key) + ": " + complaint);
  }
}

void Reader::add(const std::vector<Problem>& found, const char* prefix) {
  for (const Problem& one : found) {
    problem(0,
            prefix + one.field + ": " + one.value + ": " + one.message + " (" + one.allowed + ")");
  }
}

// RFC 9293 §3.7.1: what we offer fits the links, the narrowest of them.
void Reader::fit_mss() {
  if (!mss_said_) config_.tcp.mss_bytes = kMssBytesMax;
  for (const InterfaceConfig& interface : config_.host.interfaces) {
    if (interface.mtu_bytes <= kHeadersBytes + kMssBytesMin) continue;
    config_.tcp.mss_bytes = std::min(config_.tcp.mss_bytes, interface.mtu_bytes - kHeadersBytes);
  }
}

void Reader::check_whole() {
  fit_mss();
  add(validate(config_.host), "");
  add(config_.tcp.validate(), "tcp.");
}

}  // namespace

std::vector<ConfigurationProblem> read_configuration(std::string_view text,
                                                     EmbeddedConfig& config) {
  if (text.size() > kConfigurationBytesMax) {
    return {{0, "longer than " + std::to_string(kConfigurationBytesMax) + " bytes"}};
  }
  return Reader(config).read(text);
}

std::string describe_options() {
  return "interface NAME [on INTERFACE] [vlan NUMBER] [raw] [mac MAC] [peer MAC] "
         "[address ADDRESS/LENGTH]... [link-local] [mtu BYTES]\n"
         "route NETWORK|default [via GATEWAY] [dev INTERFACE]\n"
         "neighbour ADDRESS mac MAC [dev INTERFACE]\n"
         "name TEXT\n"
         "seed NUMBER: of everything random; the same seed, the same bytes\n"
         "isn NUMBER: every initial sequence number, instead of RFC 6528's\n" +
         describe_fields("host.", HostConfig()) + describe_fields("tcp.", embedded_tcp());
}

}  // namespace twinpath::bind
