// Linux's error numbers as values of our own, so that a model reports the same number wherever it
// is compiled. Calls that can fail return a negative one, as the kernel does. Values from
// include/uapi/asm-generic/errno-base.h and errno.h; meanings from the manual pages of each call.
#pragma once

#include <cstdint>
#include <string_view>

namespace twinpath {

enum class Errno : std::int16_t {
  kNone = 0,
  kNoEntry = 2,
  kBadDescriptor = 9,  // EBADF
  kAgain = 11,
  kNoMemory = 12,
  kAccess = 13,
  kFault = 14,
  kExist = 17,
  kNoDevice = 19,  // ENODEV
  kInvalid = 22,
  kTooManyFiles = 24,  // EMFILE
  kNoDeviceCall = 25,  // ENOTTY: no such ioctl()
  kBrokenPipe = 32,
  kDeadlock = 35,       // EDEADLK
  kProtocolError = 71,  // EPROTO
  kNotSocket = 88,
  kDestinationRequired = 89,
  kMessageSize = 90,
  kNoProtocolOption = 92,
  kProtocolNotSupported = 93,
  kSocketTypeNotSupported = 94,
  kOperationNotSupported = 95,
  kAddressFamilyNotSupported = 97,
  kAddressInUse = 98,
  kAddressNotAvailable = 99,
  kNetworkUnreachable = 101,
  kConnectionAborted = 103,
  kConnectionReset = 104,
  kNoBufferSpace = 105,
  kIsConnected = 106,
  kNotConnected = 107,
  kTimedOut = 110,
  kConnectionRefused = 111,
  kHostUnreachable = 113,
  kAlready = 114,
  kInProgress = 115,
  kCanceled = 125,  // ECANCELED
};

// What a failing call returns.
constexpr std::int32_t failure(Errno error) { return -static_cast<std::int32_t>(error); }
// The error in a returned value; kNone when it is no failure.
constexpr Errno errno_of(std::int64_t result) {
  return result < 0 ? static_cast<Errno>(-result) : Errno::kNone;
}

// The symbol a reader knows: "ECONNREFUSED".
std::string_view symbol(Errno error);

}  // namespace twinpath
