// One EAL for the whole program (it starts once per process), started by the first test that asks.
#pragma once

#include <cstring>
#include <string>

#include "emu/device.h"
#include "emu/eal.h"
#include "emu/ethdev_port.h"
#include "emu/mbuf_pool.h"

namespace twinpath::emu::test {

inline Eal& eal() {
  static Eal the_eal(EalOptions{});
  return the_eal;
}

// A device with one queue pair, its pool and its port.
struct Bench {
  explicit Bench(const std::string& device, std::uint32_t bufs = 1023)
      : pool({.name = "pool_" + device.substr(0, device.find(',')), .bufs = bufs, .cached = 0}),
        dev(started, {.device = device}, std::array{&pool}),
        port(dev, 0) {}

  BufPtr frame(std::size_t length, int fill) {
    BufPtr made(pool.take());
    std::memset(made->push_back(static_cast<std::uint32_t>(length)).data(), fill, length);
    return made;
  }

  Eal& started = eal();  // first: pools need it
  MbufPool pool;
  Device dev;
  EthdevPort port;
};

}  // namespace twinpath::emu::test
