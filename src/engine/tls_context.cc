#include "engine/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "base/format.h"

namespace keyway::engine {

namespace {

// Where distributions keep the certificates that they trust: the program runs on other ones than it was built
// on, and OpenSSL knows only the place of the latter.
constexpr std::array kSystemCaFiles = {"/etc/ssl/certs/ca-certificates.crt",  // Debian, Alpine, Arch
                                       "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL
                                       "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                       "/etc/ssl/cert.pem"};

Status bad(std::string message) { return fail(ErrorCode::kInvalidArgument, std::move(message)); }

Status check_readable(std::string_view what, const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return bad(fmt::format("{} {} is a folder, not a file", what, path));
  }
  FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return bad(fmt::format("cannot read {} {}: {}", what, path, errno_text(errno)));
  (void)std::fclose(file);
  return {};
}

// OpenSSL would ask at the terminal where a key wants a password and none is set.
int give_password(char* to, int size, int, void* options) {
  const std::string& password = static_cast<const TlsOptions*>(options)->key_password;
  if (password.empty() || password.size() > static_cast<size_t>(size)) return -1;
  return static_cast<int>(password.copy(to, password.size()));
}

class Loader {
 public:
  // OpenSSL keeps a pointer to the options, for the password.
  Loader(TlsOptions& options, SSL_CTX* ssl) : options_(options), ssl_(ssl) {}

