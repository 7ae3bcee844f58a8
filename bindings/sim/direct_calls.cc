// See direct_calls.h. Read: the System V ABI for x86-64 (procedure linkage table), elf.h, glibc's
// sysdeps/x86_64/dl-machine.h.
#include "bindings/sim/direct_calls.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace twinpath::bind {

namespace {

#ifdef __x86_64__
constexpr bool kKnown = true;
#else
constexpr bool kKnown = false;
#endif
// An entry: jmp *slot(%rip); push $index; jmp to the first entry.
constexpr std::size_t kEntryBytes = 16;
constexpr std::size_t kPushOffset = 6;
constexpr std::size_t kLastJumpOffset = 11;
constexpr unsigned char kCall = 0xe8;
constexpr std::size_t kCallBytes = 5;

template <typename Value>
Value load(std::uintptr_t at) {
  Value value;
  std::memcpy(&value, reinterpret_cast<const void*>(at), sizeof(value));
  return value;
}

// Where the instruction that ends at `end` leads by its last four bytes.
std::uintptr_t relative(std::uintptr_t end) {
  return end + static_cast<std::uintptr_t>(std::intptr_t{load<std::int32_t>(end - 4)});
}

struct Segment {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;

  [[nodiscard]] bool holds(std::uintptr_t at, std::size_t bytes) const {
    return at >= begin && at < end && end - at >= bytes;
  }
};

// What the loader knows of a library.
struct Image {
  std::uintptr_t base = 0;
  std::span<const ElfW(Rela)> slots;
  Segment code;
  std::size_t code_segments = 0;

  // The value of the slot behind the entry at `at`, if there is an entry.
  [[nodiscard]] std::optional<std::uintptr_t> entry(std::uintptr_t at) const {
    if (load<unsigned char>(at) != 0xff || load<unsigned char>(at + 1) != 0x25) return {};
    if (load<unsigned char>(at + kPushOffset) != 0x68) return {};
    if (load<unsigned char>(at + kLastJumpOffset) != 0xe9) return {};
    const auto index = load<std::uint32_t>(at + kPushOffset + 1);
    if (index >= slots.size()) return {};
    const ElfW(Rela)& slot = slots[index];
    if (ELF64_R_TYPE(slot.r_info) != R_X86_64_JUMP_SLOT) return {};
    if (base + slot.r_offset != relative(at + kPushOffset)) return {};
    return load<std::uintptr_t>(base + slot.r_offset);
  }
};

std::span<const ElfW(Rela)> slots_of(const dl_phdr_info& info, std::uintptr_t dynamic) {
  std::uintptr_t at = 0;
  std::size_t bytes = 0;
  for (const auto* tag = reinterpret_cast<const ElfW(Dyn)*>(dynamic); tag->d_tag != DT_NULL;
       ++tag) {
    if (tag->d_tag == DT_JMPREL) at = tag->d_un.d_ptr;
    if (tag->d_tag == DT_PLTRELSZ) bytes = tag->d_un.d_val;
  }
  if (at == 0) return {};
  if (at < info.dlpi_addr) at += info.dlpi_addr;  // the loader has added it already, or has not
  return {reinterpret_cast<const ElfW(Rela)*>(at), bytes / sizeof(ElfW(Rela))};
}

Image image_of(const dl_phdr_info& info) {
  Image image{.base = info.dlpi_addr, .slots = {}, .code = {}, .code_segments = 0};
  for (const ElfW(Phdr) & part : std::span(info.dlpi_phdr, info.dlpi_phnum)) {
    const std::uintptr_t begin = info.dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_DYNAMIC) image.slots = slots_of(info, begin);
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    image.code = {begin, begin + part.p_memsz};
    ++image.code_segments;
  }
  return image;
}

std::optional<IndirectCall> call_at(const Image& image, std::uintptr_t at) {
  const Segment& code = image.code;
  if (!code.holds(at, kCallBytes)) return {};
  const std::uintptr_t entry = relative(at + kCallBytes);
  if (entry % kEntryBytes != 0 || !code.holds(entry, kEntryBytes)) return {};
  const auto target = image.entry(entry);
  if (!target) return {};
  return IndirectCall{at, *target == entry + kPushOffset ? 0 : *target};
}

void find_calls(const Image& image, std::vector<IndirectCall>& into) {
  const std::uintptr_t end = image.code.end;
  for (std::uintptr_t at = image.code.begin; at < end;) {
    const void* next = std::memchr(reinterpret_cast<const void*>(at), kCall, end - at);
    if (next == nullptr) return;
    at = reinterpret_cast<std::uintptr_t>(next);
    const auto call = call_at(image, at);
    if (call) into.push_back(*call);
    at += call ? kCallBytes : 1;
  }
}

struct Search {
  const std::string& name;
  std::vector<LoadedLibrary> found;
};

int look_at(dl_phdr_info* info, std::size_t, void* search_argument) {
  auto& search = *static_cast<Search*>(search_argument);
  if (std::strstr(info->dlpi_name, search.name.c_str()) == nullptr) return 0;
  const Image image = image_of(*info);
  if (image.code_segments != 1) return 0;
  find_calls(image,
             search.found.emplace_back(LoadedLibrary{info->dlpi_name, image.base, {}}).calls);
  return 0;
}

bool reaches(const IndirectCall& call) {
  const auto distance = static_cast<std::intptr_t>(call.target - (call.at + kCallBytes));
  return call.target != 0 && distance >= std::numeric_limits<std::int32_t>::min() &&
         distance <= std::numeric_limits<std::int32_t>::max();
}

// The library cannot run meanwhile, so nothing here may be a function it could hold a copy of.
std::size_t rewrite(std::span<const IndirectCall> calls) {
  if (calls.empty()) return 0;
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin = calls.front().at / page * page;
  const std::size_t bytes = calls.back().at + kCallBytes - begin;
  auto* code = reinterpret_cast<void*>(begin);
  if (mprotect(code, bytes, PROT_READ | PROT_WRITE) != 0) return 0;
  const IndirectCall* call = calls.data();
  for (const IndirectCall* end = call + calls.size(); call != end; ++call) {
    const auto distance = static_cast<std::int32_t>(call->target - (call->at + kCallBytes));
    std::memcpy(reinterpret_cast<void*>(call->at + 1), &distance, sizeof(distance));
  }
  if (mprotect(code, bytes, PROT_READ | PROT_EXEC) != 0) std::abort();  // there is no way back
  return calls.size();
}

}  // namespace

std::vector<LoadedLibrary> indirect_calls(const std::string& name) {
  Search search{name, {}};
  if (kKnown) dl_iterate_phdr(&look_at, &search);
  return std::move(search.found);
}

DirectCalls make_calls_direct(const std::string& name) {
  DirectCalls done;
  for (LoadedLibrary& library : indirect_calls(name)) {
    const std::size_t all = library.calls.size();
    std::erase_if(library.calls, [](const IndirectCall& call) { return !reaches(call); });
    const std::size_t rewritten = rewrite(library.calls);
    done.direct += rewritten;
    done.left += all - rewritten;
  }
  return done;
}

}  // namespace twinpath::bind
