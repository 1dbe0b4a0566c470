#include "proxy/tls_fields.h"

#include <string>

namespace keyway::proxy {

namespace {

using cluster::field_path;
using cluster::FieldReader;
using cluster::YamlNode;

// One of the two maps.
class TlsMap {
 public:
  TlsMap(const YamlNode& node, std::string_view path, FieldReader& fields)
      : node_(node), path_(path), fields_(fields) {}

  void read(std::string_view name, std::string& value) {
    if (const YamlNode* field = node_.find(name)) take(*field, name, value);
  }
  void require(std::string_view name, std::string& value, std::string_view example) {
    if (const YamlNode* field = fields_.required(node_, path_, name, example)) take(*field, name, value);
  }
  // `name` makes no sense without `other`.
  void must_go_with(std::string_view name, std::string_view other) {
    if (const YamlNode* field = node_.find(name); field != nullptr && node_.find(other) == nullptr)
      fields_.refuse(*field, field_path(path_, name),
                     std::string("it goes with ") + std::string(other) + "; add that, or leave this out");
  }

 private:
  void take(const YamlNode& field, std::string_view name, std::string& value) {
    std::string path = field_path(path_, name);
    value = fields_.text(field, path);
    if (value.empty()) fields_.refuse(field, path, "it is empty; write a value, or leave the field out");
  }

  const YamlNode& node_;
  std::string_view path_;
  FieldReader& fields_;
};

void read_clients(const YamlNode& node, std::string_view path, FieldReader& fields,
                  engine::TlsListenOptions& tls) {
  if (!fields.map(node, path, {"certificate", "key", "ca", "verify"})) return;
  TlsMap map(node, path, fields);
  map.require("certificate", tls.certificate_file, "proxy.crt");
  map.require("key", tls.key_file, "proxy.key");
  map.read("ca", tls.ca_file);
  map.must_go_with("verify", "ca");
  if (tls.ca_file.empty()) return;
  tls.clients = engine::TlsClients::kRequired;
  const YamlNode* verify = node.find("verify");
  if (verify != nullptr && fields.choice(*verify, field_path(path, "verify"), {"require", "optional"}) == 1)
    tls.clients = engine::TlsClients::kOptional;
}

void read_servers(const YamlNode& node, std::string_view path, FieldReader& fields, engine::TlsOptions& tls) {
  if (!fields.map(node, path, {"ca", "certificate", "key", "name", "insecure"})) return;
  TlsMap map(node, path, fields);
  tls.enabled = true;
  map.read("ca", tls.ca_file);
  map.read("certificate", tls.certificate_file);
  map.read("key", tls.key_file);
  map.read("name", tls.server_name);
  map.must_go_with("certificate", "key");
  map.must_go_with("key", "certificate");
  if (const YamlNode* insecure = node.find("insecure"))
    tls.insecure = fields.boolean(*insecure, field_path(path, "insecure"));
}

}  // namespace

void read_tls(const YamlNode& node, std::string_view path, FieldReader& fields, TlsSettings& tls) {
  if (!fields.map(node, path, {"clients", "servers"})) return;
  if (const YamlNode* clients = node.find("clients"))
    read_clients(*clients, field_path(path, "clients"), fields, tls.clients);
  if (const YamlNode* servers = node.find("servers"))
    read_servers(*servers, field_path(path, "servers"), fields, tls.servers);
}

}  // namespace keyway::proxy
