// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_VALIDATE_PROFILE_HPP
#define TELLTALE_JSON_DETAIL_VALIDATE_PROFILE_HPP

// Included by profile.hpp, after the profile.

#include <telltale/core/job_state.hpp>
#include <telltale/json/detail/answer_plan.hpp>
#include <telltale/json/detail/json_fault.hpp>
#include <telltale/json/detail/profile_plans.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

/// `mark`: what stands for the ids; empty: nothing does.
inline void check_url(const std::string& url, std::string_view mark, std::string_view place) {
    if (url.empty()) throw_malformed_profile(place, "is missing or empty");
    if (url.front() != '/') throw_malformed_profile(place, "\"" + url + "\" does not begin with a slash");
    std::string rest = url;
    if (const auto at = mark.empty() ? std::string::npos : rest.find(mark); at != std::string::npos)
        rest.erase(at, mark.size());
    const bool plain = std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c != '\x7f'; });
    if (!plain) throw_malformed_profile(place, "\"" + url + "\" has blanks or control characters");
    if (rest.find_first_of("{}") == std::string::npos) return;
    const auto why = mark.empty() ? std::string(" has braces") : " has braces that are not one " + std::string(mark);
    throw_malformed_profile(place, "\"" + url + "\"" + why);
}

inline bool is_profile_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

inline void check_headers(const profile_headers& headers, const std::string& place) {
    for (const auto& [name, value] : headers) {
        const auto at = place + '/' + escape_token(name);
        if (!is_profile_token(name)) throw_malformed_profile(at, "is not the name of a header");
        const bool line = std::all_of(value.begin(), value.end(), [](char c) {
            return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f');
        });
        if (!line) throw_malformed_profile(at, "has control characters");
    }
}

/// Method, headers, and a body that is JSON.
template <class Request>
void check_message(const Request& r, const std::string& place) {
    if (!r.method.empty() && !is_profile_token(r.method))
        throw_malformed_profile(place + "/method", "is not a method of HTTP");
    check_headers(r.headers, place + "/headers");
    if (r.body.empty()) return;
    const bool container = r.body.front() == '{' || r.body.front() == '[';
    if (!container || find_fault(r.body).what != json_fault::kind::none)
        throw_malformed_profile(place + "/body", "is neither a JSON object nor an array");
}

inline void check_request(const profile_request& r, const std::string& place) {
    // The URL alone is a short form of the request for a job.
    const bool alone = place == "/job" && r.method.empty() && r.body.empty() && r.headers.empty();
    const auto url_place = alone ? place : place + "/url";
    check_url(r.url, "{id}", url_place);
    check_message(r, place);
    if (r.url.find("{id}") != std::string::npos) return;
    const bool in_body = r.body.find("{id}") != std::string::npos || r.body.find("\"{#id}\"") != std::string::npos;
    if (!in_body)
        throw_malformed_profile(url_place,
                                "\"" + r.url + "\" does not have {id}" + (r.body.empty() ? "" : ", nor does the body"));
}

inline void check_requests(const profile& p) {
    check_headers(p.headers, "/headers");
    check_request(p.job, "/job");
    if (p.cancel) check_request(*p.cancel, "/cancel");
    if (p.retry) check_request(*p.retry, "/retry");
    if (p.result) check_request(*p.result, "/result");
    if (p.list) {
        check_url(p.list->url, "", "/list/url");
        check_message(*p.list, "/list");
    }
    if (p.many) {
        check_url(p.many->url, "{ids}", "/many/url");
        check_message(*p.many, "/many");
        if (p.many->limit < 1 || p.many->limit > 100'000)
            throw_malformed_profile("/many/limit", "is not an integer from 1 to 100000");
    }
}

} // namespace detail

inline void validate(const profile& p) {
    detail::check_requests(p);
    (void)detail::profile_plans(p);
}

inline profile telltale_profile() {
    profile p;
    p.name = "telltale";
    p.job.url = "/jobs/{id}";
    p.list = profile_list{.url = "/jobs", .jobs = "/jobs", .id = "/id"};
    p.cancel = profile_request{.method = "POST", .url = "/jobs/{id}/cancel"};
    p.retry = profile_request{.method = "POST", .url = "/jobs/{id}/retry"};
    p.result = profile_request{.method = "GET", .url = "/jobs/{id}/result"};
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
    f.error_message = {"/error/message"};
    f.attempt = "/attempt";
    f.times.created = "/created_at";
    f.times.queued = "/queued_at";
    f.times.started = "/started_at";
    f.times.finished = "/finished_at";
    for (std::size_t i = 0; i < job_state_count; ++i) {
        const auto state = static_cast<job_state>(i);
        p.words.push_back({std::string(to_string(state)), state});
    }
    p.errors = {.code = {"/error/class"}, .message = {"/error/message"}};
    return p;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_DETAIL_VALIDATE_PROFILE_HPP
