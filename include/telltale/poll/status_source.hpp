// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_STATUS_SOURCE_HPP
#define TELLTALE_POLL_STATUS_SOURCE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What one look at a job said. What was not said is absent.
struct status {
    bool found = true;                ///< false: there is an answer, and it is that there is no such job
    std::optional<job_state> state{}; ///< absent: the word is not one that is known
    std::string word{};               ///< the API's own word for the state, raw; may be empty
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

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STATUS_SOURCE_HPP
