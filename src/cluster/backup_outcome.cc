#include "cluster/backup_outcome.h"

#include <nlohmann/json.hpp>

#include "base/format.h"

namespace keyway::cluster {

namespace {

using nlohmann::json;

constexpr size_t kMaxIdBytes = 64;
constexpr size_t kLongTextBytes = 1500;
constexpr size_t kShortTextBytes =
    300;  // two of them fit however they are written, as six bytes a byte at most

// At the end of a letter.
std::string cut(const std::string& text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

std::string write(const BackupOutcome& outcome, size_t text_bytes) {
  json document = json::object();
  if (!outcome.id.empty()) document["id"] = outcome.id.substr(0, kMaxIdBytes);
  if (!outcome.error.empty()) document["error"] = cut(outcome.error, text_bytes);
  if (outcome.keys >= 0) document["keys"] = outcome.keys;
  if (outcome.stored_bytes > 0) document["stored_bytes"] = outcome.stored_bytes;
  if (outcome.verified) document["verified"] = true;
  if (outcome.deleted > 0) document["deleted"] = outcome.deleted;
  if (!outcome.trouble.empty()) document["trouble"] = cut(outcome.trouble, text_bytes);
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string to_json(const BackupOutcome& outcome) {
  std::string text = write(outcome, kLongTextBytes);
  return text.size() <= kMaxBackupOutcomeBytes ? text : write(outcome, kShortTextBytes);
}

Result<BackupOutcome> parse_backup_outcome(std::string_view text) {
  try {
    json document = json::parse(text);
    BackupOutcome outcome;
    outcome.id = document.value("id", "");
    outcome.error = document.value("error", "");
    outcome.keys = document.value("keys", int64_t{-1});
    outcome.stored_bytes = document.value("stored_bytes", int64_t{0});
    outcome.verified = document.value("verified", false);
    outcome.deleted = document.value("deleted", int64_t{0});
    outcome.trouble = document.value("trouble", "");
    if (outcome.id.empty() && outcome.error.empty())
      return fail(ErrorCode::kCorrupt, "it tells neither of a backup nor why there is none");
    return outcome;
  } catch (const json::exception& error) {
    return fail(ErrorCode::kCorrupt, fmt::format("it is damaged: {}", error.what()));
  }
}

}  // namespace keyway::cluster
