// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Whatever a job API answers: a status, many, a list, or one of the errors that status_parser names. And whatever it
// takes for a time.

#include <telltale/json/detail/rfc3339.hpp>
#include <telltale/json/status_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

// All that a profile can look for.
constexpr std::string_view rich = R"({
 "job": "/{id}", "list": {"url": "/", "jobs": "/jobs"}, "many": {"url": "/?{ids}", "jobs": "/jobs"},
 "retry": {"url": "/{id}", "new_id": {"any": ["/id", "/jobs/0/id"]}},
 "fields": {"at": "/jobs/0",
  "state": {"any": [{"in": "/conditions", "where": {"/status": "True", "/n": {"above": 1}}, "take": "/type"}, "/state"]},
  "second": "/verdict", "flags": "/flags", "reason": {"in": "/conditions", "take": "/reason"},
  "progress": {"counts": {"done": ["/ok", "/bad"], "left": ["/active"]}, "unit": "/unit"}, "labels": "/labels",
  "error": {"code": "/code", "message": ["/a", "/b"]}, "retries": "/restarts", "queue_position": "/ahead",
  "times": {"format": "iso8601", "started": "/start", "finished": "/end"}, "hint": {"time": "/next"}},
 "words": [{"word": ["Complete", "DONE"], "flag": "COMPLETING", "state": "running"},
           {"word": ["Complete", "DONE"], "second": ["good", "fine"], "state": "succeeded"},
           {"word": ["Failed", "DONE"], "where": {"/x": null, "/y": [], "/z": {"contains": "out"}}, "state": "failed"},
           {"word": null, "where": {"/active": {"above": 0}}, "state": "running"}],
 "never_runs": ["Never*"],
 "not_found": [404, {"status": 500, "where": {"/errors/0/number": 2017}}, {"where": {"/jobs": []}}],
 "errors": {"code": "/errors/0/number", "message": ["/errors/0/text", "/message"]}})";

template <class Parse>
void must_be_named(Parse parse) {
    using telltale::errc;
    try {
        parse();
    } catch (const telltale::system_error& e) {
        const auto ec = e.code();
        if (ec != errc::malformed_json && ec != errc::truncated_json && ec != errc::missing_field &&
            ec != errc::wrong_type)
            std::abort();
    }
}

void read_times(std::string_view text) {
    const auto strict = telltale::detail::parse_rfc3339(text);
    const auto lenient = telltale::detail::parse_iso8601(text);
    if (strict && strict != lenient) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static telltale::status_parser own(telltale::telltale_profile());
    static telltale::status_parser parser(telltale::parse_profile(rich));
    static const std::vector<telltale::job_id> ids{"1", "b", "1"};
    const std::string body(reinterpret_cast<const char*>(data), size);
    must_be_named([&] { static_cast<void>(own.parse(body)); });
    must_be_named([&] { static_cast<void>(own.parse_list(body)); });
    must_be_named([&] { static_cast<void>(parser.parse(body, telltale::timestamp{})); });
    must_be_named([&] { static_cast<void>(parser.parse_list(body)); });
    must_be_named([&] { static_cast<void>(parser.parse_many(body, ids)); });
    must_be_named([&] { static_cast<void>(parser.parse_retry(body, "1")); });
    static_cast<void>(parser.is_not_found(500, body));
    static_cast<void>(parser.error_of(body));
    static_cast<void>(own.error_of(body));
    read_times(body);
    return 0;
}
