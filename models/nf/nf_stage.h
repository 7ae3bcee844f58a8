// A Stage around one network function. Frames come in bursts, port by port; each gets a verdict and
// a cost row; those that go on leave through the outbox when the turn is paid for.
#pragma once

#include <array>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "models/base/host_stage.h"
#include "models/nf/network_function.h"

namespace twinpath {

struct NfCounters {
  std::uint64_t packets = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t dropped = 0;   // by verdict
  std::uint64_t bad_port = 0;  // forwarded to a port there is none of
  std::uint64_t no_room = 0;   // forwarded to a port that was full
};

class NfStage final : public Stage {
 public:
  // `ports[i]` is PortId i. Requires: the function and the ports outlive the stage.
  NfStage(std::string name, NetworkFunction& function, std::span<Port* const> ports,
          ContractId contract);

  [[nodiscard]] std::string_view name() const override { return name_; }
  Work run(Turn& turn) override;
  [[nodiscard]] std::span<Input* const> inputs() override { return inputs_; }
  [[nodiscard]] const NfCounters& counters() const { return counters_; }

 private:
  struct Share {
    PortId in = 0;
    std::size_t frames_max = 0;
  };
  std::size_t serve(Turn& turn, const Share& share);
  void carry_out(const Verdict& verdict, BufPtr frame);

  std::string name_;
  NetworkFunction& function_;
  std::deque<StagePort> ports_;
  std::vector<Input*> inputs_;
  ContractId contract_;
  std::size_t next_ = 0;  // the port whose turn it is to be first
  NfCounters counters_;
};

}  // namespace twinpath
