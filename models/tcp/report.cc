// Publishes TCP's events.
#include "models/tcp/report.h"

namespace twinpath::tcp {

Reporter::Reporter(EventBus& bus)
    : bus_(bus),
      state_(bus.type_of<TcpStateEvent>()),
      cwnd_(bus.type_of<TcpCwndEvent>()),
      rtt_(bus.type_of<TcpRttEvent>()),
      rto_(bus.type_of<TcpRtoEvent>()),
      retransmit_(bus.type_of<TcpRetransmitEvent>()),
      sent_(bus.type_of<TcpSentEvent>()),
      delivered_(bus.type_of<TcpDeliveredEvent>()),
      drop_(bus.type_of<TcpDropEvent>()) {}

}  // namespace twinpath::tcp
