// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Every case of tests/fixtures/<profile>/expected.json; what is in there: tests/fixtures/README.md.

#include <telltale/json/shipped_profiles.hpp>

#include <telltale/core/progress.hpp>
#include <telltale/json/detail/rfc3339.hpp>
#include <telltale/json/profile_text.hpp>
#include <telltale/json/status_parser.hpp>

#include "catch.hpp"

#include <simdjson.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace telltale;

namespace {

using element = simdjson::dom::element;
namespace fs = std::filesystem;

const timestamp now{std::chrono::sys_days{std::chrono::November / 22 / 2026}};

std::string file_text(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    INFO(path);
    REQUIRE(in);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string text_of(element e) { return simdjson::minify(e); }

std::string string_of(element e) { return std::string(std::string_view(e)); }

std::string in_quotes(std::string_view key) { return '"' + std::string(key) + '"'; }

// What a case changes in a body: values at pointers (which need not be there yet), and pointers to what is taken away.
struct patch {
    std::map<std::string, std::string> set{};
    std::set<std::string> remove{};
};

std::string token(std::string_view key) {
    std::string result;
    for (const char c : key) result += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return result;
}

std::string patched(element e, const std::string& at, const patch& p, std::set<std::string>& done) {
    if (const auto found = p.set.find(at); found != p.set.end()) {
        done.insert(at);
        return found->second;
    }
    std::string text;
    const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ",") + part; };
    if (e.is_object()) {
        for (const auto [key, value] : simdjson::dom::object(e)) {
            const auto below = at + '/' + token(key);
            if (p.remove.count(below) != 0)
                done.insert(below);
            else
                add(in_quotes(key) + ':' + patched(value, below, p, done));
        }
        for (const auto& [pointer, value] : p.set) {
            const auto slash = pointer.rfind('/');
            if (pointer.substr(0, slash) == at && done.insert(pointer).second)
                add(in_quotes(pointer.substr(slash + 1)) + ':' + value);
        }
        return '{' + text + '}';
    }
    if (!e.is_array()) return text_of(e);
    std::size_t i = 0;
    for (const element item : simdjson::dom::array(e)) add(patched(item, at + '/' + std::to_string(i++), p, done));
    return '[' + text + ']';
}

std::string patched(const std::string& body, const patch& p) {
    simdjson::dom::parser parser;
    std::set<std::string> done;
    const auto text = patched(parser.parse(body), "", p, done);
    CHECK(done.size() == p.set.size() + p.remove.size()); // a pointer that leads nowhere is a mistake in the case
    return text;
}

// The words at a pointer of a vocabulary, in which "*" stands for every element of an array.
void collect(element e, std::string_view at, std::set<std::string>& words) {
    if (e.is_array() && (at.empty() || at.substr(0, 2) == "/*")) {
        for (const element item : simdjson::dom::array(e)) collect(item, at.empty() ? at : at.substr(2), words);
    } else if (at.empty()) {
        if (!e.is_null()) words.insert(e.is_string() ? string_of(e) : text_of(e));
    } else {
        const auto end = std::min(at.find('/', 1), at.size());
        element below;
        if (e.at_pointer(at.substr(0, end)).get(below) == simdjson::SUCCESS) collect(below, at.substr(end), words);
    }
}

template <class T>
std::string shown(const std::optional<T>& value) {
    if (!value) return "null";
    std::ostringstream out;
    if constexpr (std::is_same_v<T, timestamp>)
        out << std::chrono::duration_cast<std::chrono::microseconds>(value->time_since_epoch()).count();
    else
        out << *value;
    return out.str();
}

std::string expected_time(element e) { return shown(e.is_null() ? std::nullopt : detail::parse_rfc3339(string_of(e))); }

std::string expected_text(element e) { return e.is_null() || !e.is_string() ? text_of(e) : string_of(e); }

