// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_IMPL_IPP
#define TELLTALE_RUN_DETAIL_MANAGER_IMPL_IPP

#include <telltale/run/detail/manager_attempt.hpp>
#include <telltale/run/detail/manager_attempt.ipp>
#include <telltale/run/detail/manager_commands.ipp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/run/detail/manager_steps.ipp>

#include <charconv>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <typeinfo>
#include <utility>

// What a manager does with its jobs by itself: the way of a job from the queue to its end.

namespace telltale::inline TELLTALE_ABI::detail {

inline void write_number(std::string& to, std::uint64_t n) {
    char digits[20];
    to.assign(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
}

TELLTALE_DECL std::shared_ptr<manager_state> manager_state::create(net::any_io_executor executor, job_sink sink,
                                                                   const job_manager_options& options) {
    return std::make_shared<manager_state>(std::move(executor), std::move(sink), options);
}

TELLTALE_DECL manager_state::manager_state(net::any_io_executor executor, job_sink sink,
                                           const job_manager_options& options)
    : wait_state(context_of(executor)),
      executor_(std::move(executor)),
      source_(time_source_of(executor_)),
      options_(options),
      has_sink_(static_cast<bool>(sink)),
      sink_(std::move(sink)),
      max_running_(options.max_running),
      random_(options.seed ? *options.seed : static_cast<std::uint64_t>(clock::now().time_since_epoch().count())) {}

TELLTALE_DECL manager_state::~manager_state() = default;

// The executor that is inside is asked for: a strand of it is half as dear as one of any_io_executor. (The target() of the
// oldest supported Asio does not look at the type.)
TELLTALE_DECL job_lane::job_lane(const net::any_io_executor& outer) {
    if (outer.target_type() == typeid(in_context)) {
        direct_.emplace(net::make_strand(*outer.target<in_context>()));
        executor_ = *direct_;
    } else if (outer.target_type() == typeid(in_pool)) {
        executor_ = net::make_strand(*outer.target<in_pool>());
    } else {
        executor_ = net::make_strand(outer);
    }
}

TELLTALE_DECL managed_job::~managed_job() = default;

TELLTALE_DECL job_rarity& managed_job::rare() {
    if (!rarity) rarity = std::make_unique<job_rarity>();
    return *rarity;
}

TELLTALE_DECL bool manager_state::submit(const job_ptr& job, job_spec& spec, error_code& ec) {
    ec = {};
    effects todo;
    {
        const std::lock_guard lock(mutex());
        if (stopped_) {
            ec = errc::closed;
            return false;
        }
        const auto now = source_.now();
        forget_old(now, todo.forgotten);
        if (spec.id.empty()) {
            do {
                write_number(job->id, next_id_++);
            } while (!index_.insert(job));
        } else {
            job->id = std::move(spec.id);
            if (!index_.insert(job)) {
                ec = errc::duplicate_job;
                return false;
            }
        }
        job->name = std::move(spec.name);
        job->kind = std::move(spec.kind);
        job->priority = spec.priority;
        if (spec.time_limit || spec.retry.max_attempts > 1 || spec.retry.on_command) {
            job->rare().time_limit = spec.time_limit;
            job->rare().retry = std::move(spec.retry);
        }
        ++live_;
        ++count_of(job_state::queued);
        enqueue(*job, now);
        const std::size_t place = queue_.places_to_end_of(job->priority);
        if (telling()) {
            job_report r = report_of(*job);
            r.state = job_state::queued;
            r.name = job->name;
            r.kind = job->kind;
            r.labels = std::move(spec.labels);
            r.control = std::make_shared<managed_job_control>(self(), job->id);
            if ((held_ || occupied_ >= max_running_) && place <= options_.told_positions)
                r.queue_position = job->position = static_cast<std::uint32_t>(place);
            tell(std::move(r));
        }
        if (place != queue_.size()) renumber(now);
        pump(todo, now);
    }
    carry_out(todo);
    return true;
}

TELLTALE_DECL job_counts manager_state::counts_now() const noexcept {
    const auto of = [this](job_state s) { return by_state_[static_cast<std::size_t>(s)]; };
    job_counts c;
    c.queued = static_cast<std::size_t>(of(job_state::queued));
    c.paused = static_cast<std::size_t>(of(job_state::paused));
    c.running = static_cast<std::size_t>(of(job_state::running));
    c.succeeded = of(job_state::succeeded);
    c.failed = of(job_state::failed);
    c.cancelled = of(job_state::cancelled);
    c.timed_out = of(job_state::timed_out);
    return c;
}

TELLTALE_DECL job_report manager_state::report_of(const managed_job& job) const {
    job_report r;
    r.id = job.id;
    r.at = source_.system_now();
    return r;
}

TELLTALE_DECL void manager_state::tell_state(const managed_job& job, std::optional<job_notice> notice) {
    if (!telling()) return;
    job_report r = report_of(job);
    r.state = job.state;
    if (notice) r.notices.push_back(std::move(*notice));
    tell(std::move(r));
}

TELLTALE_DECL void manager_state::enqueue(managed_job& job, clock::time_point now) {
    job.since = now;
    job.position = 0;
    queue_.push_back(job);
}

TELLTALE_DECL void manager_state::pump(effects& todo, clock::time_point now) {
    bool changed = false;
    while (!held_ && occupied_ < max_running_ && !queue_.empty()) {
        managed_job& job = *queue_.front();
        queue_.erase(job);
        let_run(job, todo, now);
        changed = true;
    }
    if (changed) renumber(now);
}

TELLTALE_DECL void manager_state::let_run(managed_job& job, effects& todo, clock::time_point now,
                                          std::optional<job_notice> notice) {
    job.occupies = true;
    ++occupied_;
    move_to(job, job_state::running);
    if (job.begun) {
        todo.ready.take(job.held);
    } else {
        statistics_.waited.add(now - job.since);
        job.begun = true;
        job.ran = {};
        job.lane = take_lane();
        todo.start.push_back(job.shared_from_this());
    }
    job.since = now;
    if (job.rarity && job.rarity->time_limit)
        set_alarm(job, job_rarity::purpose::time_limit, job.rarity->left.value_or(*job.rarity->time_limit), now);
    tell_state(job, std::move(notice));
}

TELLTALE_DECL std::unique_ptr<job_lane> manager_state::take_lane() {
    if (lanes_.empty()) return std::make_unique<job_lane>(executor_);
    auto lane = std::move(lanes_.back());
    lanes_.pop_back();
    return lane;
}

TELLTALE_DECL void manager_state::release_slot(managed_job& job) noexcept {
    if (std::exchange(job.occupies, false)) --occupied_;
}

// Tells those at the head of the queue their places where these have changed: at once, but not too often.
TELLTALE_DECL void manager_state::renumber(clock::time_point now) {
    if (!telling()) return;
    if (queue_.empty()) {
        if (std::exchange(tidying_, false)) tidy_->cancel();
        return;
    }
    if (tidying_) return;
    if (tidied_ != clock::time_point::min() && now < tidied_ + options_.publish_interval) {
        tidying_ = true;
        if (!tidy_) tidy_.emplace(executor_);
        tidy_->expires_at(tidied_ + options_.publish_interval);
        tidy_->async_wait([weak = std::weak_ptr(self())](error_code ec) {
            if (const auto s = weak.lock(); s && !ec) s->on_tidy();
        });
        return;
    }
    std::uint32_t position = 0;
    queue_.for_first(options_.told_positions, [&](managed_job& job) {
        if (job.position == ++position) return;
        job.position = position;
        job_report r = report_of(job);
        r.queue_position = position;
        tell(std::move(r));
        tidied_ = now;
    });
}

TELLTALE_DECL void manager_state::on_tidy() {
    {
        const std::lock_guard lock(mutex());
        if (!std::exchange(tidying_, false)) return;
        tidied_ = clock::time_point::min();
        renumber(source_.now());
    }
    flush();
}

// Gives back all that an attempt has while it is under way.
TELLTALE_DECL void manager_state::leave_attempt(managed_job& job, clock::time_point now) noexcept {
    if (job.begun) {
        if (job.state == job_state::running) job.ran += now - job.since;
        statistics_.ran.add(job.ran);
        if (job.rarity) {
            const auto used = job.rarity->cpu.total().value_or(std::chrono::nanoseconds{});
            statistics_.cpu += used - std::exchange(job.rarity->cpu_counted, used);
        }
    }
    release_slot(job);
    clear_alarm(job);
    if (job.in_queue) queue_.erase(job);
    if (job.lane && !closed_) lanes_.push_back(std::move(job.lane));
    job.lane.reset();
    job.begun = false;
    job.asked = managed_job::reason::none;
    job.stop_requested.store(false, std::memory_order_relaxed);
    if (job.rarity) {
        job.rarity->left.reset();
        job.rarity->asks.reset();
    }
}

TELLTALE_DECL void manager_state::conclude(managed_job& job, job_state state, std::optional<job_error> error,
                                           std::optional<progress> last, effects& todo, clock::time_point now) {
    if (state == job_state::succeeded && job.state != job_state::running) { // a job that did not care to be paused
        move_to(job, job_state::running);
        job.since = now;
        tell_state(job);
    }
    leave_attempt(job, now);
    move_to(job, state);
    --live_;
    if (telling()) {
        job_report r = report_of(job);
        r.state = state;
        r.progress = last;
        r.error = std::move(error);
        if (job.rarity && job.rarity->steps) end_steps(job, state, r);
        tell(std::move(r));
    }
    while (wait_node* const n = job.waiters.pop_front()) {
        std::get<job_state>(static_cast<end_waiter*>(n)->result()) = state;
        todo.ready.push_back(*n);
    }
    todo.aborted.take(job.held);
    if (job.rarity) todo.aborted.take(job.rarity->approval_waiters);
    job.pause_requested.store(false, std::memory_order_relaxed);
    job.kept = job.rarity && job.rarity->retry.on_command && state != job_state::succeeded && !stopped_;
    if (!job.kept) todo.dispose.push_back(job.shared_from_this());
    if (job.handles == 0 && state == job_state::succeeded) todo.discard.push_back(job.shared_from_this());
    job.since = now;
    ended_.push_back(job);
    while (ended_.size() > options_.keep_ended) forget(*ended_.front(), todo.forgotten);
    forget_old(now, todo.forgotten);
    if (live_ == 0) {
        todo.ready.take(drainers_);
        if (deadline_) deadline_->cancel();
        deadline_at_ = clock::time_point::max();
    }
}

TELLTALE_DECL void manager_state::forget(managed_job& job, few<job_ptr>& gone) {
    ended_.erase(job);
    gone.push_back(index_.erase(job));
}

TELLTALE_DECL void manager_state::forget_old(clock::time_point now, few<job_ptr>& gone) {
    if (!options_.keep_ended_for) return;
    while (managed_job* const oldest = ended_.front()) {
        if (now - oldest->since < *options_.keep_ended_for) return;
        forget(*oldest, gone);
    }
}

TELLTALE_DECL void manager_state::begin_next_attempt(managed_job& job, clock::duration delay, std::string why,
                                                     clock::time_point now) {
    leave_attempt(job, now);
    ++job.attempt;
    ++statistics_.retries;
    if (job.tracker) job.rare().abandoned.push_back(std::move(job.tracker));
    const auto former_steps = job.rarity ? std::exchange(job.rarity->steps, nullptr) : nullptr;
    const bool paused = job.pause_requested.load(std::memory_order_relaxed);
    move_to(job, paused ? job_state::paused : job_state::queued);
    if (delay > clock::duration::zero())
        set_alarm(job, job_rarity::purpose::next_attempt, delay, now);
    else if (!paused)
        enqueue(job, now);
    if (telling()) {
        job_report r = report_of(job);
        r.attempt = job.attempt;
        r.state = job.state;
        r.message = std::move(why);
        tell(std::move(r));
    }
    renumber(now);
}

// What has been decided under the mutex.
TELLTALE_DECL void manager_state::carry_out(effects& todo) {
    flush();
    todo.dispose.for_each([](const job_ptr& job) { job->dispose(); });
    todo.discard.for_each([](const job_ptr& job) { job->discard(); });
    struct beginning {
        void operator()() { std::move(attempt).begin(); }
        attempt_under_way attempt;
    };
    todo.start.for_each([this](const job_ptr& job) { job->lane->post(beginning{attempt_under_way(self(), job)}); });
    // A signal is emitted where the job runs: elsewhere it would be a race with its operations. By then the attempt may
    // be over.
    todo.cancel.for_each([this](const to_cancel& c) {
        net::post(c.executor, [s = self(), job = c.job, attempt = c.attempt] {
            {
                const std::lock_guard lock(s->mutex());
                if (!job->begun || job->attempt != attempt) return;
            }
            job->signal.emit(net::cancellation_type::terminal);
        });
    });
    todo.ready.ready_all();
    todo.aborted.finish_all(net::error::operation_aborted);
}

// One thread at a time. Whoever comes meanwhile waits, so that what it did has been told when it returns; but for the
// sink itself, whose doings are told by the loop that called it.
TELLTALE_DECL void manager_state::flush() {
    if (!has_sink_) return;
    const auto me = std::this_thread::get_id();
    if (telling_.load(std::memory_order_relaxed) == me) return;
    const std::lock_guard sink_lock(sink_mutex_);
    telling_.store(me, std::memory_order_relaxed);
    for (std::vector<job_report> batch;; batch.clear()) {
        {
            const std::lock_guard lock(mutex());
            batch.swap(outbox_);
        }
        if (batch.empty()) break;
        for (job_report& next : batch) {
            try {
                if (sink_) sink_(std::move(next));
            } catch (...) { // it must not; the jobs go on
            }
        }
    }
    telling_.store(std::thread::id{}, std::memory_order_relaxed);
}

TELLTALE_DECL double manager_state::random() noexcept {
    std::uint64_t z = (random_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1.0p-53;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_IMPL_IPP
