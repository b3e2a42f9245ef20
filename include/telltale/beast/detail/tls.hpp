// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_TLS_HPP
#define TELLTALE_BEAST_DETAIL_TLS_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/detail/tcp.hpp>
#include <telltale/beast/http_client_options.hpp>
#include <telltale/error.hpp>

// What the seam leaves out because only this folder needs it: TLS. OpenSSL 3; only bodies (*.ipp) include this.
#if defined(TELLTALE_USE_BOOST_ASIO)
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#else
#include <asio/ssl/context.hpp>
#include <asio/ssl/error.hpp>
#include <asio/ssl/host_name_verification.hpp>
#include <asio/ssl/stream.hpp>
#endif

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

using tls_stream = net::ssl::stream<tcp::socket&>;

/// Why OpenSSL refused a certificate (X509_V_ERR_...).
class certificate_category_impl final : public error_category {
public:
    const char* name() const noexcept override { return "telltale.certificate"; }
    std::string message(int value) const override {
        return std::string("the certificate of the server is refused: ") + X509_verify_cert_error_string(value);
    }
    bool equivalent(int, const sys::error_condition& c) const noexcept override { return c == condition::untrusted; }
};

inline const error_category& certificate_category() noexcept {
    static const certificate_category_impl instance;
    return instance;
}

/// A context of a client as the options say; null with an error.
inline std::unique_ptr<net::ssl::context> make_tls_context(const tls_options& o, error_code& ec) {
    auto context = std::make_unique<net::ssl::context>(net::ssl::context::tls_client);
    if (SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION) != 1) ec = errc::invalid_argument;
    if (!o.dangerously_skip_verification) {
        if (o.ca_file.empty() && o.ca_path.empty()) context->set_default_verify_paths(ec);
        if (!ec && !o.ca_file.empty()) context->load_verify_file(o.ca_file, ec);
        if (!ec && !o.ca_path.empty()) context->add_verify_path(o.ca_path, ec);
        if (!ec) context->set_verify_mode(net::ssl::verify_peer, ec);
    }
    if (!ec && !o.certificate_file.empty()) {
        // Without one OpenSSL would ask at the terminal.
        context->set_password_callback(
            [password = o.key_password](std::size_t, net::ssl::context::password_purpose) { return password; }, ec);
        if (!ec) context->use_certificate_chain_file(o.certificate_file, ec);
        if (!ec)
            context->use_private_key_file(o.key_file.empty() ? o.certificate_file : o.key_file, net::ssl::context::pem,
                                          ec);
    }
    if (ec) return nullptr;
    return context;
}

/// host_name_verification, which leaves the reason unsaid.
class name_check {
public:
    explicit name_check(const std::string& host) : check_(host) {}

    bool operator()(bool preverified, net::ssl::verify_context& context) const {
        if (!preverified) return false;
        if (check_(preverified, context)) return true;
        X509_STORE_CTX_set_error(context.native_handle(), X509_V_ERR_HOSTNAME_MISMATCH);
        return false;
    }

private:
    net::ssl::host_name_verification check_;
};

/// A stream for a connection to `host` that has been made.
inline std::unique_ptr<tls_stream> make_tls_stream(tcp::socket& socket, net::ssl::context& context,
                                                   const tls_options& o, const std::string& host, error_code& ec) {
    auto stream = std::make_unique<tls_stream>(socket, context);
    // SNI is of names only (RFC 6066, section 3).
    error_code not_an_address;
    static_cast<void>(net::ip::make_address(host, not_an_address));
    if (not_an_address && SSL_ctrl(stream->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                                   const_cast<char*>(host.c_str())) != 1)
        ec = errc::invalid_argument;
    if (!ec && !o.dangerously_skip_verification) stream->set_verify_callback(name_check(host), ec);
    return stream;
}

/// What a handshake failed with: the reason for which a certificate was refused says more than OpenSSL's "failed".
inline error_code handshake_error(tls_stream& stream, error_code ec) {
    if (ec == net::ssl::error::stream_truncated) return net::error::eof;
    const long refused = SSL_get_verify_result(stream.native_handle());
    if (refused != X509_V_OK && (SSL_get_verify_mode(stream.native_handle()) & SSL_VERIFY_PEER) != 0)
        return {static_cast<int>(refused), certificate_category()};
    return ec;
}

/// What reading and writing failed with: an end without a goodbye is an end.
inline error_code tls_error(error_code ec) {
    return ec == net::ssl::error::stream_truncated ? error_code(net::error::eof) : ec;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_TLS_HPP
