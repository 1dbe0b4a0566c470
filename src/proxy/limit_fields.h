// The limits as fields of the configuration: names, units, ranges. Constant; any thread.
#pragma once

#include "cluster/spec_fields.h"
#include "cluster/yaml_tree.h"
#include "proxy/limits.h"

namespace keyway::proxy {

// Reads the map `node` at `path` into `limits`; trouble is kept by `fields`.
void read_limits(const cluster::YamlNode& node, std::string_view path, cluster::FieldReader& fields,
                 Limits& limits);

}  // namespace keyway::proxy
