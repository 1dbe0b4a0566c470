// For tests: a certificate authority and the certificates that it signs, as PEM files, made on the spot.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace keyway::engine {

struct TestCertificate {
  std::string file;
  std::string key_file;
};

class TestAuthority {
 public:
  // Its files go into `folder`, which exists, under names that begin with `name`.
  TestAuthority(std::string folder, std::string name) : folder_(std::move(folder)), name_(std::move(name)) {
    key_.reset(EVP_EC_gen("P-256"));
    certificate_ = make(name_, key_.get(), "", 0, kYearS, true);
    write_certificate(file(), certificate_.get());
  }

  std::string file() const { return folder_ + "/" + name_ + ".crt"; }

  // `names` as OpenSSL wants a subjectAltName: "DNS:localhost,IP:127.0.0.1"; empty: none. Valid from
  // `begin_s` to `end_s` from now. A key with a password is encrypted with it.
  TestCertificate sign(const std::string& common_name, const std::string& names, long begin_s = -3600,
                       long end_s = kYearS, const std::string& key_password = "") {
    Key key(EVP_EC_gen("P-256"));
    TestCertificate made{folder_ + "/" + common_name + ".crt", folder_ + "/" + common_name + ".key"};
    write_certificate(made.file, make(common_name, key.get(), names, begin_s, end_s, false).get());
    File file(std::fopen(made.key_file.c_str(), "w"));
    const EVP_CIPHER* cipher = key_password.empty() ? nullptr : EVP_aes_256_cbc();
    must(PEM_write_PrivateKey(file.get(), key.get(), cipher,
                              reinterpret_cast<const unsigned char*>(key_password.data()),
                              static_cast<int>(key_password.size()), nullptr, nullptr) == 1);
    return made;
  }

 private:
  static constexpr long kYearS = 365L * 24 * 3600;

  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(FILE* file) const { (void)std::fclose(file); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;
  using File = std::unique_ptr<FILE, Free>;

  static void must(bool done) {
    if (!done) throw std::runtime_error("cannot make a certificate for a test");
  }

  void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
  }

  Certificate make(const std::string& common_name, EVP_PKEY* key, const std::string& names, long begin_s,
                   long end_s, bool authority) {
    Certificate made(X509_new());
    X509* issuer = authority ? made.get() : certificate_.get();
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), begin_s);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), end_s);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    must(X509_set_pubkey(made.get(), key) == 1);
    extend(made.get(), issuer, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!names.empty()) extend(made.get(), issuer, NID_subject_alt_name, names);
    must(X509_sign(made.get(), authority ? key : key_.get(), EVP_sha256()) > 0);
    return made;
  }

  static void write_certificate(const std::string& path, X509* certificate) {
    File file(std::fopen(path.c_str(), "w"));
    must(file != nullptr && PEM_write_X509(file.get(), certificate) == 1);
  }

  std::string folder_;
  std::string name_;
  Key key_;
  Certificate certificate_;
  int serial_ = 0;
};

}  // namespace keyway::engine
