// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/run/job_failure.hpp>
#include <telltale/sync/timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

class job_context;

/// What somebody wants to have run.
struct job_spec {
    job_id id{};        ///< empty: a number that is free
    std::string name{}; ///< for people; may be empty
    std::string kind{}; ///< jobs of one kind take similar times; may be empty
    label_map labels{};
    /// How long it may run, not counting the time in the queue; then it is cancelled, and has timed_out. Absent: for
    /// ever.
    std::optional<std::chrono::steady_clock::duration> time_limit{};
};

struct job_manager_options {
    std::size_t max_running = 10; ///< jobs that run at once; the others are queued. 0: none starts
    /// The progress of a job's tracker is reported no more often than this.
    std::chrono::steady_clock::duration publish_interval = std::chrono::milliseconds{100};
    /// The first so many in the queue are told their place whenever it changes; those behind are not.
    std::size_t told_positions = 100;
    /// How many ended jobs are remembered, for async_wait and so that their ids are not used again. The oldest go
    /// first.
    std::size_t keep_ended = 10'000;
};

/// How many jobs a manager has, and how its jobs ended so far.
struct job_counts {
    std::size_t queued = 0;
    std::size_t running = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t timed_out = 0;

    friend bool operator==(const job_counts&, const job_counts&) = default;
};

namespace detail {

/// What a job does: a function of any type that can be moved. It lives as long as its coroutine.
class job_work {
public:
    job_work() = default;
    job_work(const job_work&) = delete;
    job_work& operator=(const job_work&) = delete;
    virtual ~job_work() = default;
    virtual net::awaitable<void> begin(job_context context) = 0;
};

struct managed_job {
    enum class reason : std::uint8_t { none, cancelled, timed_out };

    job_spec spec;
    std::unique_ptr<job_work> work;

    // Protected by the manager's mutex.
    job_state state = job_state::queued;
    reason asked = reason::none; // why it is asked to end
    std::uint32_t position = 0;  // that was told
    std::list<std::shared_ptr<managed_job>>::iterator place;
    wait_list waiters;
    std::optional<net::strand<net::any_io_executor>> strand; // set when it starts, never changed
    std::unique_ptr<progress_tracker> tracker;               // set once

    // Used on the strand only.
    net::cancellation_signal signal;
    std::optional<timer> limit;
};

/// What a job_manager, its jobs and their controls share.
class manager_state final : public wait_state {
public:
    using job_ptr = std::shared_ptr<managed_job>;

    manager_state(net::any_io_executor executor, job_sink sink, const job_manager_options& options)
        : wait_state(context_of(executor)), executor_(std::move(executor)), sink_(std::move(sink)), options_(options) {}

    job_id submit(job_spec spec, std::unique_ptr<job_work> work, error_code& ec);
    command_result cancel(const job_id& id);
    command_result cancel_later(const job_id& id);
    void stop();
    void close() noexcept;

    void report_progress(const job_ptr& job, progress p, std::optional<std::string> message = {});
    void set_message(const job_ptr& job, std::string message);
    progress_tracker& tracker(const job_ptr& job, const progress_tracker_options& options);

    job_counts counts() const {
        const std::lock_guard lock(mutex());
        return counts_;
    }

    std::optional<job_state> state_of(const job_id& id) const {
        const std::lock_guard lock(mutex());
        return find_state(id);
    }

    // With the mutex held, as the next.
    wait_list* attempt(const job_id& id, error_code& ec, job_state& result) {
        if (const auto found = jobs_.find(id); found != jobs_.end()) return &found->second->waiters;
        if (const auto ended = find_state(id))
            result = *ended;
        else
            ec = errc::unknown_job;
        return nullptr;
    }

    wait_list* attempt_drain() noexcept { return jobs_.empty() ? nullptr : &drainers_; }

    void take_all(wait_list& all) noexcept override {
        all.take(drainers_);
        for (auto& [id, job] : jobs_) all.take(job->waiters);
    }

private:
    using done_waiter = waiter<job_state>;

    /// What has to be done after the mutex is unlocked.
    struct effects {
        std::vector<job_ptr> start;
        std::vector<job_ptr> cancel;
        std::vector<std::unique_ptr<job_work>> dispose;
        std::vector<std::pair<done_waiter*, job_state>> ended;
        wait_list drained;
    };

    std::shared_ptr<manager_state> self() { return std::static_pointer_cast<manager_state>(shared_from_this()); }

    std::optional<job_state> find_state(const job_id& id) const {
        if (const auto found = jobs_.find(id); found != jobs_.end()) return found->second->state;
        if (const auto found = ended_.find(id); found != ended_.end()) return found->second;
        return std::nullopt;
    }

    job_report report_of(const managed_job& job) const {
        job_report r;
        r.id = job.spec.id;
        r.at = system_now(executor_);
        return r;
    }

    void tell(job_report r) {
        if (!closed_ && sink_) outbox_.push_back(std::move(r));
    }

    // Under the mutex.
    void pump(effects& todo);
    void renumber();
    void conclude(const job_ptr& job, job_state state, std::optional<job_error> error, std::optional<progress> last,
                  effects& todo);
    bool ask_to_end(const job_ptr& job, effects& todo);

    // Without it.
    void carry_out(effects& todo);
    void flush();

    // On the job's strand.
    void begin(const job_ptr& job);
    void end(const job_ptr& job, std::exception_ptr e);
    void time_out(const job_ptr& job);
    void publish(const job_ptr& job, progress_snapshot last);

    net::any_io_executor executor_;
    job_sink sink_;
    const job_manager_options options_;

    // Reports are queued under the mutex, in the order of what they tell of, and handed to the sink without it.
    std::deque<job_report> outbox_;
    std::mutex sink_mutex_;
    std::atomic<std::thread::id> telling_{};

    std::unordered_map<job_id, job_ptr> jobs_; // queued and running
    std::list<job_ptr> queue_;
    std::unordered_map<job_id, job_state> ended_;
    std::deque<job_id> ended_order_;
    wait_list drainers_;
    job_counts counts_;
    std::uint64_t next_id_ = 1;
    bool stopped_ = false;
    bool closed_ = false;
};

/// The door to one job of a manager; harmless when the manager is gone.
class managed_job_control final : public job_control {
public:
    managed_job_control(std::weak_ptr<manager_state> manager, job_id id)
        : manager_(std::move(manager)), id_(std::move(id)) {}

    bool supports(job_command command) const noexcept override { return command == job_command::cancel; }

    command_result request(job_command command) override {
        if (!supports(command)) return command_result::unsupported;
        const auto manager = manager_.lock();
        return manager ? manager->cancel_later(id_) : command_result::refused;
    }

private:
    std::weak_ptr<manager_state> manager_;
    job_id id_;
};

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP
