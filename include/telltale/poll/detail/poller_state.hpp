// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLLER_STATE_HPP
#define TELLTALE_POLL_DETAIL_POLLER_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/duration_history.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/circuit_breaker.hpp>
#include <telltale/poll/detail/due_heap.hpp>
#include <telltale/poll/detail/erased_source.hpp>
#include <telltale/poll/detail/poll_failure.hpp>
#include <telltale/poll/detail/poll_loop.hpp>
#include <telltale/poll/detail/poller_watch.hpp>
#include <telltale/poll/detail/watch_table.hpp>
#include <telltale/poll/explanation.hpp>
#include <telltale/poll/poll_budget.hpp>
#include <telltale/poll/poller_health.hpp>
#include <telltale/poll/poller_options.hpp>
#include <telltale/poll/stuck.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What a status_poller and its requests share. A watched job is an entry in a table; one heap knows when each is due, and one
/// timer waits for the first. Only requests are coroutines (poll_flight), on one strand, each of which goes on with the next
/// poll that is due.
class poller_state final : public wait_state {
public:
    using time_point = poll_schedule::time_point;
    using nanoseconds = std::chrono::nanoseconds;
    using table = watch_table<poller_watch>;

    TELLTALE_DECL static std::shared_ptr<poller_state> create(const net::any_io_executor& executor,
                                                              std::unique_ptr<erased_source> source, job_sink sink,
                                                              poller_options options);

    TELLTALE_DECL poller_state(const net::any_io_executor& executor, std::unique_ptr<erased_source> source,
                               job_sink sink, poller_options options);
    TELLTALE_DECL ~poller_state() override;

    // From any thread (poller_watches.ipp):
    TELLTALE_DECL bool watch(job_id id, watch_options given);
    TELLTALE_DECL bool unwatch(const job_id& id);
    TELLTALE_DECL void stop();
    TELLTALE_DECL bool poll_now(const job_id& id);
    TELLTALE_DECL std::optional<job> find(const job_id& id) const;
    std::size_t watching() const {
        const std::lock_guard lock(mutex());
        return active_;
    }
    std::size_t polling() const {
        const std::lock_guard lock(mutex());
        return aloft_;
    }

    // Those who wait; with the mutex held (poller_watches.ipp):
    TELLTALE_DECL wait_list* attempt(const job_id& id, error_code& ec, job& result);
    TELLTALE_DECL wait_list* attempt_cancel(const job_id& id, error_code& ec, job& result);
    TELLTALE_DECL void take_all(wait_list& all) noexcept override;

    // Commands (poller_commands.ipp):
    bool can_cancel() const noexcept { return source_->can_cancel(); }
    TELLTALE_DECL command_result request_cancel(const job_id& id);
    TELLTALE_DECL std::shared_ptr<job_control> control(const job_id& id) const;

    // What it knows (poller_explain.ipp):
    TELLTALE_DECL std::optional<explanation> explain(const job_id& id) const;
    TELLTALE_DECL std::vector<explanation> stuck(const stuck_options& limits) const;
    TELLTALE_DECL poller_health health() const;

private:
    friend class poller_control;
    using lock_type = std::unique_lock<std::mutex>;

    std::shared_ptr<poller_state> self() const {
        return std::static_pointer_cast<poller_state>(std::const_pointer_cast<wait_state>(shared_from_this()));
    }
    timestamp calendar_now() const { return time_->system_now(); }
    timestamp calendar(time_point t) const {
        return calendar_now() + std::chrono::duration_cast<timestamp::duration>(t - time_->now());
    }

    // Requests; on the strand (poller_polls.ipp):
    TELLTALE_DECL void wake();
    TELLTALE_DECL void pump();
    TELLTALE_DECL void arm();
    TELLTALE_DECL void expire(time_point now);
    TELLTALE_DECL void enlist(poll_flight& f);
    TELLTALE_DECL void launch(const flight_ptr& f);
    TELLTALE_DECL bool select(poll_flight& f);
    TELLTALE_DECL bool select_locked(poll_flight& f, time_point now);
    TELLTALE_DECL void take_off(poll_flight& f, time_point now);
    TELLTALE_DECL void land(poll_flight& f);
    TELLTALE_DECL poll_wait pass(poll_flight& f, time_point now);
    TELLTALE_DECL void landing_over(poll_flight& f);
    TELLTALE_DECL static net::awaitable<void> fly(std::shared_ptr<poller_state> self, flight_ptr f);
    TELLTALE_DECL void landed(poll_flight& f, std::span<status> answers, std::optional<flight_failure> failure);
    TELLTALE_DECL void note_landing(const poll_flight& f, std::span<const status> answers,
                                    const std::optional<flight_failure>& failure, time_point now);
    TELLTALE_DECL void retried(poll_flight& f, job_id as, std::optional<flight_failure> failure);
    TELLTALE_DECL void detach(poller_watch& w);
    TELLTALE_DECL void cancel(poll_flight& f);

