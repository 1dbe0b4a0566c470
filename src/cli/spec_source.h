// The spec that a command line asks for: a file, flags, or what a cluster has already, changed by flags.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "cli/arguments.h"
#include "cluster/spec.h"

namespace keyway::cli {

// Reads and checks the document; nothing if `file` is empty. "-": standard input. Errors name file, line,
// column, field and remedy.
Result<std::optional<cluster::Spec>> read_spec_file(const std::string& file);

// The spec of a new cluster: the document, if there is one, with the flags on top. Without `name` it is the
// document's, else "default"; a document of another name is an error.
Result<cluster::Spec> new_spec(const std::string& name, const std::optional<cluster::Spec>& document,
                               const SpecFlags& flags);

// The spec that a cluster with the spec `current` shall have. Errors: what cannot be changed, naming the
// field.
Result<cluster::Spec> changed_spec(const cluster::Spec& current, const std::optional<cluster::Spec>& document,
                                   const SpecFlags& flags);

// `spec` with the engine that --engine names. A server program's kind is told by its name; what is no name of
// one is left to the check of the program itself.
cluster::EngineSpec engine_named(const std::string& engine, cluster::EngineSpec spec);

}  // namespace keyway::cli
