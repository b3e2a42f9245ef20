// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_STATUS_SOURCE_IPP
#define TELLTALE_BEAST_DETAIL_HTTP_STATUS_SOURCE_IPP

#include <telltale/asio.hpp>
#include <telltale/beast/http_client.hpp>
#include <telltale/beast/http_credential.hpp>
#include <telltale/beast/http_hints.hpp>
#include <telltale/beast/http_status_source.hpp>
#include <telltale/core/error_rules.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/redaction.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/error.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/json/status_parser.hpp>
#include <telltale/poll/poll_error.hpp>
#include <telltale/poll/status_source.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// The last answer about each job that has an ETag, so that the next may be "not changed" (304).
class answer_cache {
public:
    struct entry {
        std::string etag{};
        status last{};
    };

    explicit answer_cache(std::size_t limit) : limit_(limit) {}

    const entry* find(const job_id& id) const {
        const auto found = entries_.find(id);
        return found == entries_.end() ? nullptr : &found->second;
    }

    void forget(const job_id& id) { entries_.erase(id); }

    void remember(const job_id& id, const std::string& etag, const status& s) {
        if (limit_ == 0) return;
        if (entries_.size() >= limit_ && !entries_.contains(id))
            entries_.erase(entries_.begin()); // any: it costs a body
        auto& e = entries_[id];
        e.etag = etag;
        e.last = s;
        e.last.hint = {};
    }

private:
    std::size_t limit_;
    std::unordered_map<job_id, entry> entries_{};
};

/// What the copies of an http_status_source share.
struct job_api {
    job_api(http_client& c, std::string base, profile p, http_fields h, http_source_options o)
        : client(&c),
          executor(c.get_executor()),
          time(&time_source_of(executor)),
          base_url(std::move(base)),
          headers(std::move(h)),
          options(std::move(o)),
          api(std::move(p)),
          parser(api),
          known(options.max_etags) {
        while (base_url.ends_with('/')) base_url.pop_back();
        for (const auto& [name, value] : headers)
            if (is_secret_name(name)) options.secrets.push_back(value);
    }

    http_request request(expanded_request e) const {
        http_request r{.method = std::move(e.method),
                       .url = std::move(e.url),
                       .headers = std::move(e.headers),
                       .body = std::move(e.body),
                       .credential = options.credential};
        for (const auto& h : headers) {
            std::erase_if(r.headers, [&](const auto& mine) { return iequals(mine.first, h.first); });
            r.headers.push_back(h);
        }
        return r;
    }

    /// Where a job is asked for.
    std::string job_url(const job_id& id) const { return request(job_request(api, id, base_url)).url; }

    static bool is_success(unsigned code) noexcept { return code >= 200 && code < 300; }

    timestamp now() const { return time->system_now(); }

    /// For people: no secret of ours, one line, not too long.
    std::string shown(std::string text) const {
        const auto hide = [&text](std::string_view secret) {
            text = redacted(std::move(text), secret);
            if (const auto blank = secret.find(' '); blank != std::string_view::npos) // Bearer ...
                text = redacted(std::move(text), secret.substr(blank + 1));
        };
        if (options.credential) hide(options.credential->value());
        for (const auto& secret : options.secrets) hide(secret);
        for (char& c : text)
            if ((c >= 0 && c < ' ') || c == 0x7F) c = ' ';
        constexpr std::size_t most = 500;
        if (text.size() > most) text.replace(most, std::string::npos, "...");
        return text;
    }

    /// No answer.
    [[noreturn]] void fail(error_code ec, const std::string& url) const {
        auto kind = error_class::network;
        if (ec == condition::timeout)
            kind = error_class::timeout;
        else if (ec == errc::body_too_large)
            kind = error_class::resource;
        else if (ec == errc::no_token)
            kind = error_class::authentication;
        else if (ec == errc::malformed_http || ec == errc::too_many_redirects || ec == errc::redirect_loop ||
                 ec == errc::insecure_redirect)
            kind = error_class::api;
        else if (ec == errc::malformed_url || ec == errc::invalid_argument)
            kind = error_class::query;
        throw poll_error(ec, redacted_url(url), kind);
    }

