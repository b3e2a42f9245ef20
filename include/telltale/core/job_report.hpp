// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_JOB_REPORT_HPP
#define TELLTALE_CORE_JOB_REPORT_HPP

#include <telltale/core/event.hpp>
#include <telltale/core/job.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Something that happened to a job and is not seen in it: a chunk was completed, a worker started.
struct job_notice {
    event_kind kind = event_kind::custom; ///< a step's, chunk's, worker's or approval's, or custom
    std::string data{};                   ///< a JSON value that belongs to the kind; empty: none
};

/// What a producer has to say of a job: "42 is now running, 37 %". What is absent stays as it was.
struct job_report {
    job_id id{};
    reporter by = reporter::producer;
    timestamp at{};                         ///< when it was so; the epoch: when the report arrives
    std::optional<job_state> state{};       ///< checked against the rules for `by`
    std::optional<std::uint32_t> attempt{}; ///< greater than before: a new attempt, which may begin in any state
    std::optional<std::string> word{};
    std::optional<std::string> name{};
    std::optional<std::string> kind{};
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 0: no longer queued
    std::optional<label_map> labels{};
    std::optional<std::string> message{};
    std::shared_ptr<const std::vector<job_step>> steps{};
    std::optional<approval_request> approval{}; ///< goes with the state paused, and ends with it
    std::vector<job_notice> notices{};          ///< each is told as an event of its kind, after the change
    std::optional<job_error> error{};
    std::optional<watch_state> health{}; ///< absent: this report says nothing about the watch
    std::string health_error{};          ///< with a health that is not ok: why
    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};
    std::optional<timestamp> finished{};
    std::shared_ptr<job_control> control{}; ///< null: stays as it was
};

/// Where a producer says it: a board's sink, a test's recorder, or any function of the user's own that takes a job_report,
/// by value or by reference: `sink(std::move(r))`, so that none is moved more often than it must. Called from the thread of
/// the producer; must not block for long and must not throw.
using job_sink = std::function<void(job_report&&)>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_REPORT_HPP
