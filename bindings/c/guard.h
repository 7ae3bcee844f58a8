// The border between C and C++: no exception crosses it, and every host is checked once, here.
#pragma once

#include <new>
#include <utility>

#include "bindings/c/embedded_host.h"
#include "bindings/c/twinpath.h"

struct TwinpathHost {
  explicit TwinpathHost(const twinpath::bind::EmbeddedConfig& config) : embedded(config) {}
  twinpath::bind::EmbeddedHost embedded;
};

namespace twinpath::bind {

// What `call(EmbeddedHost&)` returns, or why it could not.
template <typename Call>
auto guarded(TwinpathHost* host, Call call) -> decltype(call(host->embedded)) {
  if (host == nullptr) return failure(Errno::kInvalid);
  try {
    return call(host->embedded);
  } catch (const std::bad_alloc&) {
    return failure(Errno::kNoMemory);
  }
}

// The same with the socket's own facts, kBadDescriptor when there is no such socket. What the call
// gave the stack to send is out when it returns.
template <typename Call>
auto guarded_socket(TwinpathHost* host, int fd, Call call)
    -> decltype(call(host->embedded, std::declval<Descriptor&>())) {
  using Result = decltype(call(host->embedded, std::declval<Descriptor&>()));
  return guarded(host, [&](EmbeddedHost& embedded) -> Result {
    Descriptor* descriptor = embedded.descriptor(fd);
    if (descriptor == nullptr) return failure(Errno::kBadDescriptor);
    const Result result = call(embedded, *descriptor);
    embedded.flush();
    return result;
  });
}

}  // namespace twinpath::bind
