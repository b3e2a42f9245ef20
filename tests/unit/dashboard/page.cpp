// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/dashboard/page.hpp>

#include "catch.hpp"

#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string source_of(const std::string& name) {
    std::ifstream file(std::string(TELLTALE_TEST_DIR) + "/../include/telltale/dashboard/page/" + name,
                       std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("the embedded page is the files of page/") {
    for (const telltale::page_file& file : telltale::page_files) {
        const std::string name = file.path == "/" ? "index.html" : std::string(file.path.substr(1));
        INFO(name);
        CHECK(!file.body.empty());
        CHECK(file.body == source_of(name));
        CHECK(file.etag.size() > 2);
        CHECK(file.etag.front() == '"');
        CHECK(file.etag.back() == '"');
    }
}

TEST_CASE("a file of the page is found by its path") {
    const telltale::page_file* index = telltale::find_page_file("/");
    REQUIRE(index != nullptr);
    CHECK(index->content_type == "text/html; charset=utf-8");
    CHECK(index->body.substr(0, 15) == "<!doctype html>");
    CHECK(telltale::find_page_file("/index.html") == index);
    REQUIRE(telltale::find_page_file("/app.js") != nullptr);
    CHECK(telltale::find_page_file("/app.js")->content_type == "text/javascript; charset=utf-8");
    CHECK(telltale::find_page_file("") == nullptr);
    CHECK(telltale::find_page_file("/app.js/") == nullptr);
    CHECK(telltale::find_page_file("/../app.js") == nullptr);
}

TEST_CASE("the page keeps to its own policy") {
    const telltale::page_file* index = telltale::find_page_file("/");
    REQUIRE(index != nullptr);
    for (const char* forbidden : {"style=\"", "onclick=", "onload=", "<style", "<script>", "http://", "https://"}) {
        INFO(forbidden);
        CHECK(index->body.find(forbidden) == std::string_view::npos);
    }
    CHECK(telltale::page_content_security_policy.find("unsafe") == std::string_view::npos);
}
