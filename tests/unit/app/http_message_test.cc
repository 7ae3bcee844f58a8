// Proves that HTTP messages are read the same however the network cuts them, and that nonsense is
// refused, not guessed at.
#include "models/app/http_message.h"

#include <gtest/gtest.h>

namespace twinpath {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

HttpHeadReader read_head(std::string_view text, std::size_t piece) {
  HttpHeadReader reader;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at, piece);
    const std::size_t used = reader.take(bytes_of(rest));
    at += used;
    if (used < rest.size()) break;
  }
  return reader;
}

TEST(HttpHeadTest, ReadsTheSameInAnyPieces) {
  const std::string_view text =
      "\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive , Close\r\n\r\nhello";
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    const HttpHeadReader reader = read_head(text, piece);
    ASSERT_EQ(reader.state(), HttpHeadReader::State::kComplete) << piece;
    EXPECT_EQ(reader.head().start_line, "HTTP/1.1 200 OK");
    EXPECT_EQ(*reader.head().find("content-length"), "5");
    EXPECT_TRUE(reader.head().has_token("connection", "close"));
    EXPECT_FALSE(reader.head().has_token("connection", "clos"));
  }
}

TEST(HttpHeadTest, RefusesWhatItMust) {
  using State = HttpHeadReader::State;
  EXPECT_EQ(read_head("GET / HTTP/1.1\r\nno colon\r\n\r\n", 100).state(), State::kMalformed);
  EXPECT_EQ(read_head("GET / HTTP/1.1\r\nA: 1\r\n folded\r\n\r\n", 100).state(), State::kMalformed);
  EXPECT_EQ(read_head(std::string(20000, 'x'), 100).state(), State::kTooLarge);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 101; ++i) many += "A: 1\r\n";
  EXPECT_EQ(read_head(many + "\r\n", 100).state(), State::kMalformed);
}

TEST(HttpLineTest, StartLines) {
  EXPECT_EQ(parse_status_line("HTTP/1.1 404 Not Found")->status, 404U);
  EXPECT_EQ(parse_status_line("HTTP/1.0 200 ")->version, "HTTP/1.0");
  EXPECT_FALSE(parse_status_line("HTTP/1.1 4040 x"));
  EXPECT_FALSE(parse_status_line("HTTP/1.1 099 x"));
  EXPECT_FALSE(parse_status_line("200 OK"));
  EXPECT_EQ(parse_request_line("GET /a HTTP/1.1")->target, "/a");
  EXPECT_FALSE(parse_request_line("GET /a b HTTP/1.1"));
  EXPECT_FALSE(parse_request_line("G@T /a HTTP/1.1"));
  EXPECT_EQ(parse_decimal("18446744073709551615"), 18446744073709551615ULL);
  EXPECT_FALSE(parse_decimal("18446744073709551616"));
  EXPECT_FALSE(parse_decimal("+1"));
  EXPECT_FALSE(parse_decimal(""));
}

struct Body {
  std::string content;
  std::size_t used = 0;
  bool complete = false;
  bool malformed = false;
};

Body read_body(const HttpBodyFraming& framing, std::string_view text, std::size_t piece) {
  HttpBodyReader reader(framing);
  Body body;
  while (body.used < text.size() && !reader.complete() && !reader.malformed()) {
    body.used += reader.take(bytes_of(text.substr(body.used, piece)), [&](auto bytes) {
      body.content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
  }
  body.complete = reader.complete();
  body.malformed = reader.malformed();
  return body;
}

TEST(HttpBodyTest, ChunksInAnyPieces) {
  const HttpBodyFraming chunked{HttpBodyFraming::Kind::kChunked};
  const std::string_view text =
      "5\r\nhello\r\nA;x=y\r\n, wonderfu\r\n1\r\nl\r\n0\r\nT: 1\r\n\r\nREST";
  for (std::size_t piece = 1; piece < text.size(); ++piece) {
    const Body body = read_body(chunked, text, piece);
    EXPECT_TRUE(body.complete) << piece;
    EXPECT_EQ(body.content, "hello, wonderful");
    EXPECT_EQ(text.substr(body.used), "REST");
  }
}

TEST(HttpBodyTest, RefusesBrokenChunks) {
  const HttpBodyFraming chunked{HttpBodyFraming::Kind::kChunked};
  EXPECT_TRUE(read_body(chunked, "x\r\n", 10).malformed);
  EXPECT_TRUE(read_body(chunked, "\r\n", 10).malformed);
  EXPECT_TRUE(read_body(chunked, "1\r\nab\r\n", 10).malformed);
  EXPECT_TRUE(read_body(chunked, "11111111111111111\r\n", 30).malformed);
  EXPECT_TRUE(read_body(chunked, std::string(300, '1'), 300).malformed);
}

TEST(HttpBodyTest, LengthAndClose) {
  const Body body = read_body({HttpBodyFraming::Kind::kLength, 3}, "abcdef", 2);
  EXPECT_TRUE(body.complete);
  EXPECT_EQ(body.content, "abc");
  HttpBodyReader reader({HttpBodyFraming::Kind::kUntilClose});
  reader.take(bytes_of("abc"), [](auto) {});
  EXPECT_FALSE(reader.complete());
  reader.on_close();
  EXPECT_TRUE(reader.complete());
}

TEST(HttpFramingTest, FollowsTheHead) {
  using Kind = HttpBodyFraming::Kind;
  const auto framing = [](std::string_view fields, bool has_body = true) {
    const auto reader = read_head("HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n", 1000);
    return response_framing(reader.head(), has_body);
  };
  EXPECT_EQ(framing("Content-Length: 7\r\n")->length, 7U);
  EXPECT_EQ(framing("Transfer-Encoding: chunked\r\n")->kind, Kind::kChunked);
  EXPECT_EQ(framing("")->kind, Kind::kUntilClose);
  EXPECT_EQ(framing("Content-Length: 7\r\n", false)->length, 0U);
  EXPECT_FALSE(framing("Content-Length: x\r\n"));
  EXPECT_FALSE(framing("Transfer-Encoding: gzip\r\n"));
}

}  // namespace
}  // namespace twinpath
