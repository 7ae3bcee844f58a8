// Problems as events: text that may hold anything a peer sent becomes safe JSON.
#include "models/app/metrics.h"

namespace twinpath {

void AppReport::problem(std::string_view why) {
  if (why.empty()) return;
  std::string json = "{\"problem\":\"";
  for (const char letter : why) {
    const bool plain = letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
    json += plain ? letter : '?';
  }
  json += "\"}";
  sink_.event(entity_, EventHeader{}, "app.problem", json);
}

}  // namespace twinpath
