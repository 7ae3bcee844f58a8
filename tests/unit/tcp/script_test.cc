// Every script of tests/scripts/tcp, and proof that the runner can fail.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fakes/tcp_script.h"

namespace twinpath::test {
namespace {

constexpr std::size_t kScriptsMin = 27;

std::vector<std::filesystem::path> scripts() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator("tests/scripts/tcp")) {
    if (entry.path().extension() == ".pkt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(TcpScripts, EveryScriptPasses) {
  const auto paths = scripts();
  ASSERT_GE(paths.size(), kScriptsMin);
  for (const auto& path : paths) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    const ScriptResult result = run_tcp_script(text.str());
    EXPECT_TRUE(result.passed()) << path << ": " << result.failure;
  }
}

constexpr std::string_view kListening =
    "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
    "+0 bind(3, ..., ...) = 0\n"
    "+0 listen(3, 5) = 0\n"
    "+0.1 < S 0:0(0) win 65535 <mss 1000>\n";

TEST(TcpScripts, WrongExpectationsFailAtTheirLine) {
  for (const char* wrong :
       {"+0 > S. 0:0(0) ack 2 <...>", "+0 > S. 1:1(0) ack 1 <...>", "+0 > . 0:0(0) ack 1 <...>",
        "+0 > S. 0:0(0) ack 1 <mss 999>", "+0.5 > S. 0:0(0) ack 1 <...>",
        "+0 accept(3, ..., ...) = 4", "+0 > S. 0:0(0) ack 1 win 7 <...>", "nonsense"}) {
    std::ostringstream script;
    script << kListening << wrong << '\n';
    const ScriptResult result = run_tcp_script(script.str());
    EXPECT_FALSE(result.passed()) << wrong;
    EXPECT_EQ(result.line, 5U) << wrong;
  }
}

TEST(TcpScripts, SilenceIsNoticed) {
  std::ostringstream script;
  script << kListening << "+0 > S. 0:0(0) ack 1 <...>\n+0 > S. 0:0(0) ack 1 <...>\n";
  // The second would be the retransmission, a second later.
  const ScriptResult result = run_tcp_script(script.str());
  EXPECT_NE(result.failure.find("nothing was sent"), std::string::npos) << result.failure;
}

}  // namespace
}  // namespace twinpath::test
