// Names for messages and test failures.
#include "models/base/linux_errno.h"

namespace twinpath {

std::string_view symbol(Errno error) {
  switch (error) {
    case Errno::kNone:
      return "0";
    case Errno::kNoEntry:
      return "ENOENT";
    case Errno::kBadDescriptor:
      return "EBADF";
    case Errno::kAgain:
      return "EAGAIN";
    case Errno::kNoMemory:
      return "ENOMEM";
    case Errno::kAccess:
      return "EACCES";
    case Errno::kExist:
      return "EEXIST";
    case Errno::kInvalid:
      return "EINVAL";
    case Errno::kTooManyFiles:
      return "EMFILE";
    case Errno::kBrokenPipe:
      return "EPIPE";
    case Errno::kProtocolError:
      return "EPROTO";
    case Errno::kNotSocket:
      return "ENOTSOCK";
    case Errno::kDestinationRequired:
      return "EDESTADDRREQ";
    case Errno::kMessageSize:
      return "EMSGSIZE";
    case Errno::kNoProtocolOption:
      return "ENOPROTOOPT";
    case Errno::kProtocolNotSupported:
      return "EPROTONOSUPPORT";
    case Errno::kOperationNotSupported:
      return "EOPNOTSUPP";
    case Errno::kAddressFamilyNotSupported:
      return "EAFNOSUPPORT";
    case Errno::kAddressInUse:
      return "EADDRINUSE";
    case Errno::kAddressNotAvailable:
      return "EADDRNOTAVAIL";
    case Errno::kNetworkUnreachable:
      return "ENETUNREACH";
    case Errno::kConnectionAborted:
      return "ECONNABORTED";
    case Errno::kConnectionReset:
      return "ECONNRESET";
    case Errno::kNoBufferSpace:
      return "ENOBUFS";
    case Errno::kIsConnected:
      return "EISCONN";
    case Errno::kNotConnected:
      return "ENOTCONN";
    case Errno::kTimedOut:
      return "ETIMEDOUT";
    case Errno::kConnectionRefused:
      return "ECONNREFUSED";
    case Errno::kHostUnreachable:
      return "EHOSTUNREACH";
    case Errno::kAlready:
      return "EALREADY";
    case Errno::kInProgress:
      return "EINPROGRESS";
    case Errno::kCanceled:
      return "ECANCELED";
  }
  return "E?";
}

}  // namespace twinpath
