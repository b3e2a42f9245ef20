// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_JOB_CONTEXT_HPP
#define TELLTALE_RUN_JOB_CONTEXT_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/run/detail/manager_state.hpp>

#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What a job of a job_manager is given: its id, and the ways to say how far it is. Cheap to copy. After the job has
/// ended, or its manager is gone, what is said is ignored.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
class job_context {
public:
    job_context(std::shared_ptr<detail::manager_state> manager, std::shared_ptr<detail::managed_job> job)
        : manager_(std::move(manager)), job_(std::move(job)) {}

    const job_id& id() const noexcept { return job_->spec.id; }

    const std::string& name() const noexcept { return job_->spec.name; }

    /// Counts the job's progress; what it counts is reported no more often than the manager's publish_interval, the
    /// first and the last always, and costs nothing in between. The options of the first call hold. The reference is
    /// valid as long as a context of this job is.
    progress_tracker& tracker(progress_tracker_options options = {}) { return manager_->tracker(job_, options); }

    /// Reports progress at once, as often as it is called: for a job that knows it from elsewhere.
    void report_progress(progress p) { manager_->report_progress(job_, p); }

    /// Says something for people, at once.
    void set_message(std::string message) { manager_->set_message(job_, std::move(message)); }

private:
    std::shared_ptr<detail::manager_state> manager_;
    std::shared_ptr<detail::managed_job> job_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_CONTEXT_HPP
