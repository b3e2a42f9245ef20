// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_FLIGHT_ENTRY_HPP
#define TELLTALE_POLL_FLIGHT_ENTRY_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/time.hpp>
#include <telltale/core/watch_health.hpp>
#include <telltale/poll/poll_budget.hpp>
#include <telltale/poll/poll_reason.hpp>
#include <telltale/poll/poll_wait.hpp>
#include <telltale/poll/status_source.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct poller_options;
struct watch_options;

/// What a flight_entry tells of.
enum class flight_kind : std::uint8_t {
    poller_started, ///< `options`, `budget`, `seed`, `steady`, `batch_limit`, `can_cancel`, `can_retry`
    watched,        ///< `id`, `watch`
    unwatched,      ///< `id`
    poll_started,   ///< `poll`, `ids`
    poll_ended,     ///< `poll`, `id`, `took`, and `answer` or `failure`: one entry for each id of the poll
    decided, ///< `id`, `next`, `reason`: when to poll this job again. Without `id`: `waits`, `next`: no job is polled
    told,    ///< `id` and what changed of `state`, `word`, `health`: the sink was told
    retry_started,    ///< `id`, `retry_as`, `attempt` or `failure`: the source was asked to start the job again
    poll_requested,   ///< `id`: by a call of poll_now
    cancel_requested, ///< `id`: by a call of async_cancel, or a control
    cancel_answered,  ///< `id`, `took`, and `command` or `failure`: what the source said to it
    ended,            ///< `id`, `end`: the watch is over
    stopped           ///< the poller
};

namespace detail {
inline constexpr std::array<std::string_view, 13> flight_kind_names{
    "poller_started", "watched",        "unwatched",        "poll_started",    "poll_ended", "decided", "told",
    "retry_started",  "poll_requested", "cancel_requested", "cancel_answered", "ended",      "stopped"};
} // namespace detail

constexpr std::string_view to_string(flight_kind k) noexcept {
    return detail::flight_kind_names[static_cast<std::size_t>(k)];
}

constexpr std::optional<flight_kind> parse_flight_kind(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::flight_kind_names.size(); ++i)
        if (detail::flight_kind_names[i] == name) return static_cast<flight_kind>(i);
    return std::nullopt;
}

/// How a request failed, as a poll_error says it. Texts are those of exceptions, which hold no secrets.
struct flight_failure {
    error_code code{}; ///< none: it was not a system_error
    error_class kind = error_class::unknown;
    unsigned http_status = 0; ///< 0: there was no answer
    poll_hint hint{};
    std::string text{};
};

/// One thing that a status_poller saw, decided or did: what poller_options::recorder is told. Which members mean
/// something is said by the kind.
struct flight_entry {
    using nanoseconds = std::chrono::nanoseconds;

    flight_kind kind = flight_kind::poller_started;
    timestamp at{};
    job_id id{};

    std::shared_ptr<const poller_options> options{}; ///< a copy without functions: hooks, recorder
    std::optional<budget_options> budget{};          ///< the limits that it was given, without those around them
    std::uint64_t seed = 0;                          ///< that was used, also where the options have none
    nanoseconds steady{};                            ///< what the steady clock showed `at` that time
    std::uint64_t batch_limit = 0;                   ///< of the source; below 2: it is asked for each alone
    bool can_cancel = false;                         ///< the source
    bool can_retry = false;                          ///< the source
    std::shared_ptr<const watch_options> watch{};    ///< a copy without functions and without the control

    std::uint64_t poll = 0; ///< number of the poll, from 1: several ids of one call share it
    std::vector<job_id> ids{};
    nanoseconds took{};
    std::optional<status> answer{};
    std::optional<flight_failure> failure{};

    std::optional<nanoseconds> next{};   ///< from `at`; absent in `decided`: there is no next poll
    std::optional<poll_reason> reason{}; ///< of that time
    poll_wait waits = poll_wait::nothing;

    std::optional<job_state> state{};
    std::string word{};
    std::optional<watch_state> health{};

    job_id retry_as{}; ///< the id of the new attempt
    std::uint32_t attempt = 0;
    std::optional<command_result> command{};
    error_code end{}; ///< none: the job is over
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_FLIGHT_ENTRY_HPP
