// HTTP/1.1 messages as byte streams: a head read line by line under a bound, a body by its length,
// in chunks, or up to the end of the connection. Read RFC 9112 §2, §6 and §7.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace twinpath {

inline constexpr std::size_t kHttpHeadBytesMax = 16384;  // RFC 9112 §3 asks for 8,000 at least
inline constexpr std::size_t kHttpFieldsMax = 100;

struct HttpField {
  std::string name;  // lower case
  std::string value;
};

// A start line and its fields.
struct HttpHead {
  std::string start_line;
  std::vector<HttpField> fields;

  // The first field of that (lower-case) name.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  // Whether a comma-separated field names `token`, case ignored: Connection, Transfer-Encoding.
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const;
};

// "GET /bytes/10 HTTP/1.1" or "HTTP/1.1 200 OK".
struct HttpRequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;
};
struct HttpStatusLine {
  std::string_view version;
  unsigned status = 0;
};
std::optional<HttpRequestLine> parse_request_line(std::string_view line);
std::optional<HttpStatusLine> parse_status_line(std::string_view line);
// Decimal digits and nothing else.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// Takes bytes until the empty line.
class HttpHeadReader {
 public:
  enum class State : std::uint8_t { kReading, kComplete, kMalformed, kTooLarge };

  // Returns how many bytes of `data` belong to the head.
  std::size_t take(std::span<const std::byte> data);
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool is_empty() const { return bytes_ == 0; }
  // Requires: kComplete.
  [[nodiscard]] const HttpHead& head() const { return head_; }
  void reset() { *this = HttpHeadReader(); }

 private:
  void end_line();
  bool add_field(std::string_view line);

  std::string line_;
  HttpHead head_;
  std::size_t bytes_ = 0;
  State state_ = State::kReading;
};

// How the end of a body is known (RFC 9112 §6.3).
struct HttpBodyFraming {
  enum class Kind : std::uint8_t { kLength, kChunked, kUntilClose };
  Kind kind = Kind::kLength;
  std::uint64_t length = 0;
};
// Nothing when the head contradicts itself. `has_body` is false for HEAD, 1xx, 204 and 304.
std::optional<HttpBodyFraming> response_framing(const HttpHead& head, bool has_body);
std::optional<HttpBodyFraming> request_framing(const HttpHead& head);

// Takes bytes until the end of the body, handing its content to `content`.
class HttpBodyReader {
 public:
  using Content = std::function<void(std::span<const std::byte>)>;

  explicit HttpBodyReader(const HttpBodyFraming& framing) : framing_(framing) {
    if (framing.kind == HttpBodyFraming::Kind::kLength) left_ = framing.length;
  }
  // Returns how many bytes of `data` belong to the body.
  std::size_t take(std::span<const std::byte> data, const Content& content);
  // The connection ended here.
  void on_close() { complete_ |= framing_.kind == HttpBodyFraming::Kind::kUntilClose; }
  [[nodiscard]] bool complete() const {
    return complete_ || (framing_.kind == HttpBodyFraming::Kind::kLength && left_ == 0);
  }
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  enum class Chunk : std::uint8_t { kSize, kData, kDataEnd, kTrailer };
  void end_chunk_line();
  std::size_t take_content(std::span<const std::byte> data, const Content& content);

  HttpBodyFraming framing_;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  Chunk chunk_ = Chunk::kSize;
  std::string line_;
  bool complete_ = false;
  bool malformed_ = false;
};

}  // namespace twinpath
