// SQLite by RAII: one connection, statements compiled once, every error a StoreError in words.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace twinpath::store {

// What cannot be recorded and why, ready to be shown: disk full, database locked, no such folder.
class StoreError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Database {
 public:
  // Opens or creates `path`; a lock held by another process is waited for up to `lock_wait`.
  Database(const std::string& path, std::chrono::milliseconds lock_wait);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  void run(const char* sql);
  std::int64_t last_row() const { return sqlite3_last_insert_rowid(handle_); }
  std::int64_t changes() const { return sqlite3_changes64(handle_); }
  sqlite3* handle() const { return handle_; }
  [[noreturn]] void fail(std::string_view doing) const;

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
};

// A compiled statement; bind() numbers its arguments from 1 in the order of the calls.
class Statement {
 public:
  Statement(Database& database, const char* sql);

  Statement& bind(std::int64_t value);
  Statement& bind(double value);
  Statement& bind(std::string_view value);
  Statement& bind_null();
  template <typename T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(*value) : bind_null();
  }
  // Runs to the end and makes it ready for the next row of arguments.
  void run();
  // The first column of the first row, if there is one.
  std::optional<std::int64_t> integer();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void check(int code);
  void reset();

  Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_ = 1;
};

}  // namespace twinpath::store
