// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/telltale.hpp>

#include <boost/beast/core/string.hpp>
#include <simdjson.h>

// What telltale::json and telltale::beast bring with them: their third parties, found and linked.
int main() {
    simdjson::ondemand::parser parser;
    const simdjson::padded_string body{std::string_view{R"({"state":"running"})"}};
    auto document = parser.iterate(body);
    const std::string_view word = document["state"];
    return boost::beast::iequals({word.data(), word.size()}, "RUNNING") ? 0 : 1;
}
