// Settings reach the fields they name; everything else is a problem.
#include "bindings/plan/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twinpath::bind {
namespace {

using ::testing::Field;
using ::testing::UnorderedElementsAre;

enum class Colour : std::uint8_t { kRed, kBlue };
constexpr const char* kColours[] = {"red", "blue"};

struct SampleConfig {
  std::uint32_t mss_bytes = 1448;
  Duration delayed_ack = std::chrono::milliseconds(40);
  double beta = 0.7;
  bool sack = true;
  Colour colour = Colour::kRed;

  static constexpr auto fields() {
    return std::tuple(
        twinpath::Field{"mss_bytes", "largest payload", &SampleConfig::mss_bytes,
                        Limits{.unit = "byte", .min = 64, .max = 9000}},
        twinpath::Field{"delayed_ack", "wait", &SampleConfig::delayed_ack,
                        Limits{.unit = "ns", .min = 0, .max = 5e8}},
        twinpath::Field{"beta", "decrease", &SampleConfig::beta, Limits{.max = 1}},
        twinpath::Field{"sack", "offer", &SampleConfig::sack, Limits{.max = 1}},
        twinpath::Field{"colour", "paint", &SampleConfig::colour, Limits{.choices = kColours}});
  }
};

TEST(ApplySettings, EveryKindOfField) {
  Settings settings;
  settings.set("mss_bytes", std::int64_t{536});
  settings.set("delayed_ack", std::int64_t{1000});
  settings.set("beta", 0.5);
  settings.set("sack", false);
  settings.set("colour", std::string("blue"));
  SampleConfig config;
  std::vector<Problem> problems;
  apply_settings(settings, "client.tcp", config, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(config.mss_bytes, 536u);
  EXPECT_EQ(config.delayed_ack, std::chrono::microseconds(1));
  EXPECT_DOUBLE_EQ(config.beta, 0.5);
  EXPECT_FALSE(config.sack);
  EXPECT_EQ(config.colour, Colour::kBlue);
}

TEST(ApplySettings, NamesEveryProblemAndLeavesTheRest) {
  Settings settings;
  settings.set("mss_bytes", std::int64_t{10});
  settings.set("colour", std::string("green"));
  settings.set("mss", std::int64_t{536});
  SampleConfig config;
  std::vector<Problem> problems;
  apply_settings(settings, "tcp", config, problems);
  EXPECT_THAT(problems, UnorderedElementsAre(Field(&Problem::field, "tcp.mss_bytes"),
                                             Field(&Problem::field, "tcp.colour"),
                                             Field(&Problem::field, "tcp.mss")));
  EXPECT_EQ(config.mss_bytes, 1448u);
}

}  // namespace
}  // namespace twinpath::bind
