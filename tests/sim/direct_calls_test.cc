// ns-3's calls without the table in between: that every site found is a call, which a disassembler
// tells, and that ns-3 works on afterwards.
#include "bindings/sim/direct_calls.h"

#include <gtest/gtest.h>
#include <ns3/ipv4-header.h>
#include <ns3/packet.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_set>

namespace twinpath::bind {
namespace {

const char* const kLibrary = "/libns3-network";

// Addresses within the file of the calls by way of the table, as objdump reads them.
std::unordered_set<std::uintptr_t> disassembled(const std::string& path) {
  const std::string command = "objdump -d --no-show-raw-insn -j .text " + path;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  std::unordered_set<std::uintptr_t> calls;
  std::string line(4096, ' ');
  while (std::fgets(line.data(), static_cast<int>(line.size()), pipe.get()) != nullptr) {
    const std::string text = line.c_str();
    if (text.find("@plt>") == std::string::npos || text.find("call ") == std::string::npos)
      continue;
    calls.insert(std::strtoull(text.c_str(), nullptr, 16));
  }
  return calls;
}

std::uint32_t header_round_trip() {
  const auto packet = ns3::Create<ns3::Packet>(100);
  ns3::Ipv4Header header;
  header.SetSource(ns3::Ipv4Address("10.0.0.1"));
  header.SetPayloadSize(100);
  packet->AddHeader(header);
  ns3::Ipv4Header read;
  packet->Copy()->RemoveHeader(read);
  return read.GetSource().Get() + read.GetPayloadSize() + packet->GetSize();
}

TEST(DirectCalls, AreCallsAndNothingElse) {
  const auto libraries = indirect_calls(kLibrary);
  if (libraries.empty()) GTEST_SKIP() << "no table of this machine's kind is known";
  ASSERT_EQ(libraries.size(), 1U);
  const auto calls = disassembled(libraries[0].path);
  ASSERT_GT(calls.size(), 10'000U) << "objdump said nothing of " << libraries[0].path;
  for (const IndirectCall& call : libraries[0].calls) {
    ASSERT_TRUE(calls.contains(call.at - libraries[0].base)) << std::hex << call.at;
  }
  EXPECT_GT(libraries[0].calls.size() * 100, calls.size() * 99);
}

TEST(DirectCalls, NobodyNoticesButTheClock) {
  const std::uint32_t before = header_round_trip();
  const std::size_t all = indirect_calls(kLibrary).at(0).calls.size();
  const DirectCalls done = make_calls_direct(kLibrary);
  EXPECT_GT(done.direct, 0U);
  EXPECT_EQ(done.direct + done.left, all);
  EXPECT_EQ(header_round_trip(), before);
  EXPECT_EQ(indirect_calls(kLibrary).at(0).calls.size(), done.left) << "what is direct is no site";
}

TEST(DirectCalls, AreNoneWhereNothingIsLoaded) {
  EXPECT_TRUE(indirect_calls("/no-such-library").empty());
  EXPECT_EQ(make_calls_direct("/no-such-library").direct, 0U);
}

}  // namespace
}  // namespace twinpath::bind