std::map<std::string, std::string> members_of(const std::optional<progress>& p) {
    std::map<std::string, std::string> m;
    if (!p) return m;
    const auto number = [](double n) { return shown(std::optional<double>(n)); };
    m["done"] = number(p->done);
    if (p->total) m["total"] = number(*p->total);
    m["unit"] = to_string(p->unit);
    if (p->rate) m["rate"] = number(*p->rate);
    if (p->remaining) m["remaining"] = number(p->remaining->count());
    return m;
}

std::map<std::string, std::string> members_of(element e) {
    std::map<std::string, std::string> m;
    if (e.is_null()) return m;
    for (const auto [key, value] : simdjson::dom::object(e)) m[std::string(key)] = expected_text(value);
    return m;
}

// For failures that can be read.
std::string lines(const std::map<std::string, std::string>& all) {
    std::string text;
    for (const auto& [key, value] : all) text += key + ": " + value + '\n';
    return text;
}

// What `expect` does not name is not asked; null: not known.
void check(const status& s, element expect) {
    for (const auto [key, value] : simdjson::dom::object(expect)) {
        INFO(key);
        if (key == "found") {
            CHECK(s.found == bool(value));
        } else if (key == "state") {
            CHECK((s.state ? std::string(to_string(*s.state)) : "null") == expected_text(value));
        } else if (key == "word") {
            CHECK(s.word == string_of(value));
        } else if (key == "reason") {
            CHECK(s.reason == string_of(value));
        } else if (key == "never_runs") {
            CHECK(s.never_runs == bool(value));
        } else if (key == "progress") {
            CHECK(lines(members_of(s.progress)) == lines(members_of(value)));
        } else if (key == "queue_position") {
            CHECK(shown(s.queue_position) == expected_text(value));
        } else if (key == "attempt") {
            CHECK(shown(s.attempt) == expected_text(value));
        } else if (key == "message") {
            CHECK(shown(s.message) == expected_text(value));
        } else if (key == "name") {
            CHECK(shown(s.name) == expected_text(value));
        } else if (key == "kind") {
            CHECK(shown(s.kind) == expected_text(value));
        } else if (key == "labels") {
            CHECK(s.labels.has_value() == !value.is_null());
            std::map<std::string, std::string> labels;
            if (s.labels) labels.insert(s.labels->begin(), s.labels->end());
            CHECK(lines(labels) == lines(members_of(value)));
        } else if (key == "error") {
            CHECK(s.error.has_value() == !value.is_null());
            std::map<std::string, std::string> error;
            if (s.error) error = {{"class", std::string(to_string(s.error->kind))}, {"message", s.error->message}};
            for (const auto& [member, text] : members_of(value)) CHECK(error[member] == text);
        } else if (key == "created") {
            CHECK(shown(s.created) == expected_time(value));
        } else if (key == "queued") {
            CHECK(shown(s.queued) == expected_time(value));
        } else if (key == "started") {
            CHECK(shown(s.started) == expected_time(value));
        } else if (key == "finished") {
            CHECK(shown(s.finished) == expected_time(value));
        } else if (key != "id") {
            FAIL("expected.json: there is no such member");
        }
    }
}

// The fixtures of one profile.
class fixtures {
public:
    explicit fixtures(std::string_view name) : fixtures(name, *shipped_profile(name)) {}

    fixtures(std::string_view name, const profile& p)
        : folder_(fs::path(TELLTALE_TEST_DIR) / "fixtures" / name),
          expected_(parser_.load((folder_ / "expected.json").string())),
          status_parser_(p) {}

