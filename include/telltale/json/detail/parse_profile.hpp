// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_PARSE_PROFILE_HPP
#define TELLTALE_JSON_DETAIL_PARSE_PROFILE_HPP

// Included by profile.hpp, after the profile.

#include <telltale/core/job_state.hpp>
#include <telltale/json/detail/json_fault.hpp>
#include <telltale/json/detail/profile_reader.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

template <class T>
using named_member = profile_reader::named_member<T>;

inline void read_body(const profile_reader& r, std::string& body) {
    if (!r.is_object() && !r.is_array()) r.fail("is neither a JSON object nor an array");
    body = r.json();
}

inline void read_request(const profile_reader& r, profile_request& to, bool may_have_new_id) {
    r.members([&](std::string_view key, const profile_reader& m) {
        static constexpr std::string_view names[]{"method", "url", "body", "headers", "new_id"};
        if (key == "method")
            m.to(to.method);
        else if (key == "url")
            m.to(to.url);
        else if (key == "body")
            read_body(m, to.body);
        else if (key == "headers")
            m.to(to.headers);
        else if (key == "new_id" && may_have_new_id)
            m.to(to.new_id);
        else
            m.fail("there is no such member" + suggestion(key, std::span(names).first(may_have_new_id ? 5 : 4)));
    });
}

/// What list and many have in common; false: it is another member.
template <class Jobs>
bool read_jobs_member(std::string_view key, const profile_reader& m, Jobs& to) {
    if (key == "url")
        m.to(to.url);
    else if (key == "jobs")
        m.to(to.jobs);
    else if (key == "id")
        m.to(to.id);
    else if (key == "method")
        m.to(to.method);
    else if (key == "body")
        read_body(m, to.body);
    else if (key == "headers")
        m.to(to.headers);
    else
        return false;
    return true;
}

inline void read_list(const profile_reader& r, profile_list& to) {
    static constexpr std::string_view names[]{"url", "jobs", "id", "method", "body", "headers"};
    r.members([&](std::string_view key, const profile_reader& m) {
        if (!read_jobs_member(key, m, to)) m.fail("there is no such member" + suggestion(key, names));
    });
}

inline void read_many(const profile_reader& r, profile_many& to) {
    static constexpr std::string_view names[]{"url", "jobs", "id", "limit", "separator", "method", "body", "headers"};
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "limit")
            to.limit = m.integer(1, 100'000, "is not an integer from 1 to 100000");
        else if (key == "separator")
            m.to(to.separator);
        else if (!read_jobs_member(key, m, to))
            m.fail("there is no such member" + suggestion(key, names));
    });
}

inline void read_fields(const profile_reader& r, profile_fields& to) {
    static constexpr std::string_view names[]{
        "at",   "state", "second", "flags", "reason",  "progress", "queue_position", "message",
        "name", "kind",  "labels", "error", "attempt", "retries",  "times",          "hint"};
    bool state = false;
    r.members([&](std::string_view key, const profile_reader& m) {
        const std::pair<std::string_view, optional_place*> places[]{
            {"second", &to.second},   {"flags", &to.flags},
            {"reason", &to.reason},   {"queue_position", &to.queue_position},
            {"message", &to.message}, {"name", &to.name},
            {"kind", &to.kind},       {"attempt", &to.attempt},
            {"retries", &to.retries}};
        const auto* const place =
            std::find_if(std::begin(places), std::end(places), [&](const auto& p) { return p.first == key; });
        if (place != std::end(places)) {
            m.to(*place->second);
        } else if (key == "at") {
            to.at = m.string();
        } else if (key == "state") {
            m.to(to.state);
            state = true;
        } else if (key == "progress") {
            m.to(to.progress);
        } else if (key == "times") {
            m.to(to.times);
        } else if (key == "labels") {
            m.to(to.labels);
        } else if (key == "hint") {
            m.to(to.hint);
        } else if (key == "error") {
            m.object(named_member<optional_place>{"class", to.error_class},
                     named_member<std::vector<json_place>>{"code", to.error_code},
                     named_member<std::vector<json_place>>{"message", to.error_message});
        } else {
            m.fail("there is no such member" + suggestion(key, names));
        }
    });
    if (!state) throw_malformed_profile("/fields/state", "is missing");
}

/// A word, several, or null: none.
inline void read_acceptor_words(const profile_reader& r, profile_words& to, bool* none) {
    if (none != nullptr && r.is_null()) {
        *none = true;
        return;
    }
    r.one_or_more([&](const profile_reader& e) { to.push_back(e.text()); });
    if (to.empty()) r.fail("is empty");
}

