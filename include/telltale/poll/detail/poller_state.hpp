// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLLER_STATE_HPP
#define TELLTALE_POLL_DETAIL_POLLER_STATE_HPP

// Included by status_poller.hpp, after the options.

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/detail/poll_loop.hpp>
#include <telltale/poll/detail/status_merge.hpp>
#include <telltale/poll/schedule.hpp>
#include <telltale/poll/status_source.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

class erased_source {
public:
    erased_source() = default;
    erased_source(const erased_source&) = delete;
    erased_source& operator=(const erased_source&) = delete;
    virtual ~erased_source() = default;
    virtual net::awaitable<status> poll(const job_id& id) = 0;
};

template <class Source>
class erased_source_of final : public erased_source {
public:
    explicit erased_source_of(std::shared_ptr<Source> source) : source_(std::move(source)) {}
    net::awaitable<status> poll(const job_id& id) override { return source_->poll(id); }

private:
    std::shared_ptr<Source> source_;
};

/// One watched job. Members are used on the strand only, unless it is said otherwise.
struct poller_watch {
    poller_watch(job_id id, watch_options given, const schedule_options& schedule, poll_schedule::time_point now,
                 std::uint64_t seed)
        : options(std::move(given)), plan(schedule, now, seed, options.deadline) {
        seen.id = std::move(id);
        seen.name = options.name;
        seen.kind = options.kind;
        seen.labels = options.labels;
        seen.control = options.control;
    }

    watch_options options;
    poll_schedule plan;
    std::uint32_t missing = 0; // answers "not found", with no other answer between
    std::string unknown_word{};
    bool reported = false;
    bool running = true; // the coroutine has not ended
    net::cancellation_signal signal{};

    std::atomic<bool> stopping = false;

    // With the mutex of the state held:
    job seen{};
    wait_list waiters{};
    std::optional<error_code> ended{};
};

/// What a status_poller and its coroutines share. Each watch is one coroutine; all run on one strand.
class poller_state final : public wait_state {
public:
    using watch_ptr = std::shared_ptr<poller_watch>;

    poller_state(const net::any_io_executor& executor, std::unique_ptr<erased_source> source, job_sink sink,
                 poller_options options)
        : wait_state(context_of(executor)),
          strand_(net::make_strand(executor)),
          options_(std::move(options)),
          schedule_{.interval = options_.interval, .jitter = options_.jitter, .on_error = options_.backoff},
          source_(std::move(source)),
          sink_(std::move(sink)),
          permits_(strand_, std::max<std::size_t>(options_.max_concurrent, 1)),
          seed_(seed_or_random(options_.seed)) {}

    bool watch(job_id id, watch_options given) {
        if (id.empty()) throw system_error(make_error_code(errc::invalid_argument), "the id of a job is empty");
        const auto now = steady_now(strand_);
        watch_ptr w;
        {
            const std::lock_guard lock(mutex());
            auto& place = watches_[id];
            if (stopped_ || (place && !place->ended)) {
                if (!place) watches_.erase(id);
                return false;
            }
            ++active_;
            w = std::make_shared<poller_watch>(std::move(id), std::move(given), schedule_, now, seed_++);
            place = w;
        }
        net::co_spawn(strand_, run(self(), w),
                      net::bind_cancellation_slot(w->signal.slot(),
                                                  net::bind_executor(strand_, [w](const std::exception_ptr& failure) {
                                                      w->running = false;
                                                      // A sink or hook has thrown.
                                                      if (failure && !w->stopping) std::rethrow_exception(failure);
                                                  })));
        return true;
    }

    bool unwatch(const job_id& id) {
        watch_ptr w;
        wait_list waiters;
        {
            const std::lock_guard lock(mutex());
            const auto found = watches_.find(id);
            if (found == watches_.end()) return false;
            w = found->second;
            waiters.take(w->waiters);
            if (!w->ended) --active_;
            watches_.erase(found);
        }
        cancel(w);
        waiters.finish_all(net::error::operation_aborted);
        return true;
    }

    void stop() {
        {
            const std::lock_guard lock(sink_mutex_);
            silent_ = true;
        }
        std::unordered_map<job_id, watch_ptr> watches;
        wait_list waiters;
        {
            const std::lock_guard lock(mutex());
            stopped_ = true;
            active_ = 0;
            take_all(waiters);
            watches.swap(watches_);
            finished_.clear();
        }
        for (const auto& [id, w] : watches) cancel(w);
        waiters.finish_all(net::error::operation_aborted);
    }

    std::optional<job> find(const job_id& id) const {
        const std::lock_guard lock(mutex());
        const auto found = watches_.find(id);
        if (found == watches_.end()) return std::nullopt;
        return found->second->seen;
    }

    std::size_t watching() const {
        const std::lock_guard lock(mutex());
        return active_;
    }

    std::size_t polling() const { return permits_.limit() - permits_.available(); }

    // With the mutex held.
    wait_list* attempt(const job_id& id, error_code& ec, job& result) {
        const auto found = watches_.find(id);
        if (found == watches_.end()) {
            ec = errc::unknown_job;
            return nullptr;
        }
        auto& w = *found->second;
        if (!w.ended) return &w.waiters;
        ec = *w.ended;
        result = w.seen;
        return nullptr;
    }

    void take_all(wait_list& all) noexcept override {
        for (const auto& [id, w] : watches_) all.take(w->waiters);
    }

private:
    std::shared_ptr<poller_state> self() { return std::static_pointer_cast<poller_state>(shared_from_this()); }