  Status load() {
    SSL_CTX_set_min_proto_version(ssl_, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl_, SSL_OP_NO_RENEGOTIATION);
    // A write goes on from a buffer that may have moved and grown.
    SSL_CTX_set_mode(
        ssl_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ssl_, options_.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    Status done = load_ciphers();
    if (done) done = load_authorities();
    if (done) done = load_certificate();
    if (done) done = load_texts();
    return done;
  }

 private:
  Status load_ciphers();
  Status load_authorities();
  void load_system_authorities();
  Status load_certificate();
  Status load_key();
  Status load_texts();

  TlsOptions& options_;
  SSL_CTX* ssl_;
};

Status Loader::load_ciphers() {
  if (!options_.ciphers.empty() && SSL_CTX_set_cipher_list(ssl_, options_.ciphers.c_str()) != 1) {
    return bad(fmt::format("no TLS cipher fits '{}'; `openssl ciphers` lists them", options_.ciphers));
  }
  if (!options_.ciphersuites.empty() && SSL_CTX_set_ciphersuites(ssl_, options_.ciphersuites.c_str()) != 1) {
    return bad(fmt::format("'{}' is no list of TLS 1.3 ciphersuites; `openssl ciphers -tls1_3 -s` lists them",
                           options_.ciphersuites));
  }
  return {};
}

Status Loader::load_authorities() {
  if (!options_.ca_file.empty()) {
    if (Status readable = check_readable("the CA file", options_.ca_file); !readable) return readable;
    if (SSL_CTX_load_verify_file(ssl_, options_.ca_file.c_str()) != 1) {
      return bad(fmt::format("the CA file {} holds no certificate that can be read (PEM is expected): {}",
                             options_.ca_file, take_tls_error()));
    }
  }
  if (!options_.ca_folder.empty()) {
    struct stat info{};
    if (::stat(options_.ca_folder.c_str(), &info) != 0) {
      return bad(fmt::format("cannot read the CA folder {}: {}", options_.ca_folder, errno_text(errno)));
    }
    if (!S_ISDIR(info.st_mode)) return bad(fmt::format("the CA folder {} is a file", options_.ca_folder));
    SSL_CTX_load_verify_dir(ssl_, options_.ca_folder.c_str());
  }
  if (!options_.ca_text.empty() && !add_authorities(ssl_, options_.ca_text)) {
    return bad("the CA that was given as text holds no certificate that can be read (PEM is expected): " +
               take_tls_error());
  }
  bool given = !options_.ca_file.empty() || !options_.ca_folder.empty() || !options_.ca_text.empty();
  if (!given && !options_.insecure) {
    load_system_authorities();
  }
  return {};
}

void Loader::load_system_authorities() {
  SSL_CTX_set_default_verify_paths(ssl_);  // also SSL_CERT_FILE and SSL_CERT_DIR of the environment
  for (const char* path : kSystemCaFiles) {
    if (SSL_CTX_load_verify_file(ssl_, path) == 1) break;
  }
  ERR_clear_error();
}

Status Loader::load_texts() {
  if (options_.certificate_text.empty() != options_.key_text.empty())
    return bad(options_.key_text.empty() ? "a certificate was given as text without its key"
                                         : "a key was given as text without its certificate");
  if (options_.certificate_text.empty()) return {};
  if (!use_certificate(ssl_, options_.certificate_text))
    return bad("the certificate that was given as text cannot be read (PEM is expected): " +
               take_tls_error());
  if (!use_key(ssl_, options_.key_text))
    return bad(
        "the key that was given as text cannot be read (PEM is expected, without a password), or does "
        "not belong to the certificate: " +
        take_tls_error());
  return {};
}

Status Loader::load_certificate() {
  if (options_.certificate_file.empty() != options_.key_file.empty()) {
    return bad(options_.key_file.empty()
                   ? fmt::format("the certificate {} was given without its key", options_.certificate_file)
                   : fmt::format("the key {} was given without its certificate", options_.key_file));
  }
  if (options_.certificate_file.empty()) return {};
  if (Status readable = check_readable("the certificate", options_.certificate_file); !readable)
    return readable;
  if (SSL_CTX_use_certificate_chain_file(ssl_, options_.certificate_file.c_str()) != 1) {
    return bad(fmt::format("the certificate {} cannot be read (PEM is expected): {}",
                           options_.certificate_file, take_tls_error()));
  }
  return load_key();
}

Status Loader::load_key() {
  if (Status readable = check_readable("the key", options_.key_file); !readable) return readable;
  SSL_CTX_set_default_passwd_cb(ssl_, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(ssl_, &options_);
  if (SSL_CTX_use_PrivateKey_file(ssl_, options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    unsigned long code = ERR_peek_error();
    bool mismatch = ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
                    ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH;
    std::string why = take_tls_error();
    if (ERR_GET_LIB(code) == ERR_LIB_X509 && mismatch) {
      return bad(fmt::format("the key {} does not belong to the certificate {}", options_.key_file,
                             options_.certificate_file));
    }
    return bad(fmt::format(
        "the key {} cannot be read (PEM is expected; {}): {}", options_.key_file,
        options_.key_password.empty() ? "does it want a password?" : "is the password right?", why));
  }
  if (SSL_CTX_check_private_key(ssl_) != 1) {
    ERR_clear_error();
    return bad(fmt::format("the key {} does not belong to the certificate {}", options_.key_file,
                           options_.certificate_file));
  }
  return {};
}

// Demands clients' certificates as `clients` says, and names the CA to them, since some choose by it. Their
// connections are never resumed from a ticket: a certificate is looked at each time that it is used.
Status demand_certificates(SSL_CTX* ssl, const std::string& ca_file, TlsClients clients) {
  if (clients == TlsClients::kIgnored) return {};
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(ca_file.c_str());
  if (names == nullptr)
    return bad(fmt::format("the CA file {} names no authority: {}", ca_file, take_tls_error()));
  SSL_CTX_set_client_CA_list(ssl, names);
  int required = clients == TlsClients::kRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | required, nullptr);
  SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(ssl, 0);
  return {};
}

template <typename Options>
Status check(const Options& options) {
  auto made = TlsContext::make(options);
  if (!made) return fail(made.error());
  return {};
}

}  // namespace

std::string take_tls_error() {
  unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "";
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  return fmt::format("OpenSSL error {:#x}", code);
}

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext::Impl>> TlsContext::load(const TlsOptions& options, bool of_listener) {
  // Without the system's openssl.cnf: it may ask for modules, and a static program cannot load any.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  ERR_clear_error();
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->of_listener = of_listener;
  impl->ssl.reset(SSL_CTX_new(of_listener ? TLS_server_method() : TLS_client_method()));
  if (!impl->ssl) return fail(ErrorCode::kInternal, "cannot set TLS up: " + take_tls_error());
  if (Status loaded = Loader(impl->options, impl->ssl.get()).load(); !loaded) return fail(loaded.error());
  return impl;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsOptions& options) {
  auto impl = load(options, false);
  if (!impl) return fail(impl.error());
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(*impl)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsListenOptions& options) {
  bool asks = options.clients != TlsClients::kIgnored;
  if (asks && options.ca_file.empty())
    return fail(ErrorCode::kInvalidArgument,
                "clients are asked for certificates, and there is no CA file to check them with");
  auto impl = load({.enabled = true,
                    .ca_file = options.ca_file,
                    .certificate_file = options.certificate_file,
                    .key_file = options.key_file,
                    .insecure = !asks},
                   true);
  if (!impl) return fail(impl.error());
  SSL_CTX* ssl = (*impl)->ssl.get();
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  if (Status demanded = demand_certificates(ssl, options.ca_file, options.clients); !demanded)
    return fail(demanded.error());
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(*impl)));
}

std::optional<int64_t> TlsContext::expires_at_s() const {
  const X509* certificate = SSL_CTX_get0_certificate(impl_->ssl.get());
  std::tm time{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1)
    return std::nullopt;
  return timegm(&time);
}

Status check_tls(const TlsOptions& options) { return options.enabled ? check(options) : Status(); }

Status check_tls(const TlsListenOptions& options) { return options.enabled() ? check(options) : Status(); }

}  // namespace keyway::engine
