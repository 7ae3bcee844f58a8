// Opens a private copy of Debian's lwIP. The library is copied into memory and loaded from there by
// its own name, locally, so every copy has globals of its own; then what it would ask of the C
// library and of its own port to an operating system is redirected to the Environment.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "models/foreign/lwip/calls.h"

namespace twinpath::bind {

class LwipError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws LwipError: not installed, of another build than its headers, or not to be redirected.
std::unique_ptr<lwip::Library> open_lwip();

}  // namespace twinpath::bind
