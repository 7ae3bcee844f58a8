// Where a model's bytes go that end in a file: models cannot open one, drivers and tests can.
#pragma once

#include <cstddef>
#include <span>

namespace twinpath {

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // False when the bytes were lost (disk full); the caller stops writing and the driver reports it.
  virtual bool write(std::span<const std::byte> bytes) = 0;
};

}  // namespace twinpath
