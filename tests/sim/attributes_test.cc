// Proves that a configuration described once by fields() is a full citizen of ns-3: defaults from
// the model, units, ranges, enumerations, Config::SetDefaultFailSafe and ObjectFactory.
#include <gtest/gtest.h>
#include <ns3/config.h>
#include <ns3/object-factory.h>
#include <ns3/object.h>
#include <ns3/string.h>

#include "sim/config_attributes.h"

namespace twinpath::sim {
namespace {

enum class Colour : std::uint8_t { kRed, kGreen, kBlue };
constexpr const char* kColours[] = {"red", "green", "blue"};

struct PaintConfig {
  bool shiny = true;
  std::uint32_t coat_count = 2;
  std::int32_t offset = -3;
  double share = 0.25;
  Duration drying_time = std::chrono::milliseconds(40);
  Colour colour = Colour::kGreen;
  std::string label = "plain";

  static constexpr auto fields() {
    return std::tuple(
        Field{"shiny", "whether it shines", &PaintConfig::shiny},
        Field{"coat_count", "coats", &PaintConfig::coat_count,
              Limits{.unit = "coats", .min = 1, .max = 9}},
        Field{"offset", "shift", &PaintConfig::offset, Limits{.min = -10, .max = 10}},
        Field{"share", "part of the wall", &PaintConfig::share, Limits{.min = 0, .max = 1}},
        Field{"drying_time", "until dry", &PaintConfig::drying_time,
              Limits{.unit = "ns", .min = 0, .max = 1e12}},
        Field{"colour", "which", &PaintConfig::colour, Limits{.choices = kColours}},
        Field{"label", "on the tin", &PaintConfig::label});
  }
};

class Wall : public ns3::Object {
 public:
  static ns3::TypeId GetTypeId() {
    static ns3::TypeId tid = add_attributes<Wall, PaintConfig>(
        ns3::TypeId("twinpath::test::Wall").SetParent<ns3::Object>().AddConstructor<Wall>());
    return tid;
  }
  PaintConfig& config() { return config_; }
  const PaintConfig& config() const { return config_; }

 private:
  PaintConfig config_;
};
NS_OBJECT_ENSURE_REGISTERED(Wall);

TEST(Attributes, AreNamedLikeNs3AndDefaultLikeTheModel) {
  EXPECT_EQ(camel_case("mss_bytes"), "MssBytes");
  EXPECT_EQ(camel_case("rfc6298"), "Rfc6298");
  EXPECT_EQ(Wall::GetTypeId().GetAttributeN(), 7U);
  const auto wall = ns3::CreateObject<Wall>();
  ns3::TimeValue time;
  wall->GetAttribute("DryingTime", time);
  EXPECT_EQ(time.Get(), ns3::MilliSeconds(40));
  EXPECT_EQ(wall->config().coat_count, 2U);
  EXPECT_EQ(wall->config().offset, -3);
  EXPECT_EQ(wall->config().colour, Colour::kGreen);
}

TEST(Attributes, TakeValuesAsText) {
  ns3::ObjectFactory factory("twinpath::test::Wall");
  for (const auto& [name, text] :
       std::vector<std::pair<std::string, std::string>>{{"Shiny", "false"},
                                                        {"CoatCount", "7"},
                                                        {"Offset", "-9"},
                                                        {"Share", "0.5"},
                                                        {"DryingTime", "5us"},
                                                        {"Colour", "blue"},
                                                        {"Label", "magic"}}) {
    factory.Set(name, ns3::StringValue(text));
  }
  const auto wall = factory.Create<Wall>();
  EXPECT_FALSE(wall->config().shiny);
  EXPECT_EQ(wall->config().coat_count, 7U);
  EXPECT_EQ(wall->config().offset, -9);
  EXPECT_EQ(wall->config().share, 0.5);
  EXPECT_EQ(wall->config().drying_time, std::chrono::microseconds(5));
  EXPECT_EQ(wall->config().colour, Colour::kBlue);
  EXPECT_EQ(wall->config().label, "magic");
}

TEST(Attributes, RefuseWhatIsOutOfRangeOrUnknown) {
  const auto wall = ns3::CreateObject<Wall>();
  EXPECT_FALSE(wall->SetAttributeFailSafe("CoatCount", ns3::UintegerValue(10)));
  EXPECT_FALSE(wall->SetAttributeFailSafe("Offset", ns3::IntegerValue(11)));
  EXPECT_FALSE(wall->SetAttributeFailSafe("Share", ns3::DoubleValue(1.5)));
  EXPECT_FALSE(wall->SetAttributeFailSafe("DryingTime", ns3::TimeValue(ns3::Seconds(-1))));
  EXPECT_FALSE(wall->SetAttributeFailSafe("Coats", ns3::UintegerValue(1)));
  EXPECT_TRUE(wall->SetAttributeFailSafe("CoatCount", ns3::UintegerValue(9)));
  EXPECT_EQ(wall->config().coat_count, 9U);
}

TEST(Attributes, FollowDefaultsSetByAScript) {
  EXPECT_TRUE(
      ns3::Config::SetDefaultFailSafe("twinpath::test::Wall::DryingTime", ns3::StringValue("2ms")));
  EXPECT_FALSE(
      ns3::Config::SetDefaultFailSafe("twinpath::test::Wall::CoatCount", ns3::UintegerValue(0)));
  EXPECT_EQ(ns3::CreateObject<Wall>()->config().drying_time, std::chrono::milliseconds(2));
  ns3::Config::Reset();
  EXPECT_EQ(ns3::CreateObject<Wall>()->config().drying_time, std::chrono::milliseconds(40));
}

}  // namespace
}  // namespace twinpath::sim
