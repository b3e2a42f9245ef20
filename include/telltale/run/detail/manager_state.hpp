// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/progress/stage.hpp>
#include <telltale/progress/stage_snapshot.hpp>
#include <telltale/run/approval.hpp>
#include <telltale/run/detail/job_lists.hpp>
#include <telltale/run/detail/managed_job.hpp>
#include <telltale/run/job_manager_options.hpp>
#include <telltale/run/job_spec.hpp>
#include <telltale/run/job_statistics.hpp>
#include <telltale/sync/timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

class attempt_under_way;

/// What a job_manager, its jobs, their handles and controls share.
///
/// An attempt of a job goes from queued (in the queue, or waiting for its time) to running, when it is given one of the
/// slots and is begun on its lane. While it is held (paused, or asking for an approval) it has no slot, and waits in the
/// job's list `held` or `approval_waiters`; when it may go on it waits at the head of the queue for a slot.
class manager_state final : public wait_state {
public:
    using clock = std::chrono::steady_clock;

    static std::shared_ptr<manager_state> create(net::any_io_executor executor, job_sink sink,
                                                 const job_manager_options& options);

    manager_state(net::any_io_executor executor, job_sink sink, const job_manager_options& options);
    ~manager_state() override;

    const net::any_io_executor& executor() const noexcept { return executor_; }

    bool submit(const job_ptr& job, job_spec& spec, error_code& ec);
    command_result request(std::string_view id, job_command command, std::string comment = {});
    command_result request_later(const job_id& id, job_command command);
    bool supports(std::string_view id, job_command command) const;
    void set_max_running(std::size_t n);
    void hold_queue(bool hold);
    void stop();
    void close() noexcept;

    // Of a job, by itself.
    void report_progress(const job_ptr& job, progress p, std::optional<std::string> message = {});
    void set_message(const job_ptr& job, std::string message);
    void notify(const job_ptr& job, job_notice notice);
    progress_tracker& tracker(const job_ptr& job, const progress_tracker_options& options);
    cpu_meter& cpu_of(const job_ptr& job);

    std::shared_ptr<job_steps> add_step(const job_ptr& job, std::string name, stage_options options,
                                        std::size_t& index);
    void begin_step(const job_ptr& job, const std::shared_ptr<job_steps>& steps, std::size_t index);
    void end_step(const job_ptr& job, const std::shared_ptr<job_steps>& steps, std::size_t index, job_state how,
                  std::string why);

    // Of a job, by whoever has a handle.
    void add_handle(managed_job& job);
    void release_handle(managed_job& job) noexcept;
    template <class T>
    error_code take(job_with_result<T>& job, job_state how, outcome<T>& result);

    std::size_t max_running() const {
        const std::lock_guard lock(mutex());
        return max_running_;
    }

    job_counts counts() const {
        const std::lock_guard lock(mutex());
        return counts_now();
    }

    job_statistics statistics() const {
        const std::lock_guard lock(mutex());
        job_statistics s = statistics_;
        s.counts = counts_now();
        return s;
    }

    std::optional<job_state> state_of(std::string_view id) {
        few<job_ptr> gone;
        const std::lock_guard lock(mutex());
        forget_old(source_.now(), gone);
        const managed_job* const job = index_.find(id);
        return job ? std::optional(job->state) : std::nullopt;
    }

    std::optional<std::chrono::nanoseconds> cpu_time_of(std::string_view id) {
        const std::lock_guard lock(mutex());
        const managed_job* const job = index_.find(id);
        return job && job->rarity ? job->rarity->cpu.total() : std::nullopt;
    }

    job_state state_of(const managed_job& job) const {
        const std::lock_guard lock(mutex());
        return job.state;
    }

    // How operations wait.
    template <class Handler>
    void start_wait_end(Handler&& handler, const net::any_io_executor& executor, const job_id& id);
    template <class Handler>
    void start_wait_end(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job);
    template <class Handler>
    void start_drain(Handler&& handler, const net::any_io_executor& executor);
    template <class Handler>
    void start_checkpoint(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job);
    template <class Handler>
    void start_approval(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job, std::string what,
                        std::optional<clock::duration> timeout);
    void left_hold(const job_ptr& job);
    void shut_down(clock::duration drain);

    void take_all(wait_list& all) noexcept override;

private:
    friend class attempt_under_way;
    using end_waiter = waiter<job_state>;
    using approval_waiter = waiter<approval>;

    struct to_cancel {
        job_ptr job;
        net::any_io_executor executor;
        std::uint32_t attempt;
    };

