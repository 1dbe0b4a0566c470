// The flags of `keyway proxy` about TLS, to its clients and to servers. Pure but for settle_proxy_tls.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/arguments.h"
#include "proxy/tls_settings.h"

namespace keyway::cli {

// Takes them from what was given, by the names of the flags in the grammar. kInvalidArgument: they do not go
// together.
Status take_proxy_tls(const std::map<std::string_view, std::string>& given, ProxyCommand& proxy);

// Puts what the flags of `proxy` say above what its configuration has said, each side as a whole, and reads
// the files of the result. kInvalidArgument: what is wrong with which, together with who names them.
Status settle_proxy_tls(const ProxyCommand& proxy, proxy::TlsSettings& tls);

}  // namespace keyway::cli
