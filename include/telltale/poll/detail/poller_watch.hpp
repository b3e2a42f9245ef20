// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLLER_WATCH_HPP
#define TELLTALE_POLL_DETAIL_POLLER_WATCH_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/poll/circuit_breaker.hpp>
#include <telltale/poll/detail/packed_job.hpp>
#include <telltale/poll/poll_budget.hpp>
#include <telltale/poll/poller_options.hpp>
#include <telltale/poll/schedule.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// A request under way, and the coroutine that makes it and then the next. What the strand says is used there only, the rest
/// with the mutex of the poller.
struct poll_flight : std::enable_shared_from_this<poll_flight> {
    enum class purpose : std::uint8_t { poll, retry, cancel, give_up };
    using time_point = poll_schedule::time_point;

    purpose what = purpose::poll;
    bool aloft = false; // counted among those at once
    bool timed_out = false;
    bool enlisted = false;
    std::vector<std::uint32_t> entries{}; // watch_table::none: not watched any more
    std::vector<job_id> ids{};            // by which the source is asked; not touched while it is
    std::uint64_t number = 0;
    std::size_t left = 0; // of the entries that are still watched
    std::size_t place = 0;
    time_point started{};
    time_point until = time_point::max();
    poll_budget::permit permit{};
    std::optional<circuit_breaker::pass> pass{};

    // On the strand:
    net::cancellation_signal signal{};
    bool running = true;
    bool cancelled = false;
};
using flight_ptr = std::shared_ptr<poll_flight>;

/// What few watches have.
struct watch_extra {
    using time_point = poll_schedule::time_point;

    std::shared_ptr<job_control> control{};
    wait_list cancels{};                     // async_cancel
    poll_flight* cancelling = nullptr;       // the request
    std::optional<timestamp> cancel_asked{}; // accepted, or not answered yet
    error_code refusal{};                    // what they complete with unless the next answer is the end

    std::string remote{}; // the id by which it is asked for, if it is not its own
    std::string reason{};
    bool never_runs = false;
    bool cancel_when_unwatched = false;

    time_point missing_since{};
    time_point unknown_since{};
    std::optional<time_point> alarm{}; // when an unknown word is told of again
    timestamp unknown_at{};

    std::uint32_t retries = 0;
    std::uint32_t attempt = 1;      // the number of this attempt, if there were retries
    std::uint32_t attempt_base = 0; // attempts that were made under other ids
    std::optional<timestamp> retry_at{};
};

/// One watched job. With the mutex of the poller. About 130 bytes; with its id, what was last seen of it, and its places in
/// the index and in the heap 250.
class poller_watch {
public:
    poller_watch(const job_id& id, const schedule_options& schedule, poll_schedule::time_point now, std::uint64_t seed,
                 std::optional<std::chrono::nanoseconds> deadline, double phase)
        : plan(schedule, now, seed, deadline, phase), serial(seed), id_(id) {}

    std::string_view id() const noexcept { return id_.view(); }

    watch_extra& more() {
        if (!extra) extra = std::make_unique<watch_extra>();
        return *extra;
    }

    job_id remote_id() const { return job_id(extra && !extra->remote.empty() ? extra->remote : id()); }

    /// The whole job, into one that was made by default.
    job& see(job& j, packed_times& times) const {
        j.id = id();
        last.unpack(j, times);
        if (observed != timestamp::min()) j.observed = observed;
        if (extra) j.control = extra->control;
        return j;
    }

    /// What will be looked at soon.
    void prefetch() const noexcept {
        for (std::size_t at = 0; at < sizeof(*this); at += 64)
            __builtin_prefetch(reinterpret_cast<const char*>(this) + at);
    }
    void prefetch_texts() const noexcept {
        static_assert(sizeof(poller_watch) <= 128);
        id_.prefetch();
        last.prefetch();
    }

    poll_schedule plan;
    packed_job last{};
    timestamp observed = timestamp::min();
    std::uint64_t serial; // no other watch has it
    std::unique_ptr<wait_list> waiters{};
    std::unique_ptr<watch_extra> extra{};
    poll_flight* flight = nullptr;
    std::uint32_t polls = 0;
    std::uint8_t missing = 0; // answers "not found", with no other answer between
    bool ended : 1 = false;
    bool out_of_time : 1 = false; // ended by the deadline
    bool reported : 1 = false;
    bool known : 1 = false;   // there was an answer with a state
    bool unknown : 1 = false; // the last word was not known
    bool again : 1 = false;   // somebody wants another poll after the one under way
    bool commanded : 1 = false;
    bool retry_due : 1 = false; // what is due is to start it again

private:
    packed_bytes id_;
};

/// What is to be told after a request, once the mutex is free.
struct poll_news {
    timestamp at{};
    std::optional<job_report> first{};
    std::optional<job_report> second{};
    std::string word{}; // an unknown one
    std::optional<std::chrono::nanoseconds> alarm{};
    job seen{};
    bool ended = false;
    error_code end{};
    wait_list waiters{}; // those of async_wait and async_cancel whose wait is over
    error_code refusal{};
    wait_list refused{};                 // those of async_cancel, by the source
    std::unique_ptr<watch_extra> dead{}; // may hold objects of the user's
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLLER_WATCH_HPP
