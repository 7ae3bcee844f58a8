// Asks, waits, asks again; silence means the address is free.
#include "models/host/address_tests.h"

#include "models/wire/ip_scope.h"

namespace twinpath {

AddressTests::Test::Test(AddressTests& tests, InterfaceId on, const IpPrefix& tested)
    : owner(tests), interface(on), prefix(tested), timer(this, [](void* self, Instant now) {
        auto& test = *static_cast<Test*>(self);
        test.owner.on_timer(now, test);
      }) {}

AddressTests::AddressTests(HostContext& context, IpOutput& output)
    : context_(context), output_(output) {
  if (context.config.dad_transmits == 0) return;
  for (std::size_t i = 0; i < context.config.interfaces.size(); ++i) {
    for (const IpPrefix& prefix : ipv6_addresses(context.config.interfaces[i])) {
      tests_.push_back(std::make_unique<Test>(*this, static_cast<InterfaceId>(i), prefix));
      context.timers.arm(tests_.back()->timer, kStart);
    }
  }
}

bool AddressTests::hears(InterfaceId interface, const IpAddress& group) const {
  for (const auto& test : tests_) {
    const bool named = group == kAllNodes || group == solicited_node(test->prefix.address());
    if (named && test->interface == interface) return true;
  }
  return false;
}

bool AddressTests::on_nd(const NdArrival& arrival) {
  for (const auto& test : tests_) {
    const bool about = test->interface == arrival.interface &&
                       test->prefix.address() == arrival.message.target && test->timer.armed();
    if (!about) continue;
    // RFC 4862 §5.4.3: who asks for it by an address of its own only resolves it, for somebody
    // else.
    const bool resolves =
        arrival.message.kind == NdMessage::Kind::kSolicitation && !arrival.source.is_any();
    if (resolves) return true;
    context_.timers.cancel(test->timer);
    ++context_.counters.address_conflicts;
    return true;
  }
  return false;
}

void AddressTests::on_timer(Instant now, Test& test) {
  if (test.asked == context_.config.dad_transmits) {
    output_.routes().add_address(test.interface, test.prefix);
    return;
  }
  ++test.asked;
  output_.link().ask_for_duplicates(now, test.interface, test.prefix.address());
  context_.timers.arm(test.timer, after(now, context_.config.nd_interval));
}

}  // namespace twinpath
