#include "cli/kubectl/annotation.h"

#include "base/format.h"

namespace keyway::cli {

namespace kubernetes = platform::kubernetes;

Status change_annotation(PluginSession& session, const kubernetes::ResourceType& type,
                         const std::string& object, std::string_view annotation,
                         const AnnotationChange& change) {
  constexpr int kMaxConflicts = 10;
  for (int tries = 0; tries < kMaxConflicts; ++tries) {
    Result<std::string> body = ask(session, kubernetes::get_request(type, session.name_space, object));
    if (!body) return fail(body.error());
    Result<kubernetes::MetaView> found = kubernetes::parse_meta(*body);
    if (!found) return fail(found.error());
    std::string name(annotation);
    auto present = found->meta.annotations.find(name);
    std::string before = present == found->meta.annotations.end() ? "" : present->second;
    kubernetes::MetadataChanges changes = {{name, change(before)}};
    kubernetes::ApiResult<std::string> written = session.client.call(kubernetes::annotate_request(
        type, session.name_space, object, changes, found->meta.resource_version));
    if (written) return {};
    if (written.error().code != kubernetes::ApiCode::kConflict) return fail(explained(written.error()));
  }
  return fail(ErrorCode::kConflict, fmt::format("{} changes all the time; try again", object));
}

}  // namespace keyway::cli
