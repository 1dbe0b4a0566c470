// Backups in a bucket of S3, or of what speaks its protocol. Objects are private to their owner, as the
// bucket has it; what is not whole yet is an upload in parts, which no reader sees.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "backup/s3/environment.h"
#include "backup/s3/settings.h"
#include "backup/store.h"

namespace keyway::backup::s3 {

// Touches nothing yet. `interrupted` (may be null; any thread): what fails is not tried again.
std::unique_ptr<Store> open_s3_store(Settings settings, Environment environment,
                                     std::function<bool()> interrupted);

}  // namespace keyway::backup::s3
