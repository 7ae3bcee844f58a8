// Frames that arrive at an interface and cost their sender next to nothing: the kernel makes them
// itself, many per call, and hands them to whoever listens at the interface, as the interface's
// driver would. To be included after ns-3's headers, as packet_socket.h.
// Read: Linux, Documentation/bpf/bpf_prog_run.rst, "live frame mode" (since 5.18).
#pragma once

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "emu/setup_error.h"

namespace twinpath::bench {

class LiveFrames {
 public:
  // Requires: `frame` outlives this. Throws SetupError.
  LiveFrames(const char* interface, std::span<const std::byte> frame)
      : frame_(frame), program_(load_pass()) {
    arrival_.data_end = static_cast<std::uint32_t>(frame.size());
    arrival_.ingress_ifindex = if_nametoindex(interface);
    if (program_ < 0) refuse("the kernel loads no XDP program");
    // Attached somewhere, here where nothing passes, the program is known to the kernel's
    // dispatcher for good; each call would enter and remove it otherwise, 25 ms.
    attached_ = attach(program_, "lo");
    if (attached_ < 0) refuse("the kernel attaches no XDP program");
  }
  LiveFrames(const LiveFrames&) = delete;
  LiveFrames& operator=(const LiveFrames&) = delete;
  ~LiveFrames() {
    close(attached_);
    close(program_);
  }

  // All `count` frames have been handed over when this returns. Throws SetupError.
  void send(std::uint32_t count) {
    bpf_attr call = zeroed();
    call.test.prog_fd = static_cast<std::uint32_t>(program_);
    call.test.data_in = address(frame_.data());
    call.test.data_size_in = static_cast<std::uint32_t>(frame_.size());
    call.test.ctx_in = address(&arrival_);
    call.test.ctx_size_in = sizeof(arrival_);
    call.test.repeat = count;
    call.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    if (bpf(BPF_PROG_TEST_RUN, call) != 0) refuse("the kernel makes no frames");
  }

 private:
  static std::uint64_t address(const void* at) { return reinterpret_cast<std::uintptr_t>(at); }
  static bpf_attr zeroed() {
    bpf_attr call;
    std::memset(&call, 0, sizeof(call));
    return call;
  }
  static int bpf(int command, bpf_attr& call) {
    return static_cast<int>(syscall(SYS_bpf, command, &call, sizeof(call)));
  }
  // `return XDP_PASS`.
  static int load_pass() {
    std::array<bpf_insn, 2> words{};
    words[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
    words[0].imm = XDP_PASS;
    words[1].code = BPF_JMP | BPF_EXIT;
    bpf_attr call = zeroed();
    call.prog_type = BPF_PROG_TYPE_XDP;
    call.insns = address(words.data());
    call.insn_cnt = words.size();
    call.license = address("GPL");
    return bpf(BPF_PROG_LOAD, call);
  }
  static int attach(int program, const char* interface) {
    bpf_attr call = zeroed();
    call.link_create.prog_fd = static_cast<std::uint32_t>(program);
    call.link_create.target_ifindex = if_nametoindex(interface);
    call.link_create.attach_type = BPF_XDP;
    call.link_create.flags = XDP_FLAGS_SKB_MODE;
    return bpf(BPF_LINK_CREATE, call);
  }
  [[noreturn]] static void refuse(const char* what) {
    throw emu::SetupError(std::string(what) + ": " + std::strerror(errno),
                          "uname -r  # Linux 5.18 or later, as root");
  }

  std::span<const std::byte> frame_;
  int program_;
  int attached_ = -1;
  xdp_md arrival_{};
};

}  // namespace twinpath::bench
