// See database.h.
#include "analysis/store/database.h"

namespace twinpath::store {
namespace {

std::string explain(sqlite3* handle, const std::string& path) {
  const int extended = sqlite3_extended_errcode(handle);
  const int code = extended & 0xff;
  // SQLite keeps ENOSPC apart (SQLITE_FULL) but folds quota and file size limit into one code.
  if (code == SQLITE_FULL || extended == SQLITE_IOERR_WRITE) {
    return "cannot write more to " + path +
           ": disk full, quota or file size limit; what was committed stays readable, free some "
           "space or choose another --db";
  }
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    return path + " is locked by another process; close it or choose another --db";
  }
  if (code == SQLITE_CANTOPEN) {
    return "cannot open " + path + "; does its folder exist and may you write there?";
  }
  if (code == SQLITE_NOTADB) return path + " is not an SQLite database";
  if (code == SQLITE_READONLY) return path + " is read-only";
  return path + ": " + sqlite3_errmsg(handle);
}

}  // namespace

Database::Database(const std::string& path, std::chrono::milliseconds lock_wait) : path_(path) {
  const int code = sqlite3_open(path.c_str(), &handle_);
  if (code != SQLITE_OK) {
    const std::string text = explain(handle_, path_);
    sqlite3_close(handle_);
    throw StoreError(text);
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, static_cast<int>(lock_wait.count()));
}

Database::~Database() { sqlite3_close(handle_); }

void Database::run(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail("");
}

void Database::fail(std::string_view doing) const {
  std::string text = explain(handle_, path_);
  if (!doing.empty()) text += " (" + std::string(doing) + ")";
  throw StoreError(text);
}

Statement::Statement(Database& database, const char* sql) : database_(database) {
  sqlite3_stmt* compiled = nullptr;
  const int code =
      sqlite3_prepare_v3(database.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &compiled, nullptr);
  statement_.reset(compiled);
  check(code);
}

Statement& Statement::bind(std::int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), next_++, value));
  return *this;
}

Statement& Statement::bind(double value) {
  check(sqlite3_bind_double(statement_.get(), next_++, value));
  return *this;
}

Statement& Statement::bind(std::string_view value) {
  check(sqlite3_bind_text(statement_.get(), next_++, value.data(), static_cast<int>(value.size()),
                          SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind_null() {
  check(sqlite3_bind_null(statement_.get(), next_++));
  return *this;
}

void Statement::run() {
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_DONE && code != SQLITE_ROW) check(code);
  reset();
}

std::optional<std::int64_t> Statement::integer() {
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_DONE && code != SQLITE_ROW) check(code);
  std::optional<std::int64_t> value;
  if (code == SQLITE_ROW) value = sqlite3_column_int64(statement_.get(), 0);
  reset();
  return value;
}

void Statement::check(int code) {
  if (code == SQLITE_OK) return;
  try {
    database_.fail("");
  } catch (...) {
    reset();
    throw;
  }
}

void Statement::reset() {
  if (statement_) sqlite3_reset(statement_.get());
  next_ = 1;
}

}  // namespace twinpath::store
