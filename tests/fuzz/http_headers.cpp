// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Headers that a server sends, dates and places in them, and URLs: whatever they say, hints are within their bounds, what is
// read is written as it was read, and secrets of URLs are not shown.

#include <telltale/beast/detail/url.hpp>
#include <telltale/beast/http_hints.hpp>
#include <telltale/core/http_date.hpp>
#include <telltale/core/redaction.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace telltale;

void must(bool holds) {
    if (!holds) std::abort();
}

void must_be_bounded(const std::optional<std::chrono::nanoseconds>& d) {
    must(!d || (*d >= std::chrono::nanoseconds::zero() && *d <= longest_hint));
}

// What is read does not depend on what was read before.
void check_reader(std::string_view text) {
    static detail::url_reader reader;
    const auto read = reader.read(text);
    const auto parsed = detail::parse_http_url(text);
    must(read.has_value() == parsed.has_value());
    if (!read) return;
    must(read->secure == parsed->secure && read->host == parsed->host && read->port == parsed->port);
    must(read->authority == parsed->authority && read->target() == parsed->target());
}

void check_url(const std::string& text) {
    check_reader("http://host:8080" + text);
    check_reader(text);
    static const auto base = detail::parse_http_url("https://host/a/b?c").value();
    // What leads somewhere leads to the same place from there.
    const auto location = detail::resolve_location(base, text);
    if (const auto url = detail::parse_http_url(location))
        must(detail::parse_http_url(url->with_target(url->target())).has_value());
    const auto shown = redacted_url(text);
    must(shown.find("hunter2") == std::string::npos || text.find("hunter2") != std::string::npos);
    if (!detail::parse_http_url(text)) return;
    std::string with_user = text;
    with_user.insert(with_user.find("://") + 3, "me:hunter2@");
    must(!detail::parse_http_url(with_user)); // never sent
    must(redacted_url(with_user) == shown);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const timestamp now{std::chrono::seconds(1'795'341'600)};
    http_fields fields;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto colon = std::min(line.find(':'), line.size());
        std::string value(line.substr(std::min(colon + 1, line.size())));
        check_url(value);
        check_url(std::string(line));
        for (const auto& text : {std::string(line), std::string(detail::trimmed(value))}) {
            if (const auto date = parse_http_date(text, now)) {
                const auto again = parse_http_date(to_http_date(*date), now);
                must(again == date || *date >= timestamp(std::chrono::sys_days(std::chrono::year(2262) / 1 / 1)));
            }
        }
        fields.emplace_back(std::string(line.substr(0, colon)), std::move(value));
    }
    const poll_hint hint = hints_of(fields, now);
    must_be_bounded(hint.retry_after);
    must_be_bounded(hint.interval);
    must_be_bounded(hint.window);
    return 0;
}
