#include "cli/cluster/json_views.h"

#include "base/format.h"
#include "cli/cluster/summary.h"
#include "cluster/slots.h"

namespace keyway::cli {

namespace {

using resp::ReplyType;

void write_slots(JsonText& json, const cluster::SlotRanges& slots) {
  json.open_array("slots");
  for (const cluster::SlotRange& range : slots) {
    json.open_array();
    json.number("", range.first);
    json.number("", range.last);
    json.close();
  }
  json.close();
}

// -1 as null: it is not known.
void write_known(JsonText& json, std::string_view name, int64_t value) {
  value < 0 ? json.null(name) : json.number(name, value);
}

void write_real(JsonText& json, std::string_view name, double value) {
  json.raw(name, fmt::format("{:g}", value));
}

void write_node(JsonText& json, const NodeSummary& node) {
  json.open_object();
  json.text("id", node.id);
  json.text("address", to_string(node.address));
  json.text("role", node.primary ? "primary" : "replica");
  if (node.primary_id.empty()) {
    json.null("primary_id");
  } else {
    json.text("primary_id", node.primary_id);
  }
  write_slots(json, node.slots);
  json.number("slot_count", cluster::count(node.slots));
  json.number("keys", node.keys);
  json.number("memory_bytes", node.memory_bytes);
  json.text("zone", node.zone);
  json.text("version", node.version);
  json.boolean("answers", node.answers);
  json.text("note", node.note);
  json.close();
}

void write_findings(JsonText& json, std::string_view name, const std::vector<cluster::Finding>& findings) {
  json.open_array(name);
  for (const cluster::Finding& finding : findings) {
    json.open_object();
    json.text("trouble", cluster::to_string(finding.trouble));
    json.text("text", finding.text);
    json.text("remedy", finding.remedy);
    write_slots(json, finding.slots);
    write_texts(json, "ids", finding.ids);
    json.close();
  }
  json.close();
}

// Integers, strings, null, and arrays of them; maps are arrays of names and values in turn.
void write_reply(JsonText& json, std::string_view name, const resp::Reply& reply) {
  switch (reply.type) {
    case ReplyType::kInteger:
      return json.number(name, reply.integer);
    case ReplyType::kBoolean:
      return json.boolean(name, reply.integer != 0);
    case ReplyType::kNull:
      return json.null(name);
    case ReplyType::kArray:
    case ReplyType::kMap:
    case ReplyType::kSet:
    case ReplyType::kPush:
      json.open_array(name);
      for (const resp::Reply& element : reply.elements) write_reply(json, "", element);
      return json.close();
    case ReplyType::kDouble:
      return json.text(name, fmt::format("{}", reply.number));
    default:
      return json.text(name, reply.text);
  }
}

}  // namespace

void write_texts(JsonText& json, std::string_view name, const std::vector<std::string>& texts) {
  json.open_array(name);
  for (const std::string& text : texts) json.text("", text);
  json.close();
}

void write_plan(JsonText& json, const admin::MovePlan& plan) {
  json.open_object("plan");
  json.open_array("moves");
  for (const admin::PlannedMove& move : plan.moves) {
    json.open_object();
    json.text("from", move.from_id);
    json.text("from_address", to_string(move.from));
    json.text("to", move.to_id);
    json.text("to_address", to_string(move.to));
    write_slots(json, move.slots);
    json.number("slot_count", cluster::count(move.slots));
    json.number("keys", move.keys);
    write_known(json, "bytes", move.bytes);
    json.close();
  }
  json.close();
  json.number("slot_count", plan.slots());
  json.number("keys", plan.keys());
  write_known(json, "bytes", plan.bytes());
  json.number("estimated_ms", plan.estimated_ms);
  json.boolean("atomic", plan.atomic);
  write_texts(json, "big_keys", plan.big_keys);
  json.close();
}

void write_move(JsonText& json, const admin::MoveResult& result) {
  write_plan(json, result.plan);
  json.boolean("carried_out", result.carried_out);
  json.boolean("interrupted", result.interrupted);
  json.number("slots_moved", result.slots);
  json.number("keys_moved", result.keys);
  write_known(json, "bytes_moved", result.bytes);
  json.number("elapsed_ms", result.elapsed_ms);
}

void write_create(JsonText& json, const admin::CreateResult& result) {
  json.open_array("shards");
  int shards = static_cast<int>(result.placement.shards.size());
  for (int i = 0; i < shards; ++i) {
    const cluster::PlacedShard& shard = result.placement.shards[static_cast<size_t>(i)];
    json.open_object();
    json.text("primary", shard.primary);
    write_texts(json, "replicas", shard.replicas);
    write_slots(json, {cluster::even_range(i, shards)});
    json.close();
  }
  json.close();
  write_texts(json, "compromises", result.placement.compromises);
  json.boolean("carried_out", result.carried_out);
  json.boolean("interrupted", result.interrupted);
  json.number("elapsed_ms", result.elapsed_ms);
}

void write_check(JsonText& json, const admin::CheckResult& result) {
  json.boolean("healthy", result.findings.empty());
  write_findings(json, "findings", result.findings);
  json.open_array("nodes");
  for (const NodeSummary& node : summarize(result.observed)) write_node(json, node);
  json.close();
}

void write_fix(JsonText& json, const admin::FixResult& result) {
  json.boolean("healthy", result.after.findings.empty());
  json.boolean("interrupted", result.interrupted);
  write_texts(json, "done", result.done);
  json.number("keys_moved", result.keys_moved);
  write_findings(json, "found", result.before.findings);
  write_findings(json, "left", result.after.findings);
}

void write_info(JsonText& json, const admin::ClusterInfo& info) {
  json.open_array("primaries");
  for (const admin::PrimaryInfo& node : info.primaries) {
    json.open_object();
    json.text("id", node.id);
    json.text("address", to_string(node.address));
    json.number("slot_count", node.slots);
    json.number("keys", node.keys);
    json.number("memory_bytes", node.memory_bytes);
    json.number("ops_per_s", node.ops_per_s);
    json.number("replicas", node.replicas);
    json.text("zone", node.zone);
    json.text("version", node.version);
    json.boolean("answers", node.answers);
    json.close();
  }
  json.close();
  json.number("keys", info.keys);
  write_real(json, "keys_a_slot", info.keys_a_slot);
}

void write_add_node(JsonText& json, const admin::AddNodeResult& result) {
  json.text("id", result.id);
  json.text("role", result.primary_id.empty() ? "primary" : "replica");
  if (result.primary_id.empty()) {
    json.null("primary_id");
  } else {
    json.text("primary_id", result.primary_id);
  }
  json.boolean("interrupted", result.interrupted);
}

void write_del_node(JsonText& json, const admin::DelNodeResult& result) {
  json.text("id", result.id);
  json.number("forgotten_by", result.forgotten_by);
  json.boolean("reset", result.reset);
  json.boolean("carried_out", result.carried_out);
  json.boolean("interrupted", result.interrupted);
  json.open_object("moved");
  write_move(json, result.moved);
  json.close();
}

void write_replies(JsonText& json, const std::vector<admin::NodeReply>& replies) {
  json.open_array("nodes");
  for (const admin::NodeReply& node : replies) {
    json.open_object();
    json.text("id", node.id);
    json.text("address", to_string(node.address));
    if (node.error) {
      json.open_object("error");
      json.text("code", to_string(node.error->code));
      json.text("message", node.error->message);
      json.close();
    } else if (node.reply.is_error()) {
      json.open_object("error");
      json.text("code", node.reply.error_code());
      json.text("message", node.reply.text);
      json.close();
    } else {
      write_reply(json, "reply", node.reply);
    }
    json.close();
  }
  json.close();
}

void write_import(JsonText& json, const admin::ImportResult& result) {
  json.number("scanned", result.scanned);
  json.number("imported", result.imported);
  json.number("present", result.present);
  json.number("compared", result.compared);
  json.number("different_count", result.different_count);
  write_texts(json, "different", result.different);
  json.number("changing", result.changing);
  json.number("bytes", result.bytes);
  json.number("elapsed_ms", result.elapsed_ms);
  json.boolean("interrupted", result.interrupted);
}

void write_backup(JsonText& json, const admin::BackupResult& result) {
  json.open_array("shards");
  for (const admin::ShardBackup& shard : result.shards) {
    json.open_object();
    json.text("id", shard.id);
    json.text("source", to_string(shard.source));
    json.text("file", shard.file);
    write_slots(json, shard.slots);
    json.number("size_bytes", shard.size_bytes);
    json.close();
  }
  json.close();
  json.number("elapsed_ms", result.elapsed_ms);
  json.boolean("interrupted", result.interrupted);
}

}  // namespace keyway::cli
