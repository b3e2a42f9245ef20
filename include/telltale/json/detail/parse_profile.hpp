// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_PARSE_PROFILE_HPP
#define TELLTALE_JSON_DETAIL_PARSE_PROFILE_HPP

// Included by profile.hpp, after the profile.

#include <telltale/core/job_state.hpp>
#include <telltale/json/detail/json_fault.hpp>
#include <telltale/json/detail/pointer_tree.hpp>

#include <simdjson.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline void check_url(const std::string& url, bool with_id, std::string_view place) {
    if (url.empty()) throw_malformed_profile(place, "is missing or empty");
    const auto at = url.find("{id}");
    std::string rest = url;
    if (at != std::string::npos) rest.erase(at, 4);
    if (with_id && at == std::string::npos) throw_malformed_profile(place, "\"" + url + "\" does not have {id}");
    if (!with_id && at != std::string::npos) throw_malformed_profile(place, "\"" + url + "\" has {id}");
    if (rest.find_first_of("{}") != std::string::npos)
        throw_malformed_profile(place, "\"" + url + "\" has braces that are not one {id}");
    if (url.front() != '/') throw_malformed_profile(place, "\"" + url + "\" does not begin with a slash");
}

/// Reads one JSON value of a profile; knows its place.
class profile_reader {
public:
    using element = simdjson::dom::element;

    profile_reader(element value, std::string place) : value_(value), place_(std::move(place)) {}

    const std::string& place() const noexcept { return place_; }

    std::string string() const {
        std::string_view text;
        if (value_.get(text) != simdjson::SUCCESS) throw_malformed_profile(place_, "is not a string");
        return std::string(text);
    }

    /// The status codes of HTTP in an array.
    std::vector<unsigned> statuses() const {
        simdjson::dom::array array;
        if (value_.get(array) != simdjson::SUCCESS) throw_malformed_profile(place_, "is not an array");
        std::vector<unsigned> result;
        for (const element e : array) {
            std::uint64_t n = 0;
            const auto at = place_ + '/' + std::to_string(result.size());
            if (e.get(n) != simdjson::SUCCESS || n < 100 || n > 599)
                throw_malformed_profile(at, "is not an HTTP status");
            result.push_back(static_cast<unsigned>(n));
        }
        return result;
    }

    /// Calls f(key, reader) for each member.
    template <class Function>
    void members(Function f) const {
        simdjson::dom::object object;
        if (value_.get(object) != simdjson::SUCCESS) throw_malformed_profile(place_, "is not an object");
        for (const auto member : object)
            f(member.key, profile_reader(member.value, place_ + '/' + std::string(member.key)));
    }

    [[noreturn]] void unknown() const { throw_malformed_profile(place_, "there is no such member"); }

private:
    element value_;
    std::string place_;
};

struct named_pointer {
    std::string_view name;
    profile::pointer* to;
};

/// Assigns a member that is one of these pointers; false: it is none.
inline bool assign_pointer(std::string_view key, const profile_reader& r, std::initializer_list<named_pointer> all) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const named_pointer& n) { return n.name == key; });
    if (found == all.end()) return false;
    *found->to = r.string();
    return true;
}

inline void read(const profile_reader& r, profile::request& to) {
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "method")
            to.method = m.string();
        else if (key == "url")
            to.url = m.string();
        else
            m.unknown();
    });
}

inline void read(const profile_reader& r, profile::job_list& to) {
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "url")
            to.url = m.string();
        else if (key == "jobs")
            to.jobs = m.string();
        else if (key == "id")
            to.id = m.string();
        else
            m.unknown();
    });
}

inline void read(const profile_reader& r, profile_progress& to) {
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "unit")
            to.unit = m.string();
        else if (!assign_pointer(key, m,
                                 {{"fraction", &to.fraction},
                                  {"percent", &to.percent},
                                  {"done", &to.done},
                                  {"total", &to.total},
                                  {"rate", &to.rate},
                                  {"remaining", &to.remaining}}))
            m.unknown();
    });
}

inline void read(const profile_reader& r, profile_times& to) {
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "format") {
            const auto word = m.string();
            if (word == "rfc3339")
                to.format = profile::time_format::rfc3339;
            else if (word == "epoch_s")
                to.format = profile::time_format::epoch_s;
            else if (word == "epoch_ms")
                to.format = profile::time_format::epoch_ms;
            else
                throw_malformed_profile(m.place(), "is not rfc3339, epoch_s or epoch_ms");
        } else if (!assign_pointer(key, m,
                                   {{"created", &to.created},
                                    {"queued", &to.queued},
                                    {"started", &to.started},
                                    {"finished", &to.finished}})) {
            m.unknown();
        }
    });
}

