// Words of the form KEY=VALUE, read with their types. Keeps the first error found; once there is one, what
// the functions return is of no use. Owned by one parse; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace keyway::cli {

class KeyValues {
 public:
  // Words with a key out of `known`, or one that begins with one of `prefixes` ("config."). `what` is what
  // they are given to, for errors.
  KeyValues(const std::vector<std::string>& words, std::string_view what,
            const std::vector<std::string_view>& known, const std::vector<std::string_view>& prefixes);

  Status status() const { return status_; }
  // Keeps the error for the key.
  void refuse(std::string_view key, std::string_view problem);

  bool has(std::string_view key) const { return values_.contains(key); }
  std::string text(std::string_view key) const;
  // With an error if it is not there or empty; `example` is a value it could have.
  std::string required(std::string_view key, std::string_view example);
  // One of `choices`; the first if it is not there.
  std::string choice(std::string_view key, const std::vector<std::string_view>& choices);
  int number(std::string_view key, int otherwise, int least, int most);
  // A Kubernetes quantity, in units or thousandths.
  std::optional<int64_t> quantity(std::string_view key);
  std::optional<int64_t> milli_quantity(std::string_view key);
  bool yes(std::string_view key);
  // What is behind the prefix, with its value.
  std::map<std::string, std::string> with_prefix(std::string_view prefix) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
  Status status_;
};

}  // namespace keyway::cli
