#include "cluster/backup_schedule.h"

#include <array>
#include <vector>

#include "base/format.h"
#include "base/strings.h"
#include "cluster/spec_fields.h"
#include "cluster/spec_rules.h"
#include "cluster/yaml_tree.h"

namespace keyway::cluster {

namespace {

constexpr std::string_view kApiVersion = "keyway.dev/v1alpha1";
constexpr std::string_view kKind = "KeywayBackupSchedule";
constexpr int64_t kMaxKept = 10'000;
constexpr int64_t kMaxHistory = 100;
constexpr CivilMinute kAnyMinute{};
constexpr int64_t kMaxDeadlineS = 366 * 24 * 3600;

struct Count {
  std::string_view name;
  int BackupSchedule::* field;
};
constexpr std::array<Count, 5> kKept = {{{"last", &BackupSchedule::keep_last},
                                         {"days", &BackupSchedule::keep_days},
                                         {"daily", &BackupSchedule::keep_daily},
                                         {"weekly", &BackupSchedule::keep_weekly},
                                         {"monthly", &BackupSchedule::keep_monthly}}};

struct Text {
  std::string_view name;
  std::string BackupSchedule::* field;
};
constexpr std::array<Text, 5> kS3 = {{{"endpoint", &BackupSchedule::endpoint_url},
                                      {"region", &BackupSchedule::region},
                                      {"addressingStyle", &BackupSchedule::addressing_style},
                                      {"sse", &BackupSchedule::sse},
                                      {"sseKmsKeyId", &BackupSchedule::sse_kms_key_id}}};

class Parser {
 public:
  Parser(const YamlNode& root, std::string_view source) : root_(root), fields_(source) {}

  Result<BackupSchedule> parse() {
    read_document();
    if (fields_.failed()) return fail(fields_.status().error());
    return std::move(schedule_);
  }

 private:
  void read_document() {
    if (!fields_.map(root_, "", {"apiVersion", "kind", "metadata", "spec", "status"})) return;
    read_constant("apiVersion", kApiVersion);
    read_constant("kind", kKind);
    if (const YamlNode* node = fields_.required(root_, "", "metadata", "{name: nightly}")) {
      if (fields_.map(*node, "metadata", {"name", "namespace", "labels", "annotations"}))
        read_label(*node, "metadata", "name", "nightly", schedule_.name);
    }
    if (const YamlNode* node = fields_.required(root_, "", "spec", "{cluster: shop}")) read_spec(*node);
  }

  void read_constant(std::string_view name, std::string_view value) {
    const YamlNode* node = fields_.required(root_, "", name, value);
    if (!node || fields_.text(*node, name) == value) return;
    fields_.refuse(*node, name, fmt::format("it is not what this version reads; write {}", value));
  }

  void read_label(const YamlNode& map, std::string_view path, std::string_view name, std::string_view example,
                  std::string& to) {
    const YamlNode* node = fields_.required(map, path, name, example);
    if (!node) return;
    to = fields_.text(*node, field_path(path, name));
    fields_.check(*node, field_path(path, name), label_problem(to));
  }

  void read_spec(const YamlNode& node) {
    if (!fields_.map(node, "spec",
                     {"cluster", "schedule", "timeZone", "suspend", "concurrencyPolicy",
                      "startingDeadlineSeconds", "history", "to", "s3", "keyFile", "verify", "keep"})) {
      return;
    }
    read_label(node, "spec", "cluster", "shop", schedule_.cluster);
    read_times(node);
    if (const YamlNode* to = fields_.required(node, "spec", "to", "/mnt/backups"))
      schedule_.to = read_filled(*to, "spec.to");
    if (const YamlNode* s3 = node.find("s3")) read_s3(*s3);
    if (const YamlNode* file = node.find("keyFile")) schedule_.key_file = read_filled(*file, "spec.keyFile");
    if (const YamlNode* verify = node.find("verify"))
      schedule_.verify = fields_.boolean(*verify, "spec.verify");
    if (const YamlNode* keep = node.find("keep")) read_keep(*keep);
  }

