// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/redaction.hpp>

#include "catch.hpp"

#include <string>

using namespace telltale;

TEST_CASE("redaction: names of secrets", "[redaction]") {
    for (const auto* name : {"Authorization",
                             "proxy-authorization",
                             "Cookie",
                             "Set-Cookie",
                             "X-API-Key",
                             "x_api_key",
                             "apikey",
                             "PRIVATE-TOKEN",
                             "X-SLURM-USER-TOKEN",
                             "access_token",
                             "X-Amz-Signature",
                             "X-Amz-Credential",
                             "sig",
                             "key",
                             "password",
                             "client_secret",
                             "X-Auth",
                             "session_id",
                             "AWSAccessKeyId",
                             "jwt"})
        CHECK(is_secret_name(name));
    for (const auto* name :
         {"Accept", "Content-Type", "User-Agent", "id", "page", "X-Request-Id", "monkey", "state", ""})
        CHECK_FALSE(is_secret_name(name));
}

TEST_CASE("redaction: URLs", "[redaction]") {
    CHECK(redacted_url("https://me:pw@host:8/a?x=1&token=abc;sig=d&y#frag") ==
          "https://host:8/a?x=1&token=***;sig=***&y");
    for (const std::string password : {"p", "p/w", "p?w", "p#w", "p@w", "p:1/2"})
        CHECK(redacted_url("https://me:" + password + "@host:1/") == "https://host:1/");
    CHECK(redacted_url("https://[::1]:80/@") == "https://[::1]:80/@");
    CHECK(redacted_url("https://a@b@host/?q=a@b") == "https://host/?q=a@b");
    CHECK(redacted_url("https://host/?%74oken=abc&a=") == "https://host/?%74oken=***&a=");
    CHECK(redacted_url("/jobs/1?key=") == "/jobs/1?key=***");
    CHECK(redacted_url("//u:p@h/x") == "//h/x");
    for (const std::string same : {"", "?", "http://host", "/a@b", "http://host/a?b&c=d", "?&&=;"})
        CHECK(redacted_url(same) == same);
    CHECK(redacted("my key is hunter2, hunter2!", "hunter2") == "my key is ***, ***!");
    CHECK(redacted("a b a", "a") == "a b a");
}
