// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_client.hpp>

#include <telltale/beast/detail/tls.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include "scripted_server.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Certificates are made here, by OpenSSL; sockets are real, and only on loopback.

namespace {

using namespace telltale_test;
using namespace std::chrono_literals;
namespace ssl = net::ssl;

struct free_openssl {
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
    void operator()(X509* p) const { X509_free(p); }
    void operator()(BIO* p) const { BIO_free(p); }
    void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
template <class T>
using owned = std::unique_ptr<T, free_openssl>;

struct identity {
    owned<EVP_PKEY> key{EVP_EC_gen("P-256")};
    owned<X509> certificate{X509_new()};

    std::string certificate_pem() const {
        const owned<BIO> out(BIO_new(BIO_s_mem()));
        PEM_write_bio_X509(out.get(), certificate.get());
        return text_of(out);
    }
    std::string key_pem() const {
        const owned<BIO> out(BIO_new(BIO_s_mem()));
        PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        return text_of(out);
    }

private:
    static std::string text_of(const owned<BIO>& out) {
        char* data = nullptr;
        const long n = BIO_get_mem_data(out.get(), &data);
        return {data, static_cast<std::size_t>(n)};
    }
};

void extend(X509* certificate, X509* issuer, int what, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, what, value));
    REQUIRE(extension);
    X509_add_ext(certificate, extension.get(), -1);
}

// `names` as in "DNS:localhost,IP:127.0.0.1". Without an issuer: signed by itself; without names: an authority.
identity make_identity(const char* common_name, const char* names, const identity* issuer, long valid_from = -3600,
                       long valid_to = 3600) {
    static long serial = 0;
    identity made;
    X509* const c = made.certificate.get();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(c), valid_from);
    X509_gmtime_adj(X509_getm_notAfter(c), valid_to);
    X509_set_pubkey(c, made.key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    X509* const by = issuer ? issuer->certificate.get() : c;
    X509_set_issuer_name(c, X509_get_subject_name(by));
    extend(c, by, NID_basic_constraints, names ? "CA:FALSE" : "critical,CA:TRUE");
    if (names) extend(c, by, NID_subject_alt_name, names);
    REQUIRE(X509_sign(c, issuer ? issuer->key.get() : made.key.get(), EVP_sha256()) > 0);
    return made;
}

// A file that is gone with its name.
class temporary_file {
public:
    explicit temporary_file(const std::string& text) {
        const int fd = ::mkstemp(path_);
        REQUIRE(fd >= 0);
        REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        ::close(fd);
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() { std::remove(path_); }
    std::string path() const { return path_; }

private:
    char path_[32] = "/tmp/telltale_tls_XXXXXX";
};

struct authority {
    identity self = make_identity("telltale test authority", nullptr, nullptr);
    temporary_file file{self.certificate_pem()};
};

const authority& trusted() {
    static const authority a;
    return a;
}

const identity& localhost() {
    static const identity i = make_identity("localhost", "DNS:localhost,IP:127.0.0.1", &trusted().self);
    return i;
}

ssl::context server_context(const identity& as) {
    ssl::context c(ssl::context::tls_server);
    const auto certificate = as.certificate_pem();
    const auto key = as.key_pem();
    c.use_certificate_chain(net::buffer(certificate));
    c.use_private_key(net::buffer(key), ssl::context::pem);
    return c;
}

// As scripted_server, in TLS.
struct tls_server {
    tls_server(net::io_context& io, ssl::context c, std::vector<script> s)
        : plain(io, {{}}), context(std::move(c)), acceptor(io, {net::ip::address_v4::loopback(), 0}) {
        plain.scripts = std::move(s);
        net::co_spawn(io, serve(*this), net::detached);
    }

    std::string url(const std::string& host = "localhost", const std::string& target = "/") const {
        return "https://" + host + ":" + std::to_string(acceptor.local_endpoint().port()) + target;
    }