    /// An answer that is neither 2xx nor "not found".
    [[noreturn]] void fail_status(http_response& answer, const std::string& url, errc as = errc::http_status) {
        const auto refusal = parser.error_of(std::move(answer.body));
        const error_evidence evidence{answer.status, refusal.code, refusal.message};
        std::string text = redacted_url(url) + ": HTTP " + std::to_string(answer.status);
        if (!refusal.code.empty()) text += " " + shown(refusal.code);
        if (!refusal.message.empty()) text += " \"" + shown(refusal.message) + '"';
        throw poll_error(make_error_code(as), text, options.errors.classify(evidence), answer.status,
                         hints_of(answer, now()));
    }

    /// A 2xx whose body is not what the profile says.
    [[noreturn]] void fail_body(const system_error& e, unsigned code, const std::string& url) const {
        // what() ends with the message of the code, which the new one appends again.
        std::string text = e.what();
        const auto message = ": " + e.code().message();
        if (const auto at = text.rfind(message); at != std::string::npos) text.resize(at);
        const auto kind = e.code() == errc::invalid_argument ? error_class::query : error_class::api;
        throw poll_error(e.code(), redacted_url(url) + ": " + shown(std::move(text)), kind, code);
    }

    /// What the parser makes of an answer; its errors become those of a poll.
    template <class Parse>
    auto read(unsigned code, const std::string& url, Parse parse) {
        try {
            return parse();
        } catch (const system_error& e) {
            fail_body(e, code, url);
        }
    }

    /// The same of an error of the parser that was kept.
    std::exception_ptr body_failure(const std::exception_ptr& kept, unsigned code, const std::string& url) {
        try {
            read(code, url, [&] { std::rethrow_exception(kept); });
        } catch (const poll_error&) {
            return std::current_exception();
        }
        return kept;
    }

    http_client* client;
    net::any_io_executor executor;
    const time_source* time;
    std::string base_url;
    http_fields headers;
    http_source_options options;
    profile api;
    status_parser parser;
    answer_cache known;
};

/// Hints of the header and, in the status, of the body: the longer interval.
inline void add_hints(status& s, const poll_hint& of_header) {
    const auto of_body = s.hint.interval;
    s.hint = of_header;
    if (of_body && (!s.hint.interval || *s.hint.interval < *of_body)) s.hint.interval = of_body;
}

/// Sends a request; the status is the caller's to judge.
inline net::awaitable<http_response> ask(std::shared_ptr<job_api> api, http_request request) {
    const std::string url = request.url;
    auto [ec, response] = co_await api->client->async_request(std::move(request), as_result);
    if (ec) api->fail(ec, url);
    co_return std::move(response);
}

/// What is remembered of a poll until its answer is there.
struct asked_job {
    bool cacheable = false;
    bool cached = false;
};

inline auto ask_for_job(job_api& api, const job_id& id, asked_job& asked) {
    http_request request = api.request(job_request(api.api, id, api.base_url));
    asked.cacheable = request.method == "GET" && request.body.empty();
    if (const auto* const before = asked.cacheable ? api.known.find(id) : nullptr) {
        asked.cached = true;
        request.headers.emplace_back("If-None-Match", before->etag);
    }
    return api.client->async_request(std::move(request), as_result);
}

/// As the answer before.
inline status unchanged_job(const status& before, const http_response& response, timestamp now) {
    status same = before;
    same.unchanged = true;
    same.hint = hints_of(response, now);
    return same;
}

/// An answer that is not 2xx.
inline status missing_job(job_api& api, const job_id& id, http_response& response, timestamp now) {
    api.known.forget(id);
    if (!api.parser.is_not_found(response.status, response.body)) api.fail_status(response, api.job_url(id));
    status s = not_found();
    s.hint = hints_of(response, now);
    return s;
}

inline status read_job(job_api& api, const job_id& id, http_response& response, timestamp now) {
    try {
        return api.parser.parse(std::move(response.body), now);
    } catch (const system_error& e) {
        api.fail_body(e, response.status, api.job_url(id));
    }
}

