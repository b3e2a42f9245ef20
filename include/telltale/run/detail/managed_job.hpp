// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGED_JOB_HPP
#define TELLTALE_RUN_DETAIL_MANAGED_JOB_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/run/approval.hpp>
#include <telltale/run/cpu_meter.hpp>
#include <telltale/run/job_spec.hpp>
#include <telltale/sync/outcome.hpp>
#include <telltale/sync/timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

class job_context;

namespace detail {

/// Where one job runs: a strand. When the job has ended, another job has it.
class job_lane {
    using in_context = net::io_context::executor_type;
    using in_pool = net::thread_pool::executor_type;

public:
    explicit job_lane(const net::any_io_executor& outer);

    const net::any_io_executor& executor() const noexcept { return executor_; }

    template <class Function>
    void post(Function function) const {
        if (direct_)
            net::post(*direct_, std::move(function));
        else
            net::post(executor_, std::move(function));
    }

private:
    net::any_io_executor executor_;
    std::optional<net::strand<in_context>> direct_;
};

struct job_steps;

/// Of a job, what few jobs have.
struct job_rarity {
    enum class purpose : std::uint8_t { none, time_limit, next_attempt, approval };

    std::optional<std::chrono::steady_clock::duration> time_limit;
    std::optional<std::chrono::steady_clock::duration> left; // of the time limit, when the job runs on
    job_retry retry;

    // One timer, for these never wait at the same time.
    std::optional<timer> alarm;
    std::uint64_t alarm_number = 0; // an alarm with another number is late
    purpose alarm_for = purpose::none;
    std::chrono::steady_clock::time_point alarm_since{};

    std::optional<approval_request> asks;                     // and nobody has answered
    wait_list approval_waiters;                               // at most one, of waiter<approval>
    std::vector<std::unique_ptr<progress_tracker>> abandoned; // trackers of former attempts
    std::shared_ptr<job_steps> steps;                         // of this attempt
    cpu_meter cpu;
    std::chrono::nanoseconds cpu_counted{}; // in the manager's statistics
};

/// A job of a job_manager, whatever it does.
struct managed_job : std::enable_shared_from_this<managed_job> {
    enum class reason : std::uint8_t { none, cancelled, timed_out };

    explicit managed_job(bool can_pause) : pausable(can_pause) {}
    managed_job(const managed_job&) = delete;
    managed_job& operator=(const managed_job&) = delete;
    virtual ~managed_job();

    /// Calls the job's function.
    virtual net::awaitable<void> begin(job_context context) = 0;
    /// Destroys the job's function.
    virtual void dispose() noexcept = 0;
    /// Destroys the job's result.
    virtual void discard() noexcept { error = nullptr; }

    job_rarity& rare();

    // Set before anybody else knows the job.
    job_id id;
    std::string name;
    std::string kind;
    int priority = 0;
    const bool pausable; // while it runs

    // May be read at any time.
    std::atomic<bool> stop_requested{false};  // asked != none
    std::atomic<bool> pause_requested{false}; // changed with the mutex held

    // Protected by the manager's mutex.
    job_state state = job_state::queued;
    reason asked = reason::none; // why it is asked to end
    bool begun = false;          // this attempt has
    bool occupies = false;       // one of the slots
    bool in_queue = false;
    bool kept = false; // its function, after its end, for another attempt
    std::uint32_t attempt = 1;
    std::uint32_t position = 0; // that was told
    std::uint32_t handles = 0;  // that may ask for the result
    std::size_t hash = 0;
    std::shared_ptr<managed_job> next_in_bucket;
    managed_job* previous = nullptr; // in the queue, or of those that have ended
    managed_job* next = nullptr;
    std::chrono::steady_clock::time_point since{}; // queued, running, ended
    std::chrono::steady_clock::duration ran{};     // before `since`
    wait_list waiters;                             // for the end: waiter<job_state>
    wait_list held;                                // until it runs on
    std::unique_ptr<job_lane> lane;                // while the attempt is under way
    std::unique_ptr<progress_tracker> tracker;     // set once per attempt
    std::unique_ptr<job_rarity> rarity;
    std::exception_ptr error; // of the last attempt

    // Used on the lane only.
    net::cancellation_signal signal;
};

using job_ptr = std::shared_ptr<managed_job>;

/// A job with a result.
template <class T>
struct job_with_result : managed_job {
    using managed_job::managed_job;
    void discard() noexcept override {
        value.reset();
        managed_job::discard();
    }

    std::optional<typename outcome<T>::value_type> value; // not for void
};

template <class T>
struct awaited_of;
template <class T>
struct awaited_of<net::awaitable<T>> {
    using type = T;
};

/// A job that is done by a coroutine function.
template <class Fn, class T>
struct job_of final : job_with_result<T> {
    explicit job_of(Fn f, bool can_pause = true) : job_with_result<T>(can_pause), function(std::move(f)) {}

    inline net::awaitable<void> begin(job_context context) override;
    void dispose() noexcept override { function.reset(); }

    std::optional<Fn> function;

private:
    static inline net::awaitable<void> keep(std::shared_ptr<job_of> self, job_context context);
};

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_MANAGED_JOB_HPP
