// Certificates and keys from text: SSL_CTX reads files only.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "engine/tls_context.h"

namespace keyway::engine {

namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, BioFree>;
using Certificate = std::unique_ptr<X509, CertificateFree>;

Bio reader_of(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// OpenSSL would ask at the terminal for a password.
int no_password(char*, int, int, void*) { return -1; }

Certificate next_certificate(BIO* reader) {
  return Certificate(PEM_read_bio_X509(reader, nullptr, no_password, nullptr));
}

// After the last certificate there is no further beginning of one: the only error that is none.
bool at_end() {
  unsigned long code = ERR_peek_last_error();
  if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE) return false;
  ERR_clear_error();
  return true;
}

}  // namespace

bool add_authorities(SSL_CTX* ssl, const std::string& pem) {
  Bio reader = reader_of(pem);
  int added = 0;
  while (Certificate one = next_certificate(reader.get())) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), one.get()) != 1) return false;
    ++added;
  }
  return added > 0 && at_end();
}

bool use_certificate(SSL_CTX* ssl, const std::string& pem) {
  Bio reader = reader_of(pem);
  Certificate own = next_certificate(reader.get());
  if (!own || SSL_CTX_use_certificate(ssl, own.get()) != 1) return false;
  while (Certificate next = next_certificate(reader.get())) {
    if (SSL_CTX_add1_chain_cert(ssl, next.get()) != 1) return false;
  }
  return at_end();
}

bool use_key(SSL_CTX* ssl, const std::string& pem) {
  Bio reader = reader_of(pem);
  std::unique_ptr<EVP_PKEY, KeyFree> key(
      PEM_read_bio_PrivateKey(reader.get(), nullptr, no_password, nullptr));
  return key && SSL_CTX_use_PrivateKey(ssl, key.get()) == 1 && SSL_CTX_check_private_key(ssl) == 1;
}

}  // namespace keyway::engine
