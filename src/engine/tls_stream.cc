#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cerrno>

#include "base/format.h"
#include "base/strings.h"
#include "engine/tls_context.h"

namespace keyway::engine {

namespace {

constexpr size_t kMaxNamesTold = 5;

// OpenSSL's own BIO for sockets raises SIGPIPE when the other end is gone.
int socket_of(BIO* bio) { return *static_cast<int*>(BIO_get_data(bio)); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int send_bytes(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t sent = ::send(socket_of(bio), bytes, static_cast<size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && would_block()) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int receive_bytes(BIO* bio, char* to, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t got = ::recv(socket_of(bio), to, static_cast<size_t>(size), 0);
  if (got < 0 && would_block()) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "keyway socket");
    BIO_meth_set_write(made, send_bytes);
    BIO_meth_set_read(made, receive_bytes);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return method;
}

// `socket` outlives it.
BIO* socket_bio(int* socket) {
  BIO* bio = BIO_new(socket_method());
  BIO_set_data(bio, socket);
  BIO_set_init(bio, 1);
  return bio;
}

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

std::string ip_text(const ASN1_STRING* bytes) {
  boost::asio::ip::address_v4::bytes_type v4{};
  boost::asio::ip::address_v6::bytes_type v6{};
  std::string raw = text_of(bytes);
  if (raw.size() == v4.size()) {
    std::copy(raw.begin(), raw.end(), v4.begin());
    return boost::asio::ip::address_v4(v4).to_string();
  }
  if (raw.size() != v6.size()) return "?";
  std::copy(raw.begin(), raw.end(), v6.begin());
  return boost::asio::ip::address_v6(v6).to_string();
}

std::string common_name(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return "";
  return text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

// The names that a certificate is for, as it says itself: of the subjectAltName, else the common name.
std::string names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* list =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
    if (name->type == GEN_DNS) names.push_back(text_of(name->d.dNSName));
    if (name->type == GEN_IPADD) names.push_back(ip_text(name->d.iPAddress));
  }
  GENERAL_NAMES_free(list);
  if (names.empty()) names.push_back(common_name(certificate));
  if (names.size() > kMaxNamesTold) {
    names.resize(kMaxNamesTold);
    names.emplace_back("...");
  }
  return join(names, ", ");
}

std::string expiry_of(X509* certificate) {
  std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), &BIO_free);
  if (ASN1_TIME_print(text.get(), X509_get0_notAfter(certificate)) != 1) return "?";
  char* bytes = nullptr;
  long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<size_t>(size)};
}

}  // namespace

struct TlsStream::Impl {
  int socket = -1;
  std::shared_ptr<const TlsContext> context;
  std::unique_ptr<SSL, SslFree> ssl;
  std::string host;  // that the certificate must be for
  std::string why;
  std::string refusal;  // of the server's certificate
  bool established = false;
  bool heard = false;  // something of the other end's was read after the handshake

  bool of_listener() const { return context->impl_->of_listener; }
  void attach(std::shared_ptr<const TlsContext> shared, int fd);
  void watch_verification(int mode);
  void expect_name();
  Outcome outcome_of(int result);
  Outcome fail(std::string reason) {
    why = std::move(reason);
    return Outcome::kFailed;
  }
  std::string explain(unsigned long code) const;
  std::string explain_client(unsigned long code) const;
  static int verified(int good, X509_STORE_CTX* store);
  std::string explain_certificate(int verdict, X509* certificate) const;
};

// Names are sent as SNI and looked for among the certificate's names, addresses only among its addresses.
void TlsStream::Impl::expect_name() {
  boost::system::error_code not_an_ip;
  boost::asio::ip::make_address(host, not_an_ip);
  if (!not_an_ip) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
    return;
  }
  SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_set1_host(ssl.get(), host.c_str());
}

// OpenSSL keeps a refused certificate to itself, so what is wrong with it is written down as it is refused.
int TlsStream::Impl::verified(int good, X509_STORE_CTX* store) {
  if (good == 1) return 1;
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* self = static_cast<Impl*>(SSL_get_app_data(ssl));
  self->refusal =
      self->explain_certificate(X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_current_cert(store));
  return 0;
}

std::string TlsStream::Impl::explain_certificate(int verdict, X509* certificate) const {
  switch (verdict) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format(
          "its certificate is for {}, not for {}; give the name that it bears (SNI), or another certificate "
          "to "
          "the server",
          names_of(certificate), host);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fmt::format("the certificate of {} has expired on {}", common_name(certificate),
                         expiry_of(certificate));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "its certificate is not valid yet; is the clock of this machine right?";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return fmt::format(
          "its certificate is not signed by an authority that is trusted here ({}); give the "
          "certificate of its CA",
          X509_verify_cert_error_string(verdict));
    default:
      return fmt::format("its certificate is refused: {}", X509_verify_cert_error_string(verdict));
  }
}

std::string TlsStream::Impl::explain(unsigned long code) const {
  int reason = ERR_GET_REASON(code);
  bool of_tls = ERR_GET_LIB(code) == ERR_LIB_SSL;
  if (of_tls && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    return refusal;
  }
  if (of_listener()) return explain_client(code);
  bool no_tls = reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
                reason == SSL_R_HTTP_REQUEST;
  if (of_tls && no_tls && !established) return "what listens there does not speak TLS";
  bool certificate_given = !context->impl_->options.certificate_file.empty();
  if (of_tls && reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED) {
    return "it asks for a client certificate, and none was given";
  }
  // Before TLS 1.3 a server that misses a certificate says no more than this.
  if (of_tls && reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE && !certificate_given) {
    return "it refused the handshake: it may ask for a client certificate, and none was given, or the two "
           "have no "
           "cipher in common";
  }
  bool refused = reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
                 reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
                 reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED || reason == SSL_R_TLSV1_ALERT_DECRYPT_ERROR;
  const char* text = ERR_reason_error_string(code);
  std::string said = text != nullptr ? text : fmt::format("OpenSSL error {:#x}", code);
  if (of_tls && refused && certificate_given) {
    return fmt::format("it refused the client certificate {}: {}", context->impl_->options.certificate_file,
                       said);
  }
  return "TLS: " + said;
}

