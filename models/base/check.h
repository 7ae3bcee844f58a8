// CHECK is for programmer errors only and stays on in every build. No packet and no scenario file
// can make one fail: those are parse failures, counters and configuration problems.
#pragma once

namespace twinpath {

struct CheckSite {
  const char* condition;
  const char* file;
  int line;
};

[[noreturn]] void check_failed(const CheckSite& site) noexcept;

}  // namespace twinpath

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::twinpath::check_failed(::twinpath::CheckSite{#condition, __FILE__, __LINE__}))
