// What TlsContext holds, for the two files that implement TLS. Owned by TlsContext.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "engine/tls.h"

namespace keyway::engine {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

struct TlsContext::Impl {
  TlsOptions options;
  bool of_listener = false;
  std::unique_ptr<SSL_CTX, SslContextFree> ssl;
};

// What TlsOptions hold as text, put into `ssl`. False: it is not what it should be; take_tls_error() says
// why.
bool add_authorities(SSL_CTX* ssl, const std::string& pem);
bool use_certificate(SSL_CTX* ssl, const std::string& pem);
bool use_key(SSL_CTX* ssl, const std::string& pem);

// The newest reason in OpenSSL's queue of errors, which is emptied; empty if there is none.
std::string take_tls_error();

}  // namespace keyway::engine
