// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP
#define TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/poll/status_source.hpp>

#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Adds to a report what a source said.
inline void merge(job_report& r, status&& s) {
    r.state = s.state;
    if (!s.word.empty()) r.word = std::move(s.word);
    r.progress = s.progress;
    r.queue_position = s.queue_position;
    if (s.message) r.message = std::move(s.message);
    if (s.error) r.error = std::move(s.error);
    if (s.name) r.name = std::move(s.name);
    if (s.kind) r.kind = std::move(s.kind);
    if (s.labels) r.labels = std::move(s.labels);
    r.attempt = s.attempt;
    r.created = s.created;
    r.queued = s.queued;
    r.started = s.started;
    r.finished = s.finished;
}

template <class T>
void assign_told(T& to, const std::optional<T>& from) {
    if (from) to = *from;
}
template <class T>
void assign_told(std::optional<T>& to, const std::optional<T>& from) {
    if (from) to = from;
}

/// The job as an observer knows it after this report: no rules, they are the board's.
inline void see(job& j, const job_report& r) {
    assign_told(j.state, r.state);
    assign_told(j.attempt, r.attempt);
    assign_told(j.word, r.word);
    assign_told(j.name, r.name);
    assign_told(j.kind, r.kind);
    assign_told(j.labels, r.labels);
    assign_told(j.message, r.message);
    assign_told(j.progress, r.progress);
    assign_told(j.error, r.error);
    assign_told(j.created, r.created);
    assign_told(j.queued, r.queued);
    assign_told(j.started, r.started);
    assign_told(j.finished, r.finished);
    if (r.queue_position) {
        j.queue_position = r.queue_position;
        if (*r.queue_position == 0) j.queue_position.reset();
    }
    if (!r.health) return;
    if (j.health.state != *r.health || !j.health.since) j.health.since = r.at;
    j.health.state = *r.health;
    j.health.error = r.health_error;
    if (*r.health == watch_state::ok) j.observed = r.at;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP
