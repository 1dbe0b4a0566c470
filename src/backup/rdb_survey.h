// What an RDB file holds, as its entries tell while one goes through it. Pure; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "rdb/walker.h"

namespace keyway::backup {

struct RdbSurvey {
  struct Database {
    int64_t keys = 0;
    int64_t mortal = 0;  // of them, those that expire some day

    bool operator==(const Database&) const = default;
  };

  std::optional<rdb::Header> header;
  int64_t keys = 0;
  int64_t expired = 0;        // of them, by the time that see() was told
  int64_t functions = 0;      // libraries
  int64_t memory_bytes = -1;  // that the server took which wrote it; -1: it does not say
  std::map<int, Database> databases;
  std::map<std::string, int64_t> by_type;  // as the walker names types

  void see(const rdb::Header& of, const rdb::Entry& entry, int64_t now_ms);
  int last_database() const { return databases.empty() ? 0 : databases.rbegin()->first; }
};

// What TYPE answers for a key of that type; empty: that depends on a module.
std::string_view answer_to_type(const rdb::ValueType& type);

// Whether parts of such a value expire by themselves, so that it does not stay as it was read.
bool has_expiring_parts(const rdb::ValueType& type);

// The databases of INFO keyspace.
std::map<int, RdbSurvey::Database> parse_keyspace(std::string_view info);

}  // namespace keyway::backup
