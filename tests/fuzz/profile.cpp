// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Whatever somebody writes into the description of a job API: a profile that is valid, or malformed_profile. A valid one
// can be asked and read with, and says the same when it is written and read again.

#include <telltale/json/profile.hpp>
#include <telltale/json/profile_text.hpp>
#include <telltale/json/status_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

void must_be_invalid_argument(const telltale::system_error& e) {
    if (e.code() != telltale::errc::invalid_argument) std::abort();
}

void ask(const telltale::profile& p) {
    const std::vector<telltale::job_id> ids{"17", "4"};
    try {
        (void)telltale::job_request(p, ids[0]);
        if (p.many && p.many->limit >= 2) (void)telltale::many_request(p, ids);
        if (p.list) (void)telltale::list_request(p);
        if (p.cancel) (void)telltale::cancel_request(p, "a \"b\"");
    } catch (const telltale::system_error& e) {
        must_be_invalid_argument(e);
    }
}

void read(const telltale::profile& p) {
    telltale::status_parser parser(p);
    (void)parser.is_not_found(500, R"({"errors":[{"error_number":2017}]})");
    (void)parser.error_of(R"({"error":{"message":"x"}})");
    try {
        (void)parser.parse(
            R"({"jobs":[{"state":["RUNNING","X"],"status":{"conditions":[{"type":"A","status":"True"}]}}]})");
    } catch (const telltale::system_error& e) {
        if (e.code() != telltale::errc::missing_field && e.code() != telltale::errc::wrong_type) std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto p = telltale::parse_profile({reinterpret_cast<const char*>(data), size});
        telltale::validate(p);
        ask(p);
        read(p);
        const auto text = telltale::to_json(p);
        if (telltale::to_json(telltale::parse_profile(text)) != text) std::abort();
    } catch (const telltale::system_error& e) {
        if (e.code() != telltale::errc::malformed_profile) std::abort();
    }
    return 0;
}