inline void read_acceptor(const profile_reader& r, profile_acceptor& to) {
    static constexpr std::string_view names[]{"word", "second", "flag", "where", "state", "error"};
    bool state = false;
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "word") {
            read_acceptor_words(m, to.word, &to.no_word);
        } else if (key == "second") {
            read_acceptor_words(m, to.second, &to.no_second);
        } else if (key == "flag") {
            read_acceptor_words(m, to.flag, nullptr);
        } else if (key == "where") {
            m.to(to.where);
        } else if (key == "state") {
            m.to(to.state);
            state = true;
        } else if (key == "error") {
            m.to(to.error);
        } else {
            m.fail("there is no such member" + suggestion(key, names));
        }
    });
    if (!state) throw_malformed_profile(r.place() + "/state", "is missing");
}

inline void read_words(const profile_reader& r, std::vector<profile_acceptor>& to) {
    if (r.is_array()) {
        r.elements([&](const profile_reader& e) { read_acceptor(e, to.emplace_back()); });
        return;
    }
    if (!r.is_object()) r.fail("is neither an object of words nor an array of acceptors");
    r.members([&](std::string_view word, const profile_reader& m) { to.push_back({std::string(word), m.state()}); });
}

inline void read_not_found(const profile_reader& r, std::vector<profile_not_found>& to) {
    to.clear();
    r.elements([&](const profile_reader& e) {
        auto& rule = to.emplace_back();
        const auto status = [&rule](const profile_reader& s) {
            rule.status = static_cast<unsigned>(s.integer(100, 599, "is not an HTTP status"));
        };
        if (!e.is_object()) return status(e);
        e.members([&](std::string_view key, const profile_reader& m) {
            static constexpr std::string_view names[]{"status", "where"};
            if (key == "status")
                status(m);
            else if (key == "where")
                m.to(rule.where);
            else
                m.fail("there is no such member" + suggestion(key, names));
        });
    });
}

inline profile read_profile(const profile_reader& r) {
    static constexpr std::string_view names[]{"name",      "job",        "headers",   "many",   "list",
                                              "cancel",    "retry",      "result",    "fields", "words",
                                              "no_reason", "never_runs", "not_found", "errors"};
    profile p;
    bool fields = false;
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "name") {
            m.to(p.name);
        } else if (key == "job") {
            if (m.is_object())
                read_request(m, p.job, false);
            else
                m.to(p.job.url);
        } else if (key == "headers") {
            m.to(p.headers);
        } else if (key == "many") {
            read_many(m, p.many.emplace());
        } else if (key == "list") {
            read_list(m, p.list.emplace());
        } else if (key == "cancel") {
            read_request(m, p.cancel.emplace(), false);
        } else if (key == "retry") {
            read_request(m, p.retry.emplace(), true);
        } else if (key == "result") {
            read_request(m, p.result.emplace(), false);
        } else if (key == "fields") {
            read_fields(m, p.fields);
            fields = true;
        } else if (key == "words") {
            read_words(m, p.words);
        } else if (key == "no_reason") {
            m.to(p.no_reason);
        } else if (key == "never_runs") {
            m.to(p.never_runs);
        } else if (key == "not_found") {
            read_not_found(m, p.not_found);
        } else if (key == "errors") {
            m.to(p.errors);
        } else {
            m.fail("there is no such member" + suggestion(key, names));
        }
    });
    if (!fields) throw_malformed_profile("/fields", "is missing");
    return p;
}

} // namespace detail

inline profile parse_profile(std::string_view json_text) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    if (const auto error = parser.parse(simdjson::padded_string(json_text)).get(root); error != simdjson::SUCCESS) {
        const auto fault = detail::find_fault(json_text);
        if (fault.what == detail::json_fault::kind::none)
            detail::throw_malformed_profile("the text", simdjson::error_message(error));
        const auto before = json_text.substr(0, fault.offset);
        const auto line = 1 + std::count(before.begin(), before.end(), '\n');
        const auto column =
            fault.offset - (before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1) + 1;
        detail::throw_malformed_profile("line " + std::to_string(line) + ", column " + std::to_string(column),
                                        "this is not JSON");
    }
    auto p = detail::read_profile(detail::profile_reader(root, ""));
    validate(p);
    return p;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_DETAIL_PARSE_PROFILE_HPP
