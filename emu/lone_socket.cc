// The driver's call of setsockopt() is led through ours, at the place where the loader put its
// address (System V ABI, AMD64 supplement, §5.2; elf(5)).
#include "emu/lone_socket.h"

#include <elf.h>
#include <link.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace twinpath::emu {
namespace {

constexpr std::string_view kDriver = "librte_net_af_packet.so";
constexpr std::string_view kCall = "setsockopt";

thread_local bool is_lone = false;

constexpr auto kSetOption = [](int fd, int level, int option, const void* value, socklen_t bytes) {
  if (is_lone && level == SOL_PACKET && option == PACKET_FANOUT) return 0;
  return ::setsockopt(fd, level, option, value, bytes);
};
using SetOption = int (*)(int, int, int, const void*, socklen_t);

// What a loaded object says of the symbols it takes from others.
struct Taken {
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  std::span<const ElfW(Rela)> calls;
  std::span<const ElfW(Rela)> data;
};

template <typename Value>
const Value* at(ElfW(Addr) address) {
  return reinterpret_cast<const Value*>(address);
}

Taken read_dynamic(const ElfW(Dyn) * entry) {
  Taken taken;
  ElfW(Addr) calls = 0, data = 0;
  std::size_t call_bytes = 0, data_bytes = 0;
  for (; entry->d_tag != DT_NULL; ++entry) {
    switch (entry->d_tag) {
      case DT_SYMTAB:
        taken.symbols = at<ElfW(Sym)>(entry->d_un.d_ptr);
        break;
      case DT_STRTAB:
        taken.names = at<char>(entry->d_un.d_ptr);
        break;
      case DT_JMPREL:
        calls = entry->d_un.d_ptr;
        break;
      case DT_PLTRELSZ:
        call_bytes = entry->d_un.d_val;
        break;
      case DT_RELA:
        data = entry->d_un.d_ptr;
        break;
      case DT_RELASZ:
        data_bytes = entry->d_un.d_val;
        break;
      default:
        break;
    }
  }
  taken.calls = {at<ElfW(Rela)>(calls), call_bytes / sizeof(ElfW(Rela))};
  taken.data = {at<ElfW(Rela)>(data), data_bytes / sizeof(ElfW(Rela))};
  return taken;
}

// The page is written even where the loader has shut it, and shut again if it was.
void lead_to_ours(ElfW(Addr) slot, bool is_shut) {
  const auto page_bytes = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  auto* const page = reinterpret_cast<void*>(slot & ~(page_bytes - 1));
  if (mprotect(page, page_bytes, PROT_READ | PROT_WRITE) != 0) return;
  *reinterpret_cast<SetOption*>(slot) = kSetOption;
  if (is_shut) mprotect(page, page_bytes, PROT_READ);
}

int redirect(dl_phdr_info* object, std::size_t, void*) {
  if (std::string_view(object->dlpi_name).find(kDriver) == std::string_view::npos) return 0;
  const ElfW(Dyn)* dynamic = nullptr;
  ElfW(Addr) shut_from = 0, shut_to = 0;
  for (const auto& part : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    const ElfW(Addr) begin = object->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_DYNAMIC) dynamic = at<ElfW(Dyn)>(begin);
    if (part.p_type == PT_GNU_RELRO) shut_from = begin, shut_to = begin + part.p_memsz;
  }
  if (dynamic == nullptr) return 1;
  const Taken taken = read_dynamic(dynamic);
  if (taken.symbols == nullptr || taken.names == nullptr) return 1;
  for (const auto& places : {taken.calls, taken.data}) {
    for (const ElfW(Rela) & place : places) {
      const auto symbol = place.r_info >> 32;  // ELF64_R_SYM
      if (symbol == 0 || taken.names + taken.symbols[symbol].st_name != kCall) continue;
      const ElfW(Addr) slot = object->dlpi_addr + place.r_offset;
      lead_to_ours(slot, slot >= shut_from && slot < shut_to);
    }
  }
  return 1;
}

}  // namespace

LoneSocket::LoneSocket(bool is_alone) {
  is_lone = is_alone;
  if (is_alone) dl_iterate_phdr(&redirect, nullptr);
}

LoneSocket::~LoneSocket() { is_lone = false; }

}  // namespace twinpath::emu
