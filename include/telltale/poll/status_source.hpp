// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_STATUS_SOURCE_HPP
#define TELLTALE_POLL_STATUS_SOURCE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>
#include <telltale/poll/poll_hint.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What one look at a job said. What was not said is absent.
struct status {
    bool found = true;                ///< false: there is an answer, and it is that there is no such job
    std::optional<job_state> state{}; ///< absent: the word is not one that is known
    std::string word{};               ///< the API's own word for the state, raw; may be empty
    std::string reason{};             ///< why the job is in this state, in the API's own word, raw; may be empty
    bool never_runs = false;          ///< by that reason it never will
    bool unchanged = false;           ///< all is as the answer before said, and is not said again (304)
    /// Of one job of several: why its part of the answer could not be read. This poll of this job has failed then, whatever
    /// else is said here.
    std::exception_ptr unreadable{};
    poll_hint hint{}; ///< of the request; with many jobs in one, each has the same
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 1 is next; 0: not queued
    std::optional<std::string> message{};
    std::optional<job_error> error{};
    std::optional<std::string> name{};
    std::optional<std::string> kind{};
    std::optional<label_map> labels{};
    std::optional<std::uint32_t> attempt{}; ///< counts from 1
    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};
    std::optional<timestamp> finished{};
};

/// The answer that there is no such job.
inline status not_found() {
    status s;
    s.found = false;
    return s;
}

/// Something that can be asked how a job is: `net::awaitable<status> poll(job_id id)` (or `const job_id&`, which lives
/// as long as the poll). To fail is to throw, best a system_error: that says nothing about the job. "No such job" is an
/// answer: not_found(). Several polls may be under way at once, but never on two threads at the same time: a
/// status_poller calls, and resumes, its source on one strand.
template <class Source>
concept status_source = requires(Source& source, const job_id& id) {
    { source.poll(id) } -> std::same_as<net::awaitable<status>>;
};

/// A source that can be asked for many jobs at once: `net::awaitable<std::vector<status>> poll_many(std::vector<job_id>)`
/// gives an answer for each id, in their order; `batch_limit()` is the most ids in one call. Below 2: it asks for each alone.
template <class Source>
concept batch_status_source = status_source<Source> && requires(Source& source, std::vector<job_id> ids) {
    { source.poll_many(ids) } -> std::same_as<net::awaitable<std::vector<status>>>;
    { source.batch_limit() } -> std::convertible_to<std::size_t>;
};

/// A source that can cancel a job: `net::awaitable<command_result> cancel(job_id id)`; accepted means on its way.
template <class Source>
concept cancelling_source = status_source<Source> && requires(Source& source, const job_id& id) {
    { source.cancel(id) } -> std::same_as<net::awaitable<command_result>>;
};

/// A source that can start a job that has failed again: `net::awaitable<job_id> retry(job_id id)` gives the id by which
/// the new attempt is asked for, which may be the same.
template <class Source>
concept retrying_source = status_source<Source> && requires(Source& source, const job_id& id) {
    { source.retry(id) } -> std::same_as<net::awaitable<job_id>>;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STATUS_SOURCE_HPP