    // Signals are emitted on the strand: elsewhere it would be a race with the coroutine.
    void cancel(const watch_ptr& w) {
        w->stopping = true;
        net::post(strand_, [w] {
            if (w->running) w->signal.emit(net::cancellation_type::terminal);
        });
    }

    static net::awaitable<void> run(std::shared_ptr<poller_state> self, watch_ptr w) {
        timer clock(co_await net::this_coro::executor);
        auto due = w->plan.next();
        while (due) {
            if (*due > clock.now()) {
                clock.expires_at(*due);
                co_await clock.async_wait(net::use_awaitable);
            }
            permit p = self->permits_.try_acquire();
            if (!p) p = co_await self->permits_.async_acquire(net::use_awaitable);
            if (w->stopping) co_return;
            std::optional<status> answer;
            std::string failure;
            try {
                if (self->options_.poll_timeout)
                    answer.emplace(
                        co_await with_timeout(self->source_->poll(w->seen.id), *self->options_.poll_timeout));
                else
                    answer.emplace(co_await self->source_->poll(w->seen.id));
            } catch (const std::exception& e) {
                failure = e.what();
            } catch (...) {
                failure = "an exception of an unknown type";
            }
            p.release();
            if (w->stopping) co_return;
            if (!answer)
                self->failed(*w, std::move(failure));
            else if (self->answered(*w, std::move(*answer)))
                co_return self->finish(w, {});
            due = answer ? w->plan.answered(clock.now()) : w->plan.failed(clock.now());
        }
        self->give_up(*w);
        self->finish(w, errc::deadline_exceeded);
    }

    // Whether the job is over.
    bool answered(poller_watch& w, status s) {
        if (!s.found) return missing(w);
        w.missing = 0;
        if (s.state)
            w.unknown_word.clear();
        else if (w.unknown_word != s.word) {
            w.unknown_word = s.word;
            if (options_.on_unknown_word) options_.on_unknown_word(w.seen.id, s.word);
        }
        const bool over = s.state && is_terminal(*s.state);
        job_report r = new_report(w);
        r.health = watch_state::ok;
        merge(r, std::move(s));
        tell(w, std::move(r));
        return over;
    }

    bool missing(poller_watch& w) {
        ++w.missing;
        const bool lost = options_.lost_after != 0 && w.missing >= options_.lost_after;
        job_report r = new_report(w);
        if (lost) {
            r.state = job_state::lost;
            r.message = "its source does not know it any more";
            r.health = watch_state::ok;
        } else {
            r.health = watch_state::degraded;
            r.health_error = "not found, " + std::to_string(w.missing) + " times in a row";
        }
        tell(w, std::move(r));
        return lost;
    }

    void failed(poller_watch& w, std::string error) {
        job_report r = new_report(w);
        r.health =
            w.plan.failures() + 1 >= options_.unreachable_after ? watch_state::unreachable : watch_state::degraded;
        r.health_error = std::move(error);
        tell(w, std::move(r));
    }

    // Nobody looks any more.
    void give_up(poller_watch& w) {
        if (w.seen.health.state == watch_state::unreachable) return;
        job_report r = new_report(w);
        r.health = watch_state::stale;
        r.health_error = "the deadline of the watch is over";
        tell(w, std::move(r));
    }

    job_report new_report(poller_watch& w) const {
        job_report r;
        r.id = w.seen.id;
        r.by = reporter::observer;
        r.at = system_now(strand_);
        if (std::exchange(w.reported, true)) return r;
        if (!w.options.name.empty()) r.name = w.options.name;
        if (!w.options.kind.empty()) r.kind = w.options.kind;
        if (!w.options.labels.empty()) r.labels = w.options.labels;
        r.control = w.options.control;
        return r;
    }

    void tell(poller_watch& w, job_report r) {
        {
            const std::lock_guard lock(mutex());
            see(w.seen, r);
        }
        const std::lock_guard lock(sink_mutex_);
        if (sink_ && !silent_) sink_(std::move(r));
    }

    void finish(const watch_ptr& w, error_code ec) {
        wait_list waiters;
        job seen;
        watch_ptr forgotten; // dies without the mutex
        {
            const std::lock_guard lock(mutex());
            if (w->stopping) return;
            w->ended = ec;
            --active_;
            seen = w->seen;
            waiters.take(w->waiters);
            finished_.push_back(w);
            if (finished_.size() > options_.keep_finished) {
                forgotten = std::move(finished_.front());
                finished_.pop_front();
                const auto found = watches_.find(forgotten->seen.id);
                if (found != watches_.end() && found->second == forgotten) watches_.erase(found);
            }
        }
        while (wait_node* const n = waiters.pop_front()) static_cast<waiter<job>*>(n)->complete(ec, seen);
    }

    net::strand<net::any_io_executor> strand_;
    const poller_options options_;
    const schedule_options schedule_;
    std::unique_ptr<erased_source> source_;
    job_sink sink_;
    std::recursive_mutex sink_mutex_{}; // a sink may call stop()
    bool silent_ = false;
    basic_semaphore<net::any_io_executor> permits_;

    // With the mutex held:
    std::uint64_t seed_;
    std::unordered_map<job_id, watch_ptr> watches_{};
    std::deque<watch_ptr> finished_{};
    std::size_t active_ = 0;
    bool stopped_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLLER_STATE_HPP
