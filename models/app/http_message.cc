// Reading HTTP/1.1 messages. A bare LF ends a line too (RFC 9112 §2.2 allows it).
#include "models/app/http_message.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace twinpath {

namespace {

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// RFC 9110 §5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char letter) {
    const char small = lower(letter);
    return (small >= 'a' && small <= 'z') || (letter >= '0' && letter <= '9') ||
           kMarks.find(letter) != std::string_view::npos;
  });
}

void strip_return(std::string& line) {
  if (!line.empty() && line.back() == '\r') line.pop_back();
}

}  // namespace

const std::string* HttpHead::find(std::string_view name) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.name == name; });
  return found == fields.end() ? nullptr : &found->value;
}

bool HttpHead::has_token(std::string_view name, std::string_view token) const {
  for (const HttpField& field : fields) {
    if (field.name != name) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (lowered(trimmed(rest.substr(0, comma))) == token) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

std::optional<HttpRequestLine> parse_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return std::nullopt;
  const HttpRequestLine parsed{line.substr(0, first), line.substr(first + 1, last - first - 1),
                               line.substr(last + 1)};
  const bool spaces = parsed.target.find(' ') != std::string_view::npos;
  if (!is_token(parsed.method) || parsed.target.empty() || spaces) return std::nullopt;
  return parsed;
}

std::optional<HttpStatusLine> parse_status_line(std::string_view line) {
  // "HTTP/1.1 200 reason": fixed columns (RFC 9112 §4).
  constexpr std::size_t kVersionLen = 8;
  constexpr std::size_t kStatusEnd = kVersionLen + 4;
  if (line.size() < kStatusEnd || line.substr(0, 5) != "HTTP/") return std::nullopt;
  // Some servers leave out the space before an empty reason.
  if (line.size() > kStatusEnd && line[kStatusEnd] != ' ') return std::nullopt;
  const auto status = parse_decimal(line.substr(kVersionLen + 1, 3));
  if (line[kVersionLen] != ' ' || !status || *status < 100) return std::nullopt;
  return HttpStatusLine{line.substr(0, kVersionLen), static_cast<unsigned>(*status)};
}

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

std::size_t HttpHeadReader::take(std::span<const std::byte> data) {
  std::size_t used = 0;
  while (used < data.size() && state_ == State::kReading) {
    const char letter = static_cast<char>(data[used++]);
    if (++bytes_ > kHttpHeadBytesMax) {
      state_ = State::kTooLarge;
    } else if (letter == '\n') {
      end_line();
    } else {
      line_ += letter;
    }
  }
  return used;
}

void HttpHeadReader::end_line() {
  strip_return(line_);
  const std::string line = std::exchange(line_, {});
  if (head_.start_line.empty()) {
    // RFC 9112 §2.2: empty lines before a request are ignored.
    head_.start_line = line;
    if (line.empty()) bytes_ = 0;
  } else if (line.empty()) {
    state_ = State::kComplete;
  } else if (!add_field(line)) {
    state_ = State::kMalformed;
  }
}

bool HttpHeadReader::add_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || head_.fields.size() == kHttpFieldsMax) return false;
  const std::string_view name = line.substr(0, colon);
  // RFC 9112 §5.1: no space before the colon; folded lines (§5.2) begin with one and fail here too.
  if (!is_token(name)) return false;
  head_.fields.push_back({lowered(name), std::string(trimmed(line.substr(colon + 1)))});
  return true;
}

std::optional<HttpBodyFraming> request_framing(const HttpHead& head) {
  const std::string* length = head.find("content-length");
  if (head.find("transfer-encoding") != nullptr) {
    // RFC 9112 §6.3 (3): both together is how requests are smuggled; refuse.
    if (length != nullptr || !head.has_token("transfer-encoding", "chunked")) return std::nullopt;
    return HttpBodyFraming{HttpBodyFraming::Kind::kChunked};
  }
  if (length == nullptr) return HttpBodyFraming{};
  const auto value = parse_decimal(*length);
  if (!value) return std::nullopt;
  return HttpBodyFraming{HttpBodyFraming::Kind::kLength, *value};
}

std::optional<HttpBodyFraming> response_framing(const HttpHead& head, bool has_body) {
  if (!has_body) return HttpBodyFraming{};
  const auto framing = request_framing(head);
  const bool stated =
      head.find("content-length") != nullptr || head.find("transfer-encoding") != nullptr;
  if (!framing || stated) return framing;
  return HttpBodyFraming{HttpBodyFraming::Kind::kUntilClose};
}

std::size_t HttpBodyReader::take(std::span<const std::byte> data, const Content& content) {
  std::size_t used = 0;
  while (used < data.size() && !complete() && !malformed_) {
    const bool in_data = framing_.kind != HttpBodyFraming::Kind::kChunked || chunk_ == Chunk::kData;
    if (in_data) {
      used += take_content(data.subspan(used), content);
      continue;
    }
    const char letter = static_cast<char>(data[used++]);
    constexpr std::size_t kLineMax = 256;
    if (letter == '\n') {
      end_chunk_line();
    } else if (line_.size() == kLineMax) {
      malformed_ = true;
    } else {
      line_ += letter;
    }
  }
  return used;
}

std::size_t HttpBodyReader::take_content(std::span<const std::byte> data, const Content& content) {
  if (framing_.kind == HttpBodyFraming::Kind::kUntilClose) {
    content(data);
    return data.size();
  }
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size()));
  content(data.first(count));
  left_ -= count;
  if (left_ == 0) chunk_ = Chunk::kDataEnd;
  return count;
}

// RFC 9112 §7.1: SIZE [;extensions] CRLF DATA CRLF ... 0 CRLF trailers CRLF.
void HttpBodyReader::end_chunk_line() {
  strip_return(line_);
  const std::string line = std::exchange(line_, {});
  if (chunk_ == Chunk::kTrailer) {
    complete_ = line.empty();
    return;
  }
  if (chunk_ == Chunk::kDataEnd) {
    malformed_ = !line.empty();
    chunk_ = Chunk::kSize;
    return;
  }
  const std::string_view digits =
      trimmed(std::string_view(line).substr(0, std::min(line.find(';'), line.size())));
  const auto end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, left_, 16);
  malformed_ = digits.empty() || parsed.ec != std::errc() || parsed.ptr != end;
  chunk_ = left_ == 0 ? Chunk::kTrailer : Chunk::kData;
}

}  // namespace twinpath
