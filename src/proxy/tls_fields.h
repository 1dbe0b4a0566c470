// How the proxy speaks TLS, as fields of the configuration. Constant; any thread.
#pragma once

#include "cluster/spec_fields.h"
#include "cluster/yaml_tree.h"
#include "proxy/tls_settings.h"

namespace keyway::proxy {

// Reads the map `node` at `path` into `tls`; trouble is kept by `fields`. No file is looked at.
void read_tls(const cluster::YamlNode& node, std::string_view path, cluster::FieldReader& fields,
              TlsSettings& tls);

}  // namespace keyway::proxy
