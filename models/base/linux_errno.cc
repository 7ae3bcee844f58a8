// Names for messages and test failures.
#include "models/base/linux_errno.h"

#include <algorithm>
#include <array>

namespace twinpath {
namespace {

struct Row {
  Errno error;
  std::string_view symbol;
};
constexpr std::array kRows = {
    Row{Errno::kNone, "0"},
    Row{Errno::kNoEntry, "ENOENT"},
    Row{Errno::kBadDescriptor, "EBADF"},
    Row{Errno::kAgain, "EAGAIN"},
    Row{Errno::kNoMemory, "ENOMEM"},
    Row{Errno::kAccess, "EACCES"},
    Row{Errno::kFault, "EFAULT"},
    Row{Errno::kExist, "EEXIST"},
    Row{Errno::kNoDevice, "ENODEV"},
    Row{Errno::kInvalid, "EINVAL"},
    Row{Errno::kTooManyFiles, "EMFILE"},
    Row{Errno::kNoDeviceCall, "ENOTTY"},
    Row{Errno::kBrokenPipe, "EPIPE"},
    Row{Errno::kDeadlock, "EDEADLK"},
    Row{Errno{64}, "ENONET"},
    Row{Errno::kProtocolError, "EPROTO"},
    Row{Errno::kNotSocket, "ENOTSOCK"},
    Row{Errno::kDestinationRequired, "EDESTADDRREQ"},
    Row{Errno::kMessageSize, "EMSGSIZE"},
    Row{Errno::kNoProtocolOption, "ENOPROTOOPT"},
    Row{Errno::kProtocolNotSupported, "EPROTONOSUPPORT"},
    Row{Errno::kSocketTypeNotSupported, "ESOCKTNOSUPPORT"},
    Row{Errno::kOperationNotSupported, "EOPNOTSUPP"},
    Row{Errno::kAddressFamilyNotSupported, "EAFNOSUPPORT"},
    Row{Errno::kAddressInUse, "EADDRINUSE"},
    Row{Errno::kAddressNotAvailable, "EADDRNOTAVAIL"},
    Row{Errno::kNetworkUnreachable, "ENETUNREACH"},
    Row{Errno::kConnectionAborted, "ECONNABORTED"},
    Row{Errno::kConnectionReset, "ECONNRESET"},
    Row{Errno::kNoBufferSpace, "ENOBUFS"},
    Row{Errno::kIsConnected, "EISCONN"},
    Row{Errno::kNotConnected, "ENOTCONN"},
    Row{Errno::kTimedOut, "ETIMEDOUT"},
    Row{Errno::kConnectionRefused, "ECONNREFUSED"},
    Row{Errno{112}, "EHOSTDOWN"},
    Row{Errno::kHostUnreachable, "EHOSTUNREACH"},
    Row{Errno::kAlready, "EALREADY"},
    Row{Errno::kInProgress, "EINPROGRESS"},
    Row{Errno::kCanceled, "ECANCELED"},
};

}  // namespace

std::string_view symbol(Errno error) {
  const auto row = std::find_if(kRows.begin(), kRows.end(),
                                [error](const Row& known) { return known.error == error; });
  return row == kRows.end() ? "E?" : row->symbol;
}

}  // namespace twinpath
