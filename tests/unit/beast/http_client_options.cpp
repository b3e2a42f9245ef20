// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_client_options.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

/// The variables of proxies as the test says, and afterwards as they were.
class proxy_variables {
public:
    proxy_variables(std::initializer_list<std::pair<const char*, const char*>> given) {
        for (const auto* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                 "no_proxy", "NO_PROXY"}) {
            const char* const value = std::getenv(name);
            before_.emplace_back(name, value ? std::optional<std::string>(value) : std::nullopt);
            ::unsetenv(name);
        }
        for (const auto& [name, value] : given) ::setenv(name, value, 1);
    }
    proxy_variables(const proxy_variables&) = delete;
    proxy_variables& operator=(const proxy_variables&) = delete;
    ~proxy_variables() {
        for (const auto& [name, value] : before_)
            if (value)
                ::setenv(name, value->c_str(), 1);
            else
                ::unsetenv(name);
    }

private:
    std::vector<std::pair<const char*, std::optional<std::string>>> before_{};
};

} // namespace

TEST_CASE("http_client_options: the limits are those of docs/guide/https.md") {
    const http_client_options o;
    CHECK(o.connect_timeout == 5s);
    CHECK(o.handshake_timeout == 5s);
    CHECK(o.header_timeout == 30s);
    CHECK(o.body_timeout == 30s);
    CHECK(o.timeout == 30s);
    CHECK(o.download_timeout == http_client_options::no_limit);
    CHECK(o.stall_timeout == 20s);
    CHECK(o.stall_bytes == 1);
    CHECK(o.header_limit == 16 * 1024);
    CHECK(o.body_limit == 8 * 1024 * 1024);
    CHECK(o.download_limit == UINT64_MAX);
    CHECK(o.max_connections_per_host == 100);
    CHECK(o.max_idle_per_host == 10);
    CHECK(o.max_idle == 100);
    CHECK(o.idle_timeout == 60s);
    CHECK(o.max_redirects == 5);
}

TEST_CASE("http_client_options: what is dangerous has to be asked for") {
    const http_client_options o;
    CHECK_FALSE(o.tls.dangerously_skip_verification);
    CHECK_FALSE(o.redirect_all_methods);
    const proxy_variables set({{"http_proxy", "http://h"}, {"https_proxy", "http://s"}});
    CHECK(http_client_options().proxy.http.empty()); // nobody looks at the environment unasked
    CHECK(http_client_options().proxy.https.empty());
}

TEST_CASE("proxy_from_environment: nothing, where nothing is said") {
    const proxy_variables none({});
    const auto o = proxy_from_environment();
    CHECK(o.http.empty());
    CHECK(o.https.empty());
    CHECK(o.no_proxy.empty());
}

TEST_CASE("proxy_from_environment: small letters go before capitals, and what is said of one before all") {
    const proxy_variables set({{"http_proxy", "http://h"},
                               {"HTTP_PROXY", "http://H"},
                               {"https_proxy", "http://s"},
                               {"HTTPS_PROXY", "http://S"},
                               {"all_proxy", "http://a"},
                               {"ALL_PROXY", "http://A"},
                               {"no_proxy", "n"},
                               {"NO_PROXY", "N"}});
    const auto o = proxy_from_environment();
    CHECK(o.http == "http://h");
    CHECK(o.https == "http://s");
    CHECK(o.no_proxy == std::vector<std::string>{"n"});
    ::unsetenv("http_proxy");
    ::unsetenv("https_proxy");
    CHECK(proxy_from_environment().http == "http://a"); // HTTP_PROXY may be the header of a request to a CGI program
    CHECK(proxy_from_environment().https == "http://S");
    ::setenv("HTTPS_PROXY", "", 1); // empty is as not set
    CHECK(proxy_from_environment().https == "http://a");
    ::setenv("all_proxy", "", 1);
    CHECK(proxy_from_environment().https == "http://A");
}

TEST_CASE("proxy_from_environment: hosts that are reached directly stand between commas") {
    const proxy_variables set({{"NO_PROXY", ",a,,.b.c,10.1.2.3:8080,"}});
    CHECK(proxy_from_environment().no_proxy == std::vector<std::string>{"a", ".b.c", "10.1.2.3:8080"});
}