    /// What has to be done after the mutex is unlocked.
    struct effects {
        few<job_ptr> forgotten; // destroyed with this
        few<job_ptr> start;
        few<job_ptr> dispose;
        few<job_ptr> discard;
        few<to_cancel> cancel;
        wait_list ready;   // with their results
        wait_list aborted; // to end with operation_aborted
    };

    std::shared_ptr<manager_state> self() { return std::static_pointer_cast<manager_state>(shared_from_this()); }

    // Under the mutex.
    job_counts counts_now() const noexcept;
    std::uint64_t& count_of(job_state s) noexcept { return by_state_[static_cast<std::size_t>(s)]; }
    void move_to(managed_job& job, job_state s) noexcept {
        --count_of(job.state);
        ++count_of(s);
        job.state = s;
    }
    bool telling() const noexcept { return has_sink_ && !closed_; }
    job_report report_of(const managed_job& job) const;
    void tell(job_report r) { outbox_.push_back(std::move(r)); }
    void tell_state(const managed_job& job, std::optional<job_notice> notice = {});
    void pump(effects& todo, clock::time_point now);
    void let_run(managed_job& job, effects& todo, clock::time_point now, std::optional<job_notice> notice = {});
    void enqueue(managed_job& job, clock::time_point now);
    void release_slot(managed_job& job) noexcept;
    void renumber(clock::time_point now);
    void leave_attempt(managed_job& job, clock::time_point now) noexcept;
    void conclude(managed_job& job, job_state state, std::optional<job_error> error, std::optional<progress> last,
                  effects& todo, clock::time_point now);
    void begin_next_attempt(managed_job& job, clock::duration delay, std::string why, clock::time_point now);
    void forget(managed_job& job, few<job_ptr>& gone);
    void forget_old(clock::time_point now, few<job_ptr>& gone);
    command_result may(const managed_job& job, job_command command) const;
    void ask_to_end(managed_job& job, managed_job::reason why, effects& todo, clock::time_point now);
    void ask_all_to_end(effects& todo);
    void pause(managed_job& job);
    void resume(managed_job& job, effects& todo, clock::time_point now);
    void retry(managed_job& job, clock::time_point now);
    void answer(managed_job& job, approval a, effects& todo, clock::time_point now);
    void hold(managed_job& job, clock::time_point now);
    void ask(managed_job& job, std::string what, std::optional<clock::duration> timeout, effects& todo);
    void go_on(managed_job& job, effects& todo, clock::time_point now, std::optional<job_notice> notice = {});
    void describe_steps(const managed_job& job, const job_steps& steps, job_report& r) const;
    void tell_step(const managed_job& job, const job_steps& steps, job_notice notice);
    void end_steps(managed_job& job, job_state how, job_report& r);
    void set_alarm(managed_job& job, job_rarity::purpose what, clock::duration after, clock::time_point now);
    void clear_alarm(managed_job& job) noexcept;
    std::unique_ptr<job_lane> take_lane();
    double random() noexcept;

    // Without it.
    void carry_out(effects& todo);
    void flush();
    void on_alarm(const job_ptr& job, std::uint64_t number);
    void on_tidy();

    // On the job's lane.
    void begin(attempt_under_way attempt);
    void end(const job_ptr& job, const std::exception_ptr& e);
    void abandon(managed_job& job) noexcept;
    void publish(const job_ptr& job, progress_tracker& counted, progress_snapshot last);
    void publish_steps(const job_ptr& job, const std::shared_ptr<job_steps>& steps, stage_tree_snapshot last);

    const net::any_io_executor executor_;
    time_source& source_;
    const job_manager_options options_;
    const bool has_sink_;
    job_sink sink_;

    // Reports are queued under the mutex, in the order of what they tell of, and handed to the sink without it.
    std::vector<job_report> outbox_;
    std::mutex sink_mutex_;
    std::atomic<std::thread::id> telling_{};

    job_index index_; // also of those that have ended and are remembered
    job_queue queue_;
    job_list ended_; // the oldest first
    std::vector<std::unique_ptr<job_lane>> lanes_;
    wait_list drainers_;
    std::array<std::uint64_t, job_state_count> by_state_{};
    job_statistics statistics_;
    std::size_t live_ = 0;     // jobs that have not ended
    std::size_t occupied_ = 0; // slots
    std::size_t max_running_;
    std::uint64_t next_id_ = 1;
    std::uint64_t random_;
    bool held_ = false; // the queue
    bool stopped_ = false;
    bool ending_ = false; // all are asked to
    bool closed_ = false;

    // Timers, which the execution context must outlive: gone when this is closed.
    std::optional<timer> tidy_; // for places in the queue that were not told
    bool tidying_ = false;
    clock::time_point tidied_ = clock::time_point::min();
    std::optional<timer> deadline_;
    clock::time_point deadline_at_ = clock::time_point::max();
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP
