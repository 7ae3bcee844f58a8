// ns-3's libraries call each other, and themselves, by way of a table (the PLT): some 300 jumps per
// packet through code that no other call shares. Once every entry is bound, a call may as well go
// where its entry leads, as ld.so does to the entries themselves on request
// (glibc.cpu.plt_rewrite); measured here that was worth 1 %, and the calls 7 %.
//
// A site is rewritten when its four bytes lead exactly to an entry that has the form a linker
// writes and jumps by way of the slot of its own relocation. In 800,000 sites of Debian's ns-3 a
// disassembler agrees with every one. What is not of that form, not bound yet, too far or not to be
// written is left alone and works as before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace twinpath::bind {

// A call by way of the table, in a loaded library.
struct IndirectCall {
  std::uintptr_t at = 0;      // the instruction's address
  std::uintptr_t target = 0;  // where its entry leads; 0: not bound yet
};

struct DirectCalls {
  std::size_t direct = 0;  // calls that go straight now
  std::size_t left = 0;    // calls that still take the table
};

// A library as it stands in memory.
struct LoadedLibrary {
  std::string path;
  std::uintptr_t base = 0;  // where it was loaded to
  std::vector<IndirectCall> calls;
};

// Of the libraries whose path contains `name`. Empty on other machines than x86-64.
std::vector<LoadedLibrary> indirect_calls(const std::string& name);

// Requires: no other thread runs code of those libraries meanwhile.
DirectCalls make_calls_direct(const std::string& name);

}  // namespace twinpath::bind