    static net::awaitable<void> session(tls_server& server, tcp::socket socket, std::size_t which) {
        const script& part = server.plain.scripts[which];
        ssl::stream<tcp::socket&> stream(socket, server.context);
        const auto [failed] = co_await stream.async_handshake(ssl::stream_base::server, as_result);
        server.handshakes.push_back(failed);
        if (failed) co_return;
        const char* const name = SSL_get_servername(stream.native_handle(), TLSEXT_NAMETYPE_host_name);
        server.names.emplace_back(name ? name : "");
        const owned<X509> shown(SSL_get1_peer_certificate(stream.native_handle()));
        server.clients_certified += shown ? 1 : 0;
        const bool played = co_await scripted_server::play(server.plain, stream, part);
        if (played && part.last == script::end::hang) server.plain.hanging.push_back(std::move(socket));
    }

    static net::awaitable<void> serve(tls_server& server) {
        for (;;) {
            auto [ec, s] = co_await server.acceptor.async_accept(as_result);
            if (ec) co_return;
            const auto n = std::min(server.accepted++, server.plain.scripts.size() - 1);
            net::co_spawn(server.acceptor.get_executor(), session(server, std::move(s), n), net::detached);
        }
    }

    scripted_server plain; // its heads; nobody connects to it
    ssl::context context;
    tcp::acceptor acceptor;
    std::size_t accepted = 0;
    std::vector<error_code> handshakes{};
    std::vector<std::string> names{};
    int clients_certified = 0;
};

http_client_options trusting() {
    http_client_options o;
    o.tls.ca_file = trusted().file.path();
    return o;
}

// One request to a server that is `as`.
error_code try_tls(const identity& as, http_client_options options = trusting(),
                   const std::string& host = "localhost") {
    net::io_context io{1};
    tls_server server(io, server_context(as), {{answer_ok()}});
    http_client client(io.get_executor(), std::move(options));
    const auto r = get_once(io, client, server.url(host));
    if (!r.ec) CHECK(r.response.body == "hi");
    if (r.ec) CHECK(server.plain.heads.empty()); // nothing was said to whom one does not trust
    return r.ec;
}

int reason(error_code ec) {
    CHECK(ec == condition::untrusted);
    CHECK(ec.category().name() == std::string("telltale.certificate"));
    return ec.value();
}

} // namespace

