#include "agent/folder_registry.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/format.h"
#include "base/strings.h"
#include "platform/local/files.h"
#include "platform/local/lock.h"
#include "platform/local/paths.h"

namespace keyway::agent {

namespace local = platform::local;

namespace {

constexpr int64_t kLockMs = 1000;
constexpr size_t kMaxFileBytes = 256 * 1024;

using Fields = std::map<std::string, std::string>;

Fields parse(const std::string& text) {
  Fields fields;
  for (std::string_view line : split(text, '\n')) {
    size_t at = line.find('=');
    if (at != std::string_view::npos) fields[std::string(line.substr(0, at))] = line.substr(at + 1);
  }
  return fields;
}

std::string render(const Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text += fmt::format("{}={}\n", name, value);
  return text;
}

std::string_view to_string(RoleMark role) {
  return role == RoleMark::kPrimary ? "primary" : role == RoleMark::kReplica ? "replica" : "";
}

RoleMark read_role(const std::string& text) {
  return text == "primary" ? RoleMark::kPrimary : text == "replica" ? RoleMark::kReplica : RoleMark::kNone;
}

Fields to_fields(const Pod& pod) {
  return {{"name", pod.name},
          {"uid", pod.uid},
          {"shard", pod.shard},
          {"server", keyway::to_string(pod.server)},
          {"http", keyway::to_string(pod.http)},
          {"role", std::string(to_string(pod.role))},
          {"node_id", pod.node_id},
          {"ending", pod.ending ? "yes" : "no"}};
}

Pod to_pod(Fields fields) {
  Pod pod;
  pod.name = fields["name"];
  pod.uid = fields["uid"];
  pod.shard = fields["shard"];
  pod.server = parse_address(fields["server"]).value_or(Address{});
  pod.http = parse_address(fields["http"]).value_or(Address{});
  pod.role = read_role(fields["role"]);
  pod.node_id = fields["node_id"];
  pod.ending = fields["ending"] == "yes";
  return pod;
}

}  // namespace

FolderRegistry::FolderRegistry(std::string folder, std::string own)
    : folder_(std::move(folder)), own_(std::move(own)) {}

Result<std::unique_ptr<Registry>> FolderRegistry::open(const std::string& folder, const Pod& own) {
  for (const char* part : {"/leases", "/pods"}) {
    if (Status made = local::make_private_folder(folder + part); !made) return fail(made.error());
  }
  std::unique_ptr<FolderRegistry> registry(new FolderRegistry(folder, own.name));
  Status written =
      local::replace_file(folder + "/pods/" + own.name, render(to_fields(own)), local::Durability::kVolatile);
  if (!written) return fail(written.error());
  return registry;
}

Result<std::vector<Pod>> FolderRegistry::pods() {
  std::vector<Pod> pods;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/pods", error)) {
    Result<std::string> text = local::read_file(entry.path(), kMaxFileBytes);
    if (!text) continue;  // deleted meanwhile
    Pod pod = to_pod(parse(*text));
    if (pod.name == entry.path().filename()) pods.push_back(std::move(pod));
  }
  if (error)
    return fail(ErrorCode::kUnavailable, fmt::format("cannot list {}/pods: {}", folder_, error.message()));
  std::ranges::sort(pods, {}, &Pod::name);
  return pods;
}

Result<std::optional<Lease>> FolderRegistry::lease(const std::string& name) {
  Result<std::string> text = local::read_file(folder_ + "/leases/" + name, kMaxFileBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::optional<Lease>();
  if (!text) return fail(text.error());
  Fields fields = parse(*text);
  Lease lease;
  lease.name = name;
  lease.holder = fields["holder"];
  lease.duration_ms = parse_int(fields["duration_ms"]).value_or(0);
  lease.transitions = parse_int(fields["transitions"]).value_or(0);
  lease.acquired_us = parse_int(fields["acquired_us"]).value_or(0);
  lease.renewed_us = parse_int(fields["renewed_us"]).value_or(0);
  lease.note = fields["note"];
  lease.report = fields["report"];
  lease.wanted = fields["wanted"];
  lease.resource_version = fields["version"];
  return std::optional<Lease>(std::move(lease));
}

Result<Lease> FolderRegistry::put_lease(const Lease& lease) {
  Result<local::FileLock> lock = local::FileLock::take_within(folder_ + "/lock", kLockMs);
  if (!lock) return fail(ErrorCode::kTimeout, lock.error().message);
  Result<std::optional<Lease>> before = this->lease(lease.name);
  if (!before) return fail(before.error());
  std::string version = *before ? (*before)->resource_version : "";
  if (version != lease.resource_version)
    return fail(ErrorCode::kConflict, fmt::format("the Lease {} was written by somebody else", lease.name));
  Lease next = lease;
  next.resource_version = fmt::format("{}", parse_int(version).value_or(0) + 1);
  if (*before) next.wanted = (*before)->wanted;
  if (*before && next.report.empty()) next.report = (*before)->report;
  Result<std::string> kept = local::read_file(folder_ + "/leases/" + lease.name, kMaxFileBytes);
  Fields fields = kept ? parse(*kept) : Fields{};
  fields["holder"] = next.holder;
  fields["duration_ms"] = fmt::format("{}", next.duration_ms);
  fields["transitions"] = fmt::format("{}", next.transitions);
  fields["acquired_us"] = fmt::format("{}", next.acquired_us);
  fields["renewed_us"] = fmt::format("{}", next.renewed_us);
  fields["note"] = next.note;
  fields["report"] = next.report;
  fields["version"] = next.resource_version;
  Status written =
      local::replace_file(folder_ + "/leases/" + lease.name, render(fields), local::Durability::kVolatile);
  if (!written) return fail(written.error());
  return next;
}

Status FolderRegistry::change_pod(const std::string& name, const std::function<void(Pod&)>& change) {
  Result<local::FileLock> lock = local::FileLock::take_within(folder_ + "/lock", kLockMs);
  if (!lock) return fail(ErrorCode::kTimeout, lock.error().message);
  std::string path = folder_ + "/pods/" + name;
  Result<std::string> text = local::read_file(path, kMaxFileBytes);
  if (!text) return fail(text.error());
  Pod pod = to_pod(parse(*text));
  change(pod);
  return local::replace_file(path, render(to_fields(pod)), local::Durability::kVolatile);
}

Status FolderRegistry::mark_role(const std::string& pod, RoleMark role) {
  return change_pod(pod, [role](Pod& changed) { changed.role = role; });
}

Status FolderRegistry::mark_node_id(const std::string& id) {
  return change_pod(own_, [&id](Pod& changed) { changed.node_id = id; });
}

}  // namespace keyway::agent
