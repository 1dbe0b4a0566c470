// Where backups are kept: objects with names like paths, in a folder or in a bucket, behind one interface.
// All calls wait. A store and what it gives belong to one thread at a time; a second thread opens its own.
//
// Errors of all of them: kNotFound, kDenied (credentials, permissions), kUnavailable (cannot be reached, or
// was too busy for as many tries as are made), kCorrupt (it answers what cannot be), kExhausted (full),
// kInvalidArgument (a name or setting), kTimeout, kInternal.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backup/s3/options.h"
#include "base/error.h"

namespace keyway::backup {

// An object on its way into the store. Nobody sees anything of it before commit; ended without one, it leaves
// nothing.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  // After an error only its end is left to do.
  virtual Status write(std::string_view bytes) = 0;
  // Once. Whole and lasting when it returns; another object of that name has been replaced.
  virtual Status commit() = 0;
};

class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  // The next bytes, `size_bytes` at most; 0: there are no more.
  virtual Result<size_t> read(char* to, size_t size_bytes) = 0;
};

struct ObjectInfo {
  std::string name;
  int64_t size_bytes = 0;
  int64_t changed_ms = 0;  // Unix time
};

class Store {
 public:
  virtual ~Store() = default;

  // As a person would give it, without a slash at its end.
  virtual const std::string& url() const = 0;
  virtual Result<std::unique_ptr<ObjectWriter>> put(const std::string& name) = 0;
  // From that byte on. kNotFound: no such object.
  virtual Result<std::unique_ptr<ObjectReader>> get(const std::string& name, int64_t from_bytes = 0) = 0;
  // Everything below `folder` ("shop/20261122T221400Z"; empty: all), by name, kMaxObjects at most. What an
  // aborted writer could not take away is listed like anything else. kNotFound: there is no such store; a
  // folder without objects is no error.
  virtual Result<std::vector<ObjectInfo>> list(const std::string& folder) = 0;
  // It is no error if there is none.
  virtual Status remove(const std::string& name) = 0;
};

inline constexpr size_t kMaxObjects = 100'000;

// Whether it is a name of an object: parts of letters, digits, '.', '_', '-' between slashes, none of which
// begins with a dot; 512 bytes at most.
bool is_object_name(std::string_view name);

// Small objects as a whole. kExhausted: it is larger than that.
Result<std::string> read_object(Store& store, const std::string& name, size_t max_size_bytes);
Status write_object(Store& store, const std::string& name, std::string_view text);

struct StoreOptions {
  S3Options s3 = {};
  // Asked while a store waits for a server that is busy: once true, nothing is tried again. Null: nobody
  // asks.
  std::function<bool()> interrupted = nullptr;
};

// "/path", "file:///path", "s3://bucket/prefix". Touches nothing yet but, for S3, the files of settings.
// kInvalidArgument: no such kind of place, or a setting is wrong.
Result<std::unique_ptr<Store>> open_store(const std::string& url, const StoreOptions& options = {});

}  // namespace keyway::backup
