// Where a running proxy tells about itself. Main thread.
#pragma once

#include <string>

#include "base/address.h"
#include "base/error.h"

namespace keyway::cli {

// `given`, if there is one, else the --metrics of the proxy that is kept beside `cluster` (empty: the only
// one). `home`, if it is not empty, is where clusters are kept. kNotFound: there is no such cluster, or it
// has no proxy; kUnavailable: that one does not run, or tells nothing.
Result<Address> metrics_of(const Address& given, const std::string& cluster, const std::string& home);

}  // namespace keyway::cli