    // Answers; with the mutex held (poller_answers.ipp):
    TELLTALE_DECL bool settle(poll_flight& f, std::size_t i, status* answer, const flight_failure* failure,
                              time_point now, poll_news& news);
    TELLTALE_DECL bool answered(poller_watch& w, status& s, job& j, packed_times& times, poll_news& news,
                                time_point now);
    TELLTALE_DECL bool missing(poller_watch& w, job& j, poll_news& news, time_point now);
    TELLTALE_DECL bool failed(poller_watch& w, const flight_failure& f, job& j, poll_news& news);
    TELLTALE_DECL void new_word(poller_watch& w, const status& s, const job& j, poll_news& news, time_point now);
    TELLTALE_DECL void alarm(poller_watch& w, const std::string& word, job_report& r, poll_news& news, time_point now);
    TELLTALE_DECL bool begin_retry(std::uint32_t k, poller_watch& w, job& j, packed_times& times, poll_news& news,
                                   time_point now);
    TELLTALE_DECL void give_up(std::uint32_t k, poller_watch& w, job& j, poll_news& news);
    TELLTALE_DECL void plan_next(std::uint32_t k, poller_watch& w, std::optional<time_point> due, time_point now);
    TELLTALE_DECL job_report& new_report(std::optional<job_report>& place, poller_watch& w, const job& j,
                                         timestamp at) const;
    TELLTALE_DECL void finish(std::uint32_t k, poller_watch& w, poll_news& news, error_code ec);
    TELLTALE_DECL void forget_oldest(poll_news& news);
    TELLTALE_DECL void refuse_cancels(poller_watch& w, poll_news& news);
    TELLTALE_DECL void forget(std::uint32_t k, std::unique_ptr<watch_extra>& dead);
    TELLTALE_DECL void keep(poller_watch& w, const job& j, const packed_times& times);
    TELLTALE_DECL void learn(const job& j, const poller_watch& w, time_point now);
    TELLTALE_DECL const duration_history* learned(const std::string& kind) const;
    // Without the mutex:
    TELLTALE_DECL void tell(poll_news& news);
    TELLTALE_DECL void tell(job_report& r);

    // Commands; on the strand (poller_commands.ipp):
    TELLTALE_DECL void begin_cancel(const job_id& id);
    TELLTALE_DECL static net::awaitable<void> ask_to_cancel(std::shared_ptr<poller_state> self, flight_ptr f);
    TELLTALE_DECL void cancel_answered(poll_flight& f, command_result result, std::optional<flight_failure> failure);
    TELLTALE_DECL void say_farewell(std::vector<job_id> ids);
    TELLTALE_DECL static net::awaitable<void> farewell(std::shared_ptr<poller_state> self,
                                                       std::shared_ptr<std::vector<job_id>> ids);
    TELLTALE_DECL static void complete(wait_list& waiters, error_code ec, const job& j);

    TELLTALE_DECL void explain(explanation& e, std::uint32_t k, const poller_watch& w,
                               const stuck_options& limits) const;

    // What the recorder is to be told; noted with the mutex held, told without it.
    bool recording() const noexcept { return static_cast<bool>(options_.recorder); }
    TELLTALE_DECL flight_entry& note(flight_kind kind, std::string_view id = {});
    TELLTALE_DECL void tell_notes();

    net::strand<net::any_io_executor> strand_;
    const poller_options options_;
    const schedule_options schedule_;
    const std::uint64_t seed_;
    const nanoseconds grain_; // the timer fires at multiples of it
    time_source* const time_;
    std::unique_ptr<erased_source> source_;
    job_sink sink_;
    std::recursive_mutex sink_mutex_{}; // a sink may call stop()
    bool silent_ = false;
    bool recorder_is_done_ = false;   // told of the stop; with the mutex of the sink
    std::atomic<bool> woken_ = false; // pump() is posted

    // On the strand:
    timer clock_;
    std::optional<time_point> armed_{};
    bool pumping_ = false;

    // With the mutex held:
    table watches_{};
    due_heap due_{};
    due_heap deadlines_{};
    std::vector<flight_ptr> flights_{};
    std::deque<std::pair<std::uint32_t, std::uint64_t>>
        finished_{}; // with the serial: the number may be another's since
    std::map<std::string, duration_history> histories_{};
    poller_health_monitor monitor_;
    std::vector<flight_entry> notes_{};
    std::string scratch_{};
    std::optional<time_point> next_timeout_{}; // no request has to end before
    poll_wait gate_ = poll_wait::nothing;      // why nothing that is due is started
    time_point gate_until_{};
    poll_wait noted_gate_ = poll_wait::nothing; // what the recorder was told of it
    time_point noted_until_{};
    std::uint64_t serial_;
    poll_budget::member member_;
    std::optional<circuit_breaker> breaker_{};
    std::uint64_t flight_number_ = 0;
    time_point burst_at_ = time_point::min();
    std::uint64_t burst_ = 0; // watches that began since
    std::size_t active_ = 0;
    std::size_t aloft_ = 0;
    bool stopped_ = false;
    bool in_line_ = false; // at the budget
};

} // namespace telltale::inline TELLTALE_ABI::detail

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/poll/detail/poller_answers.ipp>
#include <telltale/poll/detail/poller_commands.ipp>
#include <telltale/poll/detail/poller_explain.ipp>
#include <telltale/poll/detail/poller_polls.ipp>
#include <telltale/poll/detail/poller_watches.ipp>
#endif

#endif // TELLTALE_POLL_DETAIL_POLLER_STATE_HPP
