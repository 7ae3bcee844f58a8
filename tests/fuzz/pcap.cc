// The capture reader: never outside the file, and it ends.
#include "models/port/pcap.h"

#include "tests/fuzz/target.h"

using namespace twinpath;

FUZZ_TARGET(input) {
  PcapReader reader(input);
  std::size_t records = 0;
  while (const auto record = reader.next()) {
    fuzz::touch(record->frame);
    CHECK(record->at >= kStart);
    ++records;
  }
  CHECK(records <= input.size() / kPcapRecordLen);
}
