// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/execution_report.hpp>

#include "catch.hpp"

#include <telltale/core/json.hpp>

#include <simdjson.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

// The report is JSON to a reader that is not ours, and docs/reference/report.md says what each member is.

namespace {

using namespace std::chrono_literals;

std::string page(const std::string& name) {
    std::ifstream file(std::string(TELLTALE_TEST_DIR) + "/../docs/reference/" + name);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// In which everything is known.
telltale::execution_report full_report() {
    const telltale::timestamp noon = std::chrono::sys_days{std::chrono::November / 22 / 2026} + 12h;
    auto j = std::make_shared<telltale::job>();
    j->id = "1";
    j->name = "na\xc3\xafve \"name\"\n\xff"; // not all of it UTF-8
    j->kind = "hash";
    j->state = telltale::job_state::failed;
    j->labels["folder"] = "a";
    j->created = noon;
    j->started = noon + 1s;
    j->finished = noon + 3s;
    j->progress = telltale::progress{.done = 1e300, .total = 1e301};
    j->error = telltale::job_error{telltale::error_class::resource, "no room"};
    auto open = std::make_shared<telltale::job>();
    open->id = "2";
    telltale::report_sources sources{.started = noon, .now = noon + 4s};
    sources.figures["1"] = {.rows_in = 18'446'744'073'709'551'615U, .rows_out = 3, .bytes = 4, .cpu = 1s};
    sources.overall = telltale::progress{
        .done = 1, .total = 4, .rate = 0.25, .remaining = 12s, .remaining_low = 9s, .remaining_high = 20s};
    sources.resources = telltale::resource_usage{.elapsed = 4s,
                                                 .samples = 5,
                                                 .cpu_percent = 1,
                                                 .cpu_mean_percent = 2,
                                                 .cpu_user = 1s,
                                                 .cpu_system = 1s,
                                                 .cpu_limit_cores = 2,
                                                 .memory_bytes = 1,
                                                 .memory_mean_bytes = 1.5,
                                                 .memory_peak_bytes = 2,
                                                 .memory_limit_bytes = 3,
                                                 .disk_read_bytes = 4,
                                                 .disk_written_bytes = 5,
                                                 .disk_read_bytes_per_s = 6,
                                                 .disk_written_bytes_per_s = 7};
    return make_report({j, open}, sources);
}

void check_members(simdjson::dom::object object, const std::string& documented, std::size_t least) {
    std::size_t members = 0;
    for (const auto member : object) {
        CAPTURE(member.key);
        CHECK(documented.find("`" + std::string(member.key) + "`") != std::string::npos);
        ++members;
    }
    CHECK(members >= least);
}

} // namespace

TEST_CASE("reference: a report is JSON, and every member of it is documented") {
    const std::string text = to_json(full_report());
    simdjson::dom::parser parser;
    const simdjson::dom::object report = parser.parse(text);
    const std::string documented = page("report.md");
    check_members(report, documented, 23);
    check_members(report["resources"], documented, 17);
    check_members(report["jobs"].at(0), documented, 19);
    check_members(report["jobs_by_state"], page("json.md"), 10);
    check_members(report["progress"], page("json.md"), 7);

    CHECK(std::uint64_t(report["format"]) == 1);
    CHECK(double(report["elapsed_s"]) == 4.0);
    CHECK(double(report["remaining_high_s"]) == 20.0);
    CHECK(std::uint64_t(report["jobs_by_state"]["failed"]) == 1);
    CHECK(std::uint64_t(report["rows_in"]) == 18'446'744'073'709'551'615U);
    CHECK(double(report["resources"]["memory_percent_of_limit"]) == Approx(100.0 / 3));
    CHECK(std::string_view(report["jobs"].at(0)["name"]) == "na\xc3\xafve \"name\"\n\xef\xbf\xbd");
    CHECK(double(report["jobs"].at(0)["cpu_percent"]) == 50.0);
    CHECK(std::string_view(report["jobs"].at(0)["error"]["class"]) == "resource");
}

TEST_CASE("reference: the report that is shown is JSON") {
    const std::string documented = page("report.md");
    const auto begin = documented.find("```json\n") + 8;
    std::string shown = documented.substr(begin, documented.find("```", begin) - begin);
    const std::string dots = "{\xe2\x80\xa6}";
    REQUIRE(shown.find(dots) != std::string::npos);
    shown.replace(shown.find(dots), dots.size(), "{}");
    simdjson::dom::parser parser;
    const simdjson::dom::object report = parser.parse(shown);
    CHECK(std::uint64_t(report["jobs_total"]) == 100);
    CHECK(double(report["jobs"].at(0)["cpu_percent"]) == Approx(44.4));
}
