// Keeps what foreign libraries print away from our standard output, which carries JSON and tables.
// EAL prints its usage there and some drivers use printf; there is no other way to silence them
// than to own the descriptor.
#pragma once

namespace twinpath::emu {

// While alive, descriptors 1 and 2 lead to `log_fd`; afterwards they are what they were.
class OutputGuard {
 public:
  explicit OutputGuard(int log_fd);
  OutputGuard(const OutputGuard&) = delete;
  OutputGuard& operator=(const OutputGuard&) = delete;
  ~OutputGuard();

  // The standard output everybody else had before; valid while the guard lives.
  [[nodiscard]] int output_fd() const { return saved_output_; }
  // Gives standard error back early: only standard output stays owned.
  void release_error();

 private:
  int saved_output_;
  int saved_error_;
};

}  // namespace twinpath::emu