inline status found_job(job_api& api, const job_id& id, asked_job asked, http_response& response, timestamp now) {
    status s = read_job(api, id, response, now);
    const std::string* const etag = asked.cacheable ? find_field(response.headers, "ETag") : nullptr;
    // What is over is not asked for again.
    if (etag && s.found && !(s.state && is_terminal(*s.state)))
        api.known.remember(id, *etag, s);
    else if (asked.cached)
        api.known.forget(id);
    add_hints(s, hints_of(response, now));
    return s;
}

// A status is large: each of these makes it where it is returned.
inline status answer_for_job(job_api& api, const job_id& id, asked_job asked, error_code ec, http_response& response) {
    if (ec) api.fail(ec, api.job_url(id));
    const timestamp now = api.now();
    if (job_api::is_success(response.status)) return found_job(api, id, asked, response, now);
    if (response.status == 304)
        if (const auto* const known = api.known.find(id)) return unchanged_job(known->last, response, now);
    return missing_job(api, id, response, now);
}

// The way of every poll: its frame holds little enough for Asio to keep it for the next.
inline net::awaitable<status> poll_job(std::shared_ptr<job_api> api, job_id id) {
    asked_job asked;
    auto request = ask_for_job(*api, id, asked);
    auto [ec, response] = co_await std::move(request);
    co_return answer_for_job(*api, id, asked, ec, response);
}

inline net::awaitable<std::vector<status>> poll_jobs(std::shared_ptr<job_api> api, std::vector<job_id> ids) {
    http_request request = api->request(many_request(api->api, ids, api->base_url));
    const std::string url = request.url;
    http_response response = co_await ask(api, std::move(request));
    const timestamp now = api->now();
    const unsigned code = response.status;
    if (!job_api::is_success(code) && !api->parser.is_not_found(code, response.body)) api->fail_status(response, url);
    std::vector<status> all;
    if (job_api::is_success(code))
        all = api->read(code, url, [&] { return api->parser.parse_many(std::move(response.body), ids, now); });
    else
        all.resize(ids.size(), not_found());
    const poll_hint hint = hints_of(response, now);
    for (auto& s : all) {
        add_hints(s, hint);
        if (s.unreadable) s.unreadable = api->body_failure(s.unreadable, code, url);
    }
    co_return all;
}

/// As poll_jobs, for an API that is asked for each.
inline net::awaitable<std::vector<status>> poll_each(std::shared_ptr<job_api> api, std::vector<job_id> ids) {
    std::vector<status> all;
    for (const auto& id : ids) {
        status s = co_await poll_job(api, id);
        all.push_back(std::move(s));
    }
    co_return all;
}

inline net::awaitable<std::vector<listed_job>> list_jobs(std::shared_ptr<job_api> api) {
    http_request request = api->request(list_request(api->api, api->base_url));
    const std::string url = request.url;
    http_response response = co_await ask(api, std::move(request));
    const unsigned code = response.status;
    if (!job_api::is_success(code)) api->fail_status(response, url);
    const timestamp now = api->now();
    co_return api->read(code, url, [&] { return api->parser.parse_list(std::move(response.body), now); });
}

/// Whether a status says that this cannot be done to the job now, rather than that one may not ask, or not so often.
inline bool is_refusal(unsigned code) noexcept {
    return code >= 400 && code < 500 && code != 401 && code != 403 && code != 407 && code != 408 && code != 425 &&
           code != 429;
}

inline net::awaitable<command_result> cancel_job(std::shared_ptr<job_api> api, job_id id) {
    if (!api->api.cancel) co_return command_result::unsupported;
    http_request request = api->request(cancel_request(api->api, id, api->base_url));
    const std::string url = request.url;
    http_response response = co_await ask(api, std::move(request));
    if (job_api::is_success(response.status)) co_return command_result::accepted;
    if (api->parser.is_not_found(response.status, response.body)) co_return command_result::unknown_job;
    if (is_refusal(response.status)) co_return command_result::refused;
    api->fail_status(response, url);
}

