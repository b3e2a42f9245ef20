// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_HTTP_STATUS_SOURCE_HPP
#define TELLTALE_BEAST_HTTP_STATUS_SOURCE_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/http_client.hpp>
#include <telltale/beast/http_credential.hpp>
#include <telltale/core/error_rules.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/json/status_parser.hpp>
#include <telltale/poll/status_source.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

namespace detail {
struct job_api;
}

/// How an http_status_source asks, besides what its profile says.
struct http_source_options {
    std::shared_ptr<http_credential> credential{}; ///< of all requests (http_credential.hpp)
    error_rules errors{};                          ///< find the class of an answer that is an error
    /// Hidden in the text of an error, where an API repeats them, as are the credential and the headers whose name is
    /// is_secret_name(): of each that has a blank what follows it, too. Below 4 characters: not hidden.
    std::vector<std::string> secrets{};
    std::size_t max_etags = 10'000; ///< jobs whose last answer is kept, for APIs that give an ETag; 0: no such requests
};

/// A job API over HTTP, as a profile describes it: what a status_poller asks.
///
///     telltale::http_client client(executor);
///     telltale::http_status_source api(client, "http://127.0.0.1:8080", telltale::telltale_profile());
///     telltale::status_poller poller(executor, api, board.sink());
///     poller.watch("42", {.control = api.control("42")});
///
/// Copies share their state. To fail is to throw a poll_error, with its class (by `http_source_options::errors` for an
/// answer), its HTTP status and what the answer said of when to come again. Its code: what http_client gives;
/// `errc::http_status` for an answer whose status is neither of 2xx nor "not found"; what status_parser gives. Its text has
/// the URL, and what the API says of it, without secrets: see redacted_url.
///
/// An answer with an ETag is remembered, until the job is over, and asked for with If-None-Match: a 304, which is cheap for
/// both sides and free of rate limits with some, is `status::unchanged`, with all that the answer before said.
///
/// @par Cancellation
/// as http_client::async_request.
/// @par Thread safety
/// Distinct objects: safe, if they are not copies and do not share a client. Shared objects: unsafe, but for what
/// control() gives. Use it where its client may be used: with several threads, give client and poller the same strand.
/// The client must outlive the source and its copies.
class http_status_source {
public:
    /// `base_url`: "https://host:port/prefix", without a slash at the end. `headers` are of every request, and go before
    /// the profile's. Throws `errc::malformed_profile`.
    http_status_source(http_client& client, std::string base_url, profile api, http_fields headers = {},
                       http_source_options options = {});

    /// Asks how one job is. "No such job" is the answer not_found().
    [[nodiscard]] net::awaitable<status> poll(job_id id);

    /// Asks how these jobs are, in one request; not_found() for those that are not in the answer. One after the other where
    /// the profile has no request for many. `errc::invalid_argument`: more than batch_limit().
    [[nodiscard]] net::awaitable<std::vector<status>> poll_many(std::vector<job_id> ids);

    /// The most ids in one request; 1 where the profile has none for many.
    std::size_t batch_limit() const noexcept;

    /// Asks for all jobs. `errc::invalid_argument`: the profile has no list.
    [[nodiscard]] net::awaitable<std::vector<listed_job>> list();

    /// Asks the API to cancel a job, and returns what it said: accepted (2xx), unknown_job ("not found"), refused (any
    /// other 4xx, but for those about who asks, 401, 403 and 407, and how often, 408, 425 and 429), unsupported (the
    /// profile has no cancel).
    [[nodiscard]] net::awaitable<command_result> cancel(job_id id);

    /// Asks the API to start a job again; the id of the new attempt. `errc::unsupported_command`: the profile has no retry;
    /// `errc::unknown_job`; `errc::command_refused`: another 4xx, as of cancel.
    [[nodiscard]] net::awaitable<job_id> retry(job_id id);

    /// Fetches the result of a job, whole, up to `http_client_options::body_limit`; fetch_result (job_result.hpp) does it
    /// in bounded memory. `errc::invalid_argument`: the profile has none.
    [[nodiscard]] net::awaitable<std::string> result(job_id id);

    /// The door to a job, for the board: a cancel is sent on the client's executor, and is accepted at once; whether it
    /// was heeded is seen at the next polls. Refused once all copies of the source are gone. Any thread.
    std::shared_ptr<job_control> control(job_id id) const;

    /// The request for the result of a job, and who sends it: fetch_result (job_result.hpp). `errc::invalid_argument`,
    /// thrown: the profile has none.
    http_request result_request(const job_id& id) const;
    http_client& client() const noexcept;

private:
    std::shared_ptr<detail::job_api> api_;
};

static_assert(batch_status_source<http_status_source> && cancelling_source<http_status_source> &&
              retrying_source<http_status_source>);

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/beast/detail/http_status_source.ipp>
#endif

#endif // TELLTALE_BEAST_HTTP_STATUS_SOURCE_HPP