inline void read(const profile_reader& r, profile_fields& to) {
    bool state = false;
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "state") {
            to.state = m.string();
            state = true;
        } else if (key == "progress") {
            read(m, to.progress);
        } else if (key == "times") {
            read(m, to.times);
        } else if (key == "error") {
            m.members([&](std::string_view part, const profile_reader& n) {
                if (!assign_pointer(part, n, {{"class", &to.error_class}, {"message", &to.error_message}})) n.unknown();
            });
        } else if (!assign_pointer(key, m,
                                   {{"queue_position", &to.queue_position},
                                    {"message", &to.message},
                                    {"name", &to.name},
                                    {"kind", &to.kind},
                                    {"labels", &to.labels},
                                    {"attempt", &to.attempt}})) {
            m.unknown();
        }
    });
    if (!state) throw_malformed_profile("/fields/state", "is missing");
}

inline acceptors read_words(const profile_reader& r) {
    acceptors words;
    r.members([&](std::string_view word, const profile_reader& m) {
        const auto state = parse_job_state(m.string());
        if (!state) throw_malformed_profile(m.place(), "\"" + m.string() + "\" is not a state");
        words.add(std::string(word), *state);
    });
    return words;
}

inline profile read_profile(const profile_reader& r) {
    profile p;
    bool fields = false;
    r.members([&](std::string_view key, const profile_reader& m) {
        if (key == "name") {
            p.name = m.string();
        } else if (key == "job") {
            p.job = m.string();
        } else if (key == "list") {
            read(m, p.list.emplace());
        } else if (key == "cancel") {
            read(m, p.cancel.emplace());
        } else if (key == "result") {
            p.result.emplace().method = "GET";
            read(m, *p.result);
        } else if (key == "fields") {
            read(m, p.fields);
            fields = true;
        } else if (key == "words") {
            p.words = read_words(m);
        } else if (key == "not_found") {
            p.not_found = m.statuses();
        } else {
            m.unknown();
        }
    });
    if (!fields) throw_malformed_profile("/fields", "is missing");
    return p;
}

} // namespace detail

inline std::string expand_url(std::string_view url, std::string_view id) {
    static constexpr char hex[] = "0123456789ABCDEF";
    const auto at = url.find("{id}");
    if (at == std::string_view::npos) return std::string(url);
    std::string out(url.substr(0, at));
    for (const char c : id) {
        const auto u = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        if (plain)
            out += c;
        else
            out.append({'%', hex[u >> 4U], hex[u & 15U]});
    }
    // An id of dots alone would be another path.
    if (id == "." || id == "..") {
        out.resize(at);
        for (std::size_t i = 0; i < id.size(); ++i) out += "%2E";
    }
    out += url.substr(at + 4);
    return out;
}

inline void validate(const profile& p) {
    detail::check_url(p.job, true, "/job");
    if (p.cancel) detail::check_url(p.cancel->url, true, "/cancel/url");
    if (p.result) detail::check_url(p.result->url, true, "/result/url");
    auto places = detail::job_places(p);
    detail::check_containers(places, "/fields");
    const auto& progress = p.fields.progress;
    const int kinds =
        int{progress.fraction.has_value()} + int{progress.percent.has_value()} + int{progress.done.has_value()};
    if (kinds > 1)
        detail::throw_malformed_profile("/fields/progress", "has more than one of fraction, percent and done");
    if (p.words.empty()) detail::throw_malformed_profile("/words", "is missing or empty");
    if (!p.list) return;
    detail::check_url(p.list->url, false, "/list/url");
    detail::pointer_node list;
    list.add(p.list->jobs, detail::field::list, "/list/jobs");
    places.add(p.list->id, detail::field::id, "/list/id");
    detail::check_containers(places, "/list/id");
}

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

inline profile telltale_profile() {
    profile p;
    p.name = "telltale";
    p.job = "/jobs/{id}";
    p.list = profile::job_list{"/jobs", "/jobs", "/id"};
    p.cancel = profile::request{"POST", "/jobs/{id}/cancel"};
    p.result = profile::request{"GET", "/jobs/{id}/result"};
    auto& f = p.fields;
    f.state = "/state";
    f.progress.done = "/progress/done";
    f.progress.total = "/progress/total";
    f.progress.unit = "/progress/unit";
    f.progress.rate = "/progress/rate";
    f.progress.remaining = "/progress/remaining_s";
    f.queue_position = "/queue_position";
    f.message = "/message";
    f.name = "/name";
    f.kind = "/kind";
    f.labels = "/labels";
    f.error_class = "/error/class";
    f.error_message = "/error/message";
    f.attempt = "/attempt";
    f.times.created = "/created_at";
    f.times.queued = "/queued_at";
    f.times.started = "/started_at";
    f.times.finished = "/finished_at";
    p.words = acceptors::own_words();
    return p;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_DETAIL_PARSE_PROFILE_HPP