    // Requests as text, those that the profile does not have left out.
    std::map<std::string, std::string> requests(const profile& p) const {
        const std::string id = string_of(expected_["requests"]["id"]);
        const std::vector<job_id> ids{id, "2"};
        simdjson::dom::parser parser;
        const auto said = [&parser](const expanded_request& r) {
            const auto text = r.method + ' ' + r.url;
            return r.body.empty() ? text : text + ' ' + text_of(parser.parse(r.body));
        };
        std::map<std::string, std::string> all{{"id", id}, {"job", said(job_request(p, id))}};
        if (p.many) all["many"] = said(many_request(p, ids));
        if (p.list) all["list"] = said(list_request(p));
        if (p.cancel) all["cancel"] = said(cancel_request(p, id));
        if (p.retry) all["retry"] = said(retry_request(p, id));
        if (p.result) all["result"] = said(result_request(p, id));
        return all;
    }
    std::map<std::string, std::string> expected_requests() const { return members_of(expected_["requests"]); }

    element vocabulary() const { return expected_["vocabulary"]; }
    const std::set<std::string>& seen(std::string_view pointer) { return seen_[std::string(pointer)]; }
    bool knows_unknown() const { return unknown_; }

    void run() {
        const auto refused = status_parser_.error_of(body_of(expected_["refused"]));
        CHECK(refused.code == string_of(expected_["refused"]["code"]));
        CHECK(refused.message == string_of(expected_["refused"]["message"]));
        for (const element table : array("words")) run_words(table);
        for (const element one : array("cases")) run_case(one);
        for (const element batch : array("batches")) {
            std::vector<job_id> ids;
            for (const element id : simdjson::dom::array(batch["ids"])) ids.push_back(job_id(string_of(id)));
            const auto all = status_parser_.parse_many(changed_body(batch), ids, now);
            const simdjson::dom::array expect = batch["expect"];
            REQUIRE(all.size() == expect.size());
            std::size_t i = 0;
            for (const element e : expect) {
                INFO("batch, " << ids[i]);
                check(all[i++], e);
            }
        }
        for (const element list : array("lists")) {
            const auto jobs = status_parser_.parse_list(changed_body(list), now);
            const simdjson::dom::array expect = list["expect"];
            REQUIRE(jobs.size() == expect.size());
            std::size_t i = 0;
            for (const element e : expect) {
                INFO("list, " << jobs[i].id);
                CHECK(jobs[i].id == string_of(e["id"]));
                check(jobs[i++].now, e);
            }
        }
    }

private:
    std::vector<element> array(std::string_view member) const {
        std::vector<element> all;
        simdjson::dom::array elements;
        if (expected_[member].get(elements) == simdjson::SUCCESS) all.assign(elements.begin(), elements.end());
        return all;
    }

    std::string body_of(element e) const { return file_text(folder_ / string_of(e["body"])); }

    status parse(const std::string& text) {
        try {
            return status_parser_.parse(text, now);
        } catch (const system_error& e) {
            FAIL_CHECK(e.what());
            return {};
        }
    }

    std::string changed_body(element e) const {
        patch p;
        simdjson::dom::object set;
        if (e["set"].get(set) == simdjson::SUCCESS)
            for (const auto [pointer, value] : set) p.set[std::string(pointer)] = text_of(value);
        simdjson::dom::array remove;
        if (e["remove"].get(remove) == simdjson::SUCCESS)
            for (const element pointer : remove) p.remove.insert(string_of(pointer));
        return patched(body_of(e), p);
    }

    void run_words(element table) {
        const std::string body = body_of(table);
        for (const element row : simdjson::dom::array(table["rows"])) {
            INFO(text_of(row));
            patch p;
            std::vector<element> columns;
            for (const element column : simdjson::dom::array(row)) columns.push_back(column);
            std::size_t i = 0;
            for (const element pointer : simdjson::dom::array(table["set"]))
                p.set[string_of(pointer)] = text_of(columns.at(i++));
            REQUIRE(columns.size() == i + 1);
            const std::string text = patched(body, p);
            const status s = parse(text);
            CHECK(s.found);
            CHECK((s.state ? std::string(to_string(*s.state)) : "null") == expected_text(columns.back()));
            if (!s.state) {
                unknown_ = true;
                CHECK_FALSE(s.word.empty());
            }
            if (!columns.back().is_null()) note(text);
        }
    }

