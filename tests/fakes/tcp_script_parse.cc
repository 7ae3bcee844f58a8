// packetdrill's language, the subset that scripts of TCP behaviour use.
#include "tests/fakes/tcp_script_parse.h"

#include <charconv>
#include <cmath>
#include <sstream>

namespace twinpath::test {
namespace {

// Thrown inside the parser only; parse_script() turns it into a value.
struct Malformed {
  std::string message;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Takes the word up to the next blank from the front of `text`.
std::string_view take_word(std::string_view& text) {
  text = trimmed(text);
  const auto end = text.find_first_of(" \t");
  const auto word = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : trimmed(text.substr(end));
  return word;
}

template <typename Integer>
Integer to_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    base = 16;
  }
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Malformed{"not a number: " + std::string(text)};
  }
  return value;
}

Duration to_duration(std::string_view text) {
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw Malformed{"not a time: " + std::string(text)};
  }
  return Duration(std::llround(seconds * 1e9));
}

Duration strip_plus(std::string_view text, bool& relative) {
  if (text.starts_with("+")) {
    relative = true;
    text.remove_prefix(1);
  }
  return to_duration(text);
}

ScriptTime parse_time(std::string_view text) {
  ScriptTime time;
  if (text == "*") {
    time.any = true;
    return time;
  }
  const auto tilde = text.find('~');
  time.from = strip_plus(text.substr(0, tilde), time.relative);
  time.until = tilde == std::string_view::npos ? time.from
                                               : strip_plus(text.substr(tilde + 1), time.relative);
  return time;
}

TcpFlags parse_flags(std::string_view text) {
  TcpFlags flags;
  for (const char letter : text) {
    switch (letter) {
      case 'S':
        flags |= kSyn;
        break;
      case 'F':
        flags |= kFin;
        break;
      case 'R':
        flags |= kRst;
        break;
      case 'P':
        flags |= kPsh;
        break;
      case 'E':
        flags |= kEce;
        break;
      case 'W':
        flags |= kCwr;
        break;
      case 'U':
        flags |= kUrg;
        break;
      case '.':
        flags |= kAck;
        break;
      case '-':
        break;
      default:
        throw Malformed{"unknown flag " + std::string(1, letter)};
    }
  }
  return flags;
}

// first:end(len)
struct Range {
  std::uint32_t first = 0;
  std::uint32_t len = 0;
};
Range parse_range(std::string_view text) {
  const auto colon = text.find(':');
  const auto open = text.find('(');
  if (colon == std::string_view::npos || open == std::string_view::npos || !text.ends_with(')')) {
    throw Malformed{"expected first:end(len), got " + std::string(text)};
  }
  const auto first = to_number<std::uint32_t>(text.substr(0, colon));
  const auto end = to_number<std::uint32_t>(text.substr(colon + 1, open - colon - 1));
  const auto len = to_number<std::uint32_t>(text.substr(open + 1, text.size() - open - 2));
  if (first + len != end) throw Malformed{"length does not match " + std::string(text)};
  return {first, len};
}

void parse_sack(std::string_view rest, TcpOptions& options) {
  while (!rest.empty()) {
    const auto block = take_word(rest);
    const auto colon = block.find(':');
    if (colon == std::string_view::npos) throw Malformed{"expected first:end in sack"};
    options.sack.push_back({SeqNum(to_number<std::uint32_t>(block.substr(0, colon))),
                            SeqNum(to_number<std::uint32_t>(block.substr(colon + 1)))});
  }
}

void parse_option(std::string_view text, TcpOptions& options) {
  std::string_view rest = text;
  const auto kind = take_word(rest);
  if (kind == "nop" || kind == "eol") return;
  if (kind == "mss") {
    options.mss = to_number<std::uint16_t>(rest);
  } else if (kind == "wscale") {
    options.window_scale = to_number<std::uint8_t>(rest);
  } else if (kind == "sackOK") {
    options.sack_permitted = true;
  } else if (kind == "sack") {
    parse_sack(rest, options);
  } else if (kind == "TS") {
    take_word(rest);  // val
    const auto value = to_number<std::uint32_t>(take_word(rest));
    take_word(rest);  // ecr
    options.timestamps = TcpTimestamps{TsVal(value), TsVal(to_number<std::uint32_t>(rest))};
  } else {
    throw Malformed{"unknown option " + std::string(kind)};
  }
}

