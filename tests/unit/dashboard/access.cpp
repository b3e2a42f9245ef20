// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/dashboard/access.hpp>

#include "catch.hpp"

#include <string>

namespace {

telltale::http_request request(const std::string& method, const std::string& host, const std::string& origin = {}) {
    telltale::http_request r{method, "/api/jobs", {}, {}, {}};
    if (!host.empty()) r.headers.emplace_back("host", host);
    if (!origin.empty()) r.headers.emplace_back("ORIGIN", origin);
    return r;
}

} // namespace

TEST_CASE("a server answers to addresses, localhost and the names it was given") {
    const telltale::access_rules rules{.hosts = {"jobs.example.org"}, .origins = {}};
    for (const std::string host : {"127.0.0.1:8080", "127.0.0.1", "[::1]:8080", "[::1]", "localhost", "LocalHost:1",
                                   "10.0.0.7:80", "jobs.example.org", "JOBS.example.org:8080"}) {
        INFO(host);
        CHECK(rules.allows_host(request("GET", host)));
    }
    for (const std::string host :
         {"", "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "[::1", ":80",
          "[evil.example", "x.jobs.example.org", "127.0.0.1@evil.example"}) {
        INFO(host);
        CHECK(!rules.allows_host(request("GET", host)));
    }
}

TEST_CASE("commands come from the server's own pages, from allowed sites, or from no page at all") {
    const telltale::access_rules rules{.hosts = {}, .origins = {"https://ops.example.org"}};
    const std::string host = "127.0.0.1:8080";
    CHECK(rules.allows(request("POST", host)));
    CHECK(rules.allows(request("POST", host, "http://127.0.0.1:8080")));
    CHECK(rules.allows(request("POST", host, "HTTP://127.0.0.1:8080")));
    CHECK(rules.allows(request("POST", host, "https://ops.example.org")));
    CHECK(rules.allows(request("POST", "localhost", "http://localhost:80")));
    CHECK(rules.allows(request("POST", "localhost:443", "https://localhost")));
    for (const std::string origin :
         {"http://127.0.0.1", "http://127.0.0.1:8081", "http://localhost:8080", "http://evil.example",
          "http://127.0.0.1:8080.evil.example", "null", "file://", "http://", "https://ops.example.org.evil.example"}) {
        INFO(origin);
        CHECK(!rules.allows(request("POST", host, origin)));
        CHECK(!rules.allows_origin(request("GET", host, origin)));
        CHECK(rules.allows(request("GET", host, origin))); // reading is the browser's to forbid
    }
    CHECK(!rules.allows(request("GET", "evil.example:8080", "http://evil.example:8080"))); // DNS rebinding
}