// What a listener says of a client whose certificate is not to blame.
std::string TlsStream::Impl::explain_client(unsigned long code) const {
  int reason = ERR_GET_REASON(code);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && !established) {
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
        reason == SSL_R_HTTP_REQUEST)
      return "it does not speak TLS";
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) return "it shows no certificate";
    if (reason == SSL_R_UNSUPPORTED_PROTOCOL) return "it speaks no version of TLS from 1.2 on";
  }
  const char* text = ERR_reason_error_string(code);
  return text != nullptr ? fmt::format("TLS: {}", text) : fmt::format("OpenSSL error {:#x}", code);
}

TlsStream::Outcome TlsStream::Impl::outcome_of(int result) {
  int system_error = errno;
  switch (SSL_get_error(ssl.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Outcome::kWantsRead;
    case SSL_ERROR_WANT_WRITE:
      return Outcome::kWantsWrite;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::kClosed;
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      if (result != 0 && system_error != 0) return fail(errno_text(system_error));
      return fail(of_listener() ? "the client closed it" : "the server closed it");
    default: {
      unsigned long code = ERR_peek_error();
      ERR_clear_error();
      // Since OpenSSL 3 an end without a farewell, which is how servers end.
      if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        if (established && (heard || of_listener())) return Outcome::kClosed;
        if (of_listener()) return fail("the client closed it during the TLS handshake");
        return fail(established
                        ? "the server closed it right after the TLS handshake; does it ask for a client "
                          "certificate?"
                        : "the server closed it during the TLS handshake; does it speak TLS?");
      }
      return fail(explain(code));
    }
  }
}

void TlsStream::Impl::attach(std::shared_ptr<const TlsContext> shared, int fd) {
  context = std::move(shared);
  socket = fd;
  ssl.reset(SSL_new(context->impl_->ssl.get()));
  BIO* bio = socket_bio(&socket);
  SSL_set_bio(ssl.get(), bio, bio);
}

void TlsStream::Impl::watch_verification(int mode) {
  SSL_set_app_data(ssl.get(), this);
  SSL_set_verify(ssl.get(), mode, &Impl::verified);
}

TlsStream::TlsStream(std::shared_ptr<const TlsContext> context, int socket, const std::string& host)
    : impl_(new Impl) {
  impl_->attach(std::move(context), socket);
  SSL_set_connect_state(impl_->ssl.get());
  const TlsOptions& options = impl_->context->impl_->options;
  impl_->host = options.server_name.empty() ? host : options.server_name;
  impl_->expect_name();
  if (!options.insecure) impl_->watch_verification(SSL_VERIFY_PEER);
}

TlsStream::TlsStream(std::shared_ptr<const TlsContext> context, int socket) : impl_(new Impl) {
  impl_->attach(std::move(context), socket);
  SSL_set_accept_state(impl_->ssl.get());
  int mode = SSL_get_verify_mode(impl_->ssl.get());
  if (mode != SSL_VERIFY_NONE) impl_->watch_verification(mode);
}

TlsStream::~TlsStream() { ERR_clear_error(); }

TlsStream::Outcome TlsStream::handshake() {
  ERR_clear_error();
  errno = 0;
  int result = SSL_do_handshake(impl_->ssl.get());
  if (result != 1) return impl_->outcome_of(result);
  impl_->established = true;
  return Outcome::kDone;
}

TlsStream::Outcome TlsStream::read(char* to, size_t size, size_t& moved) {
  ERR_clear_error();
  errno = 0;
  int result = SSL_read_ex(impl_->ssl.get(), to, size, &moved);
  if (result != 1) return impl_->outcome_of(result);
  impl_->heard = true;
  return Outcome::kDone;
}

TlsStream::Outcome TlsStream::write(std::string_view bytes, size_t& moved) {
  ERR_clear_error();
  errno = 0;
  int result = SSL_write_ex(impl_->ssl.get(), bytes.data(), bytes.size(), &moved);
  if (result == 1) return Outcome::kDone;
  Outcome outcome = impl_->outcome_of(result);
  if (outcome != Outcome::kFailed) return outcome;
  // A server that refuses the certificate says so and closes; what it said is still to be read.
  std::string of_write = impl_->why;
  char byte = 0;
  size_t got = 0;
  if (read(&byte, 1, got) != Outcome::kFailed) impl_->why = of_write;
  return Outcome::kFailed;
}

void TlsStream::read_ahead() { SSL_set_read_ahead(impl_->ssl.get(), 1); }

bool TlsStream::has_pending() const {
  const SSL* ssl = impl_->ssl.get();
  return SSL_get_read_ahead(ssl) == 1 ? SSL_has_pending(ssl) == 1 : SSL_pending(ssl) > 0;
}

void TlsStream::say_goodbye() {
  ERR_clear_error();
  if (!impl_->established || !impl_->why.empty()) return;  // OpenSSL forbids it after an error
  SSL_shutdown(impl_->ssl.get());
  ERR_clear_error();
}

bool TlsStream::is_quiet() {
  ERR_clear_error();
  char byte = 0;
  size_t got = 0;
  int result = SSL_peek_ex(impl_->ssl.get(), &byte, 1, &got);
  return result != 1 && impl_->outcome_of(result) == Outcome::kWantsRead;
}

const std::string& TlsStream::why() const { return impl_->why; }

}  // namespace keyway::engine
