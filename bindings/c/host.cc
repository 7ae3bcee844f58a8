// The host's own calls: life, clock, frames.
#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

#include "bindings/c/guard.h"

// The C functions are defined in here to have these names at hand; extern "C" makes them the
// header's.
namespace twinpath::bind {
namespace {

// As much of `text` as there is room for, ended by a zero byte.
void copy_text(const std::string& text, char* into, std::size_t bytes) {
  if (into == nullptr || bytes == 0) return;
  const std::size_t count = std::min(text.size(), bytes - 1);
  std::memcpy(into, text.data(), count);
  into[count] = '\0';
}

std::string text_of(const std::vector<ConfigurationProblem>& problems) {
  std::string text;
  for (const ConfigurationProblem& problem : problems) {
    if (problem.line > 0) text += "line " + std::to_string(problem.line) + ": ";
    text += problem.text + "\n";
  }
  return text;
}

// Never more than kConfigurationBytesMax + 1, so that a text without an end is no endless read.
std::string_view bounded(const char* text) {
  return {text, ::strnlen(text, kConfigurationBytesMax + 1)};
}

}  // namespace

extern "C" {

uint32_t twinpath_abi_version(void) { return TWINPATH_ABI_VERSION; }

TwinpathHost* twinpath_host_create(const char* configuration, char* problems,
                                   size_t problems_bytes) {
  copy_text("", problems, problems_bytes);
  try {
    EmbeddedConfig config;
    std::vector<ConfigurationProblem> found{{0, "the configuration is a null pointer"}};
    if (configuration != nullptr) {
      found = read_configuration(bounded(configuration), config);
    }
    if (found.empty()) return new TwinpathHost(config);
    copy_text(text_of(found), problems, problems_bytes);
  } catch (const std::bad_alloc&) {
    copy_text("out of memory\n", problems, problems_bytes);
  } catch (const std::exception& failed) {
    copy_text(failed.what(), problems, problems_bytes);  // a carrier that could not be set up
  }
  return nullptr;
}

void twinpath_host_destroy(TwinpathHost* host) { delete host; }

size_t twinpath_options(char* text, size_t bytes) {
  try {
    const std::string all = describe_options();
    copy_text(all, text, bytes);
    return all.size();
  } catch (const std::bad_alloc&) {
    copy_text("", text, bytes);
    return 0;
  }
}

int64_t twinpath_now(const TwinpathHost* host) {
  return host == nullptr ? failure(Errno::kInvalid) : to_ns(host->embedded.clock());
}

int64_t twinpath_next_deadline(TwinpathHost* host) {
  return guarded(host, [](EmbeddedHost& embedded) { return to_ns(embedded.next_deadline()); });
}

int twinpath_advance(TwinpathHost* host, int64_t until_ns) {
  return guarded(host, [&](EmbeddedHost& embedded) -> int {
    const bool is_past = until_ns < to_ns(embedded.clock()) && !embedded.is_real_time();
    if (is_past || until_ns == TWINPATH_NEVER) return failure(Errno::kInvalid);
    return embedded.advance(at_ns(until_ns)) ? 0 : failure(Errno::kDeadlock);
  });
}

int twinpath_inject(TwinpathHost* host, uint32_t interface, const void* frame, size_t bytes) {
  return guarded(host, [&](EmbeddedHost& embedded) -> int {
    if (interface >= embedded.ports()) return failure(Errno::kNoDevice);
    if (frame == nullptr) return failure(Errno::kFault);
    if (bytes > TWINPATH_FRAME_BYTES_MAX) return failure(Errno::kMessageSize);
    const std::span<const std::byte> view(static_cast<const std::byte*>(frame), bytes);
    const bool taken = embedded.inject(static_cast<PortId>(interface), view);
    return taken ? 0 : failure(Errno::kNoBufferSpace);
  });
}

int64_t twinpath_take(TwinpathHost* host, TwinpathFrame* about, void* buffer, size_t bytes) {
  return guarded(host, [&](EmbeddedHost& embedded) -> int64_t {
    const OutboundFrame* frame = embedded.front();
    if (frame == nullptr) return 0;
    const std::size_t length = frame->bytes.size();
    if (about != nullptr) {
      *about = {to_ns(frame->at), frame->port, static_cast<uint32_t>(length)};
    }
    if (bytes < length) return failure(Errno::kMessageSize);
    if (buffer == nullptr) return failure(Errno::kFault);
    std::memcpy(buffer, frame->bytes.data(), length);
    embedded.pop_front();
    return static_cast<int64_t>(length);
  });
}

}  // extern "C"

}  // namespace twinpath::bind
