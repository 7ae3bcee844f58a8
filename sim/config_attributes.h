// Every field of a configuration as an ns-3 attribute, generated from fields(): delayed_ack becomes
// DelayedAck, with the model's own default, range and help text. So Config::SetDefaultFailSafe,
// ObjectFactory and `--ns3::...` on a command line reach what models read, and models never see
// ns-3.
#pragma once

#include <ns3/attribute.h>
#include <ns3/boolean.h>
#include <ns3/double.h>
#include <ns3/enum.h>
#include <ns3/integer.h>
#include <ns3/nstime.h>
#include <ns3/object-base.h>
#include <ns3/string.h>
#include <ns3/type-id.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "models/base/field.h"
#include "models/base/time.h"

namespace twinpath::sim {

// "mss_bytes" -> "MssBytes".
inline std::string camel_case(std::string_view snake) {
  std::string result;
  bool starts_word = true;
  for (const char letter : snake) {
    if (letter == '_') {
      starts_word = true;
      continue;
    }
    const bool raise = starts_word && letter >= 'a' && letter <= 'z';
    result += raise ? static_cast<char>(letter - 'a' + 'A') : letter;
    starts_word = false;
  }
  return result;
}

// The ns-3 value class, conversions and checker of each type a field may have.
template <typename T, typename Enable = void>
struct AttributeFor;

template <>
struct AttributeFor<bool> {
  using Value = ns3::BooleanValue;
  static Value wrap(bool value) { return Value(value); }
  static bool unwrap(const Value& value) { return value.Get(); }
  static auto checker(const Limits&) { return ns3::MakeBooleanChecker(); }
};

template <typename T>
inline constexpr bool kIsCount = std::is_unsigned_v<T> && !std::is_same_v<T, bool>;
template <typename T>
inline constexpr bool kIsNumber = std::is_integral_v<T>&& std::is_signed_v<T>;

// A limit beyond the type's own range says nothing more than the type.
template <typename T>
T clamp_limit(double limit) {
  if (limit <= static_cast<double>(std::numeric_limits<T>::min())) {
    return std::numeric_limits<T>::min();
  }
  if (limit >= static_cast<double>(std::numeric_limits<T>::max())) {
    return std::numeric_limits<T>::max();
  }
  return static_cast<T>(limit);
}

template <typename T>
struct AttributeFor<T, std::enable_if_t<kIsCount<T>>> {
  using Value = ns3::UintegerValue;
  static Value wrap(T value) { return Value(value); }
  static T unwrap(const Value& value) { return static_cast<T>(value.Get()); }
  static auto checker(const Limits& limits) {
    return ns3::MakeUintegerChecker<T>(clamp_limit<T>(limits.min), clamp_limit<T>(limits.max));
  }
};

template <typename T>
struct AttributeFor<T, std::enable_if_t<kIsNumber<T>>> {
  using Value = ns3::IntegerValue;
  static Value wrap(T value) { return Value(value); }
  static T unwrap(const Value& value) { return static_cast<T>(value.Get()); }
  static auto checker(const Limits& limits) {
    return ns3::MakeIntegerChecker<T>(clamp_limit<T>(limits.min), clamp_limit<T>(limits.max));
  }
};

template <>
struct AttributeFor<double> {
  using Value = ns3::DoubleValue;
  static Value wrap(double value) { return Value(value); }
  static double unwrap(const Value& value) { return value.Get(); }
  static auto checker(const Limits& limits) {
    return ns3::MakeDoubleChecker<double>(limits.min, limits.max);
  }
};

template <>
struct AttributeFor<Duration> {
  using Value = ns3::TimeValue;
  static Value wrap(Duration value) { return Value(ns3::NanoSeconds(value.count())); }
  static Duration unwrap(const Value& value) { return Duration(value.Get().GetNanoSeconds()); }
  static auto checker(const Limits& limits) {
    return ns3::MakeTimeChecker(ns3::NanoSeconds(clamp_limit<std::int64_t>(limits.min)),
                                ns3::NanoSeconds(clamp_limit<std::int64_t>(limits.max)));
  }
};

template <>
struct AttributeFor<std::string> {
  using Value = ns3::StringValue;
  static Value wrap(const std::string& value) { return Value(value); }
  static std::string unwrap(const Value& value) { return value.Get(); }
  static auto checker(const Limits&) { return ns3::MakeStringChecker(); }
};

template <typename T>
struct AttributeFor<T, std::enable_if_t<std::is_enum_v<T>>> {
  using Value = ns3::EnumValue;
  static Value wrap(T value) { return Value(static_cast<int>(value)); }
  static T unwrap(const Value& value) { return static_cast<T>(value.Get()); }
  static ns3::Ptr<const ns3::AttributeChecker> checker(const Limits& limits) {
    const auto checker = ns3::Create<ns3::EnumChecker>();
    int index = 0;
    for (const char* choice : limits.choices) checker->Add(index++, choice);
    return checker;
  }
};

// Reads and writes one field of the Config that Owner::config() returns by reference.
template <typename Owner, typename Config, typename T>
class FieldAccessor final : public ns3::AttributeAccessor {
 public:
  using Value = typename AttributeFor<T>::Value;
  explicit FieldAccessor(T Config::*member) : member_(member) {}

  bool Set(ns3::ObjectBase* object, const ns3::AttributeValue& value) const override {
    auto* owner = dynamic_cast<Owner*>(object);
    const auto* typed = dynamic_cast<const Value*>(&value);
    if (owner == nullptr || typed == nullptr) return false;
    static_cast<Config&>(owner->config()).*member_ = AttributeFor<T>::unwrap(*typed);
    return true;
  }
  bool Get(const ns3::ObjectBase* object, ns3::AttributeValue& value) const override {
    const auto* owner = dynamic_cast<const Owner*>(object);
    auto* typed = dynamic_cast<Value*>(&value);
    if (owner == nullptr || typed == nullptr) return false;
    *typed = AttributeFor<T>::wrap(static_cast<const Config&>(owner->config()).*member_);
    return true;
  }
  bool HasGetter() const override { return true; }
  bool HasSetter() const override { return true; }

 private:
  T Config::*member_;
};

// One call in GetTypeId() publishes every field of Config.
template <typename Owner, typename Config>
ns3::TypeId add_attributes(ns3::TypeId tid) {
  for_each_field<Config>([&tid]<typename T>(const Field<Config, T>& field) {
    std::string help = field.help;
    if (*field.limits.unit != '\0') help += " [" + std::string(field.limits.unit) + "]";
    tid = tid.AddAttribute(camel_case(field.name), help,
                           AttributeFor<T>::wrap(Config{}.*field.member),
                           ns3::Create<FieldAccessor<Owner, Config, T>>(field.member),
                           AttributeFor<T>::checker(field.limits));
  });
  return tid;
}

}  // namespace twinpath::sim