void parse_options(std::string_view text, ScriptSegment& segment) {
  if (!text.ends_with('>')) throw Malformed{"options without >"};
  text = text.substr(1, text.size() - 2);
  if (text == "...") {
    segment.any_options = true;
    return;
  }
  while (!text.empty()) {
    const auto comma = text.find(',');
    parse_option(trimmed(text.substr(0, comma)), segment.options);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
}

Ecn parse_ecn(std::string_view word) {
  if (word == "[ce]") return Ecn::kCe;
  if (word == "[ect0]") return Ecn::kEct0;
  if (word == "[ect1]") return Ecn::kEct1;
  if (word == "[noecn]") return Ecn::kNotEct;
  throw Malformed{"unknown mark " + std::string(word)};
}

ScriptSegment parse_segment(std::string_view text, bool outbound) {
  ScriptSegment segment;
  segment.outbound = outbound;
  text = trimmed(text);
  if (text.starts_with('[')) segment.ecn = parse_ecn(take_word(text));
  segment.flags = parse_flags(take_word(text));
  const Range range = parse_range(take_word(text));
  segment.seq = range.first;
  segment.len = range.len;
  while (!text.empty()) {
    if (text.starts_with('<')) {
      parse_options(text, segment);
      break;
    }
    const auto word = take_word(text);
    if (word == "ack") {
      segment.ack = to_number<std::uint32_t>(take_word(text));
    } else if (word == "win") {
      segment.window = to_number<std::uint16_t>(take_word(text));
    } else {
      throw Malformed{"unknown word " + std::string(word)};
    }
  }
  return segment;
}

ScriptIcmp parse_icmp(std::string_view text) {
  ScriptIcmp icmp;
  const auto type = take_word(text);
  const auto code = take_word(text);
  if (type != "unreachable") throw Malformed{"unknown ICMP type " + std::string(type)};
  constexpr std::string_view kCodes[] = {"net_unreachable", "host_unreachable",
                                         "protocol_unreachable", "port_unreachable", "frag_needed"};
  while (icmp.code < 5 && kCodes[icmp.code] != code) ++icmp.code;
  if (icmp.code == 5) throw Malformed{"unknown ICMP code " + std::string(code)};
  if (text.starts_with("mtu")) {
    take_word(text);
    icmp.mtu = to_number<std::uint16_t>(take_word(text));
  }
  if (!text.starts_with('[') || !text.ends_with(']')) throw Malformed{"expected [first:end(len)]"};
  icmp.seq = parse_range(text.substr(1, text.size() - 2)).first;
  return icmp;
}

// Commas inside brackets and braces do not separate.
std::vector<std::string> split_arguments(std::string_view text) {
  std::vector<std::string> arguments;
  int depth = 0;
  std::string current;
  for (const char letter : text) {
    depth += letter == '[' || letter == '{' ? 1 : 0;
    depth -= letter == ']' || letter == '}' ? 1 : 0;
    if (letter == ',' && depth == 0) {
      arguments.emplace_back(trimmed(current));
      current.clear();
    } else {
      current += letter;
    }
  }
  if (!trimmed(current).empty()) arguments.emplace_back(trimmed(current));
  return arguments;
}

ScriptCall parse_call(std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.find(") =");
  if (open == std::string_view::npos || close == std::string_view::npos) {
    throw Malformed{"expected call(...) = result"};
  }
  ScriptCall call;
  call.name = std::string(trimmed(text.substr(0, open)));
  call.arguments = split_arguments(text.substr(open + 1, close - open - 1));
  std::string_view rest = trimmed(text.substr(close + 3));
  call.result = to_number<std::int64_t>(take_word(rest));
  if (call.result < 0) call.error = std::string(take_word(rest));
  return call;
}

ScriptEvent parse_line(std::string_view line, unsigned number) {
  ScriptEvent event;
  event.line = number;
  event.time = parse_time(take_word(line));
  if (line.starts_with("< icmp")) {
    event.what = parse_icmp(line.substr(6));
  } else if (line.starts_with('<') || line.starts_with('>')) {
    event.what = parse_segment(line.substr(1), line.starts_with('>'));
  } else {
    event.what = parse_call(line);
  }
  return event;
}

}  // namespace

std::variant<Script, ScriptError> parse_script(std::string_view text) {
  Script script;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (unsigned number = 1; std::getline(lines, line); ++number) {
    const auto content = trimmed(std::string_view(line).substr(0, line.find("//")));
    constexpr std::string_view kTolerance = "--tolerance_usecs=";
    try {
      if (content.starts_with(kTolerance)) {
        script.tolerance =
            std::chrono::microseconds(to_number<std::int64_t>(content.substr(kTolerance.size())));
      } else if (!content.empty()) {
        script.events.push_back(parse_line(content, number));
      }
    } catch (const Malformed& malformed) {
      return ScriptError{number, malformed.message};
    }
  }
  return script;
}

}  // namespace twinpath::test
