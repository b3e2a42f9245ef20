// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_STEP_HPP
#define TELLTALE_RUN_STEP_HPP

#include <telltale/core/job_state.hpp>
#include <telltale/progress/stage.hpp>
#include <telltale/run/detail/manager_steps.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A step of a job, while it lasts: it is completed when this is destroyed, and has failed when an exception destroys it.
///
///     auto load = job.add_step("load", {.weight = 3, .total = rows}); // so that the whole is known
///     auto index = job.add_step("index");
///     load.begin();
///     load.advance();
///     load.complete();
///
/// A step that was added and never begun is skipped when the job has ended.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: advance() only.
class step {
public:
    step(step&& other) noexcept
        : manager_(std::move(other.manager_)),
          job_(std::move(other.job_)),
          steps_(std::move(other.steps_)),
          stage_(std::move(other.stage_)),
          index_(other.index_),
          exceptions_(other.exceptions_) {}
    step& operator=(step&&) = delete;

    ~step() {
        if (!steps_) return;
        try {
            end(std::uncaught_exceptions() > exceptions_ ? job_state::failed : job_state::succeeded, {});
        } catch (...) { // out of memory; the step's end is not told
        }
    }

    /// It runs now.
    void begin() { manager_->begin_step(job_, steps_, index_); }

    /// `n` more are done. Costs what progress_tracker::advance does.
    void advance(std::uint64_t n = 1) { stage_.advance(n); }
    void set_done(std::uint64_t done) { stage_.set_done(done); }
    void set_total(std::optional<std::uint64_t> total) { stage_.set_total(total); }

    /// It is done, whatever it has counted. What is said of it later is ignored.
    void complete() { end(job_state::succeeded, {}); }

    /// It has failed; the job goes on unless it ends itself.
    void fail(std::string why = {}) { end(job_state::failed, std::move(why)); }

private:
    friend class job_context;

    step(std::shared_ptr<detail::manager_state> manager, detail::job_ptr job, std::shared_ptr<detail::job_steps> steps,
         std::size_t index)
        : manager_(std::move(manager)),
          job_(std::move(job)),
          steps_(std::move(steps)),
          stage_(steps_->stages[index]),
          index_(index),
          exceptions_(std::uncaught_exceptions()) {}

    void end(job_state how, std::string why) { manager_->end_step(job_, steps_, index_, how, std::move(why)); }

    std::shared_ptr<detail::manager_state> manager_;
    detail::job_ptr job_;
    std::shared_ptr<detail::job_steps> steps_;
    stage stage_;
    std::size_t index_;
    int exceptions_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_STEP_HPP
