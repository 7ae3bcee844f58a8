// See lwip_library.h. A copy calls through its table of imported functions even what it defines
// itself (it is not linked with -Bsymbolic), so redirecting is writing to that table, as a linker
// with another search order would have. The table is read-only after loading; it is opened for the
// moment of writing. Read the System V ABI, chapter 5, and dlinfo(3).
#include "bindings/lwip/lwip_library.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "models/base/check.h"

namespace twinpath::bind {
namespace {

constexpr const char* kName = "liblwip.so.0";

// Whose copy is being called on this thread. lwIP's hooks have no argument that could tell.
thread_local lwip::Environment* answering = nullptr;

std::uint32_t now_ms() { return answering->now_ms(); }
int random_number() { return static_cast<int>(answering->random()); }
void* allocate(std::size_t bytes) { return answering->allocate(bytes); }
void release(void* at) { answering->release(at); }
err_t call_later(void (*call)(void*), void* context) {
  return answering->defer(call, context) ? ERR_OK : ERR_MEM;
}
// One thread at a time calls a copy; there is nothing to protect from.
unsigned protect() { return 0; }
void unprotect(unsigned) {}

struct Redirection {
  std::string_view symbol;
  void* target;
};

template <typename F>
void* address_of(F* function) {
  return reinterpret_cast<void*>(function);
}

std::array<Redirection, 8> redirections() {
  return {{{"sys_now", address_of(now_ms)},
           {"rand", address_of(random_number)},
           {"malloc", address_of(allocate)},
           {"calloc", address_of(+[](std::size_t count, std::size_t bytes) -> void* {
              if (bytes != 0 && count > SIZE_MAX / bytes) return nullptr;
              void* const got = allocate(count * bytes);
              return got == nullptr ? nullptr : std::memset(got, 0, count * bytes);
            })},
           {"free", address_of(release)},
           {"tcpip_try_callback", address_of(call_later)},
           {"sys_arch_protect", address_of(protect)},
           {"sys_arch_unprotect", address_of(unprotect)}}};
}

class Descriptor {
 public:
  Descriptor(int fd, const std::string& what) : fd_(fd) {
    if (fd < 0) throw LwipError(what + ": " + std::strerror(errno));
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(fd_); }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// Where the dynamic linker finds the library.
std::string installed_path() {
  void* const opened = dlopen(kName, RTLD_LAZY | RTLD_LOCAL);
  if (opened == nullptr) {
    throw LwipError(std::string("lwIP cannot be loaded: ") + dlerror() +
                    "; install the package liblwip0");
  }
  link_map* map = nullptr;
  CHECK(dlinfo(opened, RTLD_DI_LINKMAP, &map) == 0);
  const std::string path = map->l_name;
  dlclose(opened);
  return path;
}

// What the dynamic linker made of a section of the loaded copy.
class Image {
 public:
  explicit Image(const link_map& map) : map_(map) {}

  // Every slot of the table of imported functions, with the name it stands for.
  template <typename Visit>
  void for_each_import(Visit visit) const {
    const auto* const names = reinterpret_cast<const char*>(entry(DT_STRTAB));
    const auto* const symbols = reinterpret_cast<const Elf64_Sym*>(entry(DT_SYMTAB));
    const auto* const table = reinterpret_cast<const Elf64_Rela*>(entry(DT_JMPREL));
    const std::size_t count = entry(DT_PLTRELSZ) / sizeof(Elf64_Rela);
    for (std::size_t index = 0; index < count; ++index) {
      const Elf64_Rela& row = table[index];
      visit(std::string_view(names + symbols[ELF64_R_SYM(row.r_info)].st_name),
            reinterpret_cast<void**>(map_.l_addr + row.r_offset));
    }
  }

 private:
  [[nodiscard]] std::uint64_t entry(std::int64_t tag) const {
    const auto* row = map_.l_ld;
    while (row->d_tag != DT_NULL && row->d_tag != tag) ++row;
    return row->d_tag == DT_NULL ? 0 : row->d_un.d_val;
  }
  const link_map& map_;
};

void write_slot(void** slot, void* target) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  auto* const start = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(slot) & ~(page - 1));
  if (mprotect(start, page, PROT_READ | PROT_WRITE) != 0) {
    throw LwipError(std::string("lwIP's imports cannot be written: ") + std::strerror(errno));
  }
  *slot = target;
  mprotect(start, page, PROT_READ);
}

class Copy final : public lwip::Library {
 public:
  explicit Copy(const std::string& path)
      : file_(memfd_create("lwip", MFD_CLOEXEC), "memory for a copy of lwIP") {
    fill(path);
    // Open as long as the copy is loaded: its name is the descriptor's, and the linker takes equal
    // names for one library.
    const std::string name = "/proc/self/fd/" + std::to_string(file_.get());
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) throw LwipError(std::string("lwIP cannot be loaded: ") + dlerror());
    check_build();
    redirect();
    lwip::for_each_call([&](const char* symbol, auto member) {
      calls_.*member =
          reinterpret_cast<std::remove_reference_t<decltype(calls_.*member)>>(address(symbol));
    });
  }
  ~Copy() override { dlclose(handle_); }

  [[nodiscard]] const lwip::Calls& calls() const override { return calls_; }
  lwip::Environment* exchange(lwip::Environment* environment) override {
    return std::exchange(answering, environment);
  }

 private:
  void fill(const std::string& path) {
    const Descriptor from(open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
    struct stat status {};
    fstat(from.get(), &status);
    for (auto left = static_cast<std::size_t>(status.st_size); left > 0;) {
      const ssize_t sent = sendfile(file_.get(), from.get(), nullptr, left);
      if (sent <= 0) throw LwipError("a copy of " + path + ": " + std::strerror(errno));
      left -= static_cast<std::size_t>(sent);
    }
  }

  void* address(const char* symbol) {
    void* const found = dlsym(handle_, symbol);
    if (found == nullptr) throw LwipError(std::string("this lwIP has no ") + symbol);
    return found;
  }

  // The library has no version to ask for, but it knows how long its control blocks are.
  void check_build() {
    const auto* const pools = static_cast<const memp_desc* const*>(address("memp_pools"));
    const bool same = pools[MEMP_TCP_PCB]->size == LWIP_MEM_ALIGN_SIZE(sizeof(tcp_pcb)) &&
                      pools[MEMP_UDP_PCB]->size == LWIP_MEM_ALIGN_SIZE(sizeof(udp_pcb)) &&
                      pools[MEMP_TCP_SEG]->size == LWIP_MEM_ALIGN_SIZE(sizeof(tcp_seg));
    if (!same) throw LwipError("the installed lwIP is of another build than " LWIP_VERSION_STRING);
  }

  void redirect() {
    link_map* map = nullptr;
    CHECK(dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0);
    const Image image(*map);
    for (const Redirection& one : redirections()) {
      bool found = false;
      image.for_each_import([&](std::string_view name, void** slot) {
        if (name != one.symbol) return;
        write_slot(slot, one.target);
        found = true;
      });
      if (!found) throw LwipError("this lwIP does not import " + std::string(one.symbol));
    }
  }

  Descriptor file_;
  void* handle_ = nullptr;
  lwip::Calls calls_;
};

}  // namespace

std::unique_ptr<lwip::Library> open_lwip() { return std::make_unique<Copy>(installed_path()); }

}  // namespace twinpath::bind
