// What TlsContext holds, for the two files that implement TLS. Owned by TlsContext.
#pragma once

#include <openssl/ssl.h>

#include <memory>

#include "engine/tls.h"

namespace keyway::engine {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

struct TlsContext::Impl {
  TlsOptions options;
  std::unique_ptr<SSL_CTX, SslContextFree> ssl;
};

// The newest reason in OpenSSL's queue of errors, which is emptied; empty if there is none.
std::string take_tls_error();

}  // namespace keyway::engine
