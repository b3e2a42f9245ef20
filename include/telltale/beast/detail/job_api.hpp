// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_JOB_API_HPP
#define TELLTALE_BEAST_DETAIL_JOB_API_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/http_client.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/error.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/json/status_parser.hpp>
#include <telltale/poll/status_source.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What the copies of an http_status_source share.
struct job_api {
    job_api(http_client& c, std::string base, profile p, http_fields h)
        : client(&c),
          executor(c.get_executor()),
          base_url(std::move(base)),
          headers(std::move(h)),
          api(std::move(p)),
          parser(api) {
        while (base_url.ends_with('/')) base_url.pop_back();
    }

    http_request request(expanded_request e) const {
        http_request r;
        r.method = std::move(e.method);
        r.url = base_url + e.url;
        r.headers = std::move(e.headers);
        r.headers.insert(r.headers.end(), headers.begin(), headers.end());
        r.body = std::move(e.body);
        return r;
    }

    bool is_not_found(unsigned code) const {
        return std::find(api.not_found.begin(), api.not_found.end(), code) != api.not_found.end();
    }

    static bool is_success(unsigned code) noexcept { return code >= 200 && code < 300; }

    [[noreturn]] static void fail(error_code ec, std::string_view url) { throw system_error(ec, std::string(url)); }

    [[noreturn]] static void fail_status(unsigned code, std::string_view url) {
        throw system_error(make_error_code(errc::http_status), std::string(url) + ": HTTP " + std::to_string(code));
    }

    http_client* client;
    net::any_io_executor executor;
    std::string base_url;
    http_fields headers;
    profile api;
    status_parser parser;
};

/// Sends a request; the status is the caller's to judge.
inline net::awaitable<http_response> ask(std::shared_ptr<job_api> api, http_request request) {
    const std::string url = request.url;
    auto [ec, response] = co_await api->client->async_request(std::move(request), as_result);
    if (ec) job_api::fail(ec, url);
    co_return std::move(response);
}

inline net::awaitable<status> poll_job(std::shared_ptr<job_api> api, job_id id) {
    http_request request = api->request(job_request(api->api, id));
    const std::string url = request.url;
    // As ask(), without its frame: this is the way of every poll.
    auto [ec, response] = co_await api->client->async_request(std::move(request), as_result);
    if (ec) job_api::fail(ec, url);
    if (api->is_not_found(response.status)) co_return not_found();
    if (!job_api::is_success(response.status)) job_api::fail_status(response.status, url);
    co_return api->parser.parse(std::move(response.body));
}

inline net::awaitable<std::vector<listed_job>> list_jobs(std::shared_ptr<job_api> api) {
    if (!api->api.list) throw system_error(make_error_code(errc::invalid_argument), "the profile has no list");
    http_request request = api->request(list_request(api->api));
    const std::string url = request.url;
    http_response response = co_await ask(api, std::move(request));
    if (!job_api::is_success(response.status)) job_api::fail_status(response.status, url);
    co_return api->parser.parse_list(std::move(response.body));
}

inline net::awaitable<command_result> cancel_job(std::shared_ptr<job_api> api, job_id id) {
    if (!api->api.cancel) co_return command_result::unsupported;
    http_request request = api->request(cancel_request(api->api, id));
    const std::string url = request.url;
    const http_response response = co_await ask(api, std::move(request));
    if (job_api::is_success(response.status)) co_return command_result::accepted;
    if (api->is_not_found(response.status)) co_return command_result::unknown_job;
    if (response.status >= 400 && response.status < 500) co_return command_result::refused;
    job_api::fail_status(response.status, url);
}

inline http_request ask_for_result(const job_api& api, std::string_view id) {
    if (!api.api.result) throw system_error(make_error_code(errc::invalid_argument), "the profile has no result");
    return api.request(result_request(api.api, id));
}

inline net::awaitable<std::string> fetch_result(std::shared_ptr<job_api> api, job_id id) {
    http_request request = ask_for_result(*api, id);
    const std::string url = request.url;
    http_response response = co_await ask(api, std::move(request));
    if (!job_api::is_success(response.status)) job_api::fail_status(response.status, url);
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

#endif // TELLTALE_BEAST_DETAIL_JOB_API_HPP