  void read_times(const YamlNode& node) {
    if (const YamlNode* when = fields_.required(node, "spec", "schedule", "\"30 2 * * *\"")) {
      schedule_.when = fields_.text(*when, "spec.schedule");
      Result<Cron> cron = parse_cron(schedule_.when);
      if (cron) schedule_.cron = *cron;
      if (!cron) fields_.refuse(*when, "spec.schedule", cron.error().message);
      if (cron && !next_due(*cron, kAnyMinute))
        fields_.refuse(*when, "spec.schedule", "no month has that day, so it would never be due");
    }
    if (const YamlNode* zone = node.find("timeZone"))
      schedule_.time_zone = read_filled(*zone, "spec.timeZone");
    if (const YamlNode* suspend = node.find("suspend"))
      schedule_.suspended = fields_.boolean(*suspend, "spec.suspend");
    if (const YamlNode* policy = node.find("concurrencyPolicy"))
      schedule_.replaces = fields_.choice(*policy, "spec.concurrencyPolicy", {"Forbid", "Replace"}) == 1;
    if (const YamlNode* deadline = node.find("startingDeadlineSeconds"))
      schedule_.deadline_s = read_count(*deadline, "spec.startingDeadlineSeconds", kMaxDeadlineS);
    if (const YamlNode* history = node.find("history"))
      schedule_.history = static_cast<int>(read_count(*history, "spec.history", kMaxHistory));
  }

  std::string read_filled(const YamlNode& node, std::string_view path) {
    std::string text = fields_.text(node, path);
    if (text.empty()) fields_.refuse(node, path, "it is empty; write a value, or leave the field out");
    return text;
  }

  int64_t read_count(const YamlNode& node, std::string_view path, int64_t most) {
    int64_t count = fields_.integer(node, path);
    if (count < 0 || count > most)
      fields_.refuse(node, path, fmt::format("it is a number from 0 to {}", most));
    return count;
  }

  void read_s3(const YamlNode& node) {
    std::vector<std::string_view> known;
    for (const Text& one : kS3) known.push_back(one.name);
    if (!fields_.map(node, "spec.s3", known)) return;
    for (const Text& one : kS3) {
      const YamlNode* field = node.find(one.name);
      if (field != nullptr) schedule_.*one.field = read_filled(*field, field_path("spec.s3", one.name));
    }
  }

  void read_keep(const YamlNode& node) {
    std::vector<std::string_view> known;
    for (const Count& one : kKept) known.push_back(one.name);
    if (!fields_.map(node, "spec.keep", known)) return;
    for (const Count& one : kKept) {
      const YamlNode* field = node.find(one.name);
      if (field == nullptr) continue;
      schedule_.*one.field =
          static_cast<int>(read_count(*field, field_path("spec.keep", one.name), kMaxKept));
    }
  }

  const YamlNode& root_;
  FieldReader fields_;
  BackupSchedule schedule_;
};

std::string joined(const std::vector<std::string>& parts) { return "{" + join(parts, ", ") + "}"; }

}  // namespace

Result<BackupSchedule> parse_backup_schedule(std::string_view text, std::string_view source) {
  Result<YamlNode> root = read_yaml(text, source);
  if (!root) return fail(root.error());
  return Parser(*root, source).parse();
}

std::string to_yaml(const BackupSchedule& schedule) {
  std::string text = fmt::format(
      "apiVersion: {}\nkind: {}\nmetadata:\n  name: {}\nspec:\n  cluster: {}\n  schedule: {}\n  to: {}\n",
      kApiVersion, kKind, yaml_quoted(schedule.name), yaml_quoted(schedule.cluster),
      yaml_quoted(schedule.when), yaml_quoted(schedule.to));
  auto add = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("  {}: {}\n", name, value);
  };
  if (!schedule.time_zone.empty()) add("timeZone", yaml_quoted(schedule.time_zone));
  if (schedule.suspended) add("suspend", "true");
  if (schedule.replaces) add("concurrencyPolicy", "Replace");
  if (schedule.deadline_s) add("startingDeadlineSeconds", std::to_string(*schedule.deadline_s));
  if (schedule.history != BackupSchedule{}.history) add("history", std::to_string(schedule.history));
  if (!schedule.key_file.empty()) add("keyFile", yaml_quoted(schedule.key_file));
  if (schedule.verify) add("verify", "true");
  std::vector<std::string> s3;
  for (const Text& one : kS3) {
    if (!(schedule.*one.field).empty())
      s3.push_back(fmt::format("{}: {}", one.name, yaml_quoted(schedule.*one.field)));
  }
  if (!s3.empty()) add("s3", joined(s3));
  std::vector<std::string> keep;
  for (const Count& one : kKept) {
    if (schedule.*one.field > 0) keep.push_back(fmt::format("{}: {}", one.name, schedule.*one.field));
  }
  if (!keep.empty()) add("keep", joined(keep));
  return text;
}

}  // namespace keyway::cluster
