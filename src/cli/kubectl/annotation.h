// A person's wishes are kept in annotations, into which others write as well: read, changed and written until
// nobody came in between. Main thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/kubectl/pod_cluster.h"

namespace keyway::cli {

// What the annotation becomes; `before`: its text, empty if there is none. Nothing: it goes.
using AnnotationChange = std::function<std::optional<std::string>(const std::string& before)>;

// kConflict: others are faster each time.
Status change_annotation(PluginSession& session, const platform::kubernetes::ResourceType& type,
                         const std::string& object, std::string_view annotation,
                         const AnnotationChange& change);

}  // namespace keyway::cli
