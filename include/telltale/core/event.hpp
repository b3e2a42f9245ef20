// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_EVENT_HPP
#define TELLTALE_CORE_EVENT_HPP

#include <telltale/core/job.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What happened.
enum class event_kind : std::uint8_t {
    job_created,
    job_queued,
    job_started,
    job_paused,
    job_resumed,
    job_progressed, ///< the only kind of which a slow reader gets the latest per job instead of all
    job_succeeded,
    job_failed,
    job_cancelled,
    job_timed_out,
    job_skipped,
    job_lost,
    job_retrying, ///< a new attempt began
    job_updated,  ///< name, labels, message, queue position or commands changed
    step_started, ///< `data` names the step: {"step":"load"}. How far it is, is in the job (`steps`): job_progressed
    step_completed,
    step_failed,
    chunk_completed, ///< `data`: docs/guide/hooks.md
    worker_started,
    worker_stopped,
    approval_requested, ///< the job is paused until somebody approves or rejects: its `approval` says of what
    approval_approved,
    approval_rejected,
    approval_timed_out,
    watch_health_changed,
    transition_refused, ///< a report broke the rules of job_state; `data` has "from" and "to"
    custom              ///< a user's own: `data` is the user's JSON
};

inline constexpr std::size_t event_kind_count = 27;

namespace detail {
inline constexpr std::array<std::string_view, event_kind_count> event_kind_names{
    "job_created",          "job_queued",         "job_started",
    "job_paused",           "job_resumed",        "job_progressed",
    "job_succeeded",        "job_failed",         "job_cancelled",
    "job_timed_out",        "job_skipped",        "job_lost",
    "job_retrying",         "job_updated",        "step_started",
    "step_completed",       "step_failed",        "chunk_completed",
    "worker_started",       "worker_stopped",     "approval_requested",
    "approval_approved",    "approval_rejected",  "approval_timed_out",
    "watch_health_changed", "transition_refused", "custom"};
} // namespace detail

constexpr std::string_view to_string(event_kind k) noexcept {
    return detail::event_kind_names[static_cast<std::size_t>(k)];
}

constexpr std::optional<event_kind> parse_event_kind(std::string_view name) noexcept {
    for (std::size_t i = 0; i < event_kind_count; ++i)
        if (detail::event_kind_names[i] == name) return static_cast<event_kind>(i);
    return std::nullopt;
}

/// The event that tells of a job's arrival in a state.
constexpr event_kind arrival_in(job_state s) noexcept {
    constexpr std::array<event_kind, job_state_count> kinds{
        event_kind::job_created,   event_kind::job_queued, event_kind::job_paused,    event_kind::job_started,
        event_kind::job_succeeded, event_kind::job_failed, event_kind::job_cancelled, event_kind::job_timed_out,
        event_kind::job_skipped,   event_kind::job_lost};
    return kinds[static_cast<std::size_t>(s)];
}

/// Something that happened, with the whole job as it was just after. Cheap to copy: the job is shared.
struct event {
    event_kind kind = event_kind::custom;
    timestamp time{};
    std::shared_ptr<const telltale::job> job{}; ///< null only for a custom event that belongs to no job
    std::string data{};                         ///< a JSON value that belongs to the kind; empty: none
};

/// Progress is latest-wins per job: of the unread progress of one job, a reader gets only the newest. Every other kind
/// has an empty key and is never dropped for a newer one.
inline std::string_view conflation_key(const event& e) noexcept {
    return e.kind == event_kind::job_progressed && e.job ? std::string_view{e.job->id} : std::string_view{};
}

/// What a subscription can name to hear of this event: the id of the job, and under its name the value of each label.
template <class Visitor>
void routing_keys(const event& e, Visitor&& visit) {
    if (!e.job) return;
    visit(std::string_view{e.job->id}, std::string_view{});
    for (const auto& [name, value] : e.job->labels)
        if (!name.empty()) visit(std::string_view{value}, std::string_view{name});
}

/// The kind, as a number below 64.
constexpr unsigned routing_class(const event& e) noexcept { return static_cast<unsigned>(e.kind); }

/// Tells the processor that the event is about to be destroyed, and most likely its job with it.
inline void prefetch_parts(const event& e) noexcept {
    constexpr std::size_t cache_line = 64;
    const auto* const bytes = reinterpret_cast<const char*>(e.job.get());
    for (std::size_t i = 0; bytes && i < sizeof(job); i += cache_line) __builtin_prefetch(bytes + i);
}

/// What an event takes in memory, about: with its job, which it may share with others.
inline std::size_t byte_size(const event& e) noexcept {
    std::size_t bytes = sizeof(event) + e.data.size();
    if (!e.job) return bytes;
    const job& j = *e.job;
    bytes += sizeof(job) + j.id.size() + j.name.size() + j.kind.size() + j.word.size() + j.message.size();
    for (const auto& [name, value] : j.labels) bytes += sizeof(label_map::value_type) + name.size() + value.size();
    if (j.error) bytes += j.error->message.size();
    if (j.steps)
        for (const job_step& s : *j.steps) bytes += sizeof(job_step) + s.name.size();
    if (j.approval) bytes += j.approval->what.size();
    return bytes + j.health.error.size();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_EVENT_HPP
