// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What it costs to read how a job is out of a job API's answer: of 300 bytes, and of 10 KB of which most is a log that nobody
// asks for; with what is asked for at its beginning, or at its end. Each has a body of its own, with room to pad it, as it
// comes from the client. Names: <what>/<who>/<bytes>; the counter `each` is the time of one answer.

#include <telltale/json/profile.hpp>
#include <telltale/json/status_parser.hpp>

#include <benchmark/benchmark.h>
#include <boost/json/src.hpp>
#include <nlohmann/json.hpp>
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace telltale;

enum class place { first, last };

std::string make_body(std::size_t size, place p) {
    const std::string key = R"("state":"running","progress":42.5,"eta_s":118)";
    std::string body = R"({"id":"job-000123",)";
    if (p == place::first) body += key + ",";
    body += R"("stage":"transcode","created_at":"2026-01-02T03:04:05Z","owner":"team-a","attempt":1,"result":null,)"
            R"("links":{"self":"/jobs/job-000123"},"log":[)";
    const std::string end = p == place::first ? "]}" : "]," + key + "}";
    for (int i = 0; body.size() + end.size() + 30 < size; ++i)
        body += (i == 0 ? "" : ",") + std::string(R"({"t":)") + std::to_string(i) + R"(.5,"lvl":"info","msg":"frame )" +
                std::to_string(i) + R"( encoded"})";
    return body + end;
}

template <class Read>
void answers(benchmark::State& state, place p, Read read) {
    const std::string body = make_body(static_cast<std::size_t>(state.range(0)), p);
    for (auto _ : state) {
        std::string own;
        own.reserve(body.size() + simdjson::SIMDJSON_PADDING);
        own = body;
        read(std::move(own));
    }
    state.counters["each"] =
        benchmark::Counter(1, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void check(bool right) {
    if (!right) std::abort();
}

profile state_only() {
    profile api;
    api.job.url = "/jobs/{id}";
    api.fields.state = "/state";
    api.words = {{"queued", job_state::queued}, {"running", job_state::running}, {"done", job_state::succeeded}};
    return api;
}

void telltale_state(benchmark::State& state, place p) {
    status_parser parser(state_only());
    answers(state, p, [&](std::string body) { check(parser.parse(std::move(body)).state == job_state::running); });
}

void telltale_three(benchmark::State& state, place p) {
    profile api = state_only();
    api.fields.progress.percent = "/progress";
    api.fields.progress.remaining = "/eta_s";
    status_parser parser(api);
    answers(state, p, [&](std::string body) {
        const status s = parser.parse(std::move(body));
        check(s.state == job_state::running && s.progress && s.progress->percent() == 42.5);
    });
}

void on_demand(benchmark::State& state, place p) {
    simdjson::ondemand::parser parser;
    answers(state, p, [&](const std::string& body) {
        auto answer = parser.iterate(simdjson::padded_string_view(body.data(), body.size(), body.capacity())).value();
        const std::string_view word = answer["state"].get_string().value();
        const double percent = answer["progress"].get_double().value();
        const std::int64_t left = answer["eta_s"].get_int64().value();
        check(word == "running" && percent == 42.5 && left == 118);
    });
}

void boost_json(benchmark::State& state, place p) {
    answers(state, p, [](const std::string& body) {
        const auto answer = boost::json::parse(body);
        const auto& o = answer.as_object();
        check(o.at("state").as_string() == "running" && o.at("progress").as_double() == 42.5 &&
              o.at("eta_s").as_int64() == 118);
    });
}

void nlohmann_json(benchmark::State& state, place p) {
    answers(state, p, [](const std::string& body) {
        const auto answer = nlohmann::json::parse(body);
        check(answer["state"].get_ref<const std::string&>() == "running" && answer["progress"].get<double>() == 42.5 &&
              answer["eta_s"].get<int>() == 118);
    });
}

template <class Benchmark>
void add(const char* who, Benchmark run) {
    for (const auto& [p, text] :
         {std::pair{place::first, "what is asked for stands first"}, {place::last, "it stands last"}})
        benchmark::RegisterBenchmark((std::string("an answer, ") + text + ", bytes:/" + who).c_str(),
                                     [run, p = p](benchmark::State& state) { run(state, p); })
            ->Arg(300)
            ->Arg(10240);
}

} // namespace

int main(int argc, char** argv) {
    add("telltale", telltale_state);
    add("telltale, progress and time left, too", telltale_three);
    add("simdjson on demand, by hand", on_demand);
    add("Boost.JSON", boost_json);
    add("nlohmann", nlohmann_json);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
