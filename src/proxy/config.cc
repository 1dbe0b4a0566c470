#include "proxy/config.h"

#include "base/format.h"
#include "cluster/spec_fields.h"
#include "cluster/suggest.h"
#include "cluster/yaml_tree.h"
#include "proxy/limit_fields.h"
#include "proxy/tls_fields.h"

namespace keyway::proxy {

namespace {

using cluster::YamlNode;

// Goes through the document and fills a Config.
class ConfigParser {
 public:
  ConfigParser(const YamlNode& root, std::string_view source) : root_(root), fields_(source) {}

  Result<Config> parse() {
    read_document();
    if (fields_.failed()) return fail(fields_.status().error());
    return std::move(config_);
  }

 private:
  void read_document() {
    if (!fields_.map(root_, "",
                     {"listen", "metrics", "workers", "seeds", "cluster", "user", "passwordFile", "open",
                      "openAs", "usersFile", "tls", "log", "reads", "limits"}))
      return;
    if (const YamlNode* node = root_.find("listen")) config_.listen = read_listen(*node, "listen");
    if (const YamlNode* node = root_.find("metrics")) config_.metrics = read_listen(*node, "metrics");
    if (const YamlNode* node = root_.find("workers")) read_workers(*node);
    read_cluster();
    if (const YamlNode* node = root_.find("user")) config_.user = read_filled(*node, "user");
    if (const YamlNode* node = root_.find("passwordFile"))
      config_.password_file = read_filled(*node, "passwordFile");
    if (const YamlNode* node = root_.find("open")) config_.open = fields_.boolean(*node, "open");
    if (const YamlNode* node = root_.find("reads")) read_reads(*node);
    if (const YamlNode* node = root_.find("usersFile")) config_.users_file = read_filled(*node, "usersFile");
    if (const YamlNode* node = root_.find("tls")) read_tls(*node, "tls", fields_, config_.tls);
    if (const YamlNode* node = root_.find("log")) read_log(*node);
    if (const YamlNode* node = root_.find("openAs")) config_.open_as = read_filled(*node, "openAs");
    if (const YamlNode* node = root_.find("limits")) read_limits(*node, "limits", fields_, config_.limits);
  }

  void read_reads(const YamlNode& node) {
    if (!fields_.map(node, "reads", {"policy", "maxLagBytes", "maxLagMs", "zone"})) return;
    if (const YamlNode* policy = node.find("policy")) {
      config_.reads.policy = static_cast<ReadPolicy>(
          fields_.choice(*policy, "reads.policy", {"primary", "prefer-replica", "nearest"}));
    }
    if (const YamlNode* lag = node.find("maxLagBytes"))
      config_.reads.max_lag_bytes = fields_.size_bytes(*lag, "reads.maxLagBytes");
    if (const YamlNode* lag = node.find("maxLagMs")) {
      config_.reads.max_lag_ms = fields_.integer(*lag, "reads.maxLagMs");
      if (config_.reads.max_lag_ms < 1)
        fields_.refuse(*lag, "reads.maxLagMs", "a replica is always a little behind; choose 1 or more");
    }
    if (const YamlNode* zone = node.find("zone")) config_.reads.zone = read_filled(*zone, "reads.zone");
  }

  void read_log(const YamlNode& node) {
    if (!fields_.map(node, "log", {"format", "level", "file"})) return;
    if (const YamlNode* format = node.find("format"))
      config_.log_format = static_cast<LogFormat>(fields_.choice(*format, "log.format", {"text", "json"}));
    if (const YamlNode* file = node.find("file")) config_.log_file = read_filled(*file, "log.file");
    if (const YamlNode* level = node.find("level")) {
      config_.log_level =
          static_cast<LogLevel>(fields_.choice(*level, "log.level", {"debug", "info", "warning", "error"}));
    }
  }

  std::string read_filled(const YamlNode& node, std::string_view path) {
    std::string text = fields_.text(node, path);
    if (text.empty()) fields_.refuse(node, path, "it is empty; write a value, or leave the field out");
    return text;
  }

  Address read_listen(const YamlNode& node, std::string_view path) {
    std::string text = fields_.text(node, path);
    std::optional<Address> address = parse_listen_address(text);
    if (!address) {
      fields_.refuse(node, path,
                     fmt::format("\"{}\" is no address with a port; write it as in 127.0.0.1:6379",
                                 cluster::excerpt(text)));
    }
    return address.value_or(Address{});
  }

  void read_workers(const YamlNode& node) {
    int64_t number = fields_.integer(node, "workers");
    if (number < 1 || number > kMaxWorkers) {
      fields_.refuse(node, "workers",
                     fmt::format("{} is out of range; choose from 1 to {}", number, kMaxWorkers));
    }
    config_.workers = fields_.failed() ? 0 : static_cast<int>(number);
  }

  void read_cluster() {
    const YamlNode* seeds = root_.find("seeds");
    const YamlNode* name = root_.find("cluster");
    if (name != nullptr) config_.cluster = read_filled(*name, "cluster");
    if (seeds == nullptr) return;
    if (name != nullptr) fields_.refuse(*name, "cluster", "there are seeds already; keep one of the two");
    if (!fields_.list(*seeds, "seeds")) return;
    for (size_t i = 0; i < seeds->items.size(); ++i) {
      std::string path = cluster::field_path("seeds", i);
      std::string text = fields_.text(seeds->items[i], path);
      std::optional<Address> seed = parse_address(text);
      if (!seed) {
        fields_.refuse(seeds->items[i], path,
                       fmt::format("\"{}\" is no address of a node; write it as in 10.0.0.1:7001",
                                   cluster::excerpt(text)));
      }
      config_.seeds.push_back(seed.value_or(Address{}));
    }
  }

  const YamlNode& root_;
  cluster::FieldReader fields_;
  Config config_;
};

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view source) {
  Result<YamlNode> root = cluster::read_yaml(text, source);
  if (!root) return fail(root.error());
  return ConfigParser(*root, source).parse();
}

}  // namespace keyway::proxy