TEST_CASE("https: whom it trusts", "[http_client_tls]") {
    CHECK(!try_tls(localhost()));
    CHECK(!try_tls(localhost(), trusting(), "127.0.0.1"));
    CHECK(reason(try_tls(localhost(), {})) == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY); // the system's authorities
    CHECK(reason(try_tls(make_identity("localhost", "DNS:example.com,IP:127.0.0.2", &trusted().self))) ==
          X509_V_ERR_HOSTNAME_MISMATCH);
    CHECK(reason(try_tls(make_identity("127.0.0.1", "DNS:localhost", &trusted().self), trusting(), "127.0.0.1")) ==
          X509_V_ERR_HOSTNAME_MISMATCH);
    CHECK(reason(try_tls(make_identity("localhost", "DNS:localhost", &trusted().self, -7200, -3600))) ==
          X509_V_ERR_CERT_HAS_EXPIRED);
    CHECK(reason(try_tls(make_identity("localhost", "DNS:localhost", &trusted().self, 3600, 7200))) ==
          X509_V_ERR_CERT_NOT_YET_VALID);
    const auto own = make_identity("localhost", "DNS:localhost", nullptr);
    CHECK(reason(try_tls(own)) == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
    const auto stranger = make_identity("somebody", nullptr, nullptr);
    CHECK(reason(try_tls(make_identity("localhost", "DNS:localhost", &stranger))) ==
          X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    const auto ec = try_tls(own);
    CHECK(contains(ec.message(), "self-signed certificate"));
    CHECK(ec != condition::transient);
    http_client_options blind;
    blind.tls.dangerously_skip_verification = true;
    CHECK(!try_tls(own, blind));
    CHECK(!try_tls(own, blind, "127.0.0.1"));
}

TEST_CASE("https: files that are not there, and what else cannot be set up, is an error of the request",
          "[http_client_tls]") {
    auto options = trusting();
    SECTION("authorities") {
        options.tls.ca_file = "/nonexistent";
        const auto ec = try_tls(localhost(), options);
        CHECK(ec);
        CHECK(ec != condition::untrusted);
    }
    SECTION("a certificate that is none") {
        options.tls.certificate_file = __FILE__;
        CHECK(try_tls(localhost(), options));
    }
}

TEST_CASE("https: TLS 1.2 at least", "[http_client_tls]") {
    const auto newest = GENERATE(TLS1_1_VERSION, TLS1_2_VERSION);
    net::io_context io{1};
    auto context = server_context(localhost());
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.native_handle(), newest);
    SSL_CTX_set_cipher_list(context.native_handle(), "DEFAULT:@SECLEVEL=0"); // or OpenSSL itself would not speak 1.1
    tls_server server(io, std::move(context), {{answer_ok()}});
    http_client client(io.get_executor(), trusting());
    const auto r = get_once(io, client, server.url());
    CHECK((!r.ec) == (newest == TLS1_2_VERSION));
    if (r.ec) CHECK(server.plain.heads.empty());
    // Not because some OpenSSLs would not do it anyway.
    error_code ec;
    CHECK(SSL_CTX_get_min_proto_version(detail::make_tls_context({}, ec)->native_handle()) == TLS1_2_VERSION);
}

TEST_CASE("https: names the server, shows its own certificate, keeps connections", "[http_client_tls]") {
    net::io_context io{1};
    auto context = server_context(localhost());
    context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    context.load_verify_file(trusted().file.path());
    tls_server server(io, std::move(context), {{answer_ok(), 2}});
    const auto me = make_identity("the client", "DNS:client", &trusted().self);
    const temporary_file file(me.certificate_pem() + me.key_pem());
    auto options = trusting();
    options.tls.certificate_file = file.path();
    http_client client(io.get_executor(), options);
    scripted_server plain(io, {{answer_ok("plain")}});
    CHECK(get_once(io, client, server.url()).response.body == "hi");
    CHECK(client.idle_connections() == 1);
    // The same host and port, but for the other server; never over the encrypted one.
    CHECK(get_once(io, client, plain.url()).response.body == "plain");
    CHECK(get_once(io, client, server.url("localhost", "/2")).response.body == "hi");
    CHECK(server.accepted == 1);
    CHECK(server.clients_certified == 1);
    CHECK(server.names == std::vector<std::string>{"localhost"});
    REQUIRE(server.plain.heads.size() == 2);
    CHECK(contains(server.plain.heads[1], "GET /2 HTTP/1.1\r\nHost: localhost:"));
    // The server has closed it.
    CHECK(!get_once(io, client, server.url("127.0.0.1")).ec);
    REQUIRE(server.names.size() == 2);
    CHECK(server.names.back().empty()); // an address is not a name
    http_client nobody(io.get_executor(), trusting());
    CHECK(get_once(io, nobody, server.url()).ec);
}

TEST_CASE("https: an end that nobody signed is not the end of an answer", "[http_client_tls]") {
    net::io_context io{1};
    tls_server server(
        io, server_context(localhost()),
        {{"HTTP/1.0 200 OK\r\n\r\nthe first half"}, {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}});
    http_client client(io.get_executor(), trusting());
    CHECK(get_once(io, client, server.url()).ec == net::error::eof);
    CHECK(get_once(io, client, server.url()).ec == net::error::eof);
}

TEST_CASE("https: large requests and answers, and downloads", "[http_client_tls]") {
    net::io_context io{1};
    std::string large(1'000'000, 'x');
    for (std::size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>('a' + i % 26);
    tls_server server(io, server_context(localhost()), {{answer_ok(large), 1}});
    http_client client(io.get_executor(), trusting());
    auto request = get(server.url());
    request.method = "PUT";
    request.body = large.substr(0, 300'000);
    CHECK((ask_once(io, client, request).response.body == large));
    std::string got;
    bool done = false;
    client.async_download(
        get(server.url()),
        [&](std::string_view part) {
            got += part;
            return error_code();
        },
        [&](error_code ec, const http_response& r) {
            CHECK(!ec);
            CHECK(r.body.empty());
            done = true;
        });
    while (!done) io.run_one();
    CHECK((got == large)); // not shown
}

TEST_CASE("https: a server that does not shake hands", "[http_client_tls]") {
    net::io_context io{1};
    testing::virtual_clock clock(io);
    tcp::acceptor silent(io, {net::ip::address_v4::loopback(), 0});
    std::optional<tcp::socket> accepted;
    silent.async_accept([&](error_code, tcp::socket s) { accepted = std::move(s); });
    http_client client(io.get_executor(), trusting());
    result r;
    const auto url = "https://127.0.0.1:" + std::to_string(silent.local_endpoint().port());
    net::co_spawn(io, ask(client, get(url), r), net::detached);
    // The first of its words has come.
    while (!accepted || accepted->available() == 0) io.run_one();
    SECTION("in time") {
        clock.run_for(http_client_options{}.handshake_timeout);
        while (!r.done) io.run_one();
        CHECK(r.ec == errc::deadline_exceeded);
    }
    SECTION("but speaks something else") {
        accepted->send(net::buffer(std::string_view("HTTP/1.1 400 Bad Request\r\n\r\n")));
        while (!r.done) io.run_one();
        CHECK(r.ec);
        CHECK(r.ec != condition::untrusted);
    }
    SECTION("and goes") {
        accepted.reset();
        while (!r.done) io.run_one();
        CHECK((r.ec == net::error::eof || r.ec == net::error::connection_reset));
    }
}

// A proxy for CONNECT: says `consent`, and if it begins with 200 passes everything on to where it was told.
struct connect_proxy {
    connect_proxy(net::io_context& io, std::string says)
        : consent(std::move(says)), acceptor(io, {net::ip::address_v4::loopback(), 0}) {
        net::co_spawn(io, serve(*this), net::detached);
    }

    std::string address() const { return "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()); }

    static net::awaitable<void> pass(std::shared_ptr<tcp::socket> from, std::shared_ptr<tcp::socket> to) {
        char some[4096];
        for (;;) {
            const auto [ec, n] = co_await from->async_read_some(net::buffer(some), as_result);
            if (ec) break;
            std::string text(some, n);
            const bool written = co_await scripted_server::write_all(*to, std::move(text));
            if (!written) break;
        }
        from->close();
        to->close();
    }

    static net::awaitable<void> session(connect_proxy& proxy, tcp::socket s) {
        auto client = std::make_shared<tcp::socket>(std::move(s));
        std::string in;
        const std::string head = co_await scripted_server::read_head(*client, in);
        proxy.heads.push_back(head);
        std::string answer = "HTTP/1.1 " + proxy.consent + "\r\n\r\n";
        co_await scripted_server::write_all(*client, std::move(answer));
        if (!proxy.consent.starts_with("200")) co_return;
        const auto colon = head.find(':');
        const auto port = static_cast<unsigned short>(std::stoi(head.substr(colon + 1)));
        auto server = std::make_shared<tcp::socket>(client->get_executor());
        const tcp::endpoint to(net::ip::address_v4::loopback(), port);
        co_await server->async_connect(to, net::use_awaitable);
        net::co_spawn(client->get_executor(), pass(client, server), net::detached);
        co_await pass(server, client);
    }

    static net::awaitable<void> serve(connect_proxy& proxy) {
        for (;;) {
            auto [ec, s] = co_await proxy.acceptor.async_accept(as_result);
            if (ec) co_return;
            net::co_spawn(proxy.acceptor.get_executor(), session(proxy, std::move(s)), net::detached);
        }
    }

    std::string consent;
    tcp::acceptor acceptor;
    std::vector<std::string> heads{};
};

TEST_CASE("https: through a proxy", "[http_client_tls]") {
    net::io_context io{1};
    tls_server server(io, server_context(localhost()), {{answer_ok(), 2}});
    auto options = trusting();
    SECTION("with a tunnel, in which the proxy sees nothing") {
        connect_proxy proxy(io, "200 Connection established");
        options.proxy.https = "http://me:s%40crt@" + proxy.address();
        http_client client(io.get_executor(), options);
        auto request = get(server.url("localhost", "/secret"));
        request.headers = {{"Authorization", "Bearer t"}};
        CHECK(ask_once(io, client, request).response.body == "hi");
        CHECK(ask_once(io, client, request).response.body == "hi");
        CHECK(server.names == std::vector<std::string>{"localhost"});
        REQUIRE(proxy.heads.size() == 1);
        CHECK(proxy.heads[0] ==
              "CONNECT localhost:" + std::to_string(server.acceptor.local_endpoint().port()) +
                  " HTTP/1.1\r\nHost: localhost:" + std::to_string(server.acceptor.local_endpoint().port()) +
                  "\r\nProxy-Authorization: Basic bWU6c0BjcnQ=\r\n\r\n");
        CHECK(contains(server.plain.heads[0], "GET /secret HTTP/1.1"));
        CHECK(!contains(server.plain.heads[0], "Proxy-"));
    }
    SECTION("that refuses") {
        connect_proxy proxy(io, "407 Proxy Authentication Required");
        options.proxy.https = proxy.address();
        http_client client(io.get_executor(), options);
        CHECK(get_once(io, client, server.url()).ec == errc::proxy_refused);
        CHECK(server.accepted == 0);
    }
    SECTION("that speaks for the server") {
        connect_proxy proxy(io, "200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nforged");
        options.proxy.https = proxy.address();
        http_client client(io.get_executor(), options);
        CHECK(get_once(io, client, server.url()).ec);
    }
    SECTION("not for hosts that are excepted") {
        options.proxy.https = "http://127.0.0.1:1";
        options.proxy.no_proxy = {"example.com", "localhost"};
        http_client client(io.get_executor(), options);
        CHECK(!get_once(io, client, server.url()).ec);
        CHECK(get_once(io, client, server.url("127.0.0.1")).ec == net::error::connection_refused);
    }
}

TEST_CASE("https: never on to http by a redirect", "[http_client_tls]") {
    net::io_context io{1};
    scripted_server plain(io, {{answer_ok()}});
    tls_server server(io, server_context(localhost()),
                      {{"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + plain.url() + "\r\n\r\n"}});
    http_client client(io.get_executor(), trusting());
    CHECK(get_once(io, client, server.url()).ec == errc::insecure_redirect);
    CHECK(plain.accepted == 0);
}

TEST_CASE("https: cancelled, destroyed, torn down at every step", "[http_client_tls]") {
    SECTION("cancelled") {
        for (int steps = 0;; ++steps) {
            net::io_context io{1};
            tls_server server(io, server_context(localhost()), {{answer_ok()}});
            http_client client(io.get_executor(), trusting());
            net::cancellation_signal signal;
            std::optional<error_code> ec;
            client.async_get(server.url(),
                             net::bind_cancellation_slot(signal.slot(), [&](error_code e, http_response) { ec = e; }));
            for (int i = 0; i < steps && !ec; ++i) io.run_one();
            if (ec) {
                CHECK(!*ec);
                CHECK(steps > 5);
                break;
            }
            signal.emit(net::cancellation_type::total);
            while (!ec) io.run_one();
            CHECK((*ec == net::error::operation_aborted || !*ec));
        }
    }
    SECTION("the context goes first") {
        for (int steps = 0; steps < 40; ++steps) {
            auto witness = std::make_shared<int>();
            {
                net::io_context io{1};
                tls_server server(io, server_context(localhost()), {{answer_ok()}});
                http_client client(io.get_executor(), trusting());
                client.async_get(server.url(), [witness](error_code, http_response) {});
                for (int i = 0; i < steps && witness.use_count() > 1; ++i) io.run_one();
            }
            CHECK(witness.use_count() == 1);
        }
    }
}