    void run_case(element one) {
        INFO(text_of(one["name"]));
        const std::string text = changed_body(one);
        std::uint64_t http_status = 0;
        if (one["http_status"].get(http_status) != simdjson::SUCCESS) http_status = 200;
        // As http_status_source does.
        status s;
        if (http_status == 200) {
            s = parse(text);
            note(text);
        } else if (status_parser_.is_not_found(static_cast<unsigned>(http_status), text)) {
            s = not_found();
        }
        check(s, one["expect"]);
    }

    void note(const std::string& text) {
        simdjson::dom::parser parser;
        const element body = parser.parse(text);
        for (const auto [pointer, unused] : simdjson::dom::object(vocabulary()))
            collect(body, pointer, seen_[std::string(pointer)]);
    }

    fs::path folder_;
    simdjson::dom::parser parser_{};
    element expected_;
    status_parser status_parser_;
    std::map<std::string, std::set<std::string>> seen_{};
    bool unknown_ = false;
};

} // namespace

TEST_CASE("shipped_profiles: the ten, by name") {
    std::vector<std::string_view> names;
    for (const auto name : shipped_profile_names()) names.push_back(name);
    CHECK(names == std::vector<std::string_view>{"airflow", "aws_batch", "databricks", "github_actions", "gitlab",
                                                 "ibm_quantum", "kubernetes", "openai_batches", "slurm", "telltale"});
    for (const auto name : names) {
        INFO(name);
        REQUIRE(shipped_profile_text(name));
        CHECK_NOTHROW(validate(*shipped_profile(name)));
    }
    CHECK_FALSE(shipped_profile("Slurm"));
    CHECK_FALSE(shipped_profile_text(""));
}

TEST_CASE("shipped_profiles: what is sent to each API") {
    for (const auto name : shipped_profile_names()) {
        INFO(name);
        const fixtures f(name);
        CHECK(lines(f.requests(*shipped_profile(name))) == lines(f.expected_requests()));
    }
}

TEST_CASE("shipped_profiles: every case of every API, and its whole vocabulary") {
    for (const auto name : shipped_profile_names()) {
        INFO(name);
        fixtures f(name);
        f.run();
        CHECK(f.knows_unknown());
        for (const auto [pointer, words] : simdjson::dom::object(f.vocabulary()))
            for (const element word : simdjson::dom::array(words)) {
                INFO(pointer << ": " << string_of(word) << " has no case");
                CHECK(f.seen(pointer).count(string_of(word)) == 1);
            }
    }
}

TEST_CASE("shipped_profiles: no profile has a word that is not in the API's vocabulary") {
    for (const auto name : shipped_profile_names()) {
        const fixtures f(name);
        std::set<std::string> known;
        for (const auto [pointer, words] : simdjson::dom::object(f.vocabulary()))
            for (const element word : simdjson::dom::array(words)) known.insert(string_of(word));
        const auto check_words = [&](const std::vector<std::string>& words) {
            for (const auto& word : words) {
                INFO(name << ": " << word);
                CHECK(known.count(word) == 1);
            }
        };
        const profile p = *shipped_profile(name);
        for (const auto& a : p.words) {
            check_words(a.word);
            check_words(a.second);
            check_words(a.flag);
        }
    }
}

TEST_CASE("shipped_profiles: written as JSON and read again, a profile says the same") {
    for (const auto name : shipped_profile_names()) {
        INFO(name);
        const std::string text = to_json(*shipped_profile(name));
        const profile again = parse_profile(text);
        CHECK(to_json(again) == text);
        fixtures f(name, again);
        f.run();
        CHECK(lines(f.requests(again)) == lines(f.expected_requests()));
    }
    CHECK(to_json(*shipped_profile("telltale")) == to_json(telltale_profile()));
}
