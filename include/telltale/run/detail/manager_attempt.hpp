// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/run/detail/manager_state.hpp>

#include <exception>
#include <memory>
#include <utility>

// What only the bodies of a manager know.

namespace telltale::inline TELLTALE_ABI::detail {

/// An attempt that is about to begin, or runs. If the execution context is destroyed with it in there, the job gives back
/// what must not outlive that.
class attempt_under_way {
public:
    attempt_under_way(std::shared_ptr<manager_state> manager, job_ptr job) noexcept
        : manager_(std::move(manager)), job_(std::move(job)) {}
    attempt_under_way(attempt_under_way&&) noexcept = default;
    attempt_under_way& operator=(attempt_under_way&&) = delete;
    ~attempt_under_way() {
        if (job_) manager_->abandon(*job_);
    }

    void begin() && {
        manager_state& manager = *manager_;
        manager.begin(std::move(*this));
    }
    void end(const std::exception_ptr& e) && {
        const job_ptr job = std::move(job_);
        manager_->end(job, e);
    }
    managed_job& job() const noexcept { return *job_; }
    const job_ptr& shared_job() const noexcept { return job_; }

private:
    std::shared_ptr<manager_state> manager_;
    job_ptr job_;
};

/// What an attempt's coroutine completes with.
class attempt_end {
public:
    using cancellation_slot_type = net::cancellation_slot;

    explicit attempt_end(attempt_under_way attempt) noexcept
        : slot_(attempt.job().signal.slot()), attempt_(std::move(attempt)) {}

    cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

    void operator()(const std::exception_ptr& e) { std::move(attempt_).end(e); }

private:
    net::cancellation_slot slot_;
    attempt_under_way attempt_;
};

/// The door to one job of a manager; harmless when the manager is gone.
class managed_job_control final : public job_control {
public:
    managed_job_control(std::weak_ptr<manager_state> manager, job_id id)
        : manager_(std::move(manager)), id_(std::move(id)) {}

    bool supports(job_command command) const noexcept override {
        if (command != job_command::retry) return true;
        const auto manager = manager_.lock();
        return manager && manager->supports(id_, command);
    }

    command_result request(job_command command) override {
        if (!supports(command)) return command_result::unsupported;
        const auto manager = manager_.lock();
        return manager ? manager->request_later(id_, command) : command_result::refused;
    }

private:
    std::weak_ptr<manager_state> manager_;
    job_id id_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_ATTEMPT_HPP