inline net::awaitable<job_id> retry_job(std::shared_ptr<job_api> api, job_id id) {
    if (!api->api.retry) throw system_error(make_error_code(errc::unsupported_command), "the profile has no retry");
    http_request request = api->request(retry_request(api->api, id, api->base_url));
    const std::string url = request.url;
    http_response response = co_await ask(api, std::move(request));
    const unsigned code = response.status;
    if (!job_api::is_success(code)) {
        const bool gone = api->parser.is_not_found(code, response.body);
        api->fail_status(response, url,
                         gone               ? errc::unknown_job
                         : is_refusal(code) ? errc::command_refused
                                            : errc::http_status);
    }
    api->known.forget(id);
    co_return api->read(code, url, [&] { return api->parser.parse_retry(std::move(response.body), id); });
}

inline http_request ask_for_result(const job_api& api, std::string_view id) {
    return api.request(result_request(api.api, id, api.base_url));
}

inline net::awaitable<std::string> fetch_result(std::shared_ptr<job_api> api, job_id id) {
    http_request request = ask_for_result(*api, id);
    const std::string url = request.url;
    http_response response = co_await ask(api, std::move(request));
    if (!job_api::is_success(response.status)) api->fail_status(response, url);
    co_return std::move(response.body);
}

/// Sends a cancel that nobody waits for: what became of it is seen by polling.
inline net::awaitable<void> cancel_unattended(std::weak_ptr<job_api> weak, job_id id) {
    const auto api = weak.lock();
    if (!api) co_return;
    try {
        co_await cancel_job(api, std::move(id));
    } catch (const system_error&) {
        // The job goes on, and so does its watch, which knows better than this request why.
    }
}

class remote_control final : public job_control {
public:
    remote_control(const std::shared_ptr<job_api>& api, job_id id)
        : api_(api), executor_(api->executor), can_cancel_(api->api.cancel.has_value()), id_(std::move(id)) {}

    bool supports(job_command command) const noexcept override { return command == job_command::cancel && can_cancel_; }

    command_result request(job_command command) override {
        if (!supports(command)) return command_result::unsupported;
        if (api_.expired()) return command_result::refused;
        net::co_spawn(executor_, cancel_unattended(api_, id_), net::detached);
        return command_result::accepted;
    }

private:
    std::weak_ptr<job_api> api_;
    net::any_io_executor executor_;
    bool can_cancel_;
    job_id id_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

namespace telltale::inline TELLTALE_ABI {

TELLTALE_DECL http_status_source::http_status_source(http_client& client, std::string base_url, profile api,
                                                     http_fields headers, http_source_options options)
    : api_(std::make_shared<detail::job_api>(client, std::move(base_url), std::move(api), std::move(headers),
                                             std::move(options))) {}

TELLTALE_DECL net::awaitable<status> http_status_source::poll(job_id id) {
    return detail::poll_job(api_, std::move(id));
}

TELLTALE_DECL net::awaitable<std::vector<status>> http_status_source::poll_many(std::vector<job_id> ids) {
    return api_->api.many ? detail::poll_jobs(api_, std::move(ids)) : detail::poll_each(api_, std::move(ids));
}

TELLTALE_DECL std::size_t http_status_source::batch_limit() const noexcept {
    return api_->api.many ? api_->api.many->limit : 1;
}

TELLTALE_DECL net::awaitable<std::vector<listed_job>> http_status_source::list() { return detail::list_jobs(api_); }

TELLTALE_DECL net::awaitable<command_result> http_status_source::cancel(job_id id) {
    return detail::cancel_job(api_, std::move(id));
}

TELLTALE_DECL net::awaitable<job_id> http_status_source::retry(job_id id) {
    return detail::retry_job(api_, std::move(id));
}

TELLTALE_DECL net::awaitable<std::string> http_status_source::result(job_id id) {
    return detail::fetch_result(api_, std::move(id));
}

TELLTALE_DECL std::shared_ptr<job_control> http_status_source::control(job_id id) const {
    return std::make_shared<detail::remote_control>(api_, std::move(id));
}

TELLTALE_DECL http_request http_status_source::result_request(const job_id& id) const {
    return detail::ask_for_result(*api_, id);
}

TELLTALE_DECL http_client& http_status_source::client() const noexcept { return *api_->client; }

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_DETAIL_HTTP_STATUS_SOURCE_IPP
