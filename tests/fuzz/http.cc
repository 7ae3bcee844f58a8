// HTTP messages: the same however they are cut, and never more content than was given.
#include "models/app/http_message.h"
#include "models/app/http_server.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

struct Result {
  HttpHeadReader::State state = HttpHeadReader::State::kReading;
  std::string start_line;
  std::size_t fields = 0;
  std::string content;
  bool complete = false;
  bool malformed = false;
};

Result read(std::span<const std::byte> input, std::size_t piece) {
  Result result;
  HttpHeadReader head;
  while (!input.empty() && head.state() == HttpHeadReader::State::kReading) {
    input = input.subspan(head.take(input.first(std::min(piece, input.size()))));
  }
  result.state = head.state();
  fuzz::touch(std::as_bytes(std::span(&result.state, 1)));
  if (answer_to(head).status < 200) CHECK(false);
  if (head.state() != HttpHeadReader::State::kComplete) return result;
  result.start_line = head.head().start_line;
  result.fields = head.head().fields.size();
  parse_status_line(result.start_line);
  const auto framing = response_framing(head.head(), true);
  if (!framing) return result;
  HttpBodyReader body(*framing);
  while (!input.empty() && !body.complete() && !body.malformed()) {
    const auto part = input.first(std::min(piece, input.size()));
    input = input.subspan(body.take(part, [&](std::span<const std::byte> content) {
      result.content.append(reinterpret_cast<const char*>(content.data()), content.size());
    }));
  }
  result.complete = body.complete();
  result.malformed = body.malformed();
  return result;
}

}  // namespace

FUZZ_TARGET(input) {
  const Result whole = read(input, input.size());
  const Result cut = read(input, 1);
  CHECK(whole.state == cut.state && whole.start_line == cut.start_line);
  CHECK(whole.fields == cut.fields && whole.content == cut.content);
  CHECK(whole.complete == cut.complete && whole.malformed == cut.malformed);
  CHECK(whole.content.size() <= input.size());
}
