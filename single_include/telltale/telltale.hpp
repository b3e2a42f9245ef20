// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// telltale 0.1.0 in one file, made by single_include/amalgamate.py: do not edit.
// It needs Asio and nothing else; json/ and beast/ are not part of it.

// begin <telltale/telltale.hpp>

#ifndef TELLTALE_TELLTALE_HPP
#define TELLTALE_TELLTALE_HPP

// Everything that needs only Asio. What needs simdjson is in json/, what needs Boost.Beast in beast/ and dashboard/, and
// what tests need in testing/.

// begin <telltale/asio.hpp>

#ifndef TELLTALE_ASIO_HPP
#define TELLTALE_ASIO_HPP

// begin <telltale/version.hpp>

#ifndef TELLTALE_VERSION_HPP
#define TELLTALE_VERSION_HPP

#define TELLTALE_VERSION_MAJOR 0
#define TELLTALE_VERSION_MINOR 1
#define TELLTALE_VERSION_PATCH 0
#define TELLTALE_VERSION_STRING "0.1.0"

// Everything in telltale lives in an inline namespace that names the version and the Asio it was built on, so that
// object files built for different ones do not link instead of misbehaving.
#if defined(TELLTALE_USE_BOOST_ASIO)
#define TELLTALE_ABI v0_boost_asio
#else
#define TELLTALE_ABI v0_asio
#endif

namespace telltale::inline TELLTALE_ABI {}

#endif // TELLTALE_VERSION_HPP
// end <telltale/version.hpp>

// Asio asks macros of the standard library, and so must come after some header of it: in a program of which one file
// includes Asio first and another does not, what one allocates by aligned_alloc the other frees by operator delete.
#include <cstddef>

// The seam: the only header that names which Asio telltale is built on. `telltale::net` is standalone Asio, or Boost.Asio
// where the build defines TELLTALE_USE_BOOST_ASIO (CMake target telltale::boost). It is never detected.
//
// Supported: standalone Asio 1.22.1 and newer, Boost.Asio of Boost 1.81 and newer.

#if defined(TELLTALE_USE_BOOST_ASIO)

#include <boost/asio/version.hpp>
#if BOOST_ASIO_VERSION < 102600
#error "telltale needs Boost.Asio of Boost 1.81 or newer"
#endif
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#define TELLTALE_ASIO_VERSION BOOST_ASIO_VERSION

namespace telltale::inline TELLTALE_ABI {
namespace net = ::boost::asio;
namespace sys = ::boost::system;
} // namespace telltale::inline TELLTALE_ABI

#else // standalone Asio

// Asio before 1.26 does not see the coroutines of Clang with libstdc++.
#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT)
#define ASIO_HAS_CO_AWAIT 1
#endif
#if defined(__clang__) && !defined(ASIO_HAS_STD_COROUTINE)
#define ASIO_HAS_STD_COROUTINE 1
#endif

#include <asio/version.hpp>
#if ASIO_VERSION < 102201
#error "telltale needs standalone Asio 1.22.1 or newer"
#endif
#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/recycling_allocator.hpp>
#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#if ASIO_VERSION >= 102300
#include <asio/append.hpp>
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
#else
#include <asio/experimental/append.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#endif
#include <system_error>

#define TELLTALE_ASIO_VERSION ASIO_VERSION

namespace telltale::inline TELLTALE_ABI {
namespace net = ::asio;
namespace sys = ::std;
} // namespace telltale::inline TELLTALE_ABI

#endif

#include <type_traits>

namespace telltale::inline TELLTALE_ABI {

/// The error code of the Asio in use: std::error_code, or boost::system::error_code on Boost.Asio.
using error_code = sys::error_code;
using error_category = sys::error_category;
using system_error = sys::system_error;

// Tokens that were still experimental in the oldest supported Asio.
#if !defined(TELLTALE_USE_BOOST_ASIO) && TELLTALE_ASIO_VERSION < 102300
using net::experimental::append;
using net::experimental::as_tuple;
using net::experimental::deferred;
#else
using net::append;
using net::as_tuple;
using net::deferred;
#endif

/// The completion token that an operation takes when none is given: what the executor type asks for, else
/// use_awaitable, so that `co_await object.async_operation()` works on every supported Asio.
template <class Executor>
using default_token_t = std::conditional_t<std::is_void_v<net::default_completion_token_t<Executor>>,
                                           net::use_awaitable_t<Executor>, net::default_completion_token_t<Executor>>;

/// co_await with the error as a value: `auto [ec, value] = co_await x.async_op(as_result);`
inline constexpr auto as_result = as_tuple(net::use_awaitable);

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_ASIO_HPP
// end <telltale/asio.hpp>
// begin <telltale/board/board.hpp>

#ifndef TELLTALE_BOARD_BOARD_HPP
#define TELLTALE_BOARD_BOARD_HPP

// <telltale/asio.hpp> is above
// begin <telltale/board/detail/board_state.hpp>

#ifndef TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP
#define TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP

// <telltale/asio.hpp> is above
// begin <telltale/board/detail/apply.hpp>

#ifndef TELLTALE_BOARD_DETAIL_APPLY_HPP
#define TELLTALE_BOARD_DETAIL_APPLY_HPP

// begin <telltale/core/estimator.hpp>

#ifndef TELLTALE_CORE_ESTIMATOR_HPP
#define TELLTALE_CORE_ESTIMATOR_HPP

// <telltale/version.hpp> is above

#include <chrono>
#include <cmath>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// Rate and remaining time out of samples of "so much is done now".
///
/// A time-weighted exponential average, smoothed twice and corrected for a short history; the time since the last
/// advance counts as no progress, so a stalled job's rate falls and its remaining time grows (the estimator of
/// indicatif, https://docs.rs/indicatif, src/state.rs). Time is passed in: the machine has no clock.
class estimator {
public:
    using clock = std::chrono::steady_clock;

    /// `horizon`: what happened that long ago has a tenth of the weight of now. Greater than zero.
    explicit estimator(std::chrono::duration<double> horizon = std::chrono::seconds{15}) noexcept
        : horizon_(horizon.count()) {}

    /// Says how much was done at `now`. The first sample is the baseline: what was done before it is not part of the
    /// rate. Going backwards starts anew.
    void sample(double done, clock::time_point now) noexcept {
        if (!started_ || done < done_) {
            *this = estimator(std::chrono::duration<double>(horizon_));
            started_ = now;
            last_ = now;
            done_ = done;
            return;
        }
        if (done == done_ || now <= last_) return; // idle time is accounted for when there is progress, or asked for
        const double dt = seconds(now - last_);
        const double weight = std::pow(0.1, dt / horizon_);
        const double fresh = (done - done_) / dt;
        once_ = once_ * weight + fresh * (1 - weight);
        const double normal = once_ / known(now);
        twice_ = twice_ * weight + normal * (1 - weight);
        done_ = done;
        last_ = now;
    }

    /// Units per second as seen at `now`; nothing before there was progress.
    std::optional<double> rate(clock::time_point now) const noexcept {
        if (!started_ || last_ == *started_) return std::nullopt;
        const double idle = now > last_ ? seconds(now - last_) : 0;
        const double weight = std::pow(0.1, idle / horizon_);
        const auto until = now > last_ ? now : last_;
        const double normal = once_ * weight / known(until);
        return (twice_ * weight + normal * (1 - weight)) / known(until);
    }

    /// Time until `total` is done, as seen at `now`; nothing where no honest prediction is possible.
    std::optional<std::chrono::duration<double>> remaining(double total, clock::time_point now) const noexcept {
        if (started_ && done_ >= total) return std::chrono::duration<double>{0};
        const auto speed = rate(now);
        if (!speed || !(*speed > 0)) return std::nullopt;
        const double left = (total - done_) / *speed;
        if (!std::isfinite(left)) return std::nullopt;
        return std::chrono::duration<double>{left};
    }

private:
    static double seconds(clock::duration d) noexcept { return std::chrono::duration<double>(d).count(); }

    // The share of the average that stands on samples rather than on the zero it began with.
    double known(clock::time_point now) const noexcept {
        return 1 - std::pow(0.1, seconds(now - *started_) / horizon_);
    }

    double horizon_;
    std::optional<clock::time_point> started_;
    clock::time_point last_{};
    double done_ = 0;
    double once_ = 0;
    double twice_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_ESTIMATOR_HPP
// end <telltale/core/estimator.hpp>
// begin <telltale/core/event.hpp>

#ifndef TELLTALE_CORE_EVENT_HPP
#define TELLTALE_CORE_EVENT_HPP

// begin <telltale/core/job.hpp>

#ifndef TELLTALE_CORE_JOB_HPP
#define TELLTALE_CORE_JOB_HPP

// begin <telltale/core/job_control.hpp>

#ifndef TELLTALE_CORE_JOB_CONTROL_HPP
#define TELLTALE_CORE_JOB_CONTROL_HPP

// <telltale/version.hpp> is above

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What somebody can ask of a job.
enum class job_command : std::uint8_t { cancel, pause, resume, retry, approve };

/// What became of the asking. Accepted means on its way: that it happened is told by the job's own events.
enum class command_result : std::uint8_t {
    accepted,
    unsupported, ///< this job cannot do that
    refused,     ///< not now: it is over already, for example
    unknown_job
};

namespace detail {
inline constexpr std::array<std::string_view, 5> job_command_names{"cancel", "pause", "resume", "retry", "approve"};
inline constexpr std::array<std::string_view, 4> command_result_names{"accepted", "unsupported", "refused",
                                                                      "unknown_job"};
} // namespace detail

constexpr std::string_view to_string(job_command c) noexcept {
    return detail::job_command_names[static_cast<std::size_t>(c)];
}

constexpr std::string_view to_string(command_result r) noexcept {
    return detail::command_result_names[static_cast<std::size_t>(r)];
}

constexpr std::optional<job_command> parse_job_command(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::job_command_names.size(); ++i)
        if (detail::job_command_names[i] == name) return static_cast<job_command>(i);
    return std::nullopt;
}

/// The one door through which commands reach a job. A producer hands it over with the job; the page, the API and a
/// WebSocket client knock there.
///
/// @par Thread safety
/// Called from any thread; implementations hand the work to their own executor and return at once.
class job_control {
public:
    virtual ~job_control() = default;

    /// Whether the command exists for this job at all (not whether it would be accepted now).
    virtual bool supports(job_command command) const noexcept = 0;

    /// Asks. Does not wait until it has happened.
    virtual command_result request(job_command command) = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_CONTROL_HPP
// end <telltale/core/job_control.hpp>
// begin <telltale/core/job_state.hpp>

#ifndef TELLTALE_CORE_JOB_STATE_HPP
#define TELLTALE_CORE_JOB_STATE_HPP

// <telltale/version.hpp> is above

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// Where a job stands. The last six are terminal: the attempt is over.
enum class job_state : std::uint8_t {
    pending,   ///< known, not accepted yet
    queued,    ///< accepted, waits for a slot
    paused,    ///< held by somebody: paused, manual, blocked
    running,   ///< doing its work
    succeeded, ///< ended as it should
    failed,    ///< ended with an error
    cancelled, ///< ended because somebody asked for it
    timed_out, ///< exceeded its own limit (a wait that ran out of time is errc::deadline_exceeded, not this)
    skipped,   ///< will never run, on purpose
    lost       ///< vanished where it ran
};

inline constexpr std::size_t job_state_count = 10;

namespace detail {
inline constexpr std::array<std::string_view, job_state_count> job_state_names{
    "pending", "queued", "paused", "running", "succeeded", "failed", "cancelled", "timed_out", "skipped", "lost"};
} // namespace detail

/// The state's name as it is written in JSON, for example "timed_out".
constexpr std::string_view to_string(job_state s) noexcept {
    return detail::job_state_names[static_cast<std::size_t>(s)];
}

/// The state with this name, or nothing. Exact, lower case: the words of a foreign API are mapped by `acceptors`.
constexpr std::optional<job_state> parse_job_state(std::string_view name) noexcept {
    for (std::size_t i = 0; i < job_state_count; ++i)
        if (detail::job_state_names[i] == name) return static_cast<job_state>(i);
    return std::nullopt;
}

constexpr bool is_terminal(job_state s) noexcept { return s >= job_state::succeeded; }

/// Who says that a job changed its state.
enum class reporter : std::uint8_t {
    producer, ///< runs the job itself and sees every state: moves strictly along the table
    observer  ///< looks at it now and then: may have missed states, so any jump forward is legal
};

/// What the rules say of a change.
enum class transition : std::uint8_t { unchanged, allowed, refused };

namespace detail {

constexpr std::uint16_t states() noexcept { return 0; }

template <class... More>
constexpr std::uint16_t states(job_state s, More... more) noexcept {
    return static_cast<std::uint16_t>((1U << static_cast<unsigned>(s)) | states(more...));
}

inline constexpr std::uint16_t terminal_states = states(job_state::succeeded, job_state::failed, job_state::cancelled,
                                                        job_state::timed_out, job_state::skipped, job_state::lost);

// clang-format off
/// Row: from. Bit: to. Drawn in docs/guide/states.md.
inline constexpr std::array<std::uint16_t, job_state_count> producer_rules{
    /* pending  */ states(job_state::queued, job_state::paused, job_state::failed, job_state::cancelled,
                          job_state::skipped, job_state::lost),
    /* queued   */ states(job_state::paused, job_state::running, job_state::failed, job_state::cancelled,
                          job_state::timed_out, job_state::skipped, job_state::lost),
    /* paused   */ states(job_state::queued, job_state::running, job_state::failed, job_state::cancelled,
                          job_state::timed_out, job_state::skipped, job_state::lost),
    /* running  */ states(job_state::paused, job_state::succeeded, job_state::failed, job_state::cancelled,
                          job_state::timed_out, job_state::lost),
    /* terminal */ 0, 0, 0, 0, 0, 0};

inline constexpr std::array<std::uint16_t, job_state_count> observer_rules{
    /* pending  */ terminal_states | states(job_state::queued, job_state::paused, job_state::running),
    /* queued   */ terminal_states | states(job_state::paused, job_state::running),
    /* paused   */ terminal_states | states(job_state::queued, job_state::running),
    /* running  */ terminal_states | states(job_state::paused),
    /* terminal */ 0, 0, 0, 0, 0, 0};
// clang-format on

} // namespace detail

/// What the rules say of going from one state to another within one attempt. The only place where they are kept.
///
/// A producer moves strictly along the table. An observer may jump forward over states that it did not see. Backwards
/// (running to queued, for example) and out of a terminal state is refused to both; a retry is a new attempt.
constexpr transition check_transition(job_state from, job_state to, reporter by) noexcept {
    if (from == to) return transition::unchanged;
    const auto& rules = by == reporter::producer ? detail::producer_rules : detail::observer_rules;
    const unsigned row = rules[static_cast<std::size_t>(from)];
    return ((row >> static_cast<unsigned>(to)) & 1U) != 0 ? transition::allowed : transition::refused;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_STATE_HPP
// end <telltale/core/job_state.hpp>
// begin <telltale/core/progress.hpp>

#ifndef TELLTALE_CORE_PROGRESS_HPP
#define TELLTALE_CORE_PROGRESS_HPP

// <telltale/version.hpp> is above

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What a progress counts.
enum class progress_unit : std::uint8_t { items, bytes, steps, shots, percent, seconds };

namespace detail {
inline constexpr std::array<std::string_view, 6> progress_unit_names{"items", "bytes",   "steps",
                                                                     "shots", "percent", "seconds"};
} // namespace detail

constexpr std::string_view to_string(progress_unit u) noexcept {
    return detail::progress_unit_names[static_cast<std::size_t>(u)];
}

constexpr std::optional<progress_unit> parse_progress_unit(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::progress_unit_names.size(); ++i)
        if (detail::progress_unit_names[i] == name) return static_cast<progress_unit>(i);
    return std::nullopt;
}

/// How far a job is. What is not known is absent, never zero.
struct progress {
    double done = 0;               ///< in `unit`; whole numbers are exact up to 2^53
    std::optional<double> total{}; ///< in `unit`; absent: nobody knows
    progress_unit unit = progress_unit::items;
    std::optional<double> rate{}; ///< units per second, measured lately; absent: no measurement
    std::optional<std::chrono::duration<double>> remaining{}; ///< predicted; absent: no honest prediction is possible

    /// 0 to 100, or nothing where that would be a lie: the total is unknown, zero, or less than what is done.
    constexpr std::optional<double> percent() const noexcept {
        if (!total || !(*total > 0) || !(done >= 0) || done > *total) return std::nullopt;
        return 100.0 * done / *total;
    }

    friend bool operator==(const progress&, const progress&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_PROGRESS_HPP
// end <telltale/core/progress.hpp>
// begin <telltale/core/time.hpp>

#ifndef TELLTALE_CORE_TIME_HPP
#define TELLTALE_CORE_TIME_HPP

// <telltale/version.hpp> is above

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// A moment on the calendar, as it is shown and stored. Waiting is done on the steady clock, never on this one.
using timestamp = std::chrono::system_clock::time_point;

/// RFC 3339 in UTC with milliseconds: "2026-11-21T23:20:00.123Z". Years 0000 to 9999. `digits`: of the fraction, 3 to 9.
inline std::string to_rfc3339(timestamp t, int digits = 3) {
    using namespace std::chrono;
    const auto day = floor<days>(t);
    const year_month_day date{day};
    const hh_mm_ss time{floor<nanoseconds>(t - day)};
    char text[64];
    const int n =
        std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%09lld", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                      static_cast<int>(time.seconds().count()), static_cast<long long>(time.subseconds().count()));
    std::string result(text, static_cast<std::size_t>(n - 9 + digits));
    result += 'Z';
    return result;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_TIME_HPP
// end <telltale/core/time.hpp>
// begin <telltale/core/watch_health.hpp>

#ifndef TELLTALE_CORE_WATCH_HEALTH_HPP
#define TELLTALE_CORE_WATCH_HEALTH_HPP

// <telltale/core/time.hpp> is above

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// How well a job can be seen. Says nothing about the job: one that cannot be reached may be running happily.
enum class watch_state : std::uint8_t {
    ok,
    degraded,    ///< the last look failed, earlier ones did not
    unreachable, ///< several looks in a row failed
    stale        ///< nobody has looked for too long
};

namespace detail {
inline constexpr std::array<std::string_view, 4> watch_state_names{"ok", "degraded", "unreachable", "stale"};
} // namespace detail

constexpr std::string_view to_string(watch_state s) noexcept {
    return detail::watch_state_names[static_cast<std::size_t>(s)];
}

constexpr std::optional<watch_state> parse_watch_state(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::watch_state_names.size(); ++i)
        if (detail::watch_state_names[i] == name) return static_cast<watch_state>(i);
    return std::nullopt;
}

/// The health of the watch on a job.
struct watch_health {
    watch_state state = watch_state::ok;
    std::optional<timestamp> since{}; ///< when it entered this state
    std::string error{};              ///< what the last look that failed said; empty when ok

    friend bool operator==(const watch_health&, const watch_health&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_WATCH_HEALTH_HPP
// end <telltale/core/watch_health.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// Names a job within one board. Not empty.
using job_id = std::string;

using label_map = std::map<std::string, std::string, std::less<>>;

/// What kind of thing went wrong.
enum class error_class : std::uint8_t { unknown, api, timeout, authentication, permission, query, resource, network };

namespace detail {
inline constexpr std::array<std::string_view, 8> error_class_names{"unknown",    "api",   "timeout",  "authentication",
                                                                   "permission", "query", "resource", "network"};
} // namespace detail

constexpr std::string_view to_string(error_class c) noexcept {
    return detail::error_class_names[static_cast<std::size_t>(c)];
}

constexpr std::optional<error_class> parse_error_class(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::error_class_names.size(); ++i)
        if (detail::error_class_names[i] == name) return static_cast<error_class>(i);
    return std::nullopt;
}

/// Why a job failed.
struct job_error {
    error_class kind = error_class::unknown; ///< "class" in JSON
    std::string message{};                   ///< for people; as the job or its API said it

    friend bool operator==(const job_error&, const job_error&) = default;
};

/// All that is known of a job at one moment: a value, copied freely.
struct job {
    job_id id{};
    std::string name{}; ///< for people; may be empty
    std::string kind{}; ///< jobs of one kind take similar times; may be empty
    job_state state = job_state::pending;
    std::uint32_t attempt = 1; ///< counts from 1; a retry is the next attempt
    std::string word{};        ///< the API's own word for the state, kept raw; empty for local jobs
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 1 is next; absent: not queued, or not told
    label_map labels{};
    std::string message{}; ///< the latest thing that the job said of itself; may be empty

    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};  ///< of this attempt
    std::optional<timestamp> finished{}; ///< of this attempt
    std::optional<timestamp> observed{}; ///< when somebody last looked and got an answer

    std::optional<job_error> error{};
    watch_health health{};
    std::shared_ptr<job_control> control{}; ///< null: this job takes no commands
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_HPP
// end <telltale/core/job.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What happened.
enum class event_kind : std::uint8_t {
    job_created,
    job_queued,
    job_started,
    job_paused,
    job_resumed,
    job_progressed, ///< the only kind of which a slow reader gets the latest per job instead of all
    job_succeeded,
    job_failed,
    job_cancelled,
    job_timed_out,
    job_skipped,
    job_lost,
    job_retrying, ///< a new attempt began
    job_updated,  ///< name, labels, message, queue position or commands changed
    watch_health_changed,
    transition_refused, ///< a report broke the rules of job_state; `data` has "from" and "to"
    custom              ///< a user's own: `data` is the user's JSON
};

inline constexpr std::size_t event_kind_count = 17;

namespace detail {
inline constexpr std::array<std::string_view, event_kind_count> event_kind_names{
    "job_created",   "job_queued",  "job_started",          "job_paused",         "job_resumed", "job_progressed",
    "job_succeeded", "job_failed",  "job_cancelled",        "job_timed_out",      "job_skipped", "job_lost",
    "job_retrying",  "job_updated", "watch_health_changed", "transition_refused", "custom"};
} // namespace detail

constexpr std::string_view to_string(event_kind k) noexcept {
    return detail::event_kind_names[static_cast<std::size_t>(k)];
}

constexpr std::optional<event_kind> parse_event_kind(std::string_view name) noexcept {
    for (std::size_t i = 0; i < event_kind_count; ++i)
        if (detail::event_kind_names[i] == name) return static_cast<event_kind>(i);
    return std::nullopt;
}

/// The event that tells of a job's arrival in a state.
constexpr event_kind arrival_in(job_state s) noexcept {
    constexpr std::array<event_kind, job_state_count> kinds{
        event_kind::job_created,   event_kind::job_queued, event_kind::job_paused,    event_kind::job_started,
        event_kind::job_succeeded, event_kind::job_failed, event_kind::job_cancelled, event_kind::job_timed_out,
        event_kind::job_skipped,   event_kind::job_lost};
    return kinds[static_cast<std::size_t>(s)];
}

/// Something that happened, with the whole job as it was just after. Cheap to copy: the job is shared.
struct event {
    event_kind kind = event_kind::custom;
    timestamp time{};
    std::shared_ptr<const telltale::job> job{}; ///< null only for a custom event that belongs to no job
    std::string data{};                         ///< a JSON value that belongs to the kind; empty: none
};

/// Progress is latest-wins per job: of the unread progress of one job, a reader gets only the newest. Every other kind
/// has an empty key and is never dropped for a newer one.
inline std::string_view conflation_key(const event& e) noexcept {
    return e.kind == event_kind::job_progressed && e.job ? std::string_view{e.job->id} : std::string_view{};
}

/// What a subscription can name to hear of this event: the id of the job, and under its name the value of each label.
template <class Visitor>
void routing_keys(const event& e, Visitor&& visit) {
    if (!e.job) return;
    visit(std::string_view{e.job->id}, std::string_view{});
    for (const auto& [name, value] : e.job->labels)
        if (!name.empty()) visit(std::string_view{value}, std::string_view{name});
}

/// The kind, as a number below 64.
constexpr unsigned routing_class(const event& e) noexcept { return static_cast<unsigned>(e.kind); }

/// What an event takes in memory, about: with its job, which it may share with others.
inline std::size_t byte_size(const event& e) noexcept {
    std::size_t bytes = sizeof(event) + e.data.size();
    if (!e.job) return bytes;
    const job& j = *e.job;
    bytes += sizeof(job) + j.id.size() + j.name.size() + j.kind.size() + j.word.size() + j.message.size();
    for (const auto& [name, value] : j.labels) bytes += sizeof(label_map::value_type) + name.size() + value.size();
    if (j.error) bytes += j.error->message.size();
    return bytes + j.health.error.size();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_EVENT_HPP
// end <telltale/core/event.hpp>
// <telltale/core/job.hpp> is above
// begin <telltale/core/job_report.hpp>

#ifndef TELLTALE_CORE_JOB_REPORT_HPP
#define TELLTALE_CORE_JOB_REPORT_HPP

// <telltale/core/job.hpp> is above

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What a producer has to say of a job: "42 is now running, 37 %". What is absent stays as it was.
struct job_report {
    job_id id{};
    reporter by = reporter::producer;
    timestamp at{};                         ///< when it was so; the epoch: when the report arrives
    std::optional<job_state> state{};       ///< checked against the rules for `by`
    std::optional<std::uint32_t> attempt{}; ///< greater than before: a new attempt, which may begin in any state
    std::optional<std::string> word{};
    std::optional<std::string> name{};
    std::optional<std::string> kind{};
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 0: no longer queued
    std::optional<label_map> labels{};
    std::optional<std::string> message{};
    std::optional<job_error> error{};
    std::optional<watch_state> health{}; ///< absent: this report says nothing about the watch
    std::string health_error{};          ///< with a health that is not ok: why
    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};
    std::optional<timestamp> finished{};
    std::shared_ptr<job_control> control{}; ///< null: stays as it was
};

/// Where a producer says it: a board's sink, a test's recorder, or any function of the user's own. Called from the
/// thread of the producer; must not block for long and must not throw.
using job_sink = std::function<void(job_report)>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_REPORT_HPP
// end <telltale/core/job_report.hpp>
// begin <telltale/core/json_writer.hpp>

#ifndef TELLTALE_CORE_JSON_WRITER_HPP
#define TELLTALE_CORE_JSON_WRITER_HPP

// <telltale/version.hpp> is above

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// Writes JSON (RFC 8259) to the end of a string, without white space.
///
/// The output is always valid UTF-8 and valid JSON: each ill-formed sequence of bytes in a string becomes U+FFFD, control
/// characters are escaped, and a number that JSON cannot say (NaN, infinity) becomes null. Nesting is the caller's to
/// get right.
class json_writer {
public:
    /// Appends to `out`, which must outlive the writer.
    explicit json_writer(std::string& out) noexcept : out_(out), start_(out.size()) {}

    json_writer& begin_object() { return open('{'); }
    json_writer& end_object() { return close('}'); }
    json_writer& begin_array() { return open('['); }
    json_writer& end_array() { return close(']'); }

    json_writer& key(std::string_view name) {
        value(name);
        out_ += ':';
        return *this;
    }

    json_writer& value(std::string_view text) {
        separate();
        out_ += '"';
        append_escaped(text);
        out_ += '"';
        return *this;
    }
    json_writer& value(const char* text) { return value(std::string_view{text}); }

    template <std::same_as<bool> Bool>
    json_writer& value(Bool b) {
        return raw(b ? "true" : "false");
    }

    template <std::integral Int>
        requires(!std::same_as<Int, bool> && !std::same_as<Int, char>)
    json_writer& value(Int number) {
        char text[24];
        return raw({text, std::to_chars(text, text + sizeof text, number).ptr});
    }

    /// The shortest text that reads back as the same number; with an exponent where a reader that takes whole numbers for
    /// 64-bit integers (simdjson is one) would refuse it.
    json_writer& value(double number) {
        if (!std::isfinite(number)) return null();
        char text[32];
        const bool large = std::fabs(number) >= 9.2e18;
        const auto end = large ? std::to_chars(text, text + sizeof text, number, std::chars_format::scientific)
                               : std::to_chars(text, text + sizeof text, number);
        return raw({text, end.ptr});
    }

    json_writer& null() { return raw("null"); }

    /// A value that is JSON already.
    json_writer& raw(std::string_view json) {
        separate();
        out_ += json;
        return *this;
    }

    /// One member of an object: key and value.
    template <class T>
    json_writer& member(std::string_view name, const T& v) {
        key(name);
        return value(v);
    }

private:
    json_writer& open(char bracket) {
        separate();
        out_ += bracket;
        return *this;
    }

    json_writer& close(char bracket) {
        out_ += bracket;
        return *this;
    }

    // Strings end in a quote, so the last character says whether a value stands before this one.
    void separate() {
        if (out_.size() == start_) return;
        const char last = out_.back();
        if (last != '{' && last != '[' && last != ':') out_ += ',';
    }

    void append_escaped(std::string_view text);

    std::string& out_;
    std::size_t start_;
};

namespace detail {

/// The length of the well-formed UTF-8 sequence at the beginning of `text` (table 3-7 of the Unicode Standard), or 0;
/// then `bad` is the length of the maximal ill-formed part, which one U+FFFD replaces (section 3.9, "U+FFFD Substitution of Maximal Subparts").
constexpr std::size_t utf8_sequence(std::string_view text, std::size_t& bad) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    bad = 1;
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if (i >= text.size() || byte(i) < low || byte(i) > high) return 0;
        bad = i + 1;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

} // namespace detail

inline void json_writer::append_escaped(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::size_t clean = 0; // start of the part that is copied as it is
    std::size_t i = 0;
    const auto flush = [&] { out_.append(text.substr(clean, i - clean)); };
    while (i < text.size()) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            ++i;
            continue;
        }
        if (c >= 0x80) {
            std::size_t bad = 0;
            if (const std::size_t length = detail::utf8_sequence(text.substr(i), bad)) {
                i += length;
                continue;
            }
            flush();
            out_ += "\xEF\xBF\xBD";
            i += bad;
            clean = i;
            continue;
        }
        flush();
        switch (c) {
        case '"': out_ += "\\\""; break;
        case '\\': out_ += "\\\\"; break;
        case '\b': out_ += "\\b"; break;
        case '\f': out_ += "\\f"; break;
        case '\n': out_ += "\\n"; break;
        case '\r': out_ += "\\r"; break;
        case '\t': out_ += "\\t"; break;
        default:
            out_ += "\\u00";
            out_ += hex[c >> 4U];
            out_ += hex[c & 15U];
        }
        clean = ++i;
    }
    flush();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JSON_WRITER_HPP
// end <telltale/core/json_writer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// What a report does to a job: the rules of the board as a plain function, without lock, clock or Asio.

namespace telltale::inline TELLTALE_ABI::detail {

/// A job on the board, and what is remembered of it besides.
struct job_record {
    std::shared_ptr<const job> current; ///< null: not yet known
    estimator speed;
};

struct applied {
    std::vector<event> events; ///< in order; none: nothing that anybody would want to know
    bool refused = false;
    bool ended = false; ///< this report brought the job into a terminal state
};

inline std::string refusal(job_state from, job_state to, reporter by) {
    std::string data;
    json_writer out(data);
    out.begin_object().member("from", to_string(from)).member("to", to_string(to));
    out.member("by", by == reporter::producer ? "producer" : "observer").end_object();
    return data;
}

template <class T>
bool assign_if_new(T& to, const std::optional<T>& from) {
    if (!from || *from == to) return false;
    to = *from;
    return true;
}

/// A change of the job that is being built up from a report.
class application {
public:
    application(job_record& record, job_report report, timestamp now)
        : record_(record),
          report_(std::move(report)),
          at_(report_.at == timestamp{} ? now : report_.at),
          first_(!record.current),
          next_(first_ ? job{} : *record.current) {}

    applied run() {
        if (first_) create();
        const bool stale = report_.attempt && *report_.attempt < next_.attempt;
        if (report_.attempt && *report_.attempt > next_.attempt) begin_attempt();
        const job_state before = next_.state;
        const job_state wanted = report_.state.value_or(before);
        transition moved = check_transition(before, wanted, report_.by);
        // The first state of an attempt is whatever it is: there is no earlier one to come from.
        if (fresh_ && moved == transition::refused) moved = transition::allowed;
        if (stale) moved = transition::refused;

        if (report_.by == reporter::observer && report_.health.value_or(watch_state::ok) == watch_state::ok)
            next_.observed = at_;
        const bool health = change_health();
        if (moved == transition::refused) {
            result_.refused = true;
            publish();
            tell(event_kind::transition_refused, refusal(before, wanted, report_.by));
            if (health) tell(event_kind::watch_health_changed);
            return std::move(result_);
        }
        const bool progressed = change_progress(is_terminal(before));
        const bool updated = change_description(is_terminal(before));
        if (moved == transition::allowed) arrive(wanted);
        publish();
        if (moved == transition::allowed)
            tell(before == job_state::paused && wanted == job_state::running ? event_kind::job_resumed
                                                                             : arrival_in(wanted));
        else if (progressed)
            tell(event_kind::job_progressed);
        else if (updated && !fresh_)
            tell(event_kind::job_updated);
        if (health) tell(event_kind::watch_health_changed);
        return std::move(result_);
    }

private:
    void create() {
        fresh_ = true;
        next_.id = report_.id;
        next_.created = report_.created.value_or(at_);
        if (report_.attempt) next_.attempt = *report_.attempt;
        report_.created.reset();
        change_description(false);
        publish();
        tell(event_kind::job_created);
    }

    void begin_attempt() {
        fresh_ = true;
        next_.attempt = *report_.attempt;
        next_.state = job_state::pending;
        next_.progress.reset();
        next_.error.reset();
        next_.queued.reset();
        next_.started.reset();
        next_.finished.reset();
        next_.message.clear();
        record_.speed = estimator{};
        publish();
        tell(event_kind::job_retrying);
    }

    void arrive(job_state state) {
        const bool again = next_.state == job_state::paused;
        next_.state = state;
        if (state != job_state::queued) next_.queue_position.reset();
        const auto set = [&](std::optional<timestamp>& time, const std::optional<timestamp>& told) {
            time = told ? told : time && again ? time : at_;
        };
        if (state == job_state::queued) set(next_.queued, report_.queued);
        if (state == job_state::running) set(next_.started, report_.started);
        if (!is_terminal(state)) return;
        if (report_.started) next_.started = report_.started;
        next_.finished = report_.finished.value_or(at_);
        if (next_.progress) {
            next_.progress->rate.reset();
            next_.progress->remaining.reset();
        }
        result_.ended = true;
    }

    bool change_progress(bool over) {
        if (!report_.progress || over) return false;
        progress p = *report_.progress;
        if (!p.rate) {
            const std::chrono::steady_clock::time_point when(
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(at_.time_since_epoch()));
            record_.speed.sample(p.done, when);
            p.rate = record_.speed.rate(when);
            if (p.total && !p.remaining) p.remaining = record_.speed.remaining(*p.total, when);
        }
        if (next_.progress == p) return false;
        next_.progress = p;
        return true;
    }

    bool change_description(bool over) {
        bool changed = assign_if_new(next_.word, report_.word);
        changed |= assign_if_new(next_.name, report_.name);
        changed |= assign_if_new(next_.kind, report_.kind);
        changed |= assign_if_new(next_.labels, report_.labels);
        changed |= assign_if_new(next_.message, report_.message);
        if (report_.error && next_.error != report_.error) {
            next_.error = report_.error;
            changed = true;
        }
        if (report_.queue_position && !over) {
            const std::optional<std::uint32_t> place = *report_.queue_position ? report_.queue_position : std::nullopt;
            changed |= next_.queue_position != place;
            next_.queue_position = place;
        }
        if (report_.created) next_.created = report_.created;
        if (report_.control && report_.control != next_.control) {
            next_.control = report_.control;
            changed = true;
        }
        return changed;
    }

    bool change_health() {
        if (!report_.health) return false;
        const bool changed = *report_.health != next_.health.state;
        if (changed || !next_.health.since) next_.health.since = at_;
        next_.health.state = *report_.health;
        next_.health.error = *report_.health == watch_state::ok ? std::string{} : report_.health_error;
        return changed;
    }

    void publish() { record_.current = std::make_shared<const job>(next_); }

    void tell(event_kind kind, std::string data = {}) {
        result_.events.push_back(event{kind, at_, record_.current, std::move(data)});
    }

    job_record& record_;
    job_report report_;
    timestamp at_;
    bool first_;
    bool fresh_ = false; // the first report of this attempt
    job next_;
    applied result_;
};

inline applied apply(job_record& record, job_report report, timestamp now) {
    return application(record, std::move(report), now).run();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BOARD_DETAIL_APPLY_HPP
// end <telltale/board/detail/apply.hpp>
// <telltale/core/event.hpp> is above
// begin <telltale/core/filter.hpp>

#ifndef TELLTALE_CORE_FILTER_HPP
#define TELLTALE_CORE_FILTER_HPP

// <telltale/core/event.hpp> is above

#include <algorithm>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Which jobs and events somebody wants to hear of. Empty members let everything pass; all of them must agree.
struct filter {
    std::vector<job_id> jobs{};      ///< only these
    std::vector<event_kind> kinds{}; ///< only these kinds of events; says nothing about jobs
    label_map labels{};              ///< the job has each of these labels with this value

    /// Whether a job passes: its id and labels.
    bool matches(const job& j) const {
        if (!jobs.empty() && std::find(jobs.begin(), jobs.end(), j.id) == jobs.end()) return false;
        return std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
            const auto found = j.labels.find(wanted.first);
            return found != j.labels.end() && found->second == wanted.second;
        });
    }

    /// Whether an event passes: its kind, and its job. An event without a job passes only a filter without jobs and
    /// labels.
    bool matches(const event& e) const {
        if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), e.kind) == kinds.end()) return false;
        if (e.job) return matches(*e.job);
        return jobs.empty() && labels.empty();
    }

    bool empty() const noexcept { return jobs.empty() && kinds.empty() && labels.empty(); }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_FILTER_HPP
// end <telltale/core/filter.hpp>
// <telltale/core/job.hpp> is above
// <telltale/core/job_report.hpp> is above
// begin <telltale/detail/time_source.hpp>

#ifndef TELLTALE_DETAIL_TIME_SOURCE_HPP
#define TELLTALE_DETAIL_TIME_SOURCE_HPP

// <telltale/asio.hpp> is above
// begin <telltale/detail/waiter.hpp>

#ifndef TELLTALE_DETAIL_WAITER_HPP
#define TELLTALE_DETAIL_WAITER_HPP

// <telltale/asio.hpp> is above

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

// How an operation of telltale waits. Each primitive has a shared state derived from wait_state; a suspended operation is a
// waiter in one of the state's wait_lists. Whoever takes a waiter off its list, under the state's mutex, owns it and
// completes it after unlocking: so a value or permit that was given to a waiter cannot be lost to a cancellation that
// comes later. Completion is always posted to the handler's associated executor, which is kept busy (outstanding
// work) until then. An execution context that is destroyed first destroys the waiters, whatever cycles they are in.

namespace telltale::inline TELLTALE_ABI::detail {

class wait_state;
struct wait_cancel;

/// One suspended operation. Links and canceller are protected by the mutex of its state.
class wait_node {
public:
    wait_node() = default;
    wait_node(const wait_node&) = delete;
    wait_node& operator=(const wait_node&) = delete;

    /// Completes the operation with `ec` and the values in its result. Not with the state's mutex held.
    virtual void finish(error_code ec) = 0;

    /// Completes the operation with what is in its result. Not with the state's mutex held.
    virtual void ready() = 0;

    /// Destroys the handler without calling it, and frees this. Not with the state's mutex held.
    virtual void destroy() noexcept = 0;

protected:
    ~wait_node() = default;

private:
    friend class wait_list;
    friend struct wait_cancel;
    inline void unlink() noexcept;

    wait_node* previous_ = nullptr;
    wait_node* next_ = nullptr;
    wait_cancel* canceller_ = nullptr;
};

/// What an operation that can be cancelled leaves in its cancellation slot.
struct wait_cancel {
    inline explicit wait_cancel(std::shared_ptr<wait_state> s) noexcept;
    wait_cancel(const wait_cancel&) = delete;
    wait_cancel& operator=(const wait_cancel&) = delete;
    inline ~wait_cancel();

    void arm(wait_node& n) noexcept {
        node = &n;
        n.canceller_ = this;
    }

    // Nothing has happened yet while an operation waits, so all types of cancellation can be granted.
    inline void operator()(net::cancellation_type type);

    std::shared_ptr<wait_state> state;
    wait_node* node = nullptr;
};

void wait_node::unlink() noexcept {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
    if (canceller_) std::exchange(canceller_, nullptr)->node = nullptr;
}

/// First in, first out. Does not own its nodes once they are popped; must be empty when destroyed.
class wait_list {
public:
    wait_list() noexcept {
        head_.previous_ = &head_;
        head_.next_ = &head_;
    }

    bool empty() const noexcept { return head_.next_ == &head_; }

    void push_back(wait_node& n) noexcept {
        n.previous_ = head_.previous_;
        n.next_ = &head_;
        head_.previous_->next_ = &n;
        head_.previous_ = &n;
    }

    /// The oldest, or null.
    wait_node* front() noexcept { return empty() ? nullptr : head_.next_; }

    /// The oldest, no longer cancellable; or null.
    wait_node* pop_front() noexcept {
        if (empty()) return nullptr;
        wait_node* const first = head_.next_;
        first->unlink();
        return first;
    }

    /// Moves all nodes of `other` to the end, no longer cancellable.
    void take(wait_list& other) noexcept {
        while (wait_node* const n = other.pop_front()) push_back(*n);
    }

    /// Completes all with `ec`. For a list that nobody else can reach.
    void finish_all(error_code ec) {
        while (wait_node* const n = pop_front()) n->finish(ec);
    }

    /// Completes all with the results that they have. For a list that nobody else can reach.
    void ready_all() {
        while (wait_node* const n = pop_front()) n->ready();
    }

    void destroy_all() noexcept {
        while (wait_node* const n = pop_front()) n->destroy();
    }

private:
    struct sentinel final : wait_node {
        void finish(error_code) override {}
        void ready() override {}
        void destroy() noexcept override {}
    };
    sentinel head_;
};

/// A waiter whose operation completes with `void(error_code, Values...)`.
template <class... Values>
class waiter : public wait_node {
public:
    /// Posts the handler, and frees this when that is called. Not with the state's mutex held.
    void complete(error_code ec, Values... values) {
        std::get<error_code>(result_) = ec;
        assign(std::index_sequence_for<Values...>{}, values...);
        ready();
    }

    void finish(error_code ec) final {
        std::get<error_code>(result_) = ec;
        ready();
    }

    /// What it will complete with; empty values until then.
    std::tuple<error_code, Values...>& result() noexcept { return result_; }

protected:
    ~waiter() = default;

private:
    template <std::size_t... I>
    void assign(std::index_sequence<I...>, Values&... values) {
        ((std::get<I + 1>(result_) = std::move(values)), ...);
    }

    std::tuple<error_code, Values...> result_;
};

/// An executor that counts as work of its context for as long as it exists. (executor_work_guard of the oldest supported
/// Asio does not take a strand of any_io_executor.)
template <class Executor>
auto track_work(const Executor& executor) {
    return net::prefer(executor, net::execution::outstanding_work.tracked);
}
template <class Executor>
using tracked_executor = decltype(track_work(std::declval<const Executor&>()));

/// Where a completion is posted to, counted as work of its context until then.
template <class Executor>
class completion_executor {
public:
    explicit completion_executor(const Executor& executor) : work_(track_work(executor)) {}

    template <class Function>
    void post(Function&& function) && {
        const auto work = std::move(work_);
        net::post(work, std::forward<Function>(function));
    }

private:
    tracked_executor<Executor> work_;
};

/// An any_io_executor holds an io_context's own executor nearly always. To ask for that once is cheaper by half a
/// completion than to go through the type-erased prefer, require and execute.
template <>
class completion_executor<net::any_io_executor> {
    using direct_executor = net::io_context::executor_type;

public:
    explicit completion_executor(const net::any_io_executor& executor) {
        // The target() of the oldest supported Asio does not look at the type.
        if (executor.target_type() == typeid(direct_executor))
            work_.template emplace<1>(track_work(*executor.target<direct_executor>()));
        else
            work_.template emplace<0>(track_work(executor));
    }

    template <class Function>
    void post(Function&& function) && {
        const auto work = std::move(work_);
        if (const auto* const direct = std::get_if<1>(&work)) // whose copies, in post, need not count as work each
            net::post(net::prefer(*direct, net::execution::outstanding_work.untracked),
                      std::forward<Function>(function));
        else
            net::post(std::get<0>(work), std::forward<Function>(function));
    }

private:
    std::variant<net::any_io_executor, tracked_executor<direct_executor>> work_;
};

/// A handler and its arguments, ready to run.
template <class Handler, class... Values>
struct bound_completion {
    using allocator_type = net::associated_allocator_t<Handler>;
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }

    void operator()() {
        std::apply([this](auto&&... v) { std::move(handler)(std::move(v)...); }, std::move(values));
    }

    Handler handler;
    std::tuple<Values...> values;
};

/// The allocator of what a handler's operation needs: the handler's own, or else the blocks that Asio keeps for reuse.
template <class T>
struct operation_allocator {
    using type = T;
};
template <class T>
struct operation_allocator<std::allocator<T>> {
    using type = net::recycling_allocator<T>;
};

template <class Handler, class Executor, class... Values>
class waiter_of final : public waiter<Values...> {
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = typename operation_allocator<
        typename std::allocator_traits<net::associated_allocator_t<Handler>>::template rebind_alloc<waiter_of>>::type;

public:
    template <class H>
    static waiter_of& create(H&& handler, const Executor& fallback) {
        allocator_type allocator = allocator_for(handler);
        waiter_of* const p = std::allocator_traits<allocator_type>::allocate(allocator, 1);
        try {
            return *::new (static_cast<void*>(p)) waiter_of(std::forward<H>(handler), fallback);
        } catch (...) {
            std::allocator_traits<allocator_type>::deallocate(allocator, p, 1);
            throw;
        }
    }

    auto cancellation_slot() const noexcept { return net::get_associated_cancellation_slot(handler_); }

    void ready() override { std::move(executor_).post(completion(this)); }

    void destroy() noexcept override { [[maybe_unused]] const Handler handler = take_handler(); }

private:
    // What is posted: owns the waiter, which so need not be moved.
    class completion {
    public:
        using allocator_type = net::associated_allocator_t<Handler>;

        explicit completion(waiter_of* w) noexcept : waiter_(w) {}
        completion(completion&& other) noexcept : waiter_(std::exchange(other.waiter_, nullptr)) {}
        completion& operator=(completion&&) = delete;
        ~completion() {
            if (waiter_) waiter_->destroy();
        }

        allocator_type get_allocator() const noexcept { return net::get_associated_allocator(waiter_->handler_); }

        void operator()() {
            waiter_of* const w = std::exchange(waiter_, nullptr);
            auto result = std::move(w->result());
            Handler handler = w->take_handler();
            std::apply([&handler](auto&&... v) { std::move(handler)(std::move(v)...); }, std::move(result));
        }

    private:
        waiter_of* waiter_;
    };

    template <class H>
    waiter_of(H&& handler, const Executor& fallback)
        : handler_(std::forward<H>(handler)), executor_(net::get_associated_executor(handler_, fallback)) {}
    ~waiter_of() = default;

    static allocator_type allocator_for(const Handler& handler) noexcept {
        if constexpr (std::is_constructible_v<allocator_type, net::associated_allocator_t<Handler>>)
            return allocator_type(net::get_associated_allocator(handler));
        else
            return allocator_type();
    }

    // Frees the memory before the handler runs or dies, as Asio promises to handlers.
    Handler take_handler() noexcept {
        Handler handler(std::move(handler_));
        allocator_type allocator = allocator_for(handler);
        this->~waiter_of();
        std::allocator_traits<allocator_type>::deallocate(allocator, this, 1);
        return handler;
    }

    Handler handler_;
    completion_executor<executor_type> executor_;
};

/// The wait_states of one execution context.
struct wait_registry {
    std::mutex mutex;
    wait_state* first = nullptr;
};

/// Destroys all waiters of an execution context when that shuts down.
class wait_service final : public net::execution_context::service {
public:
    using key_type = wait_service;
    static inline net::execution_context::id id;

    explicit wait_service(net::execution_context& context) : service(context) {}

    const std::shared_ptr<wait_registry>& registry() const noexcept { return registry_; }

private:
    inline void shutdown() noexcept override;

    std::shared_ptr<wait_registry> registry_ = std::make_shared<wait_registry>();
};

template <class Executor>
net::execution_context& context_of(const Executor& executor) {
    return net::query(executor, net::execution::context);
}

/// What an object and its suspended operations share.
class wait_state : public std::enable_shared_from_this<wait_state> {
public:
    /// `shared`: the mutex of an object that has several of these, and lives as long; null: one of its own.
    explicit wait_state(net::execution_context& context, std::mutex* shared = nullptr)
        : mutex_(shared ? shared : &own_mutex_), registry_(net::use_service<wait_service>(context).registry()) {
        const std::lock_guard lock(registry_->mutex);
        next_ = registry_->first;
        if (next_) next_->link_ = &next_;
        link_ = &registry_->first;
        registry_->first = this;
    }

    wait_state(const wait_state&) = delete;
    wait_state& operator=(const wait_state&) = delete;

    virtual ~wait_state() {
        const std::lock_guard lock(registry_->mutex);
        unregister();
    }

    std::mutex& mutex() const noexcept { return *mutex_; }

    /// Completes everything that waits with `ec`.
    void finish_all(error_code ec) {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            take_all(all);
        }
        all.finish_all(ec);
    }

    /// Moves every waiter into `all`. With the mutex held.
    virtual void take_all(wait_list& all) noexcept = 0;

    /// Called with the mutex held when a waiter has left its list because it was cancelled. Moves those that need wait no
    /// longer into `ready`; each has its result.
    virtual void after_cancel([[maybe_unused]] wait_list& ready) noexcept {}

    void unregister() noexcept {
        if (!link_) return;
        *link_ = next_;
        if (next_) next_->link_ = link_;
        link_ = nullptr;
        next_ = nullptr;
    }

private:
    std::mutex own_mutex_;
    std::mutex* const mutex_;
    std::shared_ptr<wait_registry> registry_;
    wait_state* next_ = nullptr;
    wait_state** link_ = nullptr;
};

wait_cancel::wait_cancel(std::shared_ptr<wait_state> s) noexcept : state(std::move(s)) {}

wait_cancel::~wait_cancel() {
    const std::lock_guard lock(state->mutex());
    if (node) node->canceller_ = nullptr;
}

void wait_cancel::operator()(net::cancellation_type type) {
    if (type == net::cancellation_type::none) return;
    // The slot may be given another handler, and this be destroyed, as soon as one of these runs.
    const auto kept = state;
    wait_node* cancelled = nullptr;
    wait_list ready;
    {
        const std::lock_guard lock(kept->mutex());
        cancelled = node;
        if (!cancelled) return;
        cancelled->unlink();
        kept->after_cancel(ready);
    }
    cancelled->finish(net::error::operation_aborted);
    ready.ready_all();
}

void wait_service::shutdown() noexcept {
    for (;;) {
        std::shared_ptr<wait_state> state;
        {
            const std::lock_guard lock(registry_->mutex);
            if (!registry_->first) return;
            state = registry_->first->weak_from_this().lock(); // null: its destructor waits for this mutex
            registry_->first->unregister();
        }
        if (!state) continue;
        wait_list all;
        {
            const std::lock_guard lock(state->mutex());
            state->take_all(all);
        }
        all.destroy_all();
    }
}

/// Starts an operation that completes with `void(error_code, Values...)`.
///
/// `attempt` is called with the mutex of `state` held. It returns null after having put the result into the tuple it was
/// given, or the list in which the operation has to wait.
template <class... Values, class State, class Handler, class Executor, class Attempt>
void start_wait(const std::shared_ptr<State>& state, Handler&& handler, const Executor& executor, Attempt attempt) {
    auto& op = waiter_of<std::decay_t<Handler>, Executor, Values...>::create(std::forward<Handler>(handler), executor);
    // Before locking: the slot destroys what it had, which may be of this very state.
    wait_cancel* canceller = nullptr;
    if (auto slot = op.cancellation_slot(); slot.is_connected()) canceller = &slot.template emplace<wait_cancel>(state);
    {
        const std::lock_guard lock(state->mutex());
        if (wait_list* const list = attempt(op.result())) {
            list->push_back(op);
            if (canceller) canceller->arm(op);
            return;
        }
    }
    op.ready();
}

/// The initiation of an operation that is started by calling `start(handler, executor)`. Named, and with an executor,
/// because adapters such as cancel_after ask an initiation for it.
template <class Executor, class Start>
struct initiation {
    using executor_type = Executor;
    executor_type get_executor() const noexcept { return executor; }

    template <class Handler>
    void operator()(Handler&& handler) {
        start(std::forward<Handler>(handler), executor);
    }

    Executor executor;
    Start start;
};

template <class Signature, class Executor, class Start, class Token>
auto async_start(const Executor& executor, Start start, Token&& token) {
    return net::async_initiate<Token, Signature>(initiation<Executor, Start>{executor, std::move(start)}, token);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_WAITER_HPP
// end <telltale/detail/waiter.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// One timer in virtual time.
class virtual_timer_state final : public wait_state {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using wait_state::wait_state;

    // All with the mutex held.
    wait_list& waiters_until(time_point due) noexcept {
        due_ = due;
        return waiters_;
    }
    /// Somebody waits for just that time, and not for a later one that was set since.
    bool is_due(time_point at) const noexcept { return due_ == at && !waiters_.empty(); }
    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    time_point due_{};
};

/// What the clock of an execution context shows: the real one, or a test's virtual one. Every wait of the library and
/// every time that it records goes through here.
class time_source final : public net::execution_context::service {
public:
    using key_type = time_source;
    using clock = std::chrono::steady_clock;
    static inline net::execution_context::id id;

    explicit time_source(net::execution_context& context) : service(context) {}

    bool is_virtual() const noexcept { return virtual_.load(std::memory_order_acquire); }

    clock::time_point now() const {
        if (!is_virtual()) return clock::now();
        const std::lock_guard lock(mutex_);
        return now_;
    }

    std::chrono::system_clock::time_point system_now() const {
        if (!is_virtual()) return std::chrono::system_clock::now();
        const std::lock_guard lock(mutex_);
        return calendar_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(now_.time_since_epoch());
    }

    /// From now on time stands still at `now` until advance(); the calendar shows `calendar`.
    void make_virtual(clock::time_point now, std::chrono::system_clock::time_point calendar) {
        const std::lock_guard lock(mutex_);
        now_ = now;
        calendar_ = calendar - std::chrono::duration_cast<std::chrono::system_clock::duration>(now.time_since_epoch());
        virtual_.store(true, std::memory_order_release);
    }

    void add(clock::time_point expiry, std::weak_ptr<virtual_timer_state> timer) {
        const std::lock_guard lock(mutex_);
        timers_.emplace(expiry, std::move(timer));
    }

    /// When the next timer with a waiter is due.
    std::optional<clock::time_point> next_expiry() {
        const std::lock_guard lock(mutex_);
        while (!timers_.empty()) {
            if (const auto timer = timers_.begin()->second.lock()) {
                const std::lock_guard timer_lock(timer->mutex());
                if (timer->is_due(timers_.begin()->first)) return timers_.begin()->first;
            }
            timers_.erase(timers_.begin());
        }
        return std::nullopt;
    }

    /// Moves virtual time forward and completes, in order, every wait that has become due.
    void advance_to(clock::time_point to) {
        for (;;) {
            std::shared_ptr<virtual_timer_state> due;
            clock::time_point at;
            {
                const std::lock_guard lock(mutex_);
                now_ = std::max(now_, to);
                if (timers_.empty() || timers_.begin()->first > to) return;
                at = timers_.begin()->first;
                due = timers_.begin()->second.lock();
                timers_.erase(timers_.begin());
            }
            if (!due) continue;
            wait_list waiters;
            {
                const std::lock_guard lock(due->mutex());
                if (due->is_due(at)) due->take_all(waiters);
            }
            waiters.finish_all({});
        }
    }

private:
    void shutdown() noexcept override {}

    mutable std::mutex mutex_;
    std::atomic<bool> virtual_{false};
    // Of virtual time:
    clock::time_point now_{};
    std::chrono::system_clock::time_point calendar_{};
    std::multimap<clock::time_point, std::weak_ptr<virtual_timer_state>> timers_; // equal keys: first in, first out
};

template <class Executor>
time_source& time_source_of(const Executor& executor) {
    return net::use_service<time_source>(context_of(executor));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_TIME_SOURCE_HPP
// end <telltale/detail/time_source.hpp>
// <telltale/detail/waiter.hpp> is above
// begin <telltale/error.hpp>

#ifndef TELLTALE_ERROR_HPP
#define TELLTALE_ERROR_HPP

// <telltale/asio.hpp> is above

#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What can go wrong in telltale itself. Cancellation is never one of these: it is always net::error::operation_aborted.
enum class errc {
    deadline_exceeded = 1, ///< the time given to the wait is over; says nothing about the job
    closed,                ///< the object was closed by its owner: there is nothing more to wait for
    fell_behind,           ///< a subscription lost events and was asked to end rather than go on
    unknown_job,           ///< no job has this id
    duplicate_job,         ///< a job with this id exists already
    invalid_argument,      ///< an option or argument is out of its documented range
    malformed_json,        ///< the body is not JSON
    truncated_json,        ///< the body ends in the middle of a JSON value
    missing_field,         ///< the JSON has no value at the place that the profile names
    wrong_type,            ///< the JSON has a value of another type than the profile says
    malformed_profile,     ///< the description of a job API is wrong
    body_too_large,        ///< the answer is larger than its limit
    http_status,           ///< the server answered with a status that is not a success
    malformed_url,         ///< the URL is not one, or of a scheme that is not supported
    too_many_connections,  ///< the limit of connections is reached
    slow_client,           ///< a client could not keep up and its policy is to be closed
    malformed_http         ///< the peer does not speak HTTP/1.x
};

/// Groups that a caller tests for: `if (ec == condition::timeout)`.
enum class condition {
    cancelled = 1, ///< operation_aborted
    timeout,       ///< deadline_exceeded, or a time-out of the transport
    transient      ///< trying the same again may succeed: time-outs, refused or broken connections
};

namespace detail {

class category_impl final : public error_category {
public:
    const char* name() const noexcept override { return "telltale"; }
    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
        case errc::deadline_exceeded: return "the time given to this wait is over";
        case errc::closed: return "closed";
        case errc::fell_behind: return "the subscription fell behind and lost events";
        case errc::unknown_job: return "no job has this id";
        case errc::duplicate_job: return "a job with this id exists already";
        case errc::invalid_argument: return "invalid argument";
        case errc::malformed_json: return "malformed JSON";
        case errc::truncated_json: return "JSON ends too early";
        case errc::missing_field: return "a field that the profile names is missing";
        case errc::wrong_type: return "a field has another type than the profile says";
        case errc::malformed_profile: return "malformed profile of a job API";
        case errc::body_too_large: return "the answer is larger than its limit";
        case errc::http_status: return "the server answered with an error status";
        case errc::malformed_url: return "malformed URL";
        case errc::too_many_connections: return "too many connections";
        case errc::slow_client: return "the client did not keep up";
        case errc::malformed_http: return "malformed HTTP message";
        }
        return "unknown telltale error";
    }
};

class condition_category_impl final : public error_category {
public:
    const char* name() const noexcept override { return "telltale.condition"; }
    std::string message(int value) const override {
        switch (static_cast<condition>(value)) {
        case condition::cancelled: return "cancelled";
        case condition::timeout: return "timed out";
        case condition::transient: return "may succeed when tried again";
        }
        return "unknown telltale condition";
    }
    bool equivalent(const error_code& ec, int value) const noexcept override;
};

} // namespace detail

/// The category of errc, named "telltale".
inline const error_category& telltale_category() noexcept {
    static const detail::category_impl instance;
    return instance;
}

/// The category of condition, named "telltale.condition".
inline const error_category& condition_category() noexcept {
    static const detail::condition_category_impl instance;
    return instance;
}

inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), telltale_category()}; }

inline sys::error_condition make_error_condition(condition c) noexcept {
    return {static_cast<int>(c), condition_category()};
}

} // namespace telltale::inline TELLTALE_ABI

template <>
struct telltale::sys::is_error_code_enum<telltale::errc> : std::true_type {};
template <>
struct telltale::sys::is_error_condition_enum<telltale::condition> : std::true_type {};

namespace telltale::inline TELLTALE_ABI::detail {

inline bool condition_category_impl::equivalent(const error_code& ec, int value) const noexcept {
    const bool timeout = ec == errc::deadline_exceeded || ec == net::error::timed_out;
    switch (static_cast<condition>(value)) {
    case condition::cancelled: return ec == net::error::operation_aborted;
    case condition::timeout: return timeout;
    case condition::transient:
        return timeout || ec == net::error::connection_refused || ec == net::error::connection_reset ||
               ec == net::error::connection_aborted || ec == net::error::broken_pipe || ec == net::error::eof ||
               ec == net::error::host_unreachable || ec == net::error::network_unreachable ||
               ec == net::error::network_down || ec == net::error::host_not_found_try_again;
    }
    return false;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_ERROR_HPP
// end <telltale/error.hpp>
// begin <telltale/event/emitter.hpp>

#ifndef TELLTALE_EVENT_EMITTER_HPP
#define TELLTALE_EVENT_EMITTER_HPP

// begin <telltale/core/cursor.hpp>

#ifndef TELLTALE_CORE_CURSOR_HPP
#define TELLTALE_CORE_CURSOR_HPP

// <telltale/version.hpp> is above

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// A place in an ordered stream of events: "everything up to and including `offset` has been seen".
///
/// Offsets count from 1 within an epoch; offset 0 is before the first event. The epoch names one life of the stream:
/// cursors of different epochs cannot be compared, and a stream never continues a foreign epoch.
struct cursor {
    std::uint64_t epoch = 0;
    std::uint64_t offset = 0;

    friend bool operator==(const cursor&, const cursor&) = default;
};

/// "<epoch in hexadecimal>:<offset>".
inline std::string to_string(const cursor& c) {
    char text[40];
    char* end = std::to_chars(text, text + 20, c.epoch, 16).ptr;
    *end++ = ':';
    end = std::to_chars(end, text + sizeof text, c.offset).ptr;
    return {text, end};
}

/// What to_string wrote; anything else gives nothing.
inline std::optional<cursor> parse_cursor(std::string_view text) noexcept {
    cursor c;
    const char* const end = text.data() + text.size();
    const auto epoch = std::from_chars(text.data(), end, c.epoch, 16);
    if (epoch.ec != std::errc{} || epoch.ptr == end || *epoch.ptr != ':') return std::nullopt;
    const auto offset = std::from_chars(epoch.ptr + 1, end, c.offset);
    if (offset.ec != std::errc{} || offset.ptr != end) return std::nullopt;
    return c;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_CURSOR_HPP
// end <telltale/core/cursor.hpp>
// begin <telltale/event/delivery.hpp>

#ifndef TELLTALE_EVENT_DELIVERY_HPP
#define TELLTALE_EVENT_DELIVERY_HPP

// <telltale/core/cursor.hpp> is above

#include <cstdint>
#include <memory>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// What a subscription receives: an event, or the statement that events are missing here. Cheap to copy.
template <class Event>
struct delivery {
    /// The place of the event in the stream; of a gap: of the last event that is missing.
    cursor at{};
    /// Null: this is a gap.
    std::shared_ptr<const Event> event{};
    /// Of a gap: how many events are missing, counting those that a filter would have held back where that cannot be
    /// told; absent where nobody knows (a cursor of a former life of the stream).
    std::optional<std::uint64_t> lost{};

    bool is_gap() const noexcept { return event == nullptr; }

    const Event& operator*() const noexcept { return *event; }
    const Event* operator->() const noexcept { return event.get(); }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_DELIVERY_HPP
// end <telltale/event/delivery.hpp>
// begin <telltale/event/detail/stream.hpp>

#ifndef TELLTALE_EVENT_DETAIL_STREAM_HPP
#define TELLTALE_EVENT_DETAIL_STREAM_HPP

// <telltale/asio.hpp> is above
// <telltale/core/cursor.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/event/detail/event_traits.hpp>

#ifndef TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP
#define TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP

// <telltale/version.hpp> is above

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

// What an emitter asks of a type of events, by functions that argument-dependent lookup finds beside the type.

namespace telltale::inline TELLTALE_ABI::detail {

struct ignore_key {
    void operator()(std::string_view, std::string_view) const noexcept {}
};

template <class Event>
concept has_conflation_key = requires(const Event& e) {
    { conflation_key(e) } -> std::convertible_to<std::string_view>;
};

template <class Event>
concept has_routing_keys = requires(const Event& e) {
    routing_keys(e, ignore_key{});
};

template <class Event>
concept has_routing_class = requires(const Event& e) {
    { routing_class(e) } -> std::convertible_to<unsigned>;
};

inline constexpr unsigned routing_classes = 64;

template <class Event>
std::string_view conflation_key_of(const Event& e) {
    if constexpr (has_conflation_key<Event>)
        return conflation_key(e);
    else
        return {};
}

/// Calls visit(value, name) for each.
template <class Event, class Visitor>
void visit_routing_keys([[maybe_unused]] const Event& e, [[maybe_unused]] Visitor visit) {
    if constexpr (has_routing_keys<Event>) routing_keys(e, visit);
}

/// Below routing_classes, or routing_classes: none.
template <class Event>
unsigned routing_class_of([[maybe_unused]] const Event& e) {
    if constexpr (has_routing_class<Event>) {
        const unsigned c = routing_class(e);
        return c < routing_classes ? c : routing_classes;
    } else {
        return routing_classes;
    }
}

template <class Event>
std::size_t byte_size_of(const Event& e) {
    if constexpr (requires {
                      { byte_size(e) } -> std::convertible_to<std::size_t>;
                  })
        return byte_size(e);
    else
        return sizeof(Event);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP
// end <telltale/event/detail/event_traits.hpp>
// begin <telltale/event/detail/subscriber.hpp>

#ifndef TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP
#define TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/cursor.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/detail/event_traits.hpp> is above
// begin <telltale/event/detail/unread_events.hpp>

#ifndef TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP
#define TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP

// <telltale/version.hpp> is above

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Events in the order of their places: a ring that grows, from which one in the middle can be taken out.
template <class Event>
class unread_events {
public:
    struct entry {
        std::uint64_t place = 0;
        std::shared_ptr<const Event> event{}; ///< null: taken out
    };

    bool empty() const noexcept { return size_ == 0; }

    /// Without those taken out.
    std::size_t size() const noexcept { return size_; }

    /// The oldest. Not if empty.
    const entry& front() const noexcept { return ring_[first_]; }

    void push(std::uint64_t place, const std::shared_ptr<const Event>& event) {
        if (used_ == ring_.size()) grow();
        entry& e = at(used_);
        e.place = place;
        e.event = event;
        ++used_;
        ++size_;
    }

    entry pop() noexcept {
        entry oldest = std::move(at(0));
        --size_;
        drop_front();
        if (size_ == 0 && ring_.size() > kept_when_empty) ring_ = {};
        return oldest;
    }

    /// The event at this place if it is there, or null.
    const Event* find(std::uint64_t place) const noexcept {
        const std::size_t i = index_of(place);
        return i < used_ && at(i).place == place ? at(i).event.get() : nullptr;
    }

    /// Takes out an event that find() found.
    void erase(std::uint64_t place) noexcept {
        const std::size_t i = index_of(place);
        at(i).event.reset();
        --size_;
        if (i == 0)
            drop_front();
        else if (used_ > 2 * size_ + 16)
            compact();
    }

private:
    // A reader that fell behind once does not keep the memory of it.
    static constexpr std::size_t kept_when_empty = 64;

    entry& at(std::size_t i) noexcept { return ring_[(first_ + i) & (ring_.size() - 1)]; }
    const entry& at(std::size_t i) const noexcept { return ring_[(first_ + i) & (ring_.size() - 1)]; }

    // The first that is not before `place`.
    std::size_t index_of(std::uint64_t place) const noexcept {
        std::size_t low = 0;
        for (std::size_t high = used_; low < high;) {
            const std::size_t middle = low + (high - low) / 2;
            if (at(middle).place < place)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    // The first entry is always an event, never one taken out.
    void drop_front() noexcept {
        do {
            first_ = (first_ + 1) & (ring_.size() - 1);
            --used_;
        } while (used_ > 0 && !at(0).event);
    }

    void compact() noexcept {
        std::size_t to = 0;
        for (std::size_t from = 0; from < used_; ++from)
            if (at(from).event && from != to++) at(to - 1) = std::move(at(from));
        used_ = to;
    }

    void grow() {
        std::vector<entry> larger(ring_.empty() ? 8 : 2 * ring_.size());
        for (std::size_t i = 0; i < used_; ++i) larger[i] = std::move(at(i));
        ring_.swap(larger);
        first_ = 0;
    }

    std::vector<entry> ring_; // its size is a power of two, or nothing
    std::size_t first_ = 0;
    std::size_t used_ = 0; // with those taken out
    std::size_t size_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP
// end <telltale/event/detail/unread_events.hpp>
// begin <telltale/event/subscription_options.hpp>

#ifndef TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP
#define TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP

// <telltale/core/cursor.hpp> is above

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What becomes of a subscription whose reader falls behind by more than its capacity.
enum class overflow_policy : std::uint8_t {
    gap, ///< the oldest unread events are dropped, and the reader is told how many, where they are missing
    end  ///< the subscription ends with errc::fell_behind after what is unread; position() is where to resume
};

/// One of the things by which an event is found without asking every subscription: a value, under a name where events
/// have values of several sorts (of telltale::event: a job's id without a name, and its labels).
struct routing_key {
    std::string value{};
    std::string name{};

    friend auto operator<=>(const routing_key&, const routing_key&) = default;
};

/// What a subscription wants. `keys`, `classes` and `filter` must all agree. To a subscription that is told apart by keys
/// or classes, an event that it does not want costs nothing; `filter` is asked for each event that is left.
/// filtered() makes the options for telltale::event from a telltale::filter.
template <class Event>
struct subscription_options {
    /// Unread events that are kept, at least 1.
    std::size_t capacity = 1024;
    overflow_policy overflow = overflow_policy::gap;
    /// Whether an unread event is replaced by a newer one of the same conflation_key. If not, it counts as any other.
    bool conflate = true;
    /// Only events that have one of these by their routing_keys; empty: all. Without effect on events without.
    std::vector<routing_key> keys{};
    /// Bit i: events whose routing_class is i; no bit: all. Without effect on events without.
    std::uint64_t classes = 0;
    /// Which events are wanted; empty: all. Called by the emitter with its lock held: fast, without side effects, and
    /// never back into the emitter.
    std::function<bool(const Event&)> filter{};
    /// Continue after this place: what history has of it comes first, and a gap if it does not reach back to it.
    /// Absent: from now on.
    std::optional<cursor> from{};
};

/// How a subscription fares: `delivered + unread + conflated + dropped` is how many events it wanted since it began.
struct subscription_statistics {
    std::uint64_t delivered = 0; ///< events that the reader was given, without gaps
    std::uint64_t conflated = 0; ///< unread events that a newer one of the same key replaced
    std::uint64_t dropped = 0;   ///< events of which gaps tell, where their number is known
    std::size_t unread = 0;      ///< events that wait for the reader: its lag
    cursor position{};           ///< of what was received last, or where the subscription began
    cursor newest{};             ///< of the last event of the emitter, wanted or not
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP
// end <telltale/event/subscription_options.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// An event on its way to the subscriptions.
template <class Event>
struct told_event {
    explicit told_event(Event&& e) : event(std::make_shared<const Event>(std::move(e))) { describe(); }
    told_event(std::shared_ptr<const Event> e, cursor where) : event(std::move(e)), at(where) { describe(); }

    void describe() {
        kind = routing_class_of(*event);
        if (const std::string_view key = conflation_key_of(*event); !key.empty())
            key_hash = std::hash<std::string_view>{}(key) | 1U;
    }

    std::shared_ptr<const Event> event;
    cursor at{};
    unsigned kind = routing_classes;
    std::size_t key_hash = 0; ///< of the conflation key; 0: none
};

/// What a subscription and its suspended operations share. Its mutex is that of the stream, which is held wherever nothing
/// else is said.
template <class Event>
class subscriber final : public wait_state {
public:
    /// `stream`: kept alive; `mutex`: in it.
    subscriber(net::execution_context& context, std::shared_ptr<const void> stream, std::mutex& mutex,
               subscription_options<Event> options)
        : wait_state(context, &mutex), stream_(std::move(stream)), options_(std::move(options)) {
        options_.capacity = std::max<std::size_t>(options_.capacity, 1);
        auto& keys = options_.keys;
        if constexpr (!has_routing_keys<Event>) keys.clear();
        if constexpr (!has_routing_class<Event>) options_.classes = 0;
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    }

    const std::vector<routing_key>& keys() const noexcept { return options_.keys; }
    std::uint64_t classes() const noexcept { return options_.classes; }

    /// For an event by whose keys this subscription was found, or that was not asked for keys.
    bool wants(const told_event<Event>& told) const {
        if (options_.classes != 0 && (told.kind == routing_classes || (options_.classes >> told.kind & 1U) == 0))
            return false;
        return !options_.filter || options_.filter(*told.event);
    }

    /// Called for each event in order. An operation that waited for it goes into `woken`, ready.
    void tell(const told_event<Event>& told, wait_list& woken) {
        if (ended_ || seen_ == told.at.offset || !wants(told)) return;
        seen_ = told.at.offset; // an event may be found by several keys
        if (wait_node* const reader = receivers_.pop_front()) {
            auto& result = static_cast<waiter<delivery<Event>>*>(reader)->result();
            std::get<1>(result) = delivery<Event>{told.at, told.event, std::nullopt};
            position_ = told.at;
            ++counts_.delivered;
            woken.push_back(*reader);
            return;
        }
        keep(told, options_.capacity);
        woken.take(watchers_);
    }

    /// Fills a subscription that is not read yet with history, however long.
    void preload(const told_event<Event>& told) { keep(told, std::numeric_limits<std::size_t>::max()); }

    void start_at(cursor at) noexcept { position_ = at; }

    void miss(cursor until, std::optional<std::uint64_t> lost) {
        gap_ = delivery<Event>{until, nullptr, lost};
        counts_.dropped += lost.value_or(0);
        something_.store(true, std::memory_order_relaxed);
    }

    /// What is unread can still be read, then reading gives `reason`.
    void end(error_code reason) noexcept {
        if (!ended_) end_ = reason;
        ended_ = true;
        something_.store(true, std::memory_order_relaxed);
    }

    /// Nothing can be read any more. What was unread, for destruction without the mutex.
    unread_events<Event> abandon() noexcept {
        ended_ = true;
        end_ = net::error::operation_aborted;
        gap_.reset();
        return std::exchange(unread_, {});
    }

    /// Whether there is something to read. Any time, without the mutex: then it may be news soon.
    bool has_something() const noexcept { return something_.load(std::memory_order_relaxed); }

    /// The next event or gap. False: there is none.
    bool take(delivery<Event>& next) noexcept {
        if (gap_) {
            next = *std::exchange(gap_, std::nullopt);
        } else if (!unread_.empty()) {
            auto oldest = unread_.pop();
            next = delivery<Event>{{epoch_, oldest.place}, std::move(oldest.event), std::nullopt};
            ++counts_.delivered;
        } else {
            return false;
        }
        position_ = next.at;
        if (unread_.empty() && !ended_) something_.store(false, std::memory_order_relaxed);
        return true;
    }

    /// As often as there is something, but at most `max` times, into `all`.
    void take_some(std::vector<delivery<Event>>& all, std::size_t max) {
        all.reserve(all.size() + std::min(max, unread_.size() + (gap_ ? 1 : 0)));
        for (; max > 0; --max)
            if (!take(all.emplace_back())) return all.pop_back();
    }

    /// Why there will never be anything to read again, or nothing.
    error_code reason() const noexcept { return unread_.empty() && !gap_ ? end_ : error_code{}; }

    // An operation that wants one: with its result, or the list in which it has to wait.
    wait_list* attempt(error_code& ec, delivery<Event>& next) noexcept {
        if (take(next)) return nullptr;
        ec = end_;
        return ended_ ? nullptr : &receivers_;
    }

    // An operation that wants to know when there is something.
    wait_list* attempt(error_code& ec) noexcept {
        if (!unread_.empty() || gap_) return nullptr;
        ec = end_;
        return ended_ ? nullptr : &watchers_;
    }

    cursor position() const noexcept { return position_; }

    subscription_statistics statistics(cursor newest) const noexcept {
        auto s = counts_;
        s.unread = unread_.size();
        s.position = position_;
        s.newest = newest;
        return s;
    }

    void set_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch; }

    void take_all(wait_list& all) noexcept override {
        all.take(receivers_);
        all.take(watchers_);
    }

private:
    void keep(const told_event<Event>& told, std::size_t capacity) {
        if constexpr (has_conflation_key<Event>)
            if (told.key_hash != 0 && options_.conflate) supersede(told);
        if (unread_.size() >= capacity) {
            if (options_.overflow == overflow_policy::end) return end(make_error_code(errc::fell_behind));
            if (!gap_) gap_ = delivery<Event>{{}, nullptr, 0};
            gap_->at = {epoch_, unread_.pop().place};
            if (gap_->lost) ++*gap_->lost; // else nobody knows how many
            ++counts_.dropped;
        }
        unread_.push(told.at.offset, told.event);
        if (!has_something()) something_.store(true, std::memory_order_relaxed);
    }

    // Takes out an unread event of the same key. `newest_` may name places that were read long ago.
    void supersede(const told_event<Event>& told) {
        std::uint64_t& newest = newest_[told.key_hash];
        const Event* const older = unread_.find(newest);
        if (older && conflation_key_of(*older) == conflation_key_of(*told.event)) {
            unread_.erase(newest);
            ++counts_.conflated;
        }
        newest = told.at.offset;
        if (newest_.size() <= 2 * unread_.size() + 64) return;
        const std::uint64_t oldest = unread_.empty() ? told.at.offset : unread_.front().place;
        std::erase_if(newest_, [oldest](const auto& entry) { return entry.second < oldest; });
    }

    // Read for every event:
    wait_list receivers_; // want an event
    wait_list watchers_;  // want to know that there is one
    std::uint64_t seen_ = 0;
    std::uint64_t epoch_ = 0;
    unread_events<Event> unread_;
    std::optional<delivery<Event>> gap_; // stands before all that is unread
    bool ended_ = false;
    std::atomic<bool> something_{false};
    cursor position_;
    subscription_statistics counts_;
    error_code end_;
    std::unordered_map<std::size_t, std::uint64_t> newest_; // hash of a conflation key: the place of its newest event
    std::shared_ptr<const void> stream_;
    subscription_options<Event> options_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP
// end <telltale/event/detail/subscriber.hpp>
// begin <telltale/event/detail/subscriber_index.hpp>

#ifndef TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP
#define TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP

// <telltale/event/detail/event_traits.hpp> is above
// <telltale/event/detail/subscriber.hpp> is above

#include <array>
#include <cstddef>
#include <functional>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Finds the subscriptions that may want an event: those of its keys, those of its class, and those that want everything.
template <class Event>
class subscriber_index {
    struct link;

public:
    /// Some subscriptions, in no particular order.
    class group {
    public:
        template <class Function>
        void for_each(Function f) const {
            for (const link& l : links_) f(*l.to);
        }
        std::size_t size() const noexcept { return links_.size(); }

    private:
        friend class subscriber_index;
        std::vector<link> links_;
    };

    bool empty() const noexcept { return places_.empty(); }
    std::size_t size() const noexcept { return places_.size(); }

    void add(subscriber<Event>& s) {
        auto& at = places_[&s];
        try {
            if (!s.keys().empty()) {
                for (const auto& key : s.keys()) insert(s, at, by_key_[key]);
                for (const auto& key : s.keys()) named_keys_ += key.name.empty() ? 0U : 1U;
            } else if (s.classes() != 0) {
                for (unsigned c = 0; c < by_class_.size(); ++c)
                    if ((s.classes() >> c & 1U) != 0) insert(s, at, by_class_[c]);
            } else {
                insert(s, at, everything_);
            }
        } catch (...) {
            erase(at);
            places_.erase(&s);
            throw;
        }
    }

    void remove(subscriber<Event>& s) noexcept {
        const auto found = places_.find(&s);
        if (found == places_.end()) return;
        erase(found->second);
        for (const auto& key : s.keys()) {
            named_keys_ -= key.name.empty() ? 0U : 1U;
            if (const auto bucket = by_key_.find(key); bucket != by_key_.end() && bucket->second.links_.empty())
                by_key_.erase(bucket);
        }
        places_.erase(found);
    }

    /// Adds to `found` the groups, none empty, in which the subscriptions are that this event concerns.
    void find(const Event& e, std::vector<const group*>& found) const {
        if (everything_.size() > 0) found.push_back(&everything_);
        if constexpr (has_routing_class<Event>)
            if (const unsigned c = routing_class_of(e); c < by_class_.size() && by_class_[c].size() > 0)
                found.push_back(&by_class_[c]);
        if constexpr (has_routing_keys<Event>) {
            if (by_key_.empty()) return;
            visit_routing_keys(e, [&](std::string_view value, std::string_view name = {}) {
                if (named_keys_ == 0 && !name.empty()) return;
                if (const auto bucket = by_key_.find(key_view{value, name}); bucket != by_key_.end())
                    found.push_back(&bucket->second);
            });
        }
    }

    template <class Function>
    void for_each(Function f) const {
        for (const auto& [s, at] : places_) f(*s);
    }

private:
    // Where a subscription stands, and where that is written down: so that taking one out of many is one step.
    struct place {
        group* in;
        std::size_t index;
    };
    using places = std::vector<place>;
    struct link {
        subscriber<Event>* to;
        places* written;
        std::size_t number;
    };

    struct key_view {
        std::string_view value;
        std::string_view name;
        key_view(std::string_view v, std::string_view n) noexcept : value(v), name(n) {}
        key_view(const routing_key& k) noexcept : value(k.value), name(k.name) {} // NOLINT(google-explicit-constructor)
        bool operator==(const key_view&) const = default;
    };
    struct key_hash {
        using is_transparent = void;
        std::size_t operator()(key_view k) const noexcept {
            const std::hash<std::string_view> hash;
            return k.name.empty() ? hash(k.value) : hash(k.value) * 31U + hash(k.name);
        }
    };
    struct key_equal {
        using is_transparent = void;
        bool operator()(key_view a, key_view b) const noexcept { return a == b; }
    };

    static void insert(subscriber<Event>& s, places& at, group& g) {
        at.reserve(at.size() + 1);
        g.links_.push_back({&s, &at, at.size()});
        at.push_back({&g, g.links_.size() - 1});
    }

    static void erase(places& at) noexcept {
        for (const place& p : at) {
            auto& links = p.in->links_;
            links[p.index] = links.back();
            (*links[p.index].written)[links[p.index].number].index = p.index;
            links.pop_back();
        }
        at.clear();
    }

    group everything_;
    std::array<group, has_routing_class<Event> ? routing_classes : 0> by_class_;
    std::unordered_map<routing_key, group, key_hash, key_equal> by_key_;
    std::size_t named_keys_ = 0;
    std::unordered_map<subscriber<Event>*, places> places_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP
// end <telltale/event/detail/subscriber_index.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Events that are to be destroyed without the mutex. Nearly always one.
template <class Event>
class forgotten_events {
public:
    void add(std::shared_ptr<const Event> event) {
        if (first_)
            more_.push_back(std::move(event));
        else
            first_ = std::move(event);
    }

private:
    std::shared_ptr<const Event> first_;
    std::vector<std::shared_ptr<const Event>> more_;
};

/// The last events, as many as fit.
template <class Event>
class event_history {
public:
    event_history(std::size_t limit, std::size_t byte_limit) : limit_(limit), byte_limit_(byte_limit) {}

    bool enabled() const noexcept { return limit_ > 0; }
    std::size_t size() const noexcept { return events_.size(); }
    const std::shared_ptr<const Event>& operator[](std::size_t i) const noexcept { return events_[i].event; }

    void add(const std::shared_ptr<const Event>& event, forgotten_events<Event>& forgotten) {
        const std::size_t bytes = byte_size_of(*event);
        events_.push_back({event, bytes});
        bytes_ += bytes;
        while (events_.size() > limit_ || bytes_ > byte_limit_) {
            bytes_ -= events_.front().bytes;
            forgotten.add(std::move(events_.front().event));
            events_.pop_front();
        }
    }

private:
    struct entry {
        std::shared_ptr<const Event> event;
        std::size_t bytes;
    };
    std::deque<entry> events_;
    const std::size_t limit_;
    const std::size_t byte_limit_;
    std::size_t bytes_ = 0;
};

/// What an emitter and its subscriptions share.
template <class Event>
class event_stream : public std::enable_shared_from_this<event_stream<Event>> {
public:
    event_stream(std::size_t history, std::size_t history_bytes)
        : history_(history, history_bytes), active_(history > 0) {}

    void emit(Event&& e) {
        if (!active_.load(std::memory_order_acquire)) {
            // Nobody listens and nothing is kept. A place in this life of the stream means nothing from here on.
            if (!skipped_.load(std::memory_order_relaxed)) skipped_.store(true, std::memory_order_relaxed);
            return;
        }
        tell(std::move(e));
    }

    std::shared_ptr<subscriber<Event>> add(net::execution_context& context, subscription_options<Event> options) {
        const auto from = options.from;
        auto s = std::make_shared<subscriber<Event>>(context, this->shared_from_this(), mutex_, std::move(options));
        const std::lock_guard lock(mutex_);
        if (closed_) {
            s->end(make_error_code(errc::closed));
        } else {
            index_.add(*s);
            active_.store(true, std::memory_order_release);
        }
        if (skipped_.exchange(false)) at_ = cursor{new_epoch(), 0};
        s->set_epoch(at_.epoch);
        s->start_at(from.value_or(at_));
        if (from) replay(*s, *from);
        return s;
    }

    void remove(subscriber<Event>& s) {
        wait_list waiting;
        unread_events<Event> unread;
        {
            const std::lock_guard lock(mutex_);
            index_.remove(s);
            active_.store(history_.enabled() || !index_.empty(), std::memory_order_release);
            unread = s.abandon();
            s.take_all(waiting);
        }
        waiting.finish_all(net::error::operation_aborted);
    }

    void close() {
        wait_list waiting;
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            index_.for_each([&](subscriber<Event>& s) {
                s.end(make_error_code(errc::closed));
                s.take_all(waiting);
            });
        }
        waiting.finish_all(make_error_code(errc::closed));
    }

    cursor now() const {
        const std::lock_guard lock(mutex_);
        return at_;
    }

    std::size_t subscribers() const {
        const std::lock_guard lock(mutex_);
        return closed_ ? 0 : index_.size();
    }

    std::mutex& mutex() noexcept { return mutex_; }

    // With the mutex held.
    cursor newest() const noexcept { return at_; }

private:
    void tell(Event&& e) {
        forgotten_events<Event> forgotten;
        struct ready_at_exit { // also where a filter throws
            wait_list list;
            ~ready_at_exit() { list.ready_all(); }
        } woken;
        {
            const std::lock_guard lock(mutex_);
            found_.clear();
            index_.find(e, found_);
            if (found_.empty() && !history_.enabled()) {
                ++at_.offset;
                return;
            }
            told_event<Event> told(std::move(e));
            told.at = {at_.epoch, ++at_.offset};
            if (history_.enabled()) history_.add(told.event, forgotten);
            for (const auto* const group : found_)
                group->for_each([&](subscriber<Event>& s) { s.tell(told, woken.list); });
        }
        woken.list.ready_all();
    }

    static std::uint64_t new_epoch() {
        std::random_device random;
        return (static_cast<std::uint64_t>(random()) << 32U | random()) | 1U;
    }

    // With the mutex held.
    void replay(subscriber<Event>& s, const cursor& from) {
        if (from.epoch != at_.epoch || from.offset > at_.offset) {
            s.miss(at_, std::nullopt);
            return;
        }
        const std::uint64_t kept_after = at_.offset - history_.size();
        if (from.offset < kept_after) s.miss(cursor{at_.epoch, kept_after}, kept_after - from.offset);
        const std::uint64_t first = from.offset > kept_after ? from.offset - kept_after : 0;
        for (std::uint64_t i = first; i < history_.size(); ++i) {
            const told_event<Event> told(history_[i], {at_.epoch, kept_after + i + 1});
            if (has_key_of(s, *told.event) && s.wants(told)) s.preload(told);
        }
    }

    static bool has_key_of(const subscriber<Event>& s, const Event& e) {
        if (s.keys().empty()) return true;
        bool found = false;
        visit_routing_keys(e, [&](std::string_view value, std::string_view name = {}) {
            found = found || std::any_of(s.keys().begin(), s.keys().end(),
                                         [&](const auto& key) { return key.value == value && key.name == name; });
        });
        return found;
    }

    mutable std::mutex mutex_;
    cursor at_{new_epoch(), 0};
    event_history<Event> history_;
    subscriber_index<Event> index_;
    std::vector<const typename subscriber_index<Event>::group*> found_; // kept for its memory
    bool closed_ = false;
    std::atomic<bool> active_;
    std::atomic<bool> skipped_{false};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_STREAM_HPP
// end <telltale/event/detail/stream.hpp>
// begin <telltale/event/subscription.hpp>

#ifndef TELLTALE_EVENT_SUBSCRIPTION_HPP
#define TELLTALE_EVENT_SUBSCRIPTION_HPP

// <telltale/asio.hpp> is above
// <telltale/core/cursor.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// begin <telltale/event/detail/receive_some.hpp>

#ifndef TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP
#define TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/detail/subscriber.hpp> is above

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Waits until there is something to read, and takes as much as is there when its turn comes to run: events that were
/// emitted meanwhile are in the same batch.
template <class Event, class Handler, class Executor>
class receive_some_operation {
public:
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;

    template <class H>
    receive_some_operation(std::shared_ptr<subscriber<Event>> from, const Executor& executor, H&& handler,
                           std::size_t max, std::vector<delivery<Event>> batch)
        : from_(std::move(from)),
          executor_(executor),
          handler_(std::forward<H>(handler)),
          max_(max),
          batch_(std::move(batch)) {}

    executor_type get_executor() const noexcept { return net::get_associated_executor(handler_, executor_); }
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler_); }
    cancellation_slot_type get_cancellation_slot() const noexcept {
        return net::get_associated_cancellation_slot(handler_);
    }

    static void start(receive_some_operation op) {
        const auto from = op.from_;
        const Executor executor = op.executor_;
        start_wait<>(from, std::move(op), executor,
                     [&from](std::tuple<error_code>& result) { return from->attempt(std::get<0>(result)); });
    }

    void operator()(error_code ec) {
        if (!ec) {
            {
                const std::lock_guard lock(from_->mutex());
                from_->take_some(batch_, max_);
            }
            if (batch_.empty()) return start(std::move(*this)); // another reader was faster
        }
        from_.reset();
        std::move(handler_)(ec, std::move(batch_));
    }

private:
    std::shared_ptr<subscriber<Event>> from_;
    Executor executor_;
    Handler handler_;
    std::size_t max_;
    std::vector<delivery<Event>> batch_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP
// end <telltale/event/detail/receive_some.hpp>
// <telltale/event/detail/stream.hpp> is above
// <telltale/event/subscription_options.hpp> is above

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// The reading end of an emitter: events in order, each once, bounded. Ended by being destroyed.
///
/// Where events have a conflation_key (the progress of a job), an unread event is replaced by a newer one of the same
/// key; no other event is ever lost without a gap that says so.
///
///     auto events = board.subscribe();
///     const auto told = co_await events.receive();
///     if (told.is_gap()) look_at_everything(board.jobs()); // so many are missing: told.lost
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for statistics(); the emitter may be used from any thread all the
/// same.
template <class Event, class Executor = net::any_io_executor>
class subscription {
public:
    using executor_type = Executor;
    using delivery_type = delivery<Event>;
    using batch_type = std::vector<delivery_type>;

    static constexpr std::size_t all = std::numeric_limits<std::size_t>::max(); ///< for `max`: no limit

    /// For emitter::subscribe().
    subscription(const Executor& executor, std::shared_ptr<detail::event_stream<Event>> stream,
                 subscription_options<Event> options)
        : executor_(executor),
          stream_(std::move(stream)),
          state_(stream_->add(detail::context_of(executor), std::move(options))) {}

    subscription(subscription&&) noexcept = default;
    subscription& operator=(subscription&&) = delete;

    /// Whoever still waits gets operation_aborted. What is unread is gone; another subscription can have it, from
    /// position() on.
    ~subscription() {
        if (state_) stream_->remove(*state_);
    }

    executor_type get_executor() const noexcept { return executor_; }

    /// Where the reader is: the place of what was received last, or where the subscription began. Give it as `from` to
    /// go on from there later.
    cursor position() const {
        const std::lock_guard lock(state_->mutex());
        return state_->position();
    }

    /// How the reader fares. Any thread, while the subscription exists.
    subscription_statistics statistics() const {
        const std::lock_guard lock(state_->mutex());
        return state_->statistics(stream_->newest());
    }

    /// What is unread, or nothing. Never suspends.
    [[nodiscard]] std::optional<delivery_type> try_receive() {
        std::optional<delivery_type> result;
        if (!state_->has_something()) return result;
        const std::lock_guard lock(state_->mutex());
        if (!state_->take(result.emplace())) result.reset();
        return result;
    }

    /// Replaces what is in `batch` by what is unread, at most `max`. How many there were. Never suspends.
    std::size_t try_receive_some(batch_type& batch, std::size_t max = all) {
        batch.clear();
        if (!state_->has_something()) return 0;
        const std::lock_guard lock(state_->mutex());
        state_->take_some(batch, max);
        return batch.size();
    }

    /// Waits for the next event or gap.
    ///
    /// @par Completion signature
    /// `void(error_code, delivery<Event>)`
    /// @par Error codes
    /// `errc::closed`: the emitter is gone and all was read; `errc::fell_behind`: with overflow_policy::end;
    /// `operation_aborted`: cancelled, or the subscription was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting. No event is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the subscription's).
    template <class Token = default_token_t<Executor>>
    auto async_receive(Token&& token = {}) {
        return detail::async_start<void(error_code, delivery_type)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<delivery_type>(state, std::forward<decltype(handler)>(handler), executor,
                                                  [&state](std::tuple<error_code, delivery_type>& result) {
                                                      return state->attempt(std::get<0>(result), std::get<1>(result));
                                                  });
            },
            std::forward<Token>(token));
    }

    /// As async_receive, but does not suspend when something is unread. Throws system_error.
    [[nodiscard]] net::awaitable<delivery_type, Executor> receive() {
        // Where it will have to wait, without a coroutine more.
        if (!state_->has_something()) return async_receive(net::use_awaitable_t<Executor>{});
        return receive_unread();
    }

    /// Waits until something is unread, and takes all of it, at most `max` and at least 1. What was emitted until the
    /// handler ran belongs to it. A batch that was received before can be given as `reuse`, for its memory.
    ///
    /// @par Completion signature
    /// `void(error_code, std::vector<delivery<Event>>)`, never empty without an error
    /// @par Error codes, cancellation, executor
    /// as async_receive; an operation that ends with an error has taken nothing.
    template <class Token = default_token_t<Executor>>
        requires(!std::same_as<std::remove_cvref_t<Token>, batch_type>)
    auto async_receive_some(std::size_t max, Token&& token = {}) {
        return async_receive_some(batch_type{}, max, std::forward<Token>(token));
    }
    template <class Token = default_token_t<Executor>>
    auto async_receive_some(batch_type reuse, std::size_t max, Token&& token = {}) {
        reuse.clear();
        return detail::async_start<void(error_code, batch_type)>(
            executor_,
            [state = state_, batch = std::move(reuse),
             max = std::max<std::size_t>(max, 1)](auto&& handler, const Executor& executor) mutable {
                using operation = detail::receive_some_operation<Event, std::decay_t<decltype(handler)>, Executor>;
                operation::start(
                    operation(state, executor, std::forward<decltype(handler)>(handler), max, std::move(batch)));
            },
            std::forward<Token>(token));
    }

    /// As async_receive_some, but does not suspend when something is unread. Throws system_error.
    [[nodiscard]] net::awaitable<batch_type, Executor> receive_some(std::size_t max = all, batch_type reuse = {}) {
        if (try_receive_some(reuse, std::max<std::size_t>(max, 1)) > 0) co_return std::move(reuse);
        co_return co_await async_receive_some(std::move(reuse), max, net::use_awaitable_t<Executor>{});
    }

private:
    net::awaitable<delivery_type, Executor> receive_unread() {
        if (auto d = try_receive()) co_return std::move(*d);
        co_return co_await async_receive(net::use_awaitable_t<Executor>{});
    }

    Executor executor_;
    std::shared_ptr<detail::event_stream<Event>> stream_;
    std::shared_ptr<detail::subscriber<Event>> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_SUBSCRIPTION_HPP
// end <telltale/event/subscription.hpp>
// <telltale/event/subscription_options.hpp> is above

#include <cstddef>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct emitter_options {
    /// How many past events are kept for subscriptions that begin with a cursor. 0: none.
    std::size_t history = 0;
    /// How many bytes of them, by their byte_size; what does not fit is forgotten, oldest first.
    std::size_t history_bytes = std::size_t{64} << 20U;
};

/// Tells events to whoever subscribes: in one order for all, each subscription with its own bound.
///
///     telltale::emitter<std::string> news;
///     auto reader = news.subscribe(executor);
///     news.emit("hello");
///     auto d = co_await reader.receive();
///
/// Without a subscription and without history emit costs a load and a branch; otherwise it costs as much as there are
/// subscriptions that want the event, not as there are subscriptions.
///
/// `Event` is movable. Functions beside it, found by argument-dependent lookup, say more of it; each may be missing:
/// - `std::string_view conflation_key(const Event&)`: events with the same non-empty key are latest-wins;
/// - `void routing_keys(const Event&, auto&& visit)` calls `visit(value)` or `visit(value, name)`, both std::string_view,
///   for each key by which subscriptions can ask for it (subscription_options::keys);
/// - `unsigned routing_class(const Event&)`, below 64: what sort of event it is (subscription_options::classes);
/// - `std::size_t byte_size(const Event&)`: what it takes in memory; without: sizeof(Event).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Event>
class emitter {
public:
    explicit emitter(emitter_options options = {})
        : stream_(std::make_shared<detail::event_stream<Event>>(options.history, options.history_bytes)) {}

    emitter(const emitter&) = delete;
    emitter& operator=(const emitter&) = delete;

    /// Subscriptions can read what is unread, and then get errc::closed.
    ~emitter() { stream_->close(); }

    /// Tells an event to all who want it. Never waits for a reader. What a filter throws comes out here; some have been
    /// told then, others not.
    void emit(Event e) { stream_->emit(std::move(e)); }

    /// Begins to listen: from now on, or after a cursor. `executor`: where handlers run that have no executor of their
    /// own. Costs as much as there is history to look through.
    template <class Executor>
    [[nodiscard]] subscription<Event, Executor> subscribe(const Executor& executor,
                                                          subscription_options<Event> options = {}) {
        return {executor, stream_, std::move(options)};
    }

    /// The place of the last event.
    cursor position() const { return stream_->now(); }

    /// How many subscriptions there are at this moment.
    std::size_t subscribers() const { return stream_->subscribers(); }

private:
    std::shared_ptr<detail::event_stream<Event>> stream_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_EMITTER_HPP
// end <telltale/event/emitter.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct board_options {
    /// Events that are kept for subscriptions which begin with a cursor.
    std::size_t history = 10'000;
    /// How many bytes of them, about.
    std::size_t history_bytes = std::size_t{64} << 20U;
    /// Jobs in a terminal state that are kept; of more, those that ended first are forgotten. Others are never forgotten.
    std::size_t finished_jobs = 10'000;
};

namespace detail {

class board_state final : public wait_state {
public:
    board_state(net::execution_context& context, board_options options)
        : wait_state(context),
          time_(&net::use_service<time_source>(context)),
          options_(options),
          journal_(std::make_unique<emitter<event>>(emitter_options{options.history, options.history_bytes})) {}

    emitter<event>& journal() noexcept { return *journal_; }

    void report(job_report r) {
        if (r.id.empty()) throw std::invalid_argument("telltale::board: a report without a job id");
        wait_list waiters;
        std::shared_ptr<const job> ended;
        {
            const std::lock_guard lock(mutex());
            if (closed_) return;
            entry& e = find_or_add(r.id);
            const timestamp now = time_->system_now();
            applied result = apply(e.record, std::move(r), now);
            if (result.refused) ++refused_;
            for (auto& told : result.events) journal_->emit(std::move(told));
            if (result.ended) {
                ended = e.record.current;
                waiters.take(e.waiters);
                finished_.push_back(ended->id);
            }
            forget_finished();
        }
        while (wait_node* const n = waiters.pop_front()) static_cast<waiter<job>*>(n)->complete({}, *ended);
    }

    void emit_custom(std::string data, std::string_view id) {
        const std::lock_guard lock(mutex());
        if (closed_) return;
        const auto found = jobs_.find(id);
        journal_->emit(event{event_kind::custom, time_->system_now(),
                             found == jobs_.end() ? nullptr : found->second->record.current, std::move(data)});
    }

    std::shared_ptr<const job> find(std::string_view id) const {
        const std::lock_guard lock(mutex());
        const auto found = jobs_.find(id);
        return found == jobs_.end() ? nullptr : found->second->record.current;
    }

    /// Nothing is reported while this is held.
    [[nodiscard]] std::unique_lock<std::mutex> freeze() const { return std::unique_lock(mutex()); }

    std::vector<std::shared_ptr<const job>> jobs(const std::unique_lock<std::mutex>&, const filter& wanted) const {
        std::vector<std::shared_ptr<const job>> result;
        for (const auto& e : order_)
            if (wanted.matches(*e.record.current)) result.push_back(e.record.current);
        return result;
    }

    std::vector<std::shared_ptr<const job>> jobs(const filter& wanted) const { return jobs(freeze(), wanted); }

    std::uint64_t refused() const {
        const std::lock_guard lock(mutex());
        return refused_;
    }

    void close() {
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
        }
        journal_.reset();
        finish_all(net::error::operation_aborted);
    }

    // With the mutex held.
    wait_list* attempt(const job_id& id, error_code& ec, job& result) {
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) {
            ec = errc::unknown_job;
            return nullptr;
        }
        entry& e = *found->second;
        if (!is_terminal(e.record.current->state)) return &e.waiters;
        result = *e.record.current;
        return nullptr;
    }

    void take_all(wait_list& all) noexcept override {
        for (auto& e : order_) all.take(e.waiters);
    }

private:
    struct entry {
        job_id id;
        job_record record;
        wait_list waiters;
    };

    entry& find_or_add(const job_id& id) {
        if (const auto found = jobs_.find(id); found != jobs_.end()) return *found->second;
        entry& e = order_.emplace_back();
        e.id = id;
        jobs_.emplace(std::string_view(e.id), std::prev(order_.end()));
        return e;
    }

    void forget_finished() {
        while (finished_.size() > options_.finished_jobs) {
            const job_id id = std::move(finished_.front());
            finished_.pop_front();
            const auto found = jobs_.find(id);
            // It may have begun another attempt since, or be forgotten already.
            if (found == jobs_.end() || !is_terminal(found->second->record.current->state)) continue;
            const auto place = found->second;
            jobs_.erase(found);
            order_.erase(place);
        }
    }

    time_source* time_;
    board_options options_;
    std::list<entry> order_; // by creation
    std::unordered_map<std::string_view, std::list<entry>::iterator> jobs_;
    std::deque<job_id> finished_;
    std::unique_ptr<emitter<event>> journal_; // its mutex comes after this one
    std::uint64_t refused_ = 0;
    bool closed_ = false;
};

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP
// end <telltale/board/detail/board_state.hpp>
// <telltale/core/cursor.hpp> is above
// <telltale/core/event.hpp> is above
// <telltale/core/filter.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/event/emitter.hpp> is above
// begin <telltale/event/filtered.hpp>

#ifndef TELLTALE_EVENT_FILTERED_HPP
#define TELLTALE_EVENT_FILTERED_HPP

// <telltale/core/event.hpp> is above
// <telltale/core/filter.hpp> is above
// <telltale/event/subscription_options.hpp> is above

#include <algorithm>
#include <cstdint>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Options for what passes a filter, told to the emitter as data: an event costs nothing to the subscriptions of other
/// jobs and kinds, however many there are. `options.keys` and `options.classes` are replaced; `options.filter` must
/// agree, too.
///
///     auto events = emitter.subscribe(executor, telltale::filtered({.jobs = {"42"}}));
inline subscription_options<event> filtered(filter wanted, subscription_options<event> options = {}) {
    options.keys.clear();
    options.classes = 0;
    for (const event_kind k : wanted.kinds) options.classes |= std::uint64_t{1} << static_cast<unsigned>(k);
    wanted.kinds.clear();
    for (auto& id : wanted.jobs) options.keys.push_back({std::move(id), {}});
    wanted.jobs.clear();
    if (options.keys.empty()) {
        // Any of the labels will do to be found by; but without a name it would be taken for a job.
        const auto named = std::find_if(wanted.labels.begin(), wanted.labels.end(),
                                        [](const auto& label) { return !label.first.empty(); });
        if (named != wanted.labels.end()) {
            options.keys.push_back({named->second, named->first});
            wanted.labels.erase(named);
        }
    }
    if (!wanted.labels.empty())
        options.filter = [labels = std::move(wanted), also = std::move(options.filter)](const event& e) {
            return labels.matches(e) && (!also || also(e));
        };
    return options;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_FILTERED_HPP
// end <telltale/event/filtered.hpp>
// <telltale/event/subscription.hpp> is above

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// One table of jobs and one ordered journal of what happened to them. The rules of job_state are enforced here and
/// nowhere else.
///
/// Producers report; consumers take a snapshot and every event after it. Neither knows the other.
///
///     telltale::board board(executor);
///     board.report({.id = "42", .state = job_state::queued});
///     auto [jobs, at, events] = board.watch();
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class board {
public:
    using executor_type = net::any_io_executor;
    using job_ptr = std::shared_ptr<const job>;

    explicit board(executor_type executor, board_options options = {})
        : executor_(std::move(executor)),
          state_(std::make_shared<detail::board_state>(detail::context_of(executor_), options)) {}

    board(const board&) = delete;
    board& operator=(const board&) = delete;

    /// Whoever waits for a job gets operation_aborted; subscriptions end after what is unread; sinks that are still
    /// about are ignored from now on.
    ~board() { state_->close(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Takes a report in. What breaks the rules of job_state changes nothing, is counted, and is told as an event
    /// transition_refused. A report without an id is refused with an exception: std::invalid_argument.
    void report(job_report r) { state_->report(std::move(r)); }

    /// Where producers can report to. May outlive the board.
    job_sink sink() const;

    /// Tells a user's own event: `data` is a JSON value; `id` may name a job on the board.
    void emit_custom(std::string data, std::string_view id = {}) { state_->emit_custom(std::move(data), id); }

    /// The job as it is now, or null.
    job_ptr find(std::string_view id) const { return state_->find(id); }

    /// The jobs that pass the filter, in the order of their creation.
    std::vector<job_ptr> jobs(const filter& wanted = {}) const { return state_->jobs(wanted); }

    /// The place of the last event in the journal.
    cursor position() const { return state_->journal().position(); }

    /// How many reports were refused so far.
    std::uint64_t refused() const { return state_->refused(); }

    /// A snapshot, and everything that happens after it.
    struct view {
        std::vector<job_ptr> jobs;
        cursor at;
        subscription<event> events;
    };

    /// The jobs that pass the filter as they are now, and a subscription that continues exactly there: no event is
    /// missed, and none is seen twice, between the two. `options.filter` says nothing about the snapshot; `options.from`
    /// is replaced.
    view watch(filter wanted = {}, subscription_options<event> options = {}) {
        return watch_on(executor_, std::move(wanted), std::move(options));
    }

    /// The same, with the subscription on another executor.
    view watch_on(executor_type executor, filter wanted = {}, subscription_options<event> options = {});

    /// Only the events, from a cursor or from now on. `wanted` and `options.filter` must agree (see filtered()).
    subscription<event> subscribe(filter wanted = {}, subscription_options<event> options = {}) {
        return subscribe_on(executor_, std::move(wanted), std::move(options));
    }

    subscription<event> subscribe_on(executor_type executor, filter wanted = {},
                                     subscription_options<event> options = {});

    /// Passes a command to the job's control.
    command_result request(std::string_view id, job_command command);

    /// Waits until the job is in a terminal state.
    ///
    /// @par Completion signature
    /// `void(error_code, job)`
    /// @par Error codes
    /// `errc::unknown_job`: no such job on the board; `operation_aborted`: cancelled, or the board was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the job goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the board's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job)>(
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                detail::start_wait<job>(state, std::forward<decltype(handler)>(handler), executor,
                                        [&](std::tuple<error_code, job>& result) {
                                            return state->attempt(id, std::get<0>(result), std::get<1>(result));
                                        });
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::board_state> state_;
};

inline job_sink board::sink() const {
    return [weak = std::weak_ptr(state_)](job_report r) {
        if (const auto state = weak.lock()) state->report(std::move(r));
    };
}

inline board::view board::watch_on(executor_type executor, filter wanted, subscription_options<event> options) {
    options.from.reset();
    const auto locked = state_->freeze();
    auto jobs = state_->jobs(locked, wanted);
    auto at = position();
    return {std::move(jobs), at, subscribe_on(std::move(executor), std::move(wanted), std::move(options))};
}

inline subscription<event> board::subscribe_on(executor_type executor, filter wanted,
                                               subscription_options<event> options) {
    return state_->journal().subscribe(executor, filtered(std::move(wanted), std::move(options)));
}

inline command_result board::request(std::string_view id, job_command command) {
    const job_ptr j = find(id);
    if (!j) return command_result::unknown_job;
    if (!j->control || !j->control->supports(command)) return command_result::unsupported;
    return j->control->request(command);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_BOARD_HPP
// end <telltale/board/board.hpp>
// begin <telltale/core/acceptors.hpp>

#ifndef TELLTALE_CORE_ACCEPTORS_HPP
#define TELLTALE_CORE_ACCEPTORS_HPP

// <telltale/core/job_state.hpp> is above

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Maps an API's own words to states. Words are open: one that is not here gives nothing, and it is the caller's duty
/// to keep it raw and to tell of it, never to take it for the end of the job.
class acceptors {
public:
    acceptors() = default;

    /// Words are compared exactly, upper and lower case apart.
    acceptors(std::initializer_list<std::pair<const std::string, job_state>> words) : words_(words) {}

    void add(std::string word, job_state state) { words_.insert_or_assign(std::move(word), state); }

    std::optional<job_state> find(std::string_view word) const {
        const auto found = words_.find(word);
        if (found == words_.end()) return std::nullopt;
        return found->second;
    }

    bool empty() const noexcept { return words_.empty(); }

    /// The states' own names: what telltale's API says.
    static acceptors own_words() {
        acceptors result;
        for (std::size_t i = 0; i < job_state_count; ++i) {
            const auto state = static_cast<job_state>(i);
            result.add(std::string(to_string(state)), state);
        }
        return result;
    }

private:
    std::map<std::string, job_state, std::less<>> words_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_ACCEPTORS_HPP
// end <telltale/core/acceptors.hpp>
// begin <telltale/core/backoff.hpp>

#ifndef TELLTALE_CORE_BACKOFF_HPP
#define TELLTALE_CORE_BACKOFF_HPP

// <telltale/version.hpp> is above

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace telltale::inline TELLTALE_ABI {

/// Exponential backoff with full jitter, by the formula of the Smithy waiters
/// (https://smithy.io/2.0/additional-specs/waiters.html): before attempt n the delay is uniform between `min` and
/// min(max, min * 2^(n-1)).
struct backoff {
    std::chrono::nanoseconds min = std::chrono::seconds{2};   ///< at least 1 ns
    std::chrono::nanoseconds max = std::chrono::seconds{120}; ///< not below min

    /// The longest delay before this attempt. `attempt` counts from 1.
    constexpr std::chrono::nanoseconds ceiling(std::uint32_t attempt) const noexcept {
        auto delay = std::max(min, std::chrono::nanoseconds{1});
        for (std::uint32_t n = 1; n < attempt && delay < max; ++n) delay = delay > max / 2 ? max : delay * 2;
        return std::max(min, std::min(delay, max));
    }

    /// The delay before this attempt. `random` is uniform in [0, 1).
    constexpr std::chrono::nanoseconds delay(std::uint32_t attempt, double random) const noexcept {
        const auto span = static_cast<double>((ceiling(attempt) - min).count());
        return min + std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(span * random)};
    }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_BACKOFF_HPP
// end <telltale/core/backoff.hpp>
// <telltale/core/cursor.hpp> is above
// <telltale/core/estimator.hpp> is above
// <telltale/core/event.hpp> is above
// <telltale/core/filter.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/core/job_state.hpp> is above
// begin <telltale/core/json.hpp>

#ifndef TELLTALE_CORE_JSON_HPP
#define TELLTALE_CORE_JSON_HPP

// <telltale/core/cursor.hpp> is above
// <telltale/core/event.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/json_writer.hpp> is above
// <telltale/core/progress.hpp> is above

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// How values look in JSON, on every wire. What is unknown is left out. docs/reference/json.md is the contract.

namespace telltale::inline TELLTALE_ABI {

/// {"done":1,"total":4,"unit":"bytes","percent":25,"rate":0.5,"remaining_s":6}
inline void write_json(json_writer& out, const progress& p) {
    out.begin_object().member("done", p.done);
    if (p.total) out.member("total", *p.total);
    out.member("unit", to_string(p.unit));
    if (const auto percent = p.percent()) out.member("percent", *percent);
    if (p.rate) out.member("rate", *p.rate);
    if (p.remaining) out.member("remaining_s", p.remaining->count());
    out.end_object();
}

/// A job with all that is known of it; times in RFC 3339, with so many digits after the second.
inline void write_json(json_writer& out, const job& j, int time_digits = 3) {
    const auto text = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) out.member(name, value);
    };
    const auto time = [&](std::string_view name, const std::optional<timestamp>& value) {
        if (value) out.member(name, to_rfc3339(*value, time_digits));
    };
    out.begin_object().member("id", j.id);
    text("name", j.name);
    text("kind", j.kind);
    out.member("state", to_string(j.state)).member("attempt", j.attempt);
    text("word", j.word);
    if (j.progress) write_json(out.key("progress"), *j.progress);
    if (j.queue_position) out.member("queue_position", *j.queue_position);
    if (!j.labels.empty()) {
        out.key("labels").begin_object();
        for (const auto& [name, value] : j.labels) out.member(name, value);
        out.end_object();
    }
    text("message", j.message);
    time("created_at", j.created);
    time("queued_at", j.queued);
    time("started_at", j.started);
    time("finished_at", j.finished);
    time("observed_at", j.observed);
    if (j.error) {
        out.key("error").begin_object().member("class", to_string(j.error->kind));
        out.member("message", j.error->message).end_object();
    }
    if (j.health != watch_health{}) {
        out.key("health").begin_object().member("state", to_string(j.health.state));
        time("since", j.health.since);
        text("error", j.health.error);
        out.end_object();
    }
    if (j.control) {
        out.key("commands").begin_array();
        for (const auto c :
             {job_command::cancel, job_command::pause, job_command::resume, job_command::retry, job_command::approve})
            if (j.control->supports(c)) out.value(to_string(c));
        out.end_array();
    }
    out.end_object();
}

/// {"type":"event","cursor":"1f:17","time":"…","kind":"job_started","job":{…},"data":…}
inline void write_json(json_writer& out, const cursor& at, const event& e, int time_digits = 3) {
    out.begin_object().member("type", "event").member("cursor", to_string(at));
    out.member("time", to_rfc3339(e.time, time_digits)).member("kind", to_string(e.kind));
    if (e.job) write_json(out.key("job"), *e.job, time_digits);
    if (!e.data.empty()) out.key("data").raw(e.data);
    out.end_object();
}

/// The JSON text of a value that has a write_json.
template <class... Values>
std::string to_json(const Values&... values) {
    std::string text;
    json_writer out(text);
    write_json(out, values...);
    return text;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JSON_HPP
// end <telltale/core/json.hpp>
// <telltale/core/json_writer.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/core/time.hpp> is above
// begin <telltale/core/token_bucket.hpp>

#ifndef TELLTALE_CORE_TOKEN_BUCKET_HPP
#define TELLTALE_CORE_TOKEN_BUCKET_HPP

// <telltale/version.hpp> is above

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>

namespace telltale::inline TELLTALE_ABI {

/// How much may happen: so many per second in the long run, and so many at once after a pause.
struct rate_limit {
    static constexpr std::size_t max_burst = 1'000'000'000;

    double per_second = 1; ///< tokens per second, finite and not below 0; 0: none are added
    std::size_t burst = 1; ///< the most tokens that are kept, and that can be taken at once; 1 to max_burst

    bool valid() const noexcept {
        return std::isfinite(per_second) && per_second >= 0 && burst >= 1 && burst <= max_burst;
    }
    friend bool operator==(const rate_limit&, const rate_limit&) = default;
};

/// A bucket that tokens flow into at a steady rate until it is full, and out of which they are taken. Over any time t
/// no more than burst + per_second * t are taken. Time is passed in: the machine has no clock. Time that goes backwards
/// counts as standing still.
class token_bucket {
public:
    using clock = std::chrono::steady_clock;

    /// A full bucket. `limit` is valid.
    token_bucket(rate_limit limit, clock::time_point now) noexcept
        : limit_(limit), tokens_(static_cast<double>(limit.burst)), last_(now) {}

    rate_limit limit() const noexcept { return limit_; }

    /// What has flowed in at the former rate stays, as far as the new burst has room. `limit` is valid.
    void set_limit(rate_limit limit, clock::time_point now) noexcept {
        settle(level(now), now);
        limit_ = limit;
        tokens_ = std::min(tokens_, static_cast<double>(limit.burst));
    }

    /// How many tokens there are: 0 to burst.
    double available(clock::time_point now) const noexcept { return std::max(level(now), 0.0); }

    /// Takes `n` tokens if there are so many.
    bool try_take(std::size_t n, clock::time_point now) noexcept {
        const double left = level(now) - static_cast<double>(n);
        if (left < -slack) return false;
        if (n > 0) settle(left, now);
        return true;
    }

    /// The first time, not before `now`, at which try_take(n) will give them; the end of time if it never will: more
    /// than burst, or nothing flows in.
    clock::time_point ready_at(std::size_t n, clock::time_point now) const noexcept {
        const double missing = static_cast<double>(n) - level(now);
        if (missing <= slack) return now;
        if (n > limit_.burst || !(limit_.per_second > 0)) return clock::time_point::max();
        now = std::max(now, last_);
        const std::chrono::duration<double> wait{missing / limit_.per_second};
        // Compared as doubles with a day to spare: at the end of time they are coarse.
        if (wait >= std::chrono::duration<double>(clock::time_point::max() - now) - std::chrono::hours{24})
            return clock::time_point::max();
        return now + std::chrono::ceil<clock::duration>(wait);
    }

private:
    // Below the resolution of any clock times any rate that is of use, above the error of a double near max_burst. What
    // is taken too early by it stays owed.
    static constexpr double slack = 1e-6;

    double level(clock::time_point now) const noexcept {
        if (now <= last_) return tokens_;
        const double added = std::chrono::duration<double>(now - last_).count() * limit_.per_second;
        return std::min(tokens_ + added, static_cast<double>(limit_.burst));
    }

    // Only when something changes: many small additions to a large number would be lost in rounding.
    void settle(double tokens, clock::time_point now) noexcept {
        tokens_ = tokens;
        last_ = std::max(last_, now);
    }

    rate_limit limit_;
    double tokens_;
    clock::time_point last_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_TOKEN_BUCKET_HPP
// end <telltale/core/token_bucket.hpp>
// <telltale/core/watch_health.hpp> is above
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/emitter.hpp> is above
// begin <telltale/event/event_log.hpp>

#ifndef TELLTALE_EVENT_EVENT_LOG_HPP
#define TELLTALE_EVENT_EVENT_LOG_HPP

// <telltale/core/cursor.hpp> is above
// <telltale/core/event.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/core/json.hpp> is above
// <telltale/core/json_writer.hpp> is above
// <telltale/event/delivery.hpp> is above

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// Records events: one JSON object in a line each, as on the wire (docs/reference/json.md) but with times to the
/// nanosecond, so that event_log_reader (json/) gives back what was written.
///
///     std::ofstream file("events.jsonl", std::ios::app | std::ios::binary);
///     telltale::event_log_writer log(file);
///     for (const auto& d : co_await events.receive_some()) log.write(d);
///     file.flush();
///
/// Exactly, but for what JSON cannot say: bytes that are not UTF-8 become U+FFFD, numbers that are not finite become NaN,
/// a line break between the tokens of `data` becomes a blank; and of a job_control only which commands it knows.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class event_log_writer {
public:
    /// Lines are written to `out`, which must outlive this. Whether and when it is flushed is its owner's to say.
    explicit event_log_writer(std::ostream& out) noexcept : out_(out) {}

    /// One line, written at once. False: the stream has failed.
    bool write(const delivery<event>& d) {
        line_.clear();
        json_writer json(line_);
        if (d.is_gap()) {
            json.begin_object().member("type", "gap").member("cursor", to_string(d.at));
            if (d.lost) json.member("lost", *d.lost);
            json.end_object();
        } else {
            write_json(json, d.at, *d, 9);
            // Only `data` can have them, and there they are white space.
            std::replace_if(
                line_.begin(), line_.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
        }
        line_ += '\n';
        out_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
        return out_.good();
    }

private:
    std::ostream& out_;
    std::string line_; // kept for its memory
};

/// What an observer would report who saw the job as this event shows it: for replay into a board or another job_sink.
/// Nothing for an event without a job, and for one that changed nothing.
inline std::optional<job_report> report_of(const event& e) {
    if (!e.job || e.kind == event_kind::transition_refused || e.kind == event_kind::custom) return std::nullopt;
    const job& j = *e.job;
    job_report r;
    r.id = j.id;
    r.by = reporter::observer;
    r.at = e.time;
    r.state = j.state;
    r.attempt = j.attempt;
    r.word = j.word;
    r.name = j.name;
    r.kind = j.kind;
    r.progress = j.progress;
    r.queue_position = j.queue_position.value_or(0);
    r.labels = j.labels;
    r.message = j.message;
    r.error = j.error;
    if (j.health.since || j.health.state != watch_state::ok) r.health = j.health.state;
    r.health_error = j.health.error;
    r.created = j.created;
    r.queued = j.queued;
    r.started = j.started;
    r.finished = j.finished;
    r.control = j.control;
    return r;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_EVENT_LOG_HPP
// end <telltale/event/event_log.hpp>
// <telltale/event/filtered.hpp> is above
// begin <telltale/event/for_each_event.hpp>

#ifndef TELLTALE_EVENT_FOR_EACH_EVENT_HPP
#define TELLTALE_EVENT_FOR_EACH_EVENT_HPP

// <telltale/asio.hpp> is above
// <telltale/core/cursor.hpp> is above
// begin <telltale/detail/is_aborted.hpp>

#ifndef TELLTALE_DETAIL_IS_ABORTED_HPP
#define TELLTALE_DETAIL_IS_ABORTED_HPP

// <telltale/asio.hpp> is above

#include <exception>

namespace telltale::inline TELLTALE_ABI::detail {

/// Whether an operation ended because it was cancelled.
inline bool is_aborted(const error_code& ec) noexcept { return ec == net::error::operation_aborted; }

inline bool is_aborted(const std::exception_ptr& e) noexcept {
    if (!e) return false;
    try {
        std::rethrow_exception(e);
    } catch (const system_error& error) {
        return is_aborted(error.code());
    } catch (...) {
        return false;
    }
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_IS_ABORTED_HPP
// end <telltale/detail/is_aborted.hpp>
// <telltale/error.hpp> is above
// <telltale/event/delivery.hpp> is above
// <telltale/event/subscription.hpp> is above
// begin <telltale/sync/with_timeout.hpp>

#ifndef TELLTALE_SYNC_WITH_TIMEOUT_HPP
#define TELLTALE_SYNC_WITH_TIMEOUT_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/sync/detail/timed_operation.hpp>

#ifndef TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP
#define TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/is_aborted.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/sync/timer.hpp>

#ifndef TELLTALE_SYNC_TIMER_HPP
#define TELLTALE_SYNC_TIMER_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above

#include <chrono>
#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// The steady time of an executor's context: real, or what a test's virtual_clock shows.
template <class Executor>
std::chrono::steady_clock::time_point steady_now(const Executor& executor) {
    return detail::time_source_of(executor).now();
}

/// The time on the calendar of an executor's context: real, or what a test's virtual_clock shows.
template <class Executor>
std::chrono::system_clock::time_point system_now(const Executor& executor) {
    return detail::time_source_of(executor).system_now();
}

/// A steady_timer that follows the clock of its execution context, so that code which waits with it can be tested in
/// virtual time. Costs nothing over a steady_timer otherwise.
///
///     telltale::timer pause(executor);
///     pause.expires_after(5s);
///     co_await pause.async_wait();
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
template <class Executor>
class basic_timer {
public:
    using executor_type = Executor;
    using clock_type = std::chrono::steady_clock;
    using duration = clock_type::duration;
    using time_point = clock_type::time_point;

    template <class Other>
    struct rebind_executor {
        using other = basic_timer<Other>;
    };

    explicit basic_timer(const Executor& executor)
        : real_(executor),
          source_(&detail::time_source_of(executor)),
          virtual_(source_->is_virtual() ? std::make_shared<detail::virtual_timer_state>(detail::context_of(executor))
                                         : nullptr) {}

    basic_timer(basic_timer&&) = default;
    basic_timer& operator=(basic_timer&&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_timer() {
        if (virtual_) virtual_->finish_all(net::error::operation_aborted);
    }

    executor_type get_executor() noexcept { return real_.get_executor(); }

    /// The time on this timer's clock.
    time_point now() const { return source_->now(); }

    time_point expiry() const { return real_.expiry(); }

    /// Sets when the timer expires; whoever waits for the former time gets operation_aborted.
    void expires_at(time_point expiry) {
        cancel();
        real_.expires_at(expiry);
    }

    /// As expires_at, counted from now. 0 or less: it has expired. Not after the end of time, however long.
    void expires_after(duration d) {
        const time_point start = now();
        expires_at(d > time_point::max() - start ? time_point::max() : start + d);
    }

    /// Whoever waits gets operation_aborted.
    void cancel() {
        if (virtual_)
            virtual_->finish_all(net::error::operation_aborted);
        else
            real_.cancel();
    }

    /// Completes when the timer expires.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, a new expiry was set, or the timer was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the timer's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [this](auto&& handler, const Executor& executor) {
                if (!virtual_) return real_.async_wait(std::forward<decltype(handler)>(handler));
                // Copies: when it waits, another thread may let time pass, and the timer may be gone.
                const auto state = virtual_;
                auto& source = *source_;
                const time_point due = real_.expiry();
                const bool later = due > source.now();
                detail::start_wait<>(
                    state, std::forward<decltype(handler)>(handler), executor,
                    [&](std::tuple<error_code>&) { return later ? &state->waiters_until(due) : nullptr; });
                if (later) source.add(due, state);
            },
            std::forward<Token>(token));
    }

private:
    net::basic_waitable_timer<clock_type, net::wait_traits<clock_type>, Executor> real_;
    detail::time_source* source_;
    std::shared_ptr<detail::virtual_timer_state> virtual_;
};

using timer = basic_timer<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_TIMER_HPP
// end <telltale/sync/timer.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

inline void assign_deadline_exceeded(error_code& ec) noexcept { ec = errc::deadline_exceeded; }

inline void assign_deadline_exceeded(std::exception_ptr& e) {
    e = std::make_exception_ptr(system_error(make_error_code(errc::deadline_exceeded)));
}

template <class T>
struct spawn_signature_of {
    using type = void(std::exception_ptr, T);
};
template <>
struct spawn_signature_of<void> {
    using type = void(std::exception_ptr);
};
template <class T>
using spawn_signature = typename spawn_signature_of<T>::type;

/// Starts a coroutine as an operation, on the executor that is associated with the handler.
template <class T, class Executor>
struct spawn_operation {
    template <class Handler>
    void operator()(Handler&& handler) {
        const auto executor = net::get_associated_executor(handler);
        net::co_spawn(executor, std::move(coroutine), std::forward<Handler>(handler));
    }

    net::awaitable<T, Executor> coroutine;
};

// All but the final handler runs on the strand, and both cancellation signals are emitted there.
template <class Handler, class Executor, class Error, class... Values>
class timed_operation : public std::enable_shared_from_this<timed_operation<Handler, Executor, Error, Values...>> {
    using strand_type = net::strand<Executor>;
    using handler_executor = net::associated_executor_t<Handler, Executor>;

public:
    template <class H>
    timed_operation(const Executor& executor, H&& handler)
        : strand_(net::make_strand(executor)),
          handler_(std::forward<H>(handler)),
          work_(track_work(net::get_associated_executor(handler_, executor))) {}

    // Limit: how long, or until when.
    template <class Operation, class Limit>
    void start(Operation operation, Limit limit) {
        if (auto slot = net::get_associated_cancellation_slot(handler_); slot.is_connected())
            slot.assign([weak = this->weak_from_this()](net::cancellation_type type) {
                if (const auto self = weak.lock())
                    net::dispatch(self->strand_, [self, type] { self->signal_.emit(type); });
            });
        deadline_ = deadline_of(limit);
        net::dispatch(strand_, [self = this->shared_from_this(), operation = std::move(operation)]() mutable {
            self->run(std::move(operation));
        });
    }

private:
    struct on_end {
        using executor_type = strand_type;
        using cancellation_slot_type = net::cancellation_slot;
        using allocator_type = net::associated_allocator_t<Handler>;
        executor_type get_executor() const noexcept { return self->strand_; }
        cancellation_slot_type get_cancellation_slot() const noexcept { return self->signal_.slot(); }
        allocator_type get_allocator() const noexcept { return net::get_associated_allocator(self->handler_); }

        void operator()(Error error, Values... values) { self->finish(std::move(error), std::move(values)...); }

        std::shared_ptr<timed_operation> self;
    };

    using time_point = std::chrono::steady_clock::time_point;

    time_point deadline_of(time_point deadline) const { return deadline; }
    time_point deadline_of(std::chrono::steady_clock::duration limit) const {
        const time_point now = steady_now(strand_);
        return limit > time_point::max() - now ? time_point::max() : now + limit;
    }

    // The timer one turn later: what need not wait has ended by then, and to arm a timer is dear.
    template <class Operation>
    void run(Operation operation) {
        operation(on_end{this->shared_from_this()});
        if (!ended_) net::post(strand_, [self = this->shared_from_this()] { self->arm(); });
    }

    void arm() {
        if (ended_) return;
        timer_.emplace(strand_);
        timer_->expires_at(deadline_);
        timer_->async_wait(net::bind_executor(strand_, [self = this->shared_from_this()](error_code ec) {
            if (ec || self->ended_) return;
            self->expired_ = true;
            self->signal_.emit(net::cancellation_type::terminal);
        }));
    }

    void finish(Error error, Values... values) {
        ended_ = true;
        if (timer_) timer_->cancel();
        if (expired_ && is_aborted(error)) assign_deadline_exceeded(error);
        const auto executor = std::move(*work_);
        work_.reset();
        bound_completion<Handler, Error, Values...> completion{
            std::move(handler_), std::tuple<Error, Values...>(std::move(error), std::move(values)...)};
        net::dispatch(executor, std::move(completion));
    }

    strand_type strand_;
    std::optional<basic_timer<strand_type>> timer_;
    std::chrono::steady_clock::time_point deadline_{};
    Handler handler_;
    std::optional<tracked_executor<handler_executor>> work_;
    net::cancellation_signal signal_;
    bool expired_ = false;
    bool ended_ = false;
};

template <class Signature>
struct timed_start;

template <class Error, class... Values>
struct timed_start<void(Error, Values...)> {
    template <class Executor, class Operation, class Limit, class Handler>
    static void start(const Executor& executor, Operation operation, Limit limit, Handler&& handler) {
        using state = timed_operation<std::decay_t<Handler>, Executor, Error, Values...>;
        std::make_shared<state>(executor, std::forward<Handler>(handler))->start(std::move(operation), limit);
    }
};

template <class Signature, class Executor, class Operation, class Limit, class Handler>
void start_timed(const Executor& executor, Operation operation, Limit limit, Handler&& handler) {
    timed_start<Signature>::start(executor, std::move(operation), limit, std::forward<Handler>(handler));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_TIMED_OPERATION_HPP
// end <telltale/sync/detail/timed_operation.hpp>

#include <chrono>
#include <exception>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Runs an operation that is cancelled when it takes longer than `limit`.
///
/// Nothing is swallowed or lost, unlike with `operation || timer`: the result is the operation's own, whether value or
/// error, also when it came at the last moment, after the time was up. Only where the operation ended as cancelled,
/// because its time was up, the error is errc::deadline_exceeded. The operation has always ended when this completes.
///
/// `operation` is any function object that starts an operation with the completion handler that it is given, and
/// `Signature` the signature of that: `async_with_timeout<void(error_code, permit)>(executor,
/// [&](auto handler) { semaphore.async_acquire(std::move(handler)); }, 5s)`. The first argument of the signature is an
/// error_code or an exception_ptr. `limit`: 0 or less cancels the operation as soon as it has been started, which
/// still lets it complete with what is there without waiting.
///
/// @par Completion signature
/// `Signature`
/// @par Error codes
/// those of the operation; `errc::deadline_exceeded` (as system_error where the signature has an exception_ptr).
/// @par Per-operation cancellation
/// passed on to the operation.
/// @par Thread safety
/// The operation's own intermediate handlers run on a strand of `executor`; the final handler on its associated one.
template <class Signature, class Executor, class Operation, class Token = default_token_t<Executor>>
auto async_with_timeout(const Executor& executor, Operation operation, std::chrono::steady_clock::duration limit,
                        Token&& token = {}) {
    return detail::async_start<Signature>(
        executor,
        [operation = std::move(operation), limit](auto&& handler, const Executor& ex) mutable {
            detail::start_timed<Signature>(ex, std::move(operation), limit, std::forward<decltype(handler)>(handler));
        },
        std::forward<Token>(token));
}

/// As async_with_timeout, with the time when it is over instead of how long it may take. `deadline`: on the clock of the
/// executor's context, `steady_now(executor)`. If it is past, the operation is started all the same, and cancelled at
/// once: what it completes with without waiting is not lost.
template <class Signature, class Executor, class Operation, class Token = default_token_t<Executor>>
auto async_with_deadline(const Executor& executor, Operation operation, std::chrono::steady_clock::time_point deadline,
                         Token&& token = {}) {
    return detail::async_start<Signature>(
        executor,
        [operation = std::move(operation), deadline](auto&& handler, const Executor& ex) mutable {
            detail::start_timed<Signature>(ex, std::move(operation), deadline,
                                           std::forward<decltype(handler)>(handler));
        },
        std::forward<Token>(token));
}

/// As async_with_timeout, for a coroutine:
///
///     const int answer = co_await telltale::with_timeout(ask(), 5s);
///
/// The coroutine runs on a strand of the executor of whoever awaits. Throws what it throws, or
/// system_error(errc::deadline_exceeded). A cancellation of whoever awaits is passed on to it.
template <class T, class Executor>
[[nodiscard]] net::awaitable<T, Executor> with_timeout(net::awaitable<T, Executor> operation,
                                                       std::chrono::steady_clock::duration limit) {
    const Executor executor = co_await net::this_coro::executor;
    // Named: GCC 12 destroys an aggregate temporary inside a co_await expression twice.
    detail::spawn_operation<T, Executor> spawn{std::move(operation)};
    co_return co_await async_with_timeout<detail::spawn_signature<T>>(executor, std::move(spawn), limit,
                                                                      net::use_awaitable_t<Executor>{});
}

/// As with_timeout, with the time when it is over: `co_await with_deadline(ask(), steady_now(executor) + 5s);`. One
/// deadline serves for several steps. See async_with_deadline.
template <class T, class Executor>
[[nodiscard]] net::awaitable<T, Executor> with_deadline(net::awaitable<T, Executor> operation,
                                                        std::chrono::steady_clock::time_point deadline) {
    const Executor executor = co_await net::this_coro::executor;
    detail::spawn_operation<T, Executor> spawn{std::move(operation)}; // named: as above
    co_return co_await async_with_deadline<detail::spawn_signature<T>>(executor, std::move(spawn), deadline,
                                                                       net::use_awaitable_t<Executor>{});
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WITH_TIMEOUT_HPP
// end <telltale/sync/with_timeout.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What has become of the events that a handler was given. May be read from any thread while it is counted.
struct handled_events {
    std::atomic<std::uint64_t> handled{0};   ///< without a failure
    std::atomic<std::uint64_t> failed{0};    ///< the handler threw, or had no time left
    std::atomic<std::uint64_t> timed_out{0}; ///< those of `failed` that had no time left
};

/// An event with which its handler did not get done.
struct event_handler_failure {
    cursor at{};                ///< of the event
    std::exception_ptr error{}; ///< errc::deadline_exceeded: its time was over
};

struct event_handler_options {
    /// For each event; positive, or 0: no limit. The handler is cancelled when it is over, and waited for.
    std::chrono::steady_clock::duration time_limit{0};
    /// Told of the first failure; those after it are counted only. Must not throw.
    std::function<void(const event_handler_failure&)> on_failure{};
    /// Where to count; null: nowhere.
    std::shared_ptr<handled_events> counts{};
};

namespace detail {

inline bool is_deadline_exceeded(const std::exception_ptr& e) noexcept {
    try {
        std::rethrow_exception(e);
    } catch (const system_error& error) {
        return error.code() == errc::deadline_exceeded;
    } catch (...) {
        return false;
    }
}

template <class Handler, class Event, class Executor>
net::awaitable<void, Executor> handle_event(Handler& handle, delivery<Event> d,
                                            std::chrono::steady_clock::duration limit) {
    if constexpr (std::is_void_v<std::invoke_result_t<Handler&, delivery<Event>>>) {
        handle(std::move(d));
        co_return;
    } else if (limit > limit.zero()) {
        co_await with_timeout(handle(std::move(d)), limit);
    } else {
        co_await handle(std::move(d));
    }
}

} // namespace detail

/// Calls `handle` for each event and each gap, one after the other, until the emitter is gone: an awaitable to spawn on the
/// executor on which the handler is to run.
///
///     net::co_spawn(executor, telltale::for_each_event(board.subscribe(), tell_chat, {.time_limit = 5s}), net::detached);
///
/// `handle` takes a delivery<Event> and returns an awaitable<void>, or nothing. What it throws is counted, reported once,
/// and ends nothing: the next event is handled all the same. A handler that is slow holds up nobody else: its events wait
/// in the subscription, whose capacity and overflow policy count.
/// (In a co_await expression, name the options and a handler with captures before it: GCC 12 destroys temporaries of their
/// kind in there twice.)
///
/// @par Errors
/// Returns when the emitter is gone and everything was handled. Throws system_error: `errc::fell_behind` with
/// overflow_policy::end; `operation_aborted`: cancelled.
/// @par Cancellation
/// terminal: ends; a handler that runs is cancelled, too.
template <class Event, class Executor, class Handler>
[[nodiscard]] net::awaitable<void, Executor> for_each_event(subscription<Event, Executor> events, Handler handle,
                                                            event_handler_options options = {}) {
    auto counts = options.counts ? std::move(options.counts) : std::make_shared<handled_events>();
    for (;;) {
        auto [ec, next] = co_await events.async_receive(as_tuple(net::use_awaitable_t<Executor>{}));
        if (ec == errc::closed) co_return;
        if (ec) throw system_error(ec);
        std::exception_ptr error;
        const cursor at = next.at;
        try {
            co_await detail::handle_event<Handler, Event, Executor>(handle, std::move(next), options.time_limit);
        } catch (...) {
            error = std::current_exception();
        }
        if (!error) {
            counts->handled.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        const auto asked = co_await net::this_coro::cancellation_state;
        if (asked.cancelled() != net::cancellation_type::none && detail::is_aborted(error))
            std::rethrow_exception(error);
        if (detail::is_deadline_exceeded(error)) counts->timed_out.fetch_add(1, std::memory_order_relaxed);
        if (counts->failed.fetch_add(1, std::memory_order_relaxed) == 0 && options.on_failure)
            options.on_failure({at, std::move(error)});
    }
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_FOR_EACH_EVENT_HPP
// end <telltale/event/for_each_event.hpp>
// <telltale/event/subscription.hpp> is above
// <telltale/event/subscription_options.hpp> is above
// begin <telltale/fwd.hpp>

#ifndef TELLTALE_FWD_HPP
#define TELLTALE_FWD_HPP

// <telltale/version.hpp> is above

// The names of what telltale is made of, for headers that only mention them.

namespace telltale::inline TELLTALE_ABI {

struct cursor;
struct event;
struct filter;
struct job;
struct job_error;
struct job_report;
struct progress;
struct rate_limit;
struct status;
struct watch_health;
class acceptors;
class board;
class estimator;
class job_context;
class job_control;
class job_manager;
class json_writer;
class permit;
class status_poller;
class task_group;
class token_bucket;

template <class Executor>
class basic_auto_reset_event;
template <class Executor>
class basic_latch;
template <class Executor>
class basic_manual_reset_event;
template <class Executor>
class basic_progress_tracker;
template <class Executor>
class basic_rate_limiter;
template <class Executor>
class basic_semaphore;
template <class Executor>
class basic_timer;

template <class Event>
struct delivery;
template <class Event>
class emitter;
template <class Event, class Executor>
class subscription;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_FWD_HPP
// end <telltale/fwd.hpp>
// begin <telltale/poll/poll_until.hpp>

#ifndef TELLTALE_POLL_POLL_UNTIL_HPP
#define TELLTALE_POLL_POLL_UNTIL_HPP

// <telltale/asio.hpp> is above
// <telltale/core/backoff.hpp> is above
// begin <telltale/poll/detail/poll_loop.hpp>

#ifndef TELLTALE_POLL_DETAIL_POLL_LOOP_HPP
#define TELLTALE_POLL_DETAIL_POLL_LOOP_HPP

// <telltale/asio.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/poll/schedule.hpp>

#ifndef TELLTALE_POLL_SCHEDULE_HPP
#define TELLTALE_POLL_SCHEDULE_HPP

// <telltale/core/backoff.hpp> is above

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// How often to look.
struct schedule_options {
    std::chrono::nanoseconds interval = std::chrono::seconds{15}; ///< after an answer; greater than zero
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff on_error{};                       ///< after a failed poll, by the number of failures in a row
    std::optional<std::chrono::nanoseconds> deadline{}; ///< counted from the start; absent: as long as it takes
};

/// When to poll next: a plain machine, stepped with the time, without a clock or a timer.
///
/// The first poll is due at the start. With a deadline there is one last poll exactly at the deadline, as in the Smithy
/// waiters (https://smithy.io/2.0/additional-specs/waiters.html): a poll that would be closer to the deadline than the
/// shortest delay (the lesser of `interval` and `on_error.min`) is put off until then.
///
///     poll_schedule plan(options, now, seed);
///     for (auto due = plan.next(); due; due = ok ? plan.answered(now) : plan.failed(now)) { ... }
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class poll_schedule {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using nanoseconds = std::chrono::nanoseconds;

    /// `seed`: of the jitter; the same seed gives the same times.
    poll_schedule(const schedule_options& options, time_point start, std::uint64_t seed) noexcept
        : options_(options), random_(seed), next_(start) {
        options_.jitter = std::clamp(options_.jitter, 0.0, 1.0);
        if (options_.deadline) deadline_ = later(start, std::max(*options_.deadline, nanoseconds::zero()));
    }

    /// When the next poll is due; absent: the deadline is over and so is the last poll.
    std::optional<time_point> next() const noexcept { return next_; }

    /// When the last poll is due, if there is a deadline.
    std::optional<time_point> deadline() const noexcept { return deadline_; }

    /// Failures in a row.
    std::uint32_t failures() const noexcept { return failures_; }

    /// The poll that was due ended at `now` with an answer that is not the end. Returns next().
    std::optional<time_point> answered(time_point now) noexcept {
        failures_ = 0;
        const double factor = 1 + options_.jitter * (2 * random() - 1);
        return plan(now, scaled(options_.interval, factor));
    }

    /// The poll that was due failed at `now`. Returns next().
    std::optional<time_point> failed(time_point now) noexcept {
        ++failures_;
        return plan(now, options_.on_error.delay(failures_, random()));
    }

private:
    static time_point later(time_point t, nanoseconds d) noexcept {
        return d > time_point::max() - t ? time_point::max() : t + d;
    }

    static nanoseconds scaled(nanoseconds d, double factor) noexcept {
        const double ns = static_cast<double>(d.count()) * factor;
        constexpr double most = 9.0e18; // fits
        return std::max(nanoseconds{1}, nanoseconds{static_cast<nanoseconds::rep>(std::min(ns, most))});
    }

    std::optional<time_point> plan(time_point now, nanoseconds delay) noexcept {
        next_ = later(now, delay);
        if (!deadline_) return next_;
        const nanoseconds closest = std::min(options_.interval, options_.on_error.min);
        if (now >= *deadline_)
            next_.reset();
        else if (*next_ >= *deadline_ || *deadline_ - *next_ < closest)
            next_ = *deadline_;
        return next_;
    }

    // SplitMix64 (https://prng.di.unimi.it/splitmix64.c); uniform in [0, 1).
    double random() noexcept {
        std::uint64_t z = (random_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1.0p-53;
    }

    schedule_options options_;
    std::uint64_t random_;
    std::optional<time_point> next_;
    std::optional<time_point> deadline_;
    std::uint32_t failures_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_SCHEDULE_HPP
// end <telltale/poll/schedule.hpp>
// <telltale/sync/timer.hpp> is above
// <telltale/sync/with_timeout.hpp> is above

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

template <class Awaitable>
struct awaitable_traits;
template <class T, class Executor>
struct awaitable_traits<net::awaitable<T, Executor>> {
    using value_type = T;
    using executor_type = Executor;
};

/// A seed that was given, or one that nobody knows.
inline std::uint64_t seed_or_random(const std::optional<std::uint64_t>& seed) {
    if (seed) return *seed;
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

// The function objects are parameters, so the frame owns them for as long as it lives.
template <class T, class Executor, class Fn, class Done, class Options>
net::awaitable<T, Executor> poll_loop(Fn fn, Done done, Options options) {
    basic_timer<Executor> timer(co_await net::this_coro::executor);
    poll_schedule plan({options.interval, options.jitter, options.backoff, options.deadline}, timer.now(),
                       seed_or_random(options.seed));
    for (;;) {
        std::optional<T> answer;
        try {
            if (options.poll_timeout)
                answer.emplace(co_await with_timeout(std::invoke(fn), *options.poll_timeout));
            else
                answer.emplace(co_await std::invoke(fn));
        } catch (const system_error& e) {
            if (e.code() == net::error::operation_aborted) throw;
            if (options.max_consecutive_errors != 0 && plan.failures() + 1 >= options.max_consecutive_errors) throw;
        }
        if (answer && std::invoke(done, std::as_const(*answer))) co_return std::move(*answer);
        const auto next = answer ? plan.answered(timer.now()) : plan.failed(timer.now());
        if (!next) throw system_error(make_error_code(errc::deadline_exceeded));
        timer.expires_at(*next);
        co_await timer.async_wait(net::use_awaitable_t<Executor>{});
    }
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLL_LOOP_HPP
// end <telltale/poll/detail/poll_loop.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// How poll_until polls.
struct poll_options {
    std::chrono::nanoseconds interval =
        std::chrono::seconds{15}; ///< from one answer to the next poll; greater than zero
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff backoff{};                            ///< the delays after errors
    std::optional<std::chrono::nanoseconds> deadline{};     ///< for the whole wait; absent: as long as it takes
    std::optional<std::chrono::nanoseconds> poll_timeout{}; ///< for one poll; absent: as long as it takes
    std::uint32_t max_consecutive_errors = 5; ///< so many system_errors in a row end the wait; 0: none ever does
    std::optional<std::uint64_t> seed{};      ///< of the jitter; absent: a random one
};

namespace detail {
template <class Fn>
using polled_awaitable = std::invoke_result_t<std::decay_t<Fn>&>;
template <class Fn>
using polled_value = typename awaitable_traits<polled_awaitable<Fn>>::value_type;
template <class Fn>
using polled_executor = typename awaitable_traits<polled_awaitable<Fn>>::executor_type;
template <class Done, class Fn>
concept predicate_on = requires(std::decay_t<Done>& done, const polled_value<Fn>& value) {
    { std::invoke(done, value) } -> std::convertible_to<bool>;
};
} // namespace detail

/// Calls `fn` again and again until `done` says that its answer is the one to wait for, and returns that answer. The
/// first poll is at once.
///
///     auto page = co_await telltale::poll_until(look, is_ready, {.interval = 5s, .deadline = 10min});
///
/// `fn()` returns a net::awaitable of a value; `done(value)` a bool. Both are copied, and live as long as the wait.
/// (Give a lambda with captures a name before the co_await: GCC 12 destroys temporaries of its kind in there twice.)
///
/// A system_error thrown by `fn` is taken for passing trouble: the next poll comes after a backoff, unless it is the
/// `max_consecutive_errors`-th in a row. At the deadline there is one last poll; one that is in flight then is let
/// finish. So the wait ends at the latest at `deadline` and `poll_timeout` together.
///
/// @par Errors
/// `errc::deadline_exceeded`: the last poll was not the one to wait for; the last system_error of too many in a row;
/// every other exception of `fn` or `done`, at once; `operation_aborted`: cancelled, or thrown by `fn`.
/// @par Cancellation
/// terminal: stops the wait at once; a poll in flight is cancelled.
template <class Fn, detail::predicate_on<Fn> Done>
[[nodiscard]] auto poll_until(Fn&& fn, Done&& done, poll_options options = {})
    -> net::awaitable<detail::polled_value<Fn>, detail::polled_executor<Fn>> {
    using value = detail::polled_value<Fn>;
    using executor = detail::polled_executor<Fn>;
    return detail::poll_loop<value, executor, std::decay_t<Fn>, std::decay_t<Done>>(std::forward<Fn>(fn),
                                                                                    std::forward<Done>(done), options);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLL_UNTIL_HPP
// end <telltale/poll/poll_until.hpp>
// <telltale/poll/schedule.hpp> is above
// begin <telltale/poll/status_poller.hpp>

#ifndef TELLTALE_POLL_STATUS_POLLER_HPP
#define TELLTALE_POLL_STATUS_POLLER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/backoff.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// begin <telltale/poll/status_source.hpp>

#ifndef TELLTALE_POLL_STATUS_SOURCE_HPP
#define TELLTALE_POLL_STATUS_SOURCE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/core/time.hpp> is above

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What one look at a job said. What was not said is absent.
struct status {
    bool found = true;                ///< false: there is an answer, and it is that there is no such job
    std::optional<job_state> state{}; ///< absent: the word is not one that is known
    std::string word{};               ///< the API's own word for the state, raw; may be empty
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 1 is next; 0: not queued
    std::optional<std::string> message{};
    std::optional<job_error> error{};
    std::optional<std::string> name{};
    std::optional<std::string> kind{};
    std::optional<label_map> labels{};
    std::optional<std::uint32_t> attempt{}; ///< counts from 1
    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};
    std::optional<timestamp> finished{};
};

/// The answer that there is no such job.
inline status not_found() {
    status s;
    s.found = false;
    return s;
}

/// Something that can be asked how a job is: `net::awaitable<status> poll(job_id id)` (or `const job_id&`, which lives
/// as long as the poll). To fail is to throw, best a system_error: that says nothing about the job. "No such job" is an
/// answer: not_found(). Several polls may be under way at once, but never on two threads at the same time: a
/// status_poller calls, and resumes, its source on one strand.
template <class Source>
concept status_source = requires(Source& source, const job_id& id) {
    { source.poll(id) } -> std::same_as<net::awaitable<status>>;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STATUS_SOURCE_HPP
// end <telltale/poll/status_source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// How a status_poller polls.
struct poller_options {
    std::size_t max_concurrent = 10;                              ///< polls under way at once; at least 1
    std::chrono::nanoseconds interval = std::chrono::seconds{15}; ///< from an answer to the next poll of the same job
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff backoff{}; ///< the delays after failed polls
    /// For one poll. Absent: the source sees to it, as http_status_source does; set it for one that may never answer,
    /// for such a poll would keep its place among max_concurrent. Costs a coroutine and a timer for each poll.
    std::optional<std::chrono::nanoseconds> poll_timeout{};
    std::uint32_t unreachable_after = 3; ///< failed polls in a row that make a watch unreachable; fewer: degraded
    std::uint32_t lost_after = 3; ///< times "not found", with no other answer between, that make a job lost; 0: never
    std::size_t keep_finished = 1000;    ///< watches that ended and are remembered for whoever waits late
    std::optional<std::uint64_t> seed{}; ///< of the jitter; absent: a random one
    /// Told, once per change, of a word that the source could not map to a state. Called where the sink is.
    std::function<void(const job_id&, const std::string& word)> on_unknown_word{};
};

/// What is known of a job when it is watched.
struct watch_options {
    std::optional<std::chrono::nanoseconds> deadline{}; ///< of the watch, from now; absent: until the job is over
    std::string name{};                     ///< reported with the first answer, unless the source says otherwise
    std::string kind{};                     ///< likewise
    label_map labels{};                     ///< likewise
    std::shared_ptr<job_control> control{}; ///< passed on in the first report, so that the job can be cancelled
};

} // namespace telltale::inline TELLTALE_ABI

// begin <telltale/poll/detail/poller_state.hpp>

#ifndef TELLTALE_POLL_DETAIL_POLLER_STATE_HPP
#define TELLTALE_POLL_DETAIL_POLLER_STATE_HPP

// Included by status_poller.hpp, after the options.

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/poll/detail/poll_loop.hpp> is above
// begin <telltale/poll/detail/status_merge.hpp>

#ifndef TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP
#define TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/poll/status_source.hpp> is above

#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Adds to a report what a source said.
inline void merge(job_report& r, status&& s) {
    r.state = s.state;
    if (!s.word.empty()) r.word = std::move(s.word);
    r.progress = s.progress;
    r.queue_position = s.queue_position;
    if (s.message) r.message = std::move(s.message);
    if (s.error) r.error = std::move(s.error);
    if (s.name) r.name = std::move(s.name);
    if (s.kind) r.kind = std::move(s.kind);
    if (s.labels) r.labels = std::move(s.labels);
    r.attempt = s.attempt;
    r.created = s.created;
    r.queued = s.queued;
    r.started = s.started;
    r.finished = s.finished;
}

template <class T>
void assign_told(T& to, const std::optional<T>& from) {
    if (from) to = *from;
}
template <class T>
void assign_told(std::optional<T>& to, const std::optional<T>& from) {
    if (from) to = from;
}

/// The job as an observer knows it after this report: no rules, they are the board's.
inline void see(job& j, const job_report& r) {
    assign_told(j.state, r.state);
    assign_told(j.attempt, r.attempt);
    assign_told(j.word, r.word);
    assign_told(j.name, r.name);
    assign_told(j.kind, r.kind);
    assign_told(j.labels, r.labels);
    assign_told(j.message, r.message);
    assign_told(j.progress, r.progress);
    assign_told(j.error, r.error);
    assign_told(j.created, r.created);
    assign_told(j.queued, r.queued);
    assign_told(j.started, r.started);
    assign_told(j.finished, r.finished);
    if (r.queue_position) {
        j.queue_position = r.queue_position;
        if (*r.queue_position == 0) j.queue_position.reset();
    }
    if (!r.health) return;
    if (j.health.state != *r.health || !j.health.since) j.health.since = r.at;
    j.health.state = *r.health;
    j.health.error = r.health_error;
    if (*r.health == watch_state::ok) j.observed = r.at;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_STATUS_MERGE_HPP
// end <telltale/poll/detail/status_merge.hpp>
// <telltale/poll/schedule.hpp> is above
// <telltale/poll/status_source.hpp> is above
// begin <telltale/sync/semaphore.hpp>

#ifndef TELLTALE_SYNC_SEMAPHORE_HPP
#define TELLTALE_SYNC_SEMAPHORE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {
class semaphore_state;
}

/// Some of a semaphore's permits, given back when this is destroyed. Move-only; may outlive its semaphore.
///
/// @par Thread safety
/// Distinct permits: safe. May be released on any thread.
class permit {
public:
    permit() noexcept = default; ///< holds none
    permit(permit&& other) noexcept
        : state_(std::exchange(other.state_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    permit& operator=(permit&& other) noexcept {
        permit taken(std::move(other));
        std::swap(state_, taken.state_);
        std::swap(count_, taken.count_);
        return *this;
    }
    ~permit() {
        if (state_) release();
    }

    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// How many of the semaphore's permits this holds.
    std::size_t count() const noexcept { return state_ ? count_ : 0; }

    /// Gives them back now: to those who have waited longest. Does nothing without a permit.
    inline void release() noexcept;

private:
    friend class detail::semaphore_state;
    permit(detail::semaphore_state* state, std::size_t count) noexcept : state_(state), count_(count) {}

    detail::semaphore_state* state_ = nullptr; // which lives until its last permit is back
    std::size_t count_ = 0;
};

namespace detail {

/// The free permits are one atomic number, so taking and giving back is one step each while nobody waits. Its lowest bit
/// says that everybody must come to the mutex: somebody waits, or the semaphore is gone. While that bit is set, the number
/// changes with the mutex held only.
class semaphore_state final : public wait_state {
public:
    static constexpr std::size_t max_limit = std::size_t{1} << 61U;

    semaphore_state(net::execution_context& context, std::size_t limit)
        : wait_state(context), limit_(std::min(limit, max_limit)), word_(to_word(limit_)) {}

    permit try_take(std::size_t count) noexcept {
        permit taken;
        std::int64_t word = word_.load(std::memory_order_relaxed);
        while (can_take(word, count))
            if (word_.compare_exchange_weak(word, word - to_word(count), std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                taken = permit(this, count);
                break;
            }
        return taken;
    }

    void give_back(std::size_t count) noexcept {
        std::int64_t word = word_.load(std::memory_order_relaxed);
        while ((word & must_lock) == 0)
            if (word_.compare_exchange_weak(word, word + to_word(count), std::memory_order_release,
                                            std::memory_order_relaxed))
                return; // from here on this may be gone
        give_back_locked(count);
    }

    /// What it looked like a moment ago, at the price of a load.
    bool must_wait(std::size_t count) const noexcept { return !can_take(word_.load(std::memory_order_relaxed), count); }

    // With the mutex held.
    wait_list* attempt(error_code& ec, permit& result, std::size_t count) noexcept {
        if (count == 0) {
            ec = errc::invalid_argument;
            return nullptr;
        }
        std::int64_t word = word_.load(std::memory_order_relaxed);
        for (;;) {
            const bool take = can_take(word, count);
            if (!word_.compare_exchange_weak(word, take ? word - to_word(count) : word | must_lock,
                                             std::memory_order_acq_rel, std::memory_order_relaxed))
                continue;
            result = permit(take ? this : nullptr, count); // for a waiter: how many it waits for
            return take ? nullptr : &waiters_;
        }
    }

    void set_limit(std::size_t limit) {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            limit = std::min(limit, max_limit);
            word_.fetch_add(to_word(limit) - to_word(limit_), std::memory_order_acq_rel);
            limit_ = limit;
            hand_out(ready);
        }
        ready.ready_all();
    }

    std::size_t limit() const {
        const std::lock_guard lock(mutex());
        return limit_;
    }

    std::size_t available() const noexcept {
        return static_cast<std::size_t>(std::max<std::int64_t>(free(word_.load(std::memory_order_relaxed)), 0));
    }

    /// The semaphore is gone; this goes when the last permit is back.
    void abandon() {
        {
            const std::lock_guard lock(mutex());
            const std::int64_t word = word_.fetch_or(must_lock, std::memory_order_acq_rel);
            abandoned_ = true;
            if (!all_back(word)) self_ = shared_from_this();
        }
        finish_all(net::error::operation_aborted);
    }

    void take_all(wait_list& all) noexcept override {
        all.take(waiters_);
        hand_out(all); // there is nobody left: opens the short way again
    }

    void after_cancel(wait_list& ready) noexcept override { hand_out(ready); }

private:
    using waiter_type = waiter<permit>;
    static constexpr std::int64_t must_lock = 1;

    static std::int64_t to_word(std::size_t count) noexcept { return static_cast<std::int64_t>(count) * 2; }
    static std::int64_t free(std::int64_t word) noexcept { return word >> 1; } // below 0: the limit was lowered
    static bool fits(std::int64_t word, std::size_t count) noexcept {
        return free(word) > 0 && count <= static_cast<std::size_t>(free(word));
    }
    // Whoever waits already comes first.
    static bool can_take(std::int64_t word, std::size_t count) noexcept {
        return (word & must_lock) == 0 && count > 0 && fits(word, count);
    }
    bool all_back(std::int64_t word) const noexcept { return free(word) == static_cast<std::int64_t>(limit_); }

    void give_back_locked(std::size_t count) noexcept {
        std::shared_ptr<wait_state> last;
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            const std::int64_t before = word_.fetch_add(to_word(count), std::memory_order_acq_rel);
            hand_out(ready);
            if (abandoned_ && all_back(before + to_word(count))) last = std::move(self_);
        }
        ready.ready_all();
    }

    // With the mutex held. While somebody waits must_lock is set, and nobody else changes the number.
    void hand_out(wait_list& ready) noexcept {
        std::int64_t word = word_.load(std::memory_order_acquire);
        if ((word & must_lock) == 0) return;
        while (wait_node* const first = waiters_.front()) {
            permit& wanted = std::get<permit>(static_cast<waiter_type*>(first)->result());
            if (!fits(word, wanted.count_)) break;
            word -= to_word(wanted.count_);
            wanted.state_ = this;
            ready.push_back(*waiters_.pop_front());
        }
        if (waiters_.empty() && !abandoned_) word &= ~must_lock;
        word_.store(word, std::memory_order_release);
    }

    wait_list waiters_;
    std::size_t limit_;
    bool abandoned_ = false;
    std::shared_ptr<wait_state> self_; // while abandoned with permits out
    std::atomic<std::int64_t> word_;
};

} // namespace detail

inline void permit::release() noexcept {
    const std::size_t count = std::exchange(count_, 0);
    if (auto* const state = std::exchange(state_, nullptr)) state->give_back(count);
}

/// Bounds how many may do something at once: a counting semaphore whose permits are handed out first come, first served.
///
///     telltale::semaphore polls(executor, 10);
///     telltale::permit p = co_await polls.acquire(); // given back at the end of the scope
///
/// An operation may ask for several permits at once, and gets all of them or waits: for memory that is counted in
/// megabytes, for a request that counts for three. Who wants many is not overtaken by those who want few.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_semaphore {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_semaphore<Other>;
    };

    /// The highest limit. Higher ones are taken as this.
    static constexpr std::size_t max_limit = detail::semaphore_state::max_limit;

    /// `limit`: how many permits can be out at once; 0 lets everybody wait.
    basic_semaphore(const Executor& executor, std::size_t limit)
        : executor_(executor), state_(std::make_shared<detail::semaphore_state>(detail::context_of(executor), limit)) {}

    basic_semaphore(const basic_semaphore&) = delete;
    basic_semaphore& operator=(const basic_semaphore&) = delete;

    /// Whoever still waits gets operation_aborted. Permits that are out stay valid.
    ~basic_semaphore() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    std::size_t limit() const { return state_->limit(); }

    /// Changes how many permits can be out at once. More: those who wait get them. Fewer: nobody loses a permit, but
    /// none is given out until enough have come back.
    void set_limit(std::size_t limit) { state_->set_limit(limit); }

    /// How many permits are free at this moment.
    std::size_t available() const noexcept { return state_->available(); }

    /// A permit for `count` if so many are free and nobody waits, else an empty one; also where `count` is 0. Never
    /// suspends.
    [[nodiscard]] permit try_acquire(std::size_t count = 1) noexcept { return state_->try_take(count); }

    /// Waits for a permit.
    ///
    /// @par Completion signature
    /// `void(error_code, permit)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the semaphore was destroyed; no permit is lost.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation leaves the queue. A permit that was given before stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the semaphore's).
    template <class Token = default_token_t<Executor>>
        requires(!std::convertible_to<Token, std::size_t>)
    auto async_acquire(Token&& token = {}) { return async_acquire(1, std::forward<Token>(token)); }

    /// Waits for `count` permits, all at once. As async_acquire(token), and: `errc::invalid_argument` where `count` is 0. More
    /// than limit(): waits until the limit is raised.
    template <class Token = default_token_t<Executor>>
    auto async_acquire(std::size_t count, Token&& token = {}) {
        return detail::async_start<void(error_code, permit)>(
            executor_,
            [state = state_, count](auto&& handler, const Executor& executor) {
                detail::start_wait<permit>(state, std::forward<decltype(handler)>(handler), executor,
                                           [&](std::tuple<error_code, permit>& result) {
                                               return state->attempt(std::get<0>(result), std::get<1>(result), count);
                                           });
            },
            std::forward<Token>(token));
    }

    /// As async_acquire, but does not suspend when the permits are free. Throws system_error.
    [[nodiscard]] net::awaitable<permit, Executor> acquire(std::size_t count = 1) {
        // Decided here already: to await the operation in another coroutine would cost that one's frame.
        if (state_->must_wait(count)) return async_acquire(count, net::use_awaitable_t<Executor>{});
        return take_or_wait(count);
    }

private:
    net::awaitable<permit, Executor> take_or_wait(std::size_t count) {
        if (permit p = try_acquire(count)) co_return p;
        co_return co_await async_acquire(count, net::use_awaitable_t<Executor>{});
    }

    Executor executor_;
    std::shared_ptr<detail::semaphore_state> state_;
};

using semaphore = basic_semaphore<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_SEMAPHORE_HPP
// end <telltale/sync/semaphore.hpp>
// <telltale/sync/timer.hpp> is above
// <telltale/sync/with_timeout.hpp> is above

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
        : options(std::move(given)), plan(schedule, now, seed) {
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
          source_(std::move(source)),
          sink_(std::move(sink)),
          permits_(strand_, std::max<std::size_t>(options_.max_concurrent, 1)),
          seed_(seed_or_random(options_.seed)) {}

    bool watch(job_id id, watch_options given) {
        if (id.empty()) throw system_error(make_error_code(errc::invalid_argument), "the id of a job is empty");
        const schedule_options schedule{options_.interval, options_.jitter, options_.backoff, given.deadline};
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
            w = std::make_shared<poller_watch>(std::move(id), std::move(given), schedule, now, seed_++);
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
// end <telltale/poll/detail/poller_state.hpp>

namespace telltale::inline TELLTALE_ABI {

/// Watches many jobs by polling a source, a bounded number at a time, and reports to a sink what it sees.
///
///     telltale::status_poller poller(executor, my_source(), board.sink(), {.interval = 5s});
///     poller.watch("42");
///     telltale::job last = co_await poller.async_wait("42");
///
/// A watch ends when its job is in a terminal state, or at its deadline after one last poll, or by unwatch(). A failed
/// poll (an exception of the source) says nothing about the job: it changes the health of the watch, degraded at
/// first, unreachable after several in a row, ok again with the next answer; the next poll comes after a backoff. "Not
/// found" is an answer: several in a row make the job lost. An unknown word is reported raw, and is never the end.
///
/// The source is moved in, and lives until the last poll has ended. It, the sink and the hooks are called on one strand
/// of the executor, so they need no locks among themselves. The sink is not called any more once stop() or the
/// destructor has returned; both wait for a call that is under way on another thread.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class status_poller {
public:
    using executor_type = net::any_io_executor;

    template <status_source Source>
    status_poller(executor_type executor, Source source, job_sink sink, poller_options options = {})
        : status_poller(std::move(executor), std::make_shared<Source>(std::move(source)), std::move(sink),
                        std::move(options)) {}

    /// With a source that others use too.
    template <status_source Source>
    status_poller(executor_type executor, std::shared_ptr<Source> source, job_sink sink, poller_options options = {})
        : executor_(std::move(executor)),
          state_(std::make_shared<detail::poller_state>(
              executor_, std::make_unique<detail::erased_source_of<Source>>(std::move(source)), std::move(sink),
              std::move(options))) {}

    status_poller(const status_poller&) = delete;
    status_poller& operator=(const status_poller&) = delete;

    /// As stop().
    ~status_poller() { state_->stop(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Begins to watch a job: the first poll is at once. False if it is watched already (the options are ignored), or
    /// after stop(). A watch of this job that has ended is forgotten. An empty id is errc::invalid_argument, thrown.
    bool watch(job_id id, watch_options options = {}) { return state_->watch(std::move(id), std::move(options)); }

    /// Stops watching and forgets: a poll in flight is cancelled, whoever waits gets operation_aborted. The job is not
    /// touched, and nothing is reported. False if the id is not known.
    bool unwatch(const job_id& id) { return state_->unwatch(id); }

    /// Stops watching all jobs, for good. Whoever waits gets operation_aborted.
    void stop() { state_->stop(); }

    /// The job as it was last seen, also after its watch has ended, as long as that is remembered.
    std::optional<job> find(const job_id& id) const { return state_->find(id); }

    /// How many jobs are being watched; those whose watch has ended do not count.
    std::size_t watching() const { return state_->watching(); }

    /// How many polls are under way at this moment.
    std::size_t polling() const { return state_->polling(); }

    /// Waits for the end of a job's watch. Any number may wait for one job; they share its polls.
    ///
    /// @par Completion signature
    /// `void(error_code, job)`; with success or `errc::deadline_exceeded` the job as it was last seen.
    /// @par Error codes
    /// `errc::deadline_exceeded`: the deadline of the watch is over, and the job is not; `errc::unknown_job`: it is not
    /// watched, or no longer remembered; `operation_aborted`: cancelled, unwatched or stopped.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the watch goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the poller's), after the sink was told.
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job)>(
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                detail::start_wait<job>(state, std::forward<decltype(handler)>(handler), executor,
                                        [&](std::tuple<error_code, job>& result) {
                                            return state->attempt(id, std::get<0>(result), std::get<1>(result));
                                        });
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::poller_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STATUS_POLLER_HPP
// end <telltale/poll/status_poller.hpp>
// <telltale/poll/status_source.hpp> is above
// begin <telltale/progress/bar.hpp>

#ifndef TELLTALE_PROGRESS_BAR_HPP
#define TELLTALE_PROGRESS_BAR_HPP

// <telltale/core/job.hpp> is above
// begin <telltale/progress/detail/bar_line.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP
#define TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/core/watch_health.hpp> is above
// begin <telltale/progress/detail/text.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_TEXT_HPP
#define TELLTALE_PROGRESS_DETAIL_TEXT_HPP

// <telltale/core/progress.hpp> is above

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

// Text for terminals: what a foreign API calls its jobs must not be able to move the cursor or to break the layout.

namespace telltale::inline TELLTALE_ABI::detail {

struct code_point {
    char32_t value = 0;
    std::size_t length = 1; // in bytes
    bool valid = false;
};

/// The first code point of a text that is not empty. Of invalid UTF-8, one byte.
inline code_point first_code_point(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1, true};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
    char32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {};
        value = (value << 6U) | (byte(i) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
    return {value, length, true};
}

struct code_range {
    char32_t first;
    char32_t last;
};

template <std::size_t N>
constexpr bool is_in(const std::array<code_range, N>& ranges, char32_t c) noexcept {
    return std::any_of(ranges.begin(), ranges.end(), [c](code_range r) { return c >= r.first && c <= r.last; });
}

/// How many columns of a terminal it takes: 0 to 2.
inline std::size_t columns_of(char32_t c) noexcept {
    static constexpr std::array<code_range, 6> none{
        {{0x300, 0x36F}, {0x1AB0, 0x1AFF}, {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
    static constexpr std::array<code_range, 11> wide{{{0x1100, 0x115F},
                                                      {0x2E80, 0x303E},
                                                      {0x3041, 0xA4CF},
                                                      {0xAC00, 0xD7A3},
                                                      {0xF900, 0xFAFF},
                                                      {0xFE30, 0xFE6F},
                                                      {0xFF00, 0xFF60},
                                                      {0xFFE0, 0xFFE6},
                                                      {0x1F300, 0x1F64F},
                                                      {0x1F900, 0x1F9FF},
                                                      {0x20000, 0x3FFFD}}};
    return is_in(none, c) ? 0 : is_in(wide, c) ? 2 : 1;
}

/// Whether it could do something to a terminal, or to the order of what stands beside it.
inline bool is_control(char32_t c) noexcept {
    static constexpr std::array<code_range, 6> controls{
        {{0, 0x1F}, {0x7F, 0x9F}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF}}};
    return is_in(controls, c);
}

inline std::size_t columns(std::string_view text) noexcept {
    std::size_t n = 0;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        n += c.valid ? columns_of(c.value) : 1;
        text.remove_prefix(c.length);
    }
    return n;
}

/// The text without anything that is not to be seen: controls and broken UTF-8 become '?', white space becomes a space,
/// and where the terminal has no UTF-8, all that is not ASCII becomes '?'.
inline std::string clean(std::string_view text, bool unicode) {
    std::string result;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        const bool space = c.valid && (c.value == '\n' || c.value == '\t' || c.value == '\r');
        if (space)
            result += ' ';
        else if (!c.valid || is_control(c.value) || (!unicode && c.value > 0x7E))
            result += '?';
        else
            result += text.substr(0, c.length);
        text.remove_prefix(c.length);
    }
    return result;
}

/// A clean text cut down to so many columns, with a mark where something is missing.
inline std::string cut(std::string_view text, std::size_t width, bool unicode) {
    if (columns(text) <= width) return std::string(text);
    if (width == 0) return {};
    std::string result;
    std::size_t used = 0;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        const std::size_t n = c.valid ? columns_of(c.value) : 1;
        if (used + n > width - 1) break;
        used += n;
        result += text.substr(0, c.length);
        text.remove_prefix(c.length);
    }
    return result + (unicode ? "\u2026" : "~");
}

/// The same, filled up with spaces.
inline std::string fit(std::string_view text, std::size_t width, bool unicode) {
    std::string result = cut(text, width, unicode);
    result.append(width - std::min(width, columns(result)), ' ');
    return result;
}

template <class... Args>
std::string print(const char* format, Args... args) {
    std::array<char, 64> text{};
    const int n = std::snprintf(text.data(), text.size(), format, args...);
    return {text.data(), std::min(text.size() - 1, static_cast<std::size_t>(std::max(n, 0)))};
}

/// "0:12", "1:02:03", "2d 03h".
inline std::string human_duration(std::chrono::duration<double> d) {
    if (!(d.count() < 3.2e10)) return "ages"; // a thousand years; also what is not a number
    const auto s = static_cast<long long>(std::ceil(std::max(0.0, d.count())));
    if (s >= 86'400) return print("%lldd %02lldh", s / 86'400, s % 86'400 / 3600);
    if (s >= 3600) return print("%lld:%02lld:%02lld", s / 3600, s % 3600 / 60, s % 60);
    return print("%lld:%02lld", s / 60, s % 60);
}

struct human_scale {
    double divisor = 1;
    const char* suffix = "";
};

/// In which a value is best read.
inline human_scale scale_for(double value, progress_unit unit) {
    const bool bytes = unit == progress_unit::bytes;
    static constexpr std::array<const char*, 7> binary{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    static constexpr std::array<const char*, 7> decimal{"", "k", "M", "G", "T", "P", "E"};
    human_scale scale{1, bytes ? binary[0] : decimal[0]};
    if (!bytes && std::abs(value) < 100'000) return scale;
    const double step = bytes ? 1024 : 1000;
    for (std::size_t i = 1; i < binary.size() && std::abs(value) >= scale.divisor * step; ++i)
        scale = {scale.divisor * step, bytes ? binary[i] : decimal[i]};
    return scale;
}

inline std::string human_number(double value, human_scale scale) {
    const double scaled = value / scale.divisor;
    const bool whole = scale.divisor == 1 ? scaled == std::floor(scaled) || scaled >= 100 : scaled >= 100;
    return print(whole ? "%.0f" : "%.1f", scaled);
}

/// "1.2 MiB", "12345", "3.4M", "0:12".
inline std::string human_amount(double value, progress_unit unit) {
    if (unit == progress_unit::seconds) return human_duration(std::chrono::duration<double>(value));
    const human_scale scale = scale_for(value, unit);
    return human_number(value, scale) + scale.suffix;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_TEXT_HPP
// end <telltale/progress/detail/text.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct bar_style {
    bool unicode = true; ///< bars of block characters, and names in their own script; else ASCII
    bool colour = false; ///< ANSI colours
};

namespace detail {

struct job_texts {
    std::string name;
    std::string state;     // "queued, place 3", "failed: no such file"
    std::string percent;   // "42 %"
    std::string amount;    // "1.2/3.4 MiB"
    std::string rate;      // "120 KiB/s"
    std::string remaining; // "0:12 left"
};

inline std::string state_text(const job& j, bool unicode) {
    std::string text(to_string(j.state));
    std::replace(text.begin(), text.end(), '_', ' ');
    if (j.state == job_state::queued && j.queue_position) text += ", place " + std::to_string(*j.queue_position);
    if (j.error && !j.error->message.empty()) text += ": " + clean(j.error->message, unicode);
    if (j.health.state != watch_state::ok && !is_terminal(j.state))
        text += ", " + std::string(to_string(j.health.state));
    return text;
}

inline job_texts texts_of(const job& j, bool unicode) {
    job_texts t;
    t.name = clean(j.name.empty() ? j.id : j.name, unicode);
    t.state = state_text(j, unicode);
    if (!j.progress) return t;
    const progress& p = *j.progress;
    // Rounded down: 100 % is only what is complete.
    if (const auto percent = p.percent()) t.percent = print("%.0f %%", std::floor(*percent));
    if (p.unit != progress_unit::percent) {
        if (p.total && p.unit != progress_unit::seconds) {
            const human_scale scale = scale_for(*p.total, p.unit);
            t.amount = human_number(p.done, scale) + "/" + human_number(*p.total, scale) + scale.suffix;
        } else {
            t.amount = human_amount(p.done, p.unit);
            if (p.total) t.amount += "/" + human_amount(*p.total, p.unit);
        }
        if (p.rate && p.unit != progress_unit::seconds) t.rate = human_amount(*p.rate, p.unit) + "/s";
    }
    if (p.remaining && !is_terminal(j.state)) t.remaining = human_duration(*p.remaining) + " left";
    return t;
}

/// A line of a terminal, with the columns it takes.
class bar_line {
public:
    bar_line(const job& j, std::size_t width, const bar_style& style) : style_(style) {
        const job_texts t = texts_of(j, style.unicode);
        const std::size_t name_width = std::clamp<std::size_t>(width / 4, 8, 24);
        if (width < name_width + 6) { // only the name and how it is
            const std::string& how = t.percent.empty() || is_terminal(j.state) ? t.state : t.percent;
            add(cut(t.name + " " + how, width, style.unicode));
            return;
        }
        add(fit(t.name, name_width, style.unicode));
        const std::size_t room = width - name_width;
        if (j.state == job_state::running && !t.percent.empty())
            running(j, t, room);
        else
            other(j, t, room);
    }

    const std::string& text() const noexcept { return text_; }
    std::size_t columns() const noexcept { return columns_; }

private:
    static constexpr std::size_t least_bar = 10;
    static constexpr std::size_t most_bar = 40;

    void running(const job& j, const job_texts& t, std::size_t room) {
        const bool well = j.health.state == watch_state::ok;
        const std::string health = well ? std::string() : std::string(to_string(j.health.state));
        // In the order of the line, and in which order they go when it is narrow: what is wrong goes last.
        std::vector<std::string_view> parts{t.percent, t.amount, t.rate, t.remaining, health};
        for (const std::size_t drop : std::array<std::size_t, 3>{2, 1, 3}) {
            if (needed(parts) + least_bar + 1 <= room) break;
            parts[drop] = {};
        }
        const std::size_t rest = needed(parts);
        if (rest + least_bar + 1 <= room) bar(*j.progress->percent(), std::min(room - rest - 1, most_bar));
        for (std::size_t i = 0; i < parts.size(); ++i)
            if (!parts[i].empty() && columns_ < limit(room)) part(parts[i], i == 4 ? yellow : "", room);
    }

    void other(const job& j, const job_texts& t, std::size_t room) {
        part(t.state, colour_of(j), room);
        if (!t.percent.empty() && !is_terminal(j.state)) part(t.percent, "", room);
        for (const std::string* const text : {&t.amount, &t.rate})
            if (!text->empty() && detail::columns(*text) + 1 < limit(room) - std::min(columns_, limit(room)))
                part(*text, "", room);
    }

    std::size_t limit(std::size_t room) const noexcept { return name_columns() + room; }
    std::size_t name_columns() const noexcept { return name_columns_; }

    static std::size_t needed(const std::vector<std::string_view>& parts) {
        std::size_t n = 0;
        for (const auto part : parts)
            if (!part.empty()) n += detail::columns(part) + 2;
        return n;
    }

    void part(std::string_view text, const char* colour, std::size_t room) {
        const std::size_t left = limit(room) - std::min(limit(room), columns_);
        const std::size_t gap = columns_ == name_columns_ ? 1 : 2;
        if (left <= gap) return;
        add(std::string(gap, ' '));
        add(cut(text, left - gap, style_.unicode), colour);
    }

    void bar(double percent, std::size_t width) {
        const double cells = percent / 100 * static_cast<double>(style_.unicode ? width : width - 2);
        std::string filled;
        std::string empty;
        if (style_.unicode) {
            static constexpr std::array<const char*, 8> eighths{"",       "\u258f", "\u258e", "\u258d",
                                                                "\u258c", "\u258b", "\u258a", "\u2589"};
            const auto full = static_cast<std::size_t>(cells);
            const auto part = static_cast<std::size_t>((cells - std::floor(cells)) * 8);
            for (std::size_t i = 0; i < full; ++i) filled += "\u2588";
            filled += eighths[part];
            for (std::size_t i = full + (part != 0 ? 1 : 0); i < width; ++i) empty += "\u2591";
        } else {
            filled = "[" + std::string(static_cast<std::size_t>(cells), '#');
            empty = std::string(width - 1 - filled.size(), '.') + "]";
        }
        add(" ");
        add(filled, cyan);
        add(empty);
    }

    void add(std::string_view text, const char* colour = "") {
        const bool coloured = style_.colour && *colour != '\0' && !text.empty();
        if (coloured) text_ += colour;
        text_ += text;
        if (coloured) text_ += "\x1b[0m";
        columns_ += detail::columns(text);
        if (name_columns_ == 0) name_columns_ = columns_;
    }

    static constexpr const char* red = "\x1b[31m";
    static constexpr const char* green = "\x1b[32m";
    static constexpr const char* yellow = "\x1b[33m";
    static constexpr const char* cyan = "\x1b[36m";

    static const char* colour_of(const job& j) noexcept {
        if (j.health.state != watch_state::ok && !is_terminal(j.state)) return yellow;
        switch (j.state) {
        case job_state::succeeded: return green;
        case job_state::failed:
        case job_state::timed_out:
        case job_state::lost: return red;
        case job_state::cancelled:
        case job_state::skipped:
        case job_state::paused: return yellow;
        case job_state::pending:
        case job_state::queued:
        case job_state::running: break;
        }
        return "";
    }

    bar_style style_;
    std::string text_;
    std::size_t columns_ = 0;
    std::size_t name_columns_ = 0;
};

inline std::string plain_line(const job& j, const bar_style& style) {
    const job_texts t = texts_of(j, style.unicode);
    std::string line = t.name + ": " + t.state;
    for (const std::string* const text : {&t.percent, &t.amount, &t.rate, &t.remaining})
        if (!text->empty()) line += ", " + *text;
    return line;
}

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP
// end <telltale/progress/detail/bar_line.hpp>

#include <cstddef>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// One job as one line of at most `width` columns: name, bar, percent, amount, rate, remaining time, state. On a narrow
/// line the least important parts are left out. What is not known is not shown: without a total there is no bar.
///
/// A function of its arguments only: no terminal, no clock. Whatever the job's texts contain, the line has no control
/// characters but, with `style.colour`, the colours.
inline std::string render_bar(const job& j, std::size_t width, const bar_style& style = {}) {
    return detail::bar_line(j, width, style).text();
}

/// One job as one line of plain text, however long: for logs and pipes.
inline std::string render_plain(const job& j, const bar_style& style = {.unicode = false}) {
    return detail::plain_line(j, style);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_HPP
// end <telltale/progress/bar.hpp>
// begin <telltale/progress/bar_writer.hpp>

#ifndef TELLTALE_PROGRESS_BAR_WRITER_HPP
#define TELLTALE_PROGRESS_BAR_WRITER_HPP

// <telltale/core/job.hpp> is above
// <telltale/progress/bar.hpp> is above
// begin <telltale/progress/detail/bar_screen.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP
#define TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/job_state.hpp> is above
// <telltale/progress/detail/bar_line.hpp> is above
// <telltale/progress/detail/text.hpp> is above

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

struct screen_size {
    std::size_t width = 80;
    std::size_t height = 24;
};

/// What has to be written so that a terminal shows the jobs, or so that a log does. Sans I/O: `now` and the size are
/// passed in.
class bar_screen {
public:
    using clock = std::chrono::steady_clock;
    using job_list = std::vector<std::shared_ptr<const job>>;

    bar_screen(bool terminal, bar_style style, clock::duration redraw, clock::duration plain)
        : terminal_(terminal), style_(style), redraw_interval_(redraw), plain_interval_(plain) {}

    /// Nothing: it is too early to draw again.
    std::optional<std::string> update(const job_list& jobs, clock::time_point now, screen_size size) {
        if (drawn_ && now - *drawn_ < redraw_interval_) return std::nullopt;
        drawn_ = now;
        return terminal_ ? draw(jobs, size, false) : list(jobs, now, false);
    }

    std::string log(std::string_view message, screen_size size) {
        std::string text = clean(message, style_.unicode) + "\n";
        if (!terminal_) return text;
        return erase(size) + text + join(frame_);
    }

    /// The last that is shown: every job has its final line, and no bar is left to be redrawn.
    std::string finish(const job_list& jobs, clock::time_point now, screen_size size) {
        return terminal_ ? draw(jobs, size, true) : list(jobs, now, true);
    }

private:
    struct line {
        std::string text;
        std::size_t columns;
        friend bool operator==(const line&, const line&) = default;
    };

    struct shown {
        job_state state{};
        std::uint32_t attempt = 0;
        bool final = false;
        clock::time_point at{};
    };

    line bar(const job& j, std::size_t width) const {
        const bar_line l(j, width, style_);
        return {l.text(), l.columns()};
    }

    std::string draw(const job_list& jobs, screen_size size, bool last) {
        const std::size_t width = std::max<std::size_t>(size.width, 2) - 1; // the last column would wrap
        std::string above;
        job_list live; // running first, then what waits
        job_list waiting;
        for (const auto& j : jobs) {
            const bool over = is_terminal(j->state) || last;
            shown& s = shown_[j->id];
            if (s.attempt != j->attempt || !over) s = {j->state, j->attempt, false, {}};
            if (!over) (j->state == job_state::running ? live : waiting).push_back(j);
            if (over && !std::exchange(s.final, true)) above += bar(*j, width).text + "\n";
        }
        live.insert(live.end(), waiting.begin(), waiting.end());
        const std::size_t most = std::max<std::size_t>(size.height, 3) - 2;
        std::vector<line> frame;
        for (const auto& j : live) {
            if (frame.size() + 1 == most && live.size() > most) {
                const std::string more = "and " + std::to_string(live.size() - frame.size()) + " more";
                frame.push_back({cut(more, width, style_.unicode), std::min(more.size(), width)});
                break;
            }
            frame.push_back(bar(*j, width));
        }
        if (above.empty() && frame == frame_) return {};
        const std::string old = erase(size);
        frame_ = std::move(frame);
        return old + above + join(frame_);
    }

    // Lines that were as wide as a wider terminal take more than one row of a narrower one.
    std::string erase(screen_size size) const {
        if (frame_.empty()) return {};
        std::size_t rows = 0;
        for (const line& l : frame_)
            rows += l.columns == 0 ? 1 : (l.columns - 1) / std::max<std::size_t>(1, size.width) + 1;
        return "\r\x1b[" + std::to_string(rows) + "A\x1b[J";
    }

    static std::string join(const std::vector<line>& lines) {
        std::string all;
        for (const line& l : lines) all += l.text + "\n";
        return all;
    }

    std::string list(const job_list& jobs, clock::time_point now, bool last) {
        std::string all;
        for (const auto& j : jobs) {
            const auto [s, fresh] = shown_.try_emplace(j->id);
            const bool changed = fresh || s->second.state != j->state || s->second.attempt != j->attempt;
            const bool due = j->state == job_state::running && j->progress && now - s->second.at >= plain_interval_;
            const bool final = last && !is_terminal(j->state) && !s->second.final;
            if (!changed && !due && !final) continue;
            s->second = {j->state, j->attempt, last, now};
            all += plain_line(*j, style_) + "\n";
        }
        return all;
    }

    bool terminal_;
    bar_style style_;
    clock::duration redraw_interval_;
    clock::duration plain_interval_;
    std::optional<clock::time_point> drawn_;
    std::map<job_id, shown, std::less<>> shown_;
    std::vector<line> frame_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP
// end <telltale/progress/detail/bar_screen.hpp>
// begin <telltale/progress/detail/terminal.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP
#define TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP

// <telltale/progress/detail/bar_line.hpp> is above
// <telltale/progress/detail/bar_screen.hpp> is above

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/ioctl.h>
#include <unistd.h>
#define TELLTALE_HAS_TERMINAL 1
#endif

namespace telltale::inline TELLTALE_ABI::detail {

inline std::string_view environment(const char* name) {
    const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody sets it meanwhile
    return value ? std::string_view(value) : std::string_view();
}

inline bool is_terminal_file([[maybe_unused]] std::FILE* file) {
#if defined(TELLTALE_HAS_TERMINAL)
    return ::isatty(::fileno(file)) == 1 && environment("TERM") != "dumb";
#else
    return false;
#endif
}

/// https://no-color.org; UTF-8 by the rules of POSIX: LC_ALL, else LC_CTYPE, else LANG.
inline bar_style style_of_terminal(bool terminal) {
    bar_style style;
    style.colour = terminal && environment("NO_COLOR").empty();
    std::string_view locale = environment("LC_ALL");
    if (locale.empty()) locale = environment("LC_CTYPE");
    if (locale.empty()) locale = environment("LANG");
    std::string upper(locale);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    style.unicode = upper.find("UTF-8") != std::string::npos || upper.find("UTF8") != std::string::npos;
    return style;
}

inline std::size_t size_from(const char* name, std::size_t otherwise) {
    const std::string_view text = environment(name);
    std::size_t n = 0;
    const auto end = text.data() + text.size();
    return std::from_chars(text.data(), end, n).ptr == end && n > 0 ? n : otherwise;
}

/// Asked for every time: windows are resized.
inline screen_size size_of_terminal([[maybe_unused]] std::FILE* file) {
#if defined(TELLTALE_HAS_TERMINAL)
    winsize size{};
    if (::ioctl(::fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
        return {size.ws_col, size.ws_row};
#endif
    return {size_from("COLUMNS", 80), size_from("LINES", 24)};
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP
// end <telltale/progress/detail/terminal.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct bar_writer_options {
    /// How often the bars are drawn anew at most.
    std::chrono::steady_clock::duration redraw_interval = std::chrono::milliseconds{100};
    /// Not on a terminal: how often the progress of one job is told at most.
    std::chrono::steady_clock::duration plain_interval = std::chrono::seconds{5};
    std::optional<bool> terminal{};   ///< absent: whether the file is one, and TERM is not "dumb"
    std::optional<bar_style> style{}; ///< absent: by NO_COLOR and the locale
};

/// Shows jobs in a terminal: a bar for every job that is not over, in place, and above them a line for each that is.
/// Where the file is not a terminal: a line for every change of state, and now and then one of progress; no control
/// codes.
///
///     telltale::bar_writer bars(stderr);
///     while (...) bars.update(board.jobs(), telltale::steady_now(executor));
///     bars.finish(board.jobs(), telltale::steady_now(executor));
///
/// Nobody else may write to the terminal meanwhile: log() writes a line above the bars.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class bar_writer {
public:
    using clock = std::chrono::steady_clock;
    using job_list = std::vector<std::shared_ptr<const job>>;

    /// `out` must stay open as long as this is used.
    explicit bar_writer(std::FILE* out, bar_writer_options options = {})
        : out_(out),
          terminal_(options.terminal.value_or(detail::is_terminal_file(out))),
          screen_(terminal_, options.style.value_or(detail::style_of_terminal(terminal_)), options.redraw_interval,
                  options.plain_interval) {}

    bool is_terminal() const noexcept { return terminal_; }

    /// Shows the jobs as they are. False: it is too early since the last time, and nothing was done; call again later.
    bool update(const job_list& jobs, clock::time_point now) {
        const auto text = screen_.update(jobs, now, detail::size_of_terminal(out_));
        if (text) write(*text);
        return text.has_value();
    }

    /// Writes a line above the bars.
    void log(std::string_view line) { write(screen_.log(line, detail::size_of_terminal(out_))); }

    /// Shows every job a last time, now, and leaves the cursor below.
    void finish(const job_list& jobs, clock::time_point now) {
        write(screen_.finish(jobs, now, detail::size_of_terminal(out_)));
    }

private:
    void write(const std::string& text) {
        if (text.empty()) return;
        std::fwrite(text.data(), 1, text.size(), out_);
        std::fflush(out_);
    }

    std::FILE* out_;
    bool terminal_;
    detail::bar_screen screen_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_WRITER_HPP
// end <telltale/progress/bar_writer.hpp>
// begin <telltale/progress/progress_snapshot.hpp>

#ifndef TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP
#define TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP

// <telltale/core/progress.hpp> is above

#include <chrono>
#include <cstdint>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What a look at a progress_tracker showed. Given back to progress_tracker::async_wait_change it means "I have seen
/// this": one that was made by default has seen nothing.
struct progress_snapshot {
    progress value{};
    std::string message{};
    bool finished = false;                      ///< nothing will change any more
    std::chrono::steady_clock::time_point at{}; ///< when it was looked at
    std::uint64_t count = 0;                    ///< `value.done`, exactly
    std::uint64_t revision = 0;                 ///< counts the changes of all but the count; 0: never looked
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP
// end <telltale/progress/progress_snapshot.hpp>
// begin <telltale/progress/progress_tracker.hpp>

#ifndef TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP
#define TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/detail/waiter.hpp> is above
// begin <telltale/progress/detail/progress_state.hpp>

#ifndef TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP
#define TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/estimator.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/progress/progress_snapshot.hpp> is above
// <telltale/sync/timer.hpp> is above

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// What a progress_tracker and its waits share.
///
/// `cell_` is what is done, times two, plus one when somebody wants to hear of the next change ("armed"). A waiter arms
/// it and learns in the same step what was done at that moment; advance() learns in its one step whether it was armed.
/// So either the waiter sees the advance, or the advance sees the waiter. Every change of `cell_` is a
/// read-modify-write, so that whoever comes later also sees a total that was set before.
class progress_state final : public wait_state {
public:
    using clock = std::chrono::steady_clock;
    static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

    progress_state(net::execution_context& context, std::optional<std::uint64_t> total, progress_unit unit,
                   std::uint64_t done, std::chrono::duration<double> horizon)
        : wait_state(context),
          cell_(done << 1),
          total_(total.value_or(unknown)),
          source_(net::use_service<time_source>(context)),
          speed_(horizon),
          unit_(unit) {
        speed_.sample(static_cast<double>(done), source_.now());
    }

    std::uint64_t done() const noexcept { return cell_.load(std::memory_order_acquire) >> 1; }

    void advance(std::uint64_t n) {
        const std::uint64_t old = cell_.fetch_add(n << 1, std::memory_order_acq_rel);
        if (is_news(old, (old >> 1) + n)) [[unlikely]]
            wake();
    }

    void set_done(std::uint64_t done) {
        const std::uint64_t old = cell_.exchange(done << 1, std::memory_order_acq_rel);
        if (is_news(old, done)) wake();
    }

    /// Changes what is not the count: `change` is called with the mutex held.
    template <class Change>
    void change(Change change) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            if (finished_) return;
            change();
            ++revision_;
            cell_.fetch_or(armed, std::memory_order_acq_rel);
            collect(woken);
        }
        complete(woken);
    }

    // The following only from within change().
    void assign_total(std::optional<std::uint64_t> total) noexcept {
        total_.store(total.value_or(unknown), std::memory_order_relaxed);
    }
    void assign_message(std::string message) noexcept { message_ = std::move(message); }
    void assign_finished() { finished_ = source_.now(); }

    progress_snapshot snapshot() {
        const std::lock_guard lock(mutex());
        return look();
    }

    clock::time_point now() const { return source_.now(); }

    // With the mutex held.
    wait_list* attempt_done() noexcept { return over() ? nullptr : &done_waiters_; }

    // With the mutex held.
    wait_list* attempt_change(std::uint64_t id, const progress_snapshot& since, clock::time_point due, error_code& ec,
                              progress_snapshot& result) {
        if (since.finished) {
            ec = errc::closed;
            return nullptr;
        }
        std::erase_if(looks_, [](const one_look& l) { return l.waiters.empty(); }); // cancelled
        one_look& l = looks_.emplace_back(id, since.count, since.revision, source_.now() < due);
        if (!wanted(l)) return &l.waiters;
        looks_.pop_back();
        result = look();
        return nullptr;
    }

    /// The interval of this wait is over.
    void release(std::uint64_t id) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            for (auto& l : looks_)
                if (l.id == id) l.held_back = false;
            collect(woken);
        }
        complete(woken);
    }

    std::uint64_t next_id() noexcept { return next_id_.fetch_add(1, std::memory_order_relaxed); }

    void take_all(wait_list& all) noexcept override {
        all.take(done_waiters_);
        for (auto& l : looks_) all.take(l.waiters);
    }

private:
    static constexpr std::uint64_t armed = 1;

    /// Somebody who has seen `count` and `revision` and waits for others.
    struct one_look {
        one_look(std::uint64_t i, std::uint64_t c, std::uint64_t r, bool held)
            : id(i), count(c), revision(r), held_back(held) {}

        std::uint64_t id;
        std::uint64_t count;
        std::uint64_t revision;
        bool held_back; // its interval is not over yet
        wait_list waiters;
    };

    struct ready {
        wait_list done;
        wait_list changed;
        progress_snapshot snapshot;
    };

    bool is_news(std::uint64_t old, std::uint64_t now) const noexcept {
        const std::uint64_t total = total_.load(std::memory_order_relaxed);
        return (old & armed) != 0 || ((old >> 1) < total && now >= total);
    }

    void wake() {
        cell_.fetch_and(~armed, std::memory_order_acq_rel); // before collect(), which arms it again where it must
        ready woken;
        {
            const std::lock_guard lock(mutex());
            collect(woken);
        }
        complete(woken);
    }

    // With the mutex held, as all below but complete().
    void collect(ready& woken) {
        if (over()) woken.done.take(done_waiters_);
        for (auto l = looks_.begin(); l != looks_.end();) {
            const bool go = wanted(*l);
            if (go) woken.changed.take(l->waiters);
            l = go ? looks_.erase(l) : std::next(l);
        }
        if (!woken.changed.empty()) woken.snapshot = look();
    }

    // Arms where the answer is no.
    bool wanted(const one_look& l) noexcept {
        if (finished_) return true;
        if (l.held_back) return false;
        if (l.revision != revision_ || done() != l.count) return true;
        return (cell_.fetch_or(armed, std::memory_order_acq_rel) >> 1) != l.count;
    }

    bool over() const noexcept { return finished_ || done() >= total_.load(std::memory_order_relaxed); }

    progress_snapshot look() {
        progress_snapshot result;
        result.at = source_.now();
        result.count = done();
        result.revision = revision_;
        result.finished = finished_.has_value();
        result.message = message_;
        progress& p = result.value;
        p.done = static_cast<double>(result.count);
        p.unit = unit_;
        const auto as_of = finished_.value_or(result.at);
        speed_.sample(p.done, as_of);
        p.rate = speed_.rate(as_of);
        const std::uint64_t total = total_.load(std::memory_order_relaxed);
        if (total == unknown) return result;
        p.total = static_cast<double>(total);
        if (!finished_ && result.count <= total) p.remaining = speed_.remaining(*p.total, as_of);
        return result;
    }

    static void complete(ready& woken) {
        woken.done.finish_all({});
        while (wait_node* const n = woken.changed.pop_front())
            static_cast<waiter<progress_snapshot>*>(n)->complete({}, woken.snapshot);
    }

    alignas(64) std::atomic<std::uint64_t> cell_;
    std::atomic<std::uint64_t> total_; // beside it: read by every advance
    alignas(64) std::atomic<std::uint64_t> next_id_{0};
    time_source& source_;
    wait_list done_waiters_;
    std::list<one_look> looks_;
    estimator speed_;
    std::string message_;
    std::uint64_t revision_ = 1;
    std::optional<clock::time_point> finished_;
    progress_unit unit_;
};

/// Keeps the timer of a wait as long as the wait lasts.
template <class Handler, class Executor>
struct throttled_handler {
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;
    executor_type get_executor() const noexcept { return net::get_associated_executor(handler, fallback); }
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
    cancellation_slot_type get_cancellation_slot() const noexcept {
        return net::get_associated_cancellation_slot(handler);
    }

    void operator()(error_code ec, progress_snapshot result) {
        timer.reset();
        std::move(handler)(ec, std::move(result));
    }

    Handler handler;
    Executor fallback;
    std::unique_ptr<basic_timer<Executor>> timer;
};

template <class Handler, class Executor>
void start_wait_change(const std::shared_ptr<progress_state>& state, Handler&& handler, const Executor& executor,
                       const progress_snapshot& since, std::chrono::steady_clock::duration min_interval) {
    using clock = std::chrono::steady_clock;
    const auto id = state->next_id();
    auto due = clock::time_point::min();
    if (since.revision != 0 && min_interval > clock::duration::zero())
        due = min_interval > clock::time_point::max() - since.at ? clock::time_point::max() : since.at + min_interval;
    std::unique_ptr<basic_timer<Executor>> timer;
    if (due > state->now()) {
        timer = std::make_unique<basic_timer<Executor>>(executor);
        timer->expires_at(due);
        timer->async_wait([weak = std::weak_ptr(state), id](error_code ec) {
            if (ec) return;
            if (const auto s = weak.lock()) s->release(id);
        });
    }
    throttled_handler<std::decay_t<Handler>, Executor> throttled{std::forward<Handler>(handler), executor,
                                                                 std::move(timer)};
    start_wait<progress_snapshot>(
        state, std::move(throttled), executor, [&](std::tuple<error_code, progress_snapshot>& result) {
            return state->attempt_change(id, since, due, std::get<0>(result), std::get<1>(result));
        });
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP
// end <telltale/progress/detail/progress_state.hpp>
// <telltale/progress/progress_snapshot.hpp> is above

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct progress_tracker_options {
    std::optional<std::uint64_t> total{}; ///< in `unit`; absent: nobody knows yet
    progress_unit unit = progress_unit::items;
    std::uint64_t done = 0; ///< done before this begins: counts, but is no part of the rate
    /// For the rate: what happened that long ago has a tenth of the weight of now. Greater than zero.
    std::chrono::duration<double> horizon = std::chrono::seconds{15};
};

/// Counts what is done, at the cost of one atomic step per advance(), and tells whoever waits for it.
///
///     telltale::progress_tracker files(executor, {.total = names.size()});
///     files.advance(); // in any thread, as often as you like
///
/// A reporter or a bar looks at it at its own pace, and is asleep while nothing changes:
///
///     for (telltale::progress_snapshot last; !last.finished;) {
///         last = co_await files.async_wait_change(last, 100ms);
///         show(last.value);
///     }
///
/// It tells what is so: more done than the total, a total of zero, one that changes, and a count that goes back are
/// reported as they are, and no percentage, rate or remaining time is made up for them. Counts are exact up to 2^53.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_progress_tracker {
public:
    using executor_type = Executor;
    using duration = std::chrono::steady_clock::duration;

    template <class Other>
    struct rebind_executor {
        using other = basic_progress_tracker<Other>;
    };

    explicit basic_progress_tracker(const Executor& executor, progress_tracker_options options = {})
        : executor_(executor),
          state_(std::make_shared<detail::progress_state>(detail::context_of(executor), options.total, options.unit,
                                                          options.done, options.horizon)) {}

    basic_progress_tracker(const basic_progress_tracker&) = delete;
    basic_progress_tracker& operator=(const basic_progress_tracker&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_progress_tracker() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// `n` more are done. One atomic step, without lock, clock or executor, but when somebody waits for just this: the
    /// first change after a look, or the arrival at the total.
    void advance(std::uint64_t n = 1) { state_->advance(n); }

    /// So much is done, be it more or less than before. Going back begins the measurement of the rate anew.
    void set_done(std::uint64_t done) { state_->set_done(done); }

    /// The total is known, is another, or is unknown after all. Ignored after finish().
    void set_total(std::optional<std::uint64_t> total) {
        state_->change([&] { state_->assign_total(total); });
    }

    /// What the work says of itself. Ignored after finish(). Not for every tick: takes a lock.
    void set_message(std::string message) {
        state_->change([&] { state_->assign_message(std::move(message)); });
    }

    /// Nothing will change any more, whatever the total was: everybody who waits is told at once.
    void finish() {
        state_->change([&] { state_->assign_finished(); });
    }

    std::uint64_t done() const noexcept { return state_->done(); }

    /// How far it is now, with the rate and remaining time as seen at this moment.
    progress sample() const { return state_->snapshot().value; }

    /// The same, with all else that is known.
    progress_snapshot snapshot() const { return state_->snapshot(); }

    /// Waits until the work is done: finish() was called, or a known total is reached. (A total may still rise
    /// afterwards.)
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the tracker was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the tracker's).
    template <class Token = default_token_t<Executor>>
    auto async_wait_done(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->attempt_done(); });
            },
            std::forward<Token>(token));
    }

    /// Waits until something is different from `since`, but not for less than `min_interval` (0: no limit) from that
    /// look on; finish() ends both. With a `since` that has seen nothing it completes at once. Takes one timer per call
    /// at most, and nothing while nothing changes. No change is missed, however long it is until the next call.
    ///
    /// @par Completion signature
    /// `void(error_code, progress_snapshot)`
    /// @par Error codes
    /// `errc::closed`: `since` has seen the end already; `operation_aborted`: cancelled, or the tracker was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the tracker's).
    template <class Token = default_token_t<Executor>>
    auto async_wait_change(progress_snapshot since = {}, duration min_interval = std::chrono::milliseconds{100},
                           Token&& token = {}) {
        return detail::async_start<void(error_code, progress_snapshot)>(
            executor_,
            [state = state_, since = std::move(since), min_interval](auto&& handler, const Executor& executor) {
                detail::start_wait_change(state, std::forward<decltype(handler)>(handler), executor, since,
                                          min_interval);
            },
            std::forward<Token>(token));
    }

private:
    Executor executor_;
    std::shared_ptr<detail::progress_state> state_;
};

using progress_tracker = basic_progress_tracker<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_PROGRESS_TRACKER_HPP
// end <telltale/progress/progress_tracker.hpp>
// begin <telltale/run/for_each_chunk.hpp>

#ifndef TELLTALE_RUN_FOR_EACH_CHUNK_HPP
#define TELLTALE_RUN_FOR_EACH_CHUNK_HPP

// <telltale/asio.hpp> is above
// begin <telltale/run/detail/chunk_run.hpp>

#ifndef TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP

// <telltale/asio.hpp> is above
// <telltale/core/estimator.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above
// begin <telltale/run/hooks.hpp>

#ifndef TELLTALE_RUN_HOOKS_HPP
#define TELLTALE_RUN_HOOKS_HPP

// <telltale/core/progress.hpp> is above

#include <chrono>
#include <cstddef>
#include <type_traits>

namespace telltale::inline TELLTALE_ABI {

/// One chunk that has been completed, and how far the whole is.
struct chunk_info {
    std::size_t id = 0;                      ///< in the order of the items, from 0; chunks complete in any order
    std::size_t size = 0;                    ///< items in it
    std::chrono::duration<double> time{};    ///< that it took
    std::size_t done = 0;                    ///< items of all chunks completed so far, this one included
    std::size_t total = 0;                   ///< items there are
    double percent = 0;                      ///< 0 to 100
    std::chrono::duration<double> elapsed{}; ///< since the beginning of the whole
};

/// A hook that is not set. Costs nothing: what it would have been told is not even measured.
struct no_hook {};

/// What is called while for_each_chunk runs. A member that is not set costs nothing.
///
///     telltale::chunk_hooks hooks{.chunk_completed = [&](const telltale::chunk_info& c) { log(c.id, c.time); }};
///
/// Hooks are called on the executor of the coroutine that awaits, one at a time, in the order in which the chunks were
/// completed, and the last has returned when for_each_chunk completes. A hook that throws does no harm to the work: it
/// is counted, and the first exception is kept (chunk_result).
///
/// (Name the hooks before the co_await: GCC 12 destroys temporaries of aggregate type in a co_await expression twice.)
template <class ChunkCompleted = no_hook, class Progress = no_hook>
struct chunk_hooks {
    /// `(const chunk_info&)`: for every chunk.
    [[no_unique_address]] ChunkCompleted chunk_completed{};
    /// `(const progress&)`: items, with rate and remaining time. When chunks complete faster than hooks return, only
    /// the newest is told. The last is always told.
    [[no_unique_address]] Progress progress{};
};

namespace detail {
template <class Hook>
inline constexpr bool is_set = !std::is_same_v<Hook, no_hook>;
} // namespace detail

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_HOOKS_HPP
// end <telltale/run/hooks.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <ranges>
#include <span>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct chunk_options {
    std::size_t size = 0; ///< items in a chunk; the last may be smaller. 0: so that each worker gets about eight
    std::size_t workers =
        0; ///< chunks that run at once. 0: as many as the pool has threads, or the machine if it does not say
};

/// What for_each_chunk did.
struct chunk_result {
    std::size_t chunks = 0;
    std::size_t items = 0;
    std::chrono::duration<double> elapsed{};
    std::size_t hook_errors = 0;           ///< how often a hook threw
    std::exception_ptr first_hook_error{}; ///< what it threw first
};

/// Tells a chunk that is under way that nobody wants the rest: the run was cancelled, or another chunk has thrown.
class chunk_stop {
public:
    explicit chunk_stop(const std::atomic<bool>& flag) noexcept : flag_(&flag) {}

    /// A relaxed load; as often as you like. To give up, throw system_error(operation_aborted).
    bool requested() const noexcept { return flag_->load(std::memory_order_relaxed); }

private:
    const std::atomic<bool>* flag_;
};

namespace detail {

/// The items of a range, and a part of them: a span where they lie side by side.
template <class View>
class ranged_items {
public:
    explicit ranged_items(View view) : view_(std::move(view)) {}

    std::size_t size() { return static_cast<std::size_t>(std::ranges::size(view_)); }

    auto part(std::size_t first, std::size_t n) {
        using difference = std::ranges::range_difference_t<View>;
        const auto begin = std::ranges::begin(view_) + static_cast<difference>(first);
        if constexpr (std::ranges::contiguous_range<View>)
            return std::span(begin, n);
        else
            return std::ranges::subrange(begin, begin + static_cast<difference>(n));
    }

private:
    View view_;
};

/// The numbers from 0 to n - 1.
class counted_items {
public:
    explicit counted_items(std::size_t n) : n_(n) {}
    std::size_t size() const noexcept { return n_; }
    auto part(std::size_t first, std::size_t n) const { return std::views::iota(first, first + n); }

private:
    std::size_t n_;
};

template <class Pool>
std::size_t threads_of(const Pool& pool) {
    std::size_t n = 0;
    if constexpr (net::can_query_v<const Pool&, net::execution::occupancy_t>)
        n = static_cast<std::size_t>(net::query(pool, net::execution::occupancy));
    if (n == 0) n = std::thread::hardware_concurrency();
    return n == 0 ? 1 : n;
}

struct chunk_outcome {
    chunk_result result{};
    std::exception_ptr error{};
};

/// One run of for_each_chunk. Workers take the next chunk from a common counter, and go back to the end of the pool's
/// queue between two chunks. The last to leave ends the run; what the hooks have still to be told comes before that,
/// because both go through one strand.
template <class Pool, class Items, class Fn, class Hooks>
class chunk_run final : public wait_state {
    using clock = std::chrono::steady_clock;
    static constexpr bool has_chunk_hook = is_set<decltype(Hooks::chunk_completed)>;
    static constexpr bool has_progress_hook = is_set<decltype(Hooks::progress)>;
    static constexpr bool has_hooks = has_chunk_hook || has_progress_hook;

public:
    chunk_run(const net::any_io_executor& home, Pool pool, Items items, chunk_options options, Fn fn, Hooks hooks)
        : wait_state(context_of(home)),
          home_(net::make_strand(home)),
          pool_(std::move(pool)),
          items_(std::move(items)),
          fn_(std::move(fn)),
          hooks_(std::move(hooks)),
          time_(time_source_of(home)),
          total_(items_.size()) {
        const std::size_t workers = options.workers == 0 ? threads_of(pool_) : options.workers;
        size_ = options.size == 0 ? std::max<std::size_t>(1, total_ / (workers * 8)) : options.size;
        chunks_ = total_ / size_ + (total_ % size_ == 0 ? 0 : 1);
        workers_ = std::min(workers, chunks_);
        unfinished_ = workers_;
    }

    wait_list& waiters() noexcept { return waiters_; }
    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    /// Once, with the waiter in its list.
    void start() {
        started_ = time_.now();
        if constexpr (has_progress_hook) speed_.sample(0, started_);
        if (workers_ == 0) return finish(self());
        self_ = self();
        const auto pool = pool_;
        for (std::size_t n = workers_; n != 0; --n) net::post(pool, worker(*this));
    }

    /// No more chunks are begun. From any thread.
    void stop() noexcept { stop_.store(true, std::memory_order_relaxed); }

private:
    /// Counts as working as long as it exists: a pool that is destroyed with it in its queue does not leave anybody
    /// waiting. Does not own the run: that is to be gone, with all that it holds, when the last worker has said that it
    /// is.
    class worker {
    public:
        explicit worker(chunk_run& run) noexcept : run_(&run) {}
        worker(worker&& other) noexcept : run_(std::exchange(other.run_, nullptr)) {}
        worker& operator=(worker&&) = delete;
        ~worker() {
            if (run_) run_->leave();
        }

        void operator()() {
            if (run_->step()) {
                const auto pool = run_->pool_;
                net::post(pool, std::move(*this));
            }
        }

    private:
        chunk_run* run_;
    };

    std::shared_ptr<chunk_run> self() { return std::static_pointer_cast<chunk_run>(this->shared_from_this()); }

    // Whether there may be more to do for this worker.
    bool step() {
        const std::size_t id = next_.fetch_add(1, std::memory_order_relaxed);
        if (id >= chunks_ || stop_.load(std::memory_order_relaxed)) return false;
        const std::size_t first = id * size_;
        const std::size_t n = std::min(size_, total_ - first);
        [[maybe_unused]] clock::time_point begun;
        if constexpr (has_chunk_hook) begun = time_.now();
        try {
            if constexpr (std::is_invocable_v<Fn&, decltype(items_.part(first, n)), chunk_stop>)
                fn_(items_.part(first, n), chunk_stop(stop_));
            else
                fn_(items_.part(first, n));
        } catch (...) {
            fail(std::current_exception());
            return false;
        }
        completed_.fetch_add(1, std::memory_order_relaxed);
        if constexpr (has_hooks) note(id, n, begun);
        return next_.load(std::memory_order_relaxed) < chunks_;
    }

    void fail(std::exception_ptr e) {
        stop();
        const std::lock_guard lock(mutex());
        if (!error_) error_ = std::move(e);
    }

    void note(std::size_t id, std::size_t n, [[maybe_unused]] clock::time_point begun) {
        bool post = false;
        {
            const std::lock_guard lock(mutex());
            done_ += n;
            if constexpr (has_chunk_hook) {
                const auto now = time_.now();
                news_.push_back({id, n, now - begun, done_, total_,
                                 100.0 * static_cast<double>(done_) / static_cast<double>(total_), now - started_});
            }
            post = !std::exchange(posted_, true);
        }
        if (post) net::post(home_, [run = self()] { run->tell(); });
    }

    // On the strand.
    void tell() {
        std::vector<chunk_info> news;
        std::size_t done = 0;
        {
            const std::lock_guard lock(mutex());
            news.swap(news_);
            done = done_;
            posted_ = false;
        }
        if constexpr (has_chunk_hook)
            for (const auto& n : news) call(hooks_.chunk_completed, n);
        if constexpr (has_progress_hook) {
            const auto now = time_.now();
            telltale::progress p;
            p.done = static_cast<double>(done);
            p.total = static_cast<double>(total_);
            speed_.sample(p.done, now);
            p.rate = speed_.rate(now);
            p.remaining = speed_.remaining(*p.total, now);
            call(hooks_.progress, p);
        }
    }

    template <class Hook, class News>
    void call(Hook& hook, const News& news) {
        try {
            hook(news);
        } catch (...) {
            if (hook_errors_++ == 0) first_hook_error_ = std::current_exception();
        }
    }

    void leave() {
        if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        auto last = std::move(self_);
        if constexpr (has_hooks) {
            const auto home = home_;
            net::post(home, [last = std::move(last)]() mutable { last->finish(std::move(last)); });
        } else {
            finish(std::move(last));
        }
    }

    void finish(std::shared_ptr<chunk_run> last) {
        chunk_outcome outcome{{completed_.load(std::memory_order_relaxed), total_, time_.now() - started_, hook_errors_,
                               std::move(first_hook_error_)},
                              nullptr};
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            outcome.error = std::move(error_);
            take_all(all);
        }
        error_code ec;
        if (outcome.result.chunks < chunks_) ec = net::error::operation_aborted;
        last.reset(); // this is gone, but for who awaits
        if (wait_node* const n = all.pop_front())
            static_cast<waiter<chunk_outcome>*>(n)->complete(ec, std::move(outcome));
    }

    net::strand<net::any_io_executor> home_;
    Pool pool_;
    Items items_;
    Fn fn_;
    [[no_unique_address]] Hooks hooks_;
    time_source& time_;
    clock::time_point started_{};
    std::size_t total_;
    std::size_t size_ = 1;
    std::size_t chunks_ = 0;
    std::size_t workers_ = 0;

    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> completed_{0};
    std::atomic<std::size_t> unfinished_{0};
    std::atomic<bool> stop_{false};
    std::shared_ptr<chunk_run> self_; // as long as there are workers

    // Protected by the mutex.
    wait_list waiters_;
    std::exception_ptr error_;
    std::vector<chunk_info> news_;
    std::size_t done_ = 0;
    bool posted_ = false;

    // On the strand.
    estimator speed_;
    std::size_t hook_errors_ = 0;
    std::exception_ptr first_hook_error_;
};

/// Completes with `void(error_code, chunk_outcome)` when no worker is left. Cancelling stops handing out.
template <class Run, class Token>
auto async_run_chunks(std::shared_ptr<Run> run, const net::any_io_executor& home, Token&& token) {
    return async_start<void(error_code, chunk_outcome)>(
        home,
        [run = std::move(run)](auto&& handler, const net::any_io_executor& executor) {
            using handler_type = std::decay_t<decltype(handler)>;
            auto& op = waiter_of<handler_type, net::any_io_executor, chunk_outcome>::create(
                std::forward<decltype(handler)>(handler), executor);
            if (auto slot = op.cancellation_slot(); slot.is_connected())
                slot.assign([weak = std::weak_ptr(run)](net::cancellation_type type) {
                    if (type == net::cancellation_type::none) return;
                    if (const auto r = weak.lock()) r->stop();
                });
            {
                const std::lock_guard lock(run->mutex());
                run->waiters().push_back(op);
            }
            run->start();
        },
        std::forward<Token>(token));
}

template <class Pool, class Items, class Fn, class Hooks>
net::awaitable<chunk_result> run_chunks(Pool pool, Items items, chunk_options options, Fn fn, Hooks hooks) {
    const net::any_io_executor home = co_await net::this_coro::executor;
    auto run = std::make_shared<chunk_run<Pool, Items, Fn, Hooks>>(home, std::move(pool), std::move(items), options,
                                                                   std::move(fn), std::move(hooks));
    auto [ec, outcome] = co_await async_run_chunks(std::move(run), home, as_result);
    if (outcome.error) std::rethrow_exception(outcome.error);
    if (ec) throw system_error(ec);
    co_return std::move(outcome.result);
}

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_CHUNK_RUN_HPP
// end <telltale/run/detail/chunk_run.hpp>
// <telltale/run/hooks.hpp> is above

#include <concepts>
#include <cstddef>
#include <ranges>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Works through a range on the threads of a pool, a chunk of items at a time.
///
///     net::thread_pool pool(4);
///     co_await telltale::for_each_chunk(pool.get_executor(), files, {.size = 1}, [&](std::span<const path> chunk) {
///         for (const path& f : chunk) hash(f);
///     });
///
/// `fn(chunk)` is called on pool threads, several at once; the chunk is a span, or a subrange where the items do not
/// lie side by side. Between two chunks a worker goes to the end of the pool's queue, so that all who share the pool
/// get their turn. An lvalue range is referred to, an rvalue is kept.
///
/// Completes, whether with result, error or cancellation, only when no worker touches the range, `fn` or the hooks any
/// more. So they may refer to whatever outlives the co_await. The pool is to be joined before the context of whoever
/// awaits is destroyed.
///
/// The hooks (hooks.hpp) count items. Where items differ much in size, count what matters in a tracker:
///
///     auto& bytes = job.tracker({.total = sum_of_sizes, .unit = telltale::progress_unit::bytes});
///     ... [&](std::span<const path> chunk) { for (const path& f : chunk) bytes.advance(hash(f)); } ...
///
/// @par Errors
/// Throws what `fn` threw first: no more chunks are begun from then on. Throws system_error(operation_aborted) when it
/// was cancelled, or the pool was stopped, before all chunks were done.
/// @par Per-operation cancellation
/// of the awaiting coroutine: no more chunks are begun; those that run are waited for. A function that takes long for
/// one chunk takes a second argument, chunk_stop, and looks at it now and then.
template <class Pool, std::ranges::random_access_range Range, class Fn, class ChunkCompleted = no_hook,
          class Progress = no_hook>
    requires std::ranges::sized_range<Range> && std::ranges::viewable_range<Range>
[[nodiscard]] net::awaitable<chunk_result> for_each_chunk(Pool pool, Range&& items, chunk_options options, Fn fn,
                                                          chunk_hooks<ChunkCompleted, Progress> hooks = {}) {
    using view = std::views::all_t<Range>;
    return detail::run_chunks(std::move(pool), detail::ranged_items<view>(std::views::all(std::forward<Range>(items))),
                              options, std::move(fn), std::move(hooks));
}

/// The same for the numbers 0 to count - 1: a chunk is a range of std::size_t.
template <class Pool, class Fn, class ChunkCompleted = no_hook, class Progress = no_hook>
[[nodiscard]] net::awaitable<chunk_result> for_each_chunk(Pool pool, std::size_t count, chunk_options options, Fn fn,
                                                          chunk_hooks<ChunkCompleted, Progress> hooks = {}) {
    return detail::run_chunks(std::move(pool), detail::counted_items(count), options, std::move(fn), std::move(hooks));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_FOR_EACH_CHUNK_HPP
// end <telltale/run/for_each_chunk.hpp>
// <telltale/run/hooks.hpp> is above
// begin <telltale/run/job_context.hpp>

#ifndef TELLTALE_RUN_JOB_CONTEXT_HPP
#define TELLTALE_RUN_JOB_CONTEXT_HPP

// <telltale/core/job.hpp> is above
// <telltale/core/progress.hpp> is above
// <telltale/progress/progress_tracker.hpp> is above
// begin <telltale/run/detail/manager_state.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/progress/progress_tracker.hpp> is above
// begin <telltale/run/job_failure.hpp>

#ifndef TELLTALE_RUN_JOB_FAILURE_HPP
#define TELLTALE_RUN_JOB_FAILURE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/error.hpp> is above

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace telltale::inline TELLTALE_ABI {

/// What a job throws to say itself what kind of thing went wrong.
class job_failure : public std::runtime_error {
public:
    job_failure(error_class kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

    error_class kind() const noexcept { return kind_; }

private:
    error_class kind_;
};

/// The class that an error code belongs to, as far as it can be told.
inline error_class classify(const error_code& ec) {
    if (ec == condition::timeout) return error_class::timeout;
    if (ec == condition::transient || ec == net::error::host_not_found) return error_class::network;
    if (ec == net::error::access_denied || ec == net::error::no_permission) return error_class::permission;
    if (ec == net::error::no_memory || ec == net::error::no_descriptors || ec == net::error::no_buffer_space)
        return error_class::resource;
    if (ec.category() == telltale_category()) {
        const auto e = static_cast<errc>(ec.value());
        return e == errc::too_many_connections || e == errc::slow_client ? error_class::resource : error_class::api;
    }
    const std::error_code standard = ec;
    if (standard == std::errc::permission_denied || standard == std::errc::operation_not_permitted)
        return error_class::permission;
    if (standard == std::errc::timed_out) return error_class::timeout;
    if (standard == std::errc::no_space_on_device || standard == std::errc::too_many_files_open ||
        standard == std::errc::not_enough_memory)
        return error_class::resource;
    return error_class::unknown;
}

/// What an exception says of why a job failed: its class and its message. Null is not an exception.
inline job_error describe_error(const std::exception_ptr& e) {
    try {
        std::rethrow_exception(e);
    } catch (const job_failure& error) {
        return {error.kind(), error.what()};
    } catch (const system_error& error) {
        return {classify(error.code()), error.what()};
#if defined(TELLTALE_USE_BOOST_ASIO)
    } catch (const std::system_error& error) {
        return {classify(error.code()), error.what()};
#endif
    } catch (const std::bad_alloc& error) {
        return {error_class::resource, error.what()};
    } catch (const std::exception& error) {
        return {error_class::unknown, error.what()};
    } catch (...) {
        return {error_class::unknown, "an exception that is not a std::exception"};
    }
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_FAILURE_HPP
// end <telltale/run/job_failure.hpp>
// <telltale/sync/timer.hpp> is above

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
// end <telltale/run/detail/manager_state.hpp>

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
// end <telltale/run/job_context.hpp>
// <telltale/run/job_failure.hpp> is above
// begin <telltale/run/job_manager.hpp>

#ifndef TELLTALE_RUN_JOB_MANAGER_HPP
#define TELLTALE_RUN_JOB_MANAGER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/job.hpp> is above
// <telltale/core/job_control.hpp> is above
// <telltale/core/job_report.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/run/detail/manager_impl.hpp>

#ifndef TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP

// <telltale/detail/is_aborted.hpp> is above
// <telltale/run/detail/manager_state.hpp> is above
// <telltale/run/job_context.hpp> is above

#include <algorithm>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

inline job_id manager_state::submit(job_spec spec, std::unique_ptr<job_work> work, error_code& ec) {
    effects todo;
    job_id id;
    {
        const std::lock_guard lock(mutex());
        if (spec.id.empty()) {
            do {
                spec.id = std::to_string(next_id_++);
            } while (find_state(spec.id));
        }
        if (stopped_) ec = errc::closed;
        if (!stopped_ && find_state(spec.id)) ec = errc::duplicate_job;
        if (ec) return {};
        id = spec.id;
        const auto job = std::make_shared<managed_job>();
        job->spec = std::move(spec);
        job->work = std::move(work);
        jobs_.emplace(id, job);
        job->place = queue_.insert(queue_.end(), job);
        ++counts_.queued;

        job_report r = report_of(*job);
        r.state = job_state::queued;
        r.name = job->spec.name;
        r.kind = job->spec.kind;
        r.labels = job->spec.labels;
        r.control = std::make_shared<managed_job_control>(self(), id);
        if (counts_.running >= options_.max_running && queue_.size() <= options_.told_positions)
            r.queue_position = job->position = static_cast<std::uint32_t>(queue_.size());
        tell(std::move(r));
        pump(todo);
    }
    carry_out(todo);
    return id;
}

inline void manager_state::pump(effects& todo) {
    const std::size_t before = queue_.size();
    while (!queue_.empty() && counts_.running < options_.max_running) {
        const job_ptr job = std::move(queue_.front());
        queue_.pop_front();
        job->strand.emplace(net::make_strand(executor_));
        job->state = job_state::running;
        --counts_.queued;
        ++counts_.running;
        job_report r = report_of(*job);
        r.state = job_state::running;
        tell(std::move(r));
        todo.start.push_back(job);
    }
    if (queue_.size() != before) renumber();
}

inline void manager_state::renumber() {
    std::uint32_t position = 0;
    for (const auto& job : queue_) {
        if (position == options_.told_positions) return;
        if (job->position == ++position) continue;
        job->position = position;
        job_report r = report_of(*job);
        r.queue_position = position;
        tell(std::move(r));
    }
}

inline void manager_state::conclude(const job_ptr& job, job_state state, std::optional<job_error> error,
                                    std::optional<progress> last, effects& todo) {
    --(job->state == job_state::queued ? counts_.queued : counts_.running);
    if (state == job_state::succeeded) ++counts_.succeeded;
    if (state == job_state::failed) ++counts_.failed;
    if (state == job_state::cancelled) ++counts_.cancelled;
    if (state == job_state::timed_out) ++counts_.timed_out;
    job->state = state;

    job_report r = report_of(*job);
    r.state = state;
    r.progress = last;
    r.error = std::move(error);
    tell(std::move(r));

    while (wait_node* const n = job->waiters.pop_front()) todo.ended.emplace_back(static_cast<done_waiter*>(n), state);
    todo.dispose.push_back(std::move(job->work));
    jobs_.erase(job->spec.id);
    ended_.emplace(job->spec.id, state);
    ended_order_.push_back(job->spec.id);
    if (ended_order_.size() > options_.keep_ended) {
        ended_.erase(ended_order_.front());
        ended_order_.pop_front();
    }
    if (jobs_.empty()) todo.drained.take(drainers_);
}

// Whether the queue has changed.
inline bool manager_state::ask_to_end(const job_ptr& job, effects& todo) {
    if (job->state == job_state::queued) {
        queue_.erase(job->place);
        conclude(job, job_state::cancelled, {}, {}, todo);
        return true;
    }
    if (job->asked == managed_job::reason::none) {
        job->asked = managed_job::reason::cancelled;
        todo.cancel.push_back(job);
    }
    return false;
}

inline command_result manager_state::cancel(const job_id& id) {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        const auto found = jobs_.find(id);
        if (found == jobs_.end()) return ended_.contains(id) ? command_result::refused : command_result::unknown_job;
        if (closed_) return command_result::refused;
        const job_ptr job = found->second;
        if (ask_to_end(job, todo)) renumber();
    }
    carry_out(todo);
    return command_result::accepted;
}

// For whoever knocks at a job's control, perhaps with a lock held that the sink needs too: nothing is told from here.
inline command_result manager_state::cancel_later(const job_id& id) {
    {
        const std::lock_guard lock(mutex());
        if (!jobs_.contains(id)) return ended_.contains(id) ? command_result::refused : command_result::unknown_job;
        if (closed_) return command_result::refused;
    }
    net::post(executor_, [s = self(), id] { s->cancel(id); });
    return command_result::accepted;
}

inline void manager_state::stop() {
    effects todo;
    {
        const std::lock_guard lock(mutex());
        stopped_ = true;
        while (!queue_.empty()) ask_to_end(job_ptr(queue_.front()), todo);
        for (const auto& [id, job] : jobs_) ask_to_end(job, todo);
    }
    carry_out(todo);
}

// What waits in the queue is cancelled. What runs is asked to end, and told as lost: nobody will tell how it ends.
inline void manager_state::close() noexcept {
    effects todo;
    wait_list waiters;
    {
        const std::lock_guard lock(mutex());
        stopped_ = true;
        take_all(waiters);
        while (!queue_.empty()) ask_to_end(job_ptr(queue_.front()), todo);
        for (const auto& [id, job] : jobs_) {
            ask_to_end(job, todo);
            job_report r = report_of(*job);
            r.state = job_state::lost;
            r.message = "its manager was destroyed";
            tell(std::move(r));
        }
        closed_ = true;
    }
    carry_out(todo);
    waiters.finish_all(net::error::operation_aborted);
    if (telling_.load(std::memory_order_relaxed) == std::this_thread::get_id()) return;
    const std::lock_guard lock(sink_mutex_);
    sink_ = nullptr;
}

inline void manager_state::carry_out(effects& todo) {
    flush();
    todo.dispose.clear();
    for (const auto& job : todo.start) net::post(*job->strand, [s = self(), job] { s->begin(job); });
    // A signal is emitted where the job runs: elsewhere it would be a race with its operations.
    for (const auto& job : todo.cancel)
        net::post(*job->strand, [job] { job->signal.emit(net::cancellation_type::terminal); });
    for (const auto& [w, state] : todo.ended) w->complete({}, state);
    todo.drained.finish_all({});
}

// One thread at a time. Whoever comes meanwhile waits, so that what it did has been told when it returns; but for the
// sink itself, whose doings are told by the loop that called it.
inline void manager_state::flush() {
    const auto me = std::this_thread::get_id();
    if (telling_.load(std::memory_order_relaxed) == me) return;
    const std::lock_guard sink_lock(sink_mutex_);
    telling_.store(me, std::memory_order_relaxed);
    for (;;) {
        job_report next;
        {
            const std::lock_guard lock(mutex());
            if (outbox_.empty()) break;
            next = std::move(outbox_.front());
            outbox_.pop_front();
        }
        try {
            sink_(std::move(next));
        } catch (...) { // it must not; the jobs go on
        }
    }
    telling_.store(std::thread::id{}, std::memory_order_relaxed);
}

inline net::awaitable<void> run_managed(std::shared_ptr<managed_job> job, job_context context) {
    co_await job->work->begin(std::move(context));
}

inline void manager_state::begin(const job_ptr& job) {
    bool asked = false;
    {
        const std::lock_guard lock(mutex());
        asked = job->asked != managed_job::reason::none;
    }
    if (asked) {
        end(job, std::make_exception_ptr(system_error(net::error::operation_aborted)));
        return;
    }
    if (job->spec.time_limit) {
        job->limit.emplace(net::any_io_executor(*job->strand));
        job->limit->expires_after(*job->spec.time_limit);
        job->limit->async_wait([s = self(), weak = std::weak_ptr(job)](error_code ec) {
            if (const auto late = weak.lock(); late && !ec) s->time_out(late);
        });
    }
    job_context context(self(), job);
    net::co_spawn(*job->strand, run_managed(job, std::move(context)),
                  net::bind_cancellation_slot(job->signal.slot(),
                                              net::bind_executor(*job->strand, [s = self(), job](std::exception_ptr e) {
                                                  s->end(job, std::move(e));
                                              })));
}

inline void manager_state::time_out(const job_ptr& job) {
    {
        const std::lock_guard lock(mutex());
        if (job->state != job_state::running || job->asked != managed_job::reason::none) return;
        job->asked = managed_job::reason::timed_out;
    }
    job->signal.emit(net::cancellation_type::terminal);
}

inline void manager_state::end(const job_ptr& job, std::exception_ptr e) {
    job->limit.reset();
    effects todo;
    std::optional<progress> last;
    progress_tracker* counted = nullptr;
    {
        const std::lock_guard lock(mutex());
        counted = job->tracker.get();
    }
    if (counted) {
        counted->finish();
        last = counted->sample();
    }
    {
        const std::lock_guard lock(mutex());
        job_state state = job_state::succeeded;
        std::optional<job_error> error;
        if (e && job->asked != managed_job::reason::none && is_aborted(e)) {
            const bool late = job->asked == managed_job::reason::timed_out;
            state = late ? job_state::timed_out : job_state::cancelled;
            if (late) error = job_error{error_class::timeout, "the job exceeded its time limit"};
        } else if (e) {
            state = job_state::failed;
            error = describe_error(e);
        }
        conclude(job, state, std::move(error), last, todo);
        pump(todo);
    }
    carry_out(todo);
}

inline void manager_state::report_progress(const job_ptr& job, progress p, std::optional<std::string> message) {
    {
        const std::lock_guard lock(mutex());
        if (job->state != job_state::running) return;
        job_report r = report_of(*job);
        r.progress = p;
        r.message = std::move(message);
        tell(std::move(r));
    }
    flush();
}

// With the progress as it is then, so that the two fit together.
inline void manager_state::set_message(const job_ptr& job, std::string message) {
    progress_tracker* counted = nullptr;
    {
        const std::lock_guard lock(mutex());
        counted = job->tracker.get();
    }
    std::optional<progress> now;
    if (counted) now = counted->sample();
    {
        const std::lock_guard lock(mutex());
        if (job->state != job_state::running) return;
        job_report r = report_of(*job);
        r.progress = now;
        r.message = std::move(message);
        tell(std::move(r));
    }
    flush();
}

inline progress_tracker& manager_state::tracker(const job_ptr& job, const progress_tracker_options& options) {
    bool first = false;
    bool over = false;
    {
        const std::lock_guard lock(mutex());
        first = !job->tracker;
        over = job->state != job_state::running;
        if (first) job->tracker = std::make_unique<progress_tracker>(net::any_io_executor(*job->strand), options);
    }
    if (over) job->tracker->finish();
    if (first && !over) publish(job, {});
    return *job->tracker;
}

inline void manager_state::publish(const job_ptr& job, progress_snapshot last) {
    job->tracker->async_wait_change(
        last, options_.publish_interval, [s = self(), job, said = last.message](error_code ec, progress_snapshot now) {
            if (ec) return;
            s->report_progress(job, now.value, now.message == said ? std::optional<std::string>{} : now.message);
            s->publish(job, std::move(now));
        });
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_IMPL_HPP
// end <telltale/run/detail/manager_impl.hpp>
// <telltale/run/detail/manager_state.hpp> is above
// <telltale/run/job_context.hpp> is above

#include <concepts>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A function that is the work of a job.
template <class Fn>
concept job_function = std::move_constructible<Fn> && requires(Fn fn, job_context context) {
    { fn(std::move(context)) } -> std::same_as<net::awaitable<void>>;
};

/// Runs coroutines as jobs, at most so many at once; the others wait in a queue, first in, first out.
///
///     telltale::job_manager manager(executor, board.sink(), {.max_running = 2});
///     manager.submit({.name = "asio"}, [folder](telltale::job_context job) { return hash(folder, job); });
///     co_await manager.async_drain();
///
/// A job is queued, running, and then succeeded; failed when its coroutine throws (job_failure says with which class);
/// cancelled when it was asked to end and did so with operation_aborted; or timed_out, the same for its time limit. A
/// job that ends with its own result or error although it was asked to end has that result or error.
///
/// Each job runs on a strand of its own, so on a thread pool jobs run in parallel and can still be cancelled.
///
/// What happens is reported to the sink, in order and never by two threads at once; when a function returns, what it
/// did has been reported. The sink may call the manager.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class job_manager {
public:
    using executor_type = net::any_io_executor;

    /// `sink` may be empty.
    job_manager(executor_type executor, job_sink sink, job_manager_options options = {})
        : executor_(std::move(executor)),
          state_(std::make_shared<detail::manager_state>(executor_, std::move(sink), options)) {}

    job_manager(const job_manager&) = delete;
    job_manager& operator=(const job_manager&) = delete;

    /// Cancels all jobs and does not wait for them: what they refer to must outlive them. What was queued is reported
    /// as cancelled, what runs as lost; then the sink is called no more. Whoever waits gets operation_aborted. For an
    /// orderly end: stop(), then async_drain.
    ~job_manager() { state_->close(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Takes a job in, and starts it when fewer than max_running run. `fn(job_context)` is called on the job's strand,
    /// and kept until its coroutine has ended: so here it may be a coroutine lambda with captures. Returns the id.
    /// Throws system_error: `errc::duplicate_job`: the id is in use; `errc::closed`: after stop().
    template <job_function Fn>
    job_id submit(job_spec spec, Fn fn) {
        error_code ec;
        auto id = submit(std::move(spec), std::move(fn), ec);
        if (ec) throw system_error(ec);
        return id;
    }

    /// The same, with the error as a value; the id is empty then.
    template <job_function Fn>
    job_id submit(job_spec spec, Fn fn, error_code& ec) {
        struct work final : detail::job_work {
            explicit work(Fn f) : function(std::move(f)) {}
            net::awaitable<void> begin(job_context context) override { return function(std::move(context)); }
            Fn function;
        };
        ec = {};
        return state_->submit(std::move(spec), std::make_unique<work>(std::move(fn)), ec);
    }

    /// Ends a queued job now, and asks a running one to end (cancellation_type::terminal). Asking again is accepted and
    /// does nothing. `refused`: it has ended already.
    command_result cancel(const job_id& id) { return state_->cancel(id); }

    /// Takes no more jobs, and cancels all there are.
    void stop() { state_->stop(); }

    job_counts counts() const { return state_->counts(); }

    /// The state of a job that is queued, running, or still remembered.
    std::optional<job_state> state(const job_id& id) const { return state_->state_of(id); }

    /// Waits until the job has ended.
    ///
    /// @par Completion signature
    /// `void(error_code, job_state)`
    /// @par Error codes
    /// `errc::unknown_job`: there is no such job, or it was forgotten (`keep_ended`); `operation_aborted`: cancelled,
    /// or the manager was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the job goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job_state)>(
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                detail::start_wait<job_state>(state, std::forward<decltype(handler)>(handler), executor,
                                              [&](std::tuple<error_code, job_state>& result) {
                                                  return state->attempt(id, std::get<0>(result), std::get<1>(result));
                                              });
            },
            std::forward<Token>(token));
    }

    /// Waits until no job is queued or running.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the manager was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the jobs go on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_drain(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const executor_type& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->attempt_drain(); });
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::manager_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_MANAGER_HPP
// end <telltale/run/job_manager.hpp>
// begin <telltale/sync/auto_reset_event.hpp>

#ifndef TELLTALE_SYNC_AUTO_RESET_EVENT_HPP
#define TELLTALE_SYNC_AUTO_RESET_EVENT_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// begin <telltale/sync/detail/event_state.hpp>

#ifndef TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP
#define TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above

#include <mutex>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A flag and those who wait for it: of manual_reset_event and auto_reset_event. While it is set, nobody waits.
class event_state final : public wait_state {
public:
    using wait_state::wait_state;

    void set_for_all() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            set_ = true;
            all.take(waiters_);
        }
        all.ready_all();
    }

    void set_for_one() {
        wait_node* next = nullptr;
        {
            const std::lock_guard lock(mutex());
            next = waiters_.pop_front();
            if (!next) set_ = true;
        }
        if (next) next->ready();
    }

    /// True if it was set.
    bool reset() {
        const std::lock_guard lock(mutex());
        return take();
    }

    bool is_set() const {
        const std::lock_guard lock(mutex());
        return set_;
    }

    // With the mutex held.
    wait_list* unless_set() noexcept { return set_ ? nullptr : &waiters_; }
    wait_list* unless_taken() noexcept { return take() ? nullptr : &waiters_; }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    bool take() noexcept { return std::exchange(set_, false); }

    wait_list waiters_;
    bool set_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP
// end <telltale/sync/detail/event_state.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A signal that wakes one: each set() lets one waiter through, and waits for one to come if nobody is there. Several
/// set() that nobody has waited for count as one: to say that there is something to do, not how much (that is a queue
/// or a semaphore).
///
///     net::awaitable<void> write_what_is_dirty(telltale::auto_reset_event& dirty) {
///         for (;;) {
///             co_await dirty.wait(); // set() by whoever changes something, on any thread
///             write_all();
///         }
///     }
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_auto_reset_event {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_auto_reset_event<Other>;
    };

    /// Not set.
    explicit basic_auto_reset_event(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::event_state>(detail::context_of(executor))) {}

    basic_auto_reset_event(const basic_auto_reset_event&) = delete;
    basic_auto_reset_event& operator=(const basic_auto_reset_event&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_auto_reset_event() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Lets the one through who has waited longest, or else the next who comes. Does nothing when it is set already.
    void set() { state_->set_for_one(); }

    /// Takes back a set() that nobody has used.
    void reset() { state_->reset(); }

    /// True if the event was set; it is not any more. Never suspends.
    [[nodiscard]] bool try_wait() { return state_->reset(); }

    /// Completes when a set() is there for this operation, and uses it up. Several are served in the order in which
    /// they came.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the event was destroyed; no set() is used up.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. One that was let through before stays so.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the event's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->unless_taken(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the event is set. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::event_state> state_;
};

using auto_reset_event = basic_auto_reset_event<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_AUTO_RESET_EVENT_HPP
// end <telltale/sync/auto_reset_event.hpp>
// begin <telltale/sync/latch.hpp>

#ifndef TELLTALE_SYNC_LATCH_HPP
#define TELLTALE_SYNC_LATCH_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

class latch_state final : public wait_state {
public:
    latch_state(net::execution_context& context, std::size_t count) : wait_state(context), count_(count) {}

    error_code count_down(std::size_t n) {
        wait_list ready;
        error_code ec;
        {
            const std::lock_guard lock(mutex());
            ec = count_down(n, ready);
        }
        ready.ready_all();
        return ec;
    }

    std::size_t count() const {
        const std::lock_guard lock(mutex());
        return count_;
    }

    // With the mutex held.
    error_code count_down(std::size_t n, wait_list& ready) noexcept {
        if (n > count_) return errc::invalid_argument;
        count_ -= n;
        if (count_ == 0) ready.take(waiters_);
        return {};
    }
    wait_list* attempt() noexcept { return count_ == 0 ? nullptr : &waiters_; }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    std::size_t count_;
};

} // namespace detail

/// Opens when so many things have happened, and stays open. For once: the count cannot be raised (task_group counts
/// children that come and go).
///
///     net::awaitable<void> start(telltale::latch& ready) { // of three
///         co_await connect();
///         co_await ready.arrive_and_wait(); // goes on when all three are connected
///     }
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_latch {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_latch<Other>;
    };

    /// `count`: how many things have to happen; 0: it is open from the beginning.
    basic_latch(const Executor& executor, std::size_t count)
        : executor_(executor), state_(std::make_shared<detail::latch_state>(detail::context_of(executor), count)) {}

    basic_latch(const basic_latch&) = delete;
    basic_latch& operator=(const basic_latch&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_latch() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// How many things have still to happen.
    std::size_t count() const { return state_->count(); }

    /// `n` things have happened; the last one wakes all who wait, in the order in which they came.
    ///
    /// @throws system_error `errc::invalid_argument`: `n` is more than is left; nothing was counted.
    void count_down(std::size_t n = 1) {
        if (const auto ec = state_->count_down(n)) throw system_error(ec, "telltale::latch: counted below zero");
    }

    /// True if the latch is open. Never suspends.
    [[nodiscard]] bool try_wait() const { return state_->count() == 0; }

    /// Completes when the latch is open.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the latch was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the latch's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->attempt(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the latch is open. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

    /// Counts one down, when the operation is started, and waits. As async_wait, and: `errc::invalid_argument` where
    /// the latch is open already. Cancelling does not take back what was counted.
    template <class Token = default_token_t<Executor>>
    auto async_arrive_and_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::wait_list ready;
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&](std::tuple<error_code>& result) {
                                         auto& ec = std::get<0>(result);
                                         ec = state->count_down(1, ready);
                                         return ec ? nullptr : state->attempt();
                                     });
                ready.ready_all();
            },
            std::forward<Token>(token));
    }

    /// As async_arrive_and_wait, but whoever comes last does not suspend. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> arrive_and_wait() {
        count_down();
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::latch_state> state_;
};

using latch = basic_latch<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_LATCH_HPP
// end <telltale/sync/latch.hpp>
// begin <telltale/sync/mailbox.hpp>

#ifndef TELLTALE_SYNC_MAILBOX_HPP
#define TELLTALE_SYNC_MAILBOX_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above

#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

template <class T>
class mailbox_state final : public wait_state {
public:
    using wait_state::wait_state;

    bool put(T value) {
        waiter<T>* next = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (closed_) return false;
            next = static_cast<waiter<T>*>(waiters_.pop_front());
            if (!next) {
                const bool replaced = value_.has_value();
                value_ = std::move(value);
                return replaced;
            }
        }
        next->complete({}, std::move(value));
        return false;
    }

    std::optional<T> try_take() {
        const std::lock_guard lock(mutex());
        return std::exchange(value_, std::nullopt);
    }

    // With the mutex held.
    wait_list* attempt(error_code& ec, T& value) {
        if (value_) {
            value = std::move(*value_);
            value_.reset();
            return nullptr;
        }
        if (!closed_) return &waiters_;
        ec = errc::closed;
        return nullptr;
    }

    void close() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
            all.take(waiters_);
        }
        all.finish_all(errc::closed);
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    std::optional<T> value_;
    bool closed_ = false;
};

} // namespace detail

/// Room for one value, in which the latest wins: who takes gets the newest, however many were put since.
///
///     telltale::mailbox<int> degrees(executor);
///     degrees.put(19); // any thread, as often as it likes; never waits
///     degrees.put(20);
///     const int newest = co_await degrees.take();
///
/// `T` is movable and default-constructible.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <std::movable T, class Executor = net::any_io_executor>
    requires std::default_initializable<T>
class mailbox {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = mailbox<T, Other>;
    };

    explicit mailbox(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::mailbox_state<T>>(detail::context_of(executor))) {}

    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~mailbox() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Leaves a value for the next taker. True if it replaced one that nobody had taken. Ignored after close().
    bool put(T value) { return state_->put(std::move(value)); }

    /// No more values will come: a value that is there can still be taken, then takers get errc::closed.
    void close() { state_->close(); }

    /// The value that is there, or nothing. Never suspends.
    [[nodiscard]] std::optional<T> try_take() { return state_->try_take(); }

    /// Waits for a value. Several takers are served in the order in which they came.
    ///
    /// @par Completion signature
    /// `void(error_code, T)`
    /// @par Error codes
    /// `errc::closed`: closed and empty; `operation_aborted`: cancelled, or the mailbox was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. No value is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the mailbox's).
    template <class Token = default_token_t<Executor>>
    auto async_take(Token&& token = {}) {
        return detail::async_start<void(error_code, T)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<T>(state, std::forward<decltype(handler)>(handler), executor,
                                      [&state](std::tuple<error_code, T>& result) {
                                          return state->attempt(std::get<0>(result), std::get<1>(result));
                                      });
            },
            std::forward<Token>(token));
    }

    /// As async_take, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<T, Executor> take() {
        if (auto value = try_take()) co_return std::move(*value);
        co_return co_await async_take(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::mailbox_state<T>> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_MAILBOX_HPP
// end <telltale/sync/mailbox.hpp>
// begin <telltale/sync/manual_reset_event.hpp>

#ifndef TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP
#define TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/sync/detail/event_state.hpp> is above

#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Something that has happened or not: set once, seen by everybody who waits now or later, until it is reset.
///
///     telltale::manual_reset_event connected(executor);
///     connected.set();           // by whoever has connected, on any thread
///     co_await connected.wait(); // and everybody else who waits, or comes later
///
/// (The things that a board tells of are `event`, in core; this is the synchronisation primitive.)
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_manual_reset_event {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_manual_reset_event<Other>;
    };

    /// Not set.
    explicit basic_manual_reset_event(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::event_state>(detail::context_of(executor))) {}

    basic_manual_reset_event(const basic_manual_reset_event&) = delete;
    basic_manual_reset_event& operator=(const basic_manual_reset_event&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_manual_reset_event() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Wakes all who wait, in the order in which they came. Does nothing when it is set already.
    void set() { state_->set_for_all(); }

    /// Whoever waits from now on waits for the next set().
    void reset() { state_->reset(); }

    /// Whether it is set at this moment. Never suspends.
    bool is_set() const { return state_->is_set(); }

    /// Completes when the event is set.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the event was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the event's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->unless_set(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the event is set. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!is_set()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::event_state> state_;
};

using manual_reset_event = basic_manual_reset_event<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP
// end <telltale/sync/manual_reset_event.hpp>
// begin <telltale/sync/outcome.hpp>

#ifndef TELLTALE_SYNC_OUTCOME_HPP
#define TELLTALE_SYNC_OUTCOME_HPP

// <telltale/version.hpp> is above

#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace telltale::inline TELLTALE_ABI {

/// How one of several coroutines ended: with a value, or with an exception. What result_group, when_all_settled and
/// when_any hand out, so that neither is lost.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
template <class T>
struct outcome {
    /// T, or std::monostate for void.
    using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    std::size_t index = 0;           ///< which one: its place in the range or pack, or what spawn() returned
    std::optional<value_type> value; ///< empty if it ended with an exception
    std::exception_ptr error;        ///< null if it ended with a value
    bool cancelled = false; ///< it was asked to stop, and did: `error` is operation_aborted. Also if it never began.

    /// Whether it ended with a value.
    explicit operator bool() const noexcept { return value.has_value(); }

    /// Moves the value out, or throws the exception.
    T take() {
        if (error) std::rethrow_exception(error);
        if constexpr (!std::is_void_v<T>) return std::move(*value);
    }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_OUTCOME_HPP
// end <telltale/sync/outcome.hpp>
// begin <telltale/sync/queue.hpp>

#ifndef TELLTALE_SYNC_QUEUE_HPP
#define TELLTALE_SYNC_QUEUE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/sync/detail/adapted_handler.hpp>

#ifndef TELLTALE_SYNC_DETAIL_ADAPTED_HANDLER_HPP
#define TELLTALE_SYNC_DETAIL_ADAPTED_HANDLER_HPP

// <telltale/asio.hpp> is above

#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A handler that `adapt(handler, results...)` calls when the operation completes. It is associated with what the
/// handler is associated with.
template <class Handler, class Adapt>
struct adapted_handler {
    template <class... Results>
    void operator()(Results&&... results) {
        std::move(adapt)(std::move(handler), std::forward<Results>(results)...);
    }

    Handler handler;
    Adapt adapt;
};

/// Hands on the error alone: what else is in the waiter's result is what the operation has brought along.
struct error_only {
    template <class Handler, class... Brought>
    void operator()(Handler&& handler, error_code ec, Brought&&...) const {
        std::forward<Handler>(handler)(ec);
    }
};

} // namespace telltale::inline TELLTALE_ABI::detail

template <template <class, class> class Associator, class Handler, class Adapt, class Default>
struct telltale::net::associator<Associator, telltale::detail::adapted_handler<Handler, Adapt>, Default>
    : Associator<Handler, Default> {
    using adapted = telltale::detail::adapted_handler<Handler, Adapt>;
    static auto get(const adapted& a) noexcept { return Associator<Handler, Default>::get(a.handler); }
    static auto get(const adapted& a, const Default& d) noexcept {
        return Associator<Handler, Default>::get(a.handler, d);
    }
};

#endif // TELLTALE_SYNC_DETAIL_ADAPTED_HANDLER_HPP
// end <telltale/sync/detail/adapted_handler.hpp>
// begin <telltale/sync/detail/queue_state.hpp>

#ifndef TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP
#define TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/sync/detail/adapted_handler.hpp> is above

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// First in, first out, in room that is allocated once.
template <class T>
class ring {
public:
    explicit ring(std::size_t capacity)
        : room_(capacity ? std::allocator<T>{}.allocate(capacity) : nullptr), capacity_(capacity) {}
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() {
        while (!empty()) pop_front();
        if (room_) std::allocator<T>{}.deallocate(room_, capacity_);
    }

    bool empty() const noexcept { return size_ == 0; }
    bool full() const noexcept { return size_ == capacity_; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }

    void swap(ring& other) noexcept {
        std::swap(room_, other.room_);
        std::swap(capacity_, other.capacity_);
        std::swap(first_, other.first_);
        std::swap(size_, other.size_);
    }

    T& front() noexcept { return room_[first_]; }

    void push_back(T&& value) {
        const std::size_t to_end = capacity_ - first_;
        std::construct_at(room_ + (size_ < to_end ? first_ + size_ : size_ - to_end), std::move(value));
        ++size_;
    }

    void pop_front() noexcept {
        std::destroy_at(room_ + first_);
        first_ = first_ + 1 == capacity_ ? 0 : first_ + 1;
        --size_;
    }

private:
    T* room_;
    std::size_t capacity_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

/// Values wait in the ring; what a waiting push has brought is in its result, and goes from there into the ring as soon
/// as there is room. So a pop waits only while there is no value at all, and a push only while the ring is full.
template <class T>
class queue_state final : public wait_state {
public:
    queue_state(net::execution_context& context, std::size_t capacity) : wait_state(context), values_(capacity) {}

    /// True if the push has ended. False: it has to wait, and `value` is untouched.
    bool push(T& value, error_code& ec) {
        waiter_type* popper = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (!push(value, ec, popper)) return false;
        }
        if (popper) popper->ready();
        return true;
    }

    /// True if the pop has ended. `value` is a T or an optional of it.
    template <class Value>
    bool pop(Value& value, error_code& ec) {
        waiter_type* pusher = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (!pop(value, ec, pusher)) return false;
        }
        if (pusher) pusher->ready();
        return true;
    }

    /// Appends up to `max` values to `values`.
    void pop_some(std::vector<T>& values, std::size_t max) {
        wait_list pushers;
        {
            const std::lock_guard lock(mutex());
            values.reserve(values.size() + std::min(max, values_.size())); // whatever throws, nothing was taken yet
            std::optional<T> value;
            error_code ec;
            for (; max > 0; --max) {
                waiter_type* pusher = nullptr;
                if (!pop(value, ec, pusher) || ec) break;
                values.push_back(std::move(*value));
                if (pusher) pushers.push_back(*pusher);
            }
        }
        pushers.ready_all();
    }

    template <class Handler, class Executor>
    static void start_push(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor,
                           T value) {
        using adapted = adapted_handler<std::decay_t<Handler>, error_only>;
        waiter_type* popper = nullptr;
        start_wait<T>(state, adapted{std::forward<Handler>(handler), {}}, executor,
                      [&](std::tuple<error_code, T>& result) -> wait_list* {
                          if (state->push(value, std::get<0>(result), popper)) return nullptr;
                          std::get<1>(result) = std::move(value);
                          state->must_wait_to_pop_.store(false, std::memory_order_relaxed);
                          return &state->pushers_;
                      });
        if (popper) popper->ready();
    }

    template <class Handler, class Executor>
    static void start_pop(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor) {
        waiter_type* pusher = nullptr;
        start_wait<T>(state, std::forward<Handler>(handler), executor,
                      [&](std::tuple<error_code, T>& result) -> wait_list* {
                          if (state->pop(std::get<1>(result), std::get<0>(result), pusher)) return nullptr;
                          state->must_wait_to_push_.store(false, std::memory_order_relaxed);
                          return &state->poppers_;
                      });
        if (pusher) pusher->ready();
    }

    /// Waits for one value, and takes those with it that are there by then.
    template <class Handler, class Executor>
    static void start_pop_some(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor,
                               std::size_t max) {
        const auto gather = [state, max](auto&& h, error_code ec, T&& first) {
            std::vector<T> values;
            if (!ec) {
                values.push_back(std::move(first));
                state->pop_some(values, max - 1);
            }
            std::forward<decltype(h)>(h)(ec, std::move(values));
        };
        using adapted = adapted_handler<std::decay_t<Handler>, std::remove_const_t<decltype(gather)>>;
        start_pop(state, adapted{std::forward<Handler>(handler), gather}, executor);
    }

    void close() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
            take_all(all);
            note();
        }
        all.finish_all(errc::closed);
    }

    /// The queue is gone.
    void abandon() {
        finish_all(net::error::operation_aborted);
        ring<T> values(0); // which a cancellation slot that still knows this shall not keep
        const std::lock_guard lock(mutex());
        values.swap(values_);
    }

    /// What it looked like a moment ago, at the price of a load.
    bool must_wait_to_push() const noexcept { return must_wait_to_push_.load(std::memory_order_relaxed); }
    bool must_wait_to_pop() const noexcept { return must_wait_to_pop_.load(std::memory_order_relaxed); }

    bool is_closed() const {
        const std::lock_guard lock(mutex());
        return closed_;
    }

    std::size_t size() const {
        const std::lock_guard lock(mutex());
        return values_.size();
    }

    std::size_t capacity() const noexcept { return values_.capacity(); }

    void take_all(wait_list& all) noexcept override {
        all.take(poppers_);
        all.take(pushers_);
    }

private:
    using waiter_type = waiter<T>;

    static waiter_type* first_of(wait_list& list) noexcept { return static_cast<waiter_type*>(list.pop_front()); }
    static T& brought(waiter_type& pusher) noexcept { return std::get<1>(pusher.result()); }

    // With the mutex held. Whoever is woken is to be made ready after unlocking.
    bool push(T& value, error_code& ec, waiter_type*& popper) {
        if (closed_) {
            ec = errc::closed;
            return true;
        }
        popper = first_of(poppers_);
        if (popper)
            std::get<1>(popper->result()) = std::move(value);
        else if (values_.full())
            return false;
        else
            values_.push_back(std::move(value));
        note();
        return true;
    }

    // As push. Nobody waits to push when the queue is closed.
    template <class Value>
    bool pop(Value& value, error_code& ec, waiter_type*& pusher) {
        if (!values_.empty()) {
            value = std::move(values_.front());
            values_.pop_front();
            pusher = first_of(pushers_);
            if (pusher) values_.push_back(std::move(brought(*pusher)));
            note();
            return true;
        }
        pusher = first_of(pushers_); // there is no ring
        if (pusher) {
            value = std::move(brought(*pusher));
            note();
            return true;
        }
        if (closed_) ec = errc::closed;
        return closed_;
    }

    // With the mutex held. A waiter that has been cancelled since counts as there, which does no harm.
    void note() noexcept {
        must_wait_to_push_.store(values_.full() && poppers_.empty() && !closed_, std::memory_order_relaxed);
        must_wait_to_pop_.store(values_.empty() && pushers_.empty() && !closed_, std::memory_order_relaxed);
    }

    ring<T> values_;
    wait_list poppers_;
    wait_list pushers_;
    bool closed_ = false;
    std::atomic<bool> must_wait_to_push_{false};
    std::atomic<bool> must_wait_to_pop_{true};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP
// end <telltale/sync/detail/queue_state.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A bounded queue: who pushes waits while it is full, who pops waits while it is empty, each side first come, first
/// served.
///
///     net::awaitable<void> produce(telltale::queue<block>& blocks) {
///         while (auto b = read_block()) co_await blocks.push(std::move(*b)); // waits for those who consume
///         blocks.close();
///     }
///     net::awaitable<void> consume(telltale::queue<block>& blocks) {
///         for (;;) {
///             const auto [ec, b] = co_await blocks.async_pop(telltale::as_result);
///             if (ec) co_return; // closed, and all is consumed
///             handle(b);
///         }
///     }
///
/// A value belongs to the queue from the moment at which its push succeeds, and to a pop as soon as that is given it:
/// nothing is lost to a cancellation or a time limit. So a pop with a time limit is `with_timeout(q.pop(), 1s)`; the
/// value that comes at the last moment is its result.
///
/// `T` is movable, without exceptions, and default-constructible (what a pop that fails gives).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <std::movable T, class Executor = net::any_io_executor>
    requires std::default_initializable<T>
class queue {
public:
    using executor_type = Executor;
    using value_type = T;

    template <class Other>
    struct rebind_executor {
        using other = queue<T, Other>;
    };

    static constexpr std::size_t all = std::numeric_limits<std::size_t>::max(); ///< of pop_some: no limit

    /// `capacity`: how many values can wait to be popped; their room is allocated now. 0: a push completes only when a
    /// pop takes its value. Throws what `std::allocator` throws.
    queue(const Executor& executor, std::size_t capacity)
        : executor_(executor), state_(std::make_shared<state_type>(detail::context_of(executor), capacity)) {}

    queue(const queue&) = delete;
    queue& operator=(const queue&) = delete;

    /// Whoever still waits gets operation_aborted. Values that nobody has popped are destroyed.
    ~queue() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    std::size_t capacity() const noexcept { return state_->capacity(); }

    /// How many values are in the queue at this moment; not those of pushes that wait.
    std::size_t size() const { return state_->size(); }

    bool is_closed() const { return state_->is_closed(); }

    /// Ends the queue. Whoever waits gets errc::closed, on both sides, and so does every push from now on: its value
    /// was not sent. What is in the queue can still be popped; then pops get errc::closed too.
    void close() { state_->close(); }

    /// Pushes if that needs no waiting. False: the queue is full or closed, and `value` was not moved from. Never
    /// suspends.
    [[nodiscard]] bool try_push(T&& value) {
        error_code ec;
        return state_->push(value, ec) && !ec;
    }

    [[nodiscard]] bool try_push(const T& value) requires std::copy_constructible<T> { return try_push(T(value)); }

    /// Completes when the value is in the queue, or was given to a pop.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `errc::closed`; `operation_aborted`: cancelled, or the queue was destroyed. With an error, the value was not
    /// sent and is gone with the operation.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. A value that was accepted before stays so.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the queue's).
    template <class Token = default_token_t<Executor>>
    auto async_push(T value, Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_, value = std::move(value)](auto&& handler, const Executor& executor) mutable {
                state_type::start_push(state, std::forward<decltype(handler)>(handler), executor, std::move(value));
            },
            std::forward<Token>(token));
    }

    /// As async_push, but does not suspend when there is room. Throws system_error.
    ///
    /// (Name a value of aggregate type before the co_await, and move it: GCC 12 destroys an aggregate that is made within
    /// a co_await expression twice.)
    [[nodiscard]] net::awaitable<void, Executor> push(T value) {
        // Decided here already: to await the operation in another coroutine would cost that one's frame.
        if (state_->must_wait_to_push()) return async_push(std::move(value), net::use_awaitable_t<Executor>{});
        return push_or_wait(std::move(value));
    }

    /// The next value, or nothing: the queue is empty. Never suspends.
    [[nodiscard]] std::optional<T> try_pop() {
        std::optional<T> value;
        error_code ec;
        state_->pop(value, ec);
        return value;
    }

    /// The next values, at most `max`, in order; none where the queue is empty. Never suspends.
    [[nodiscard]] std::vector<T> try_pop_some(std::size_t max = all) {
        std::vector<T> values;
        state_->pop_some(values, max);
        return values;
    }

    /// Waits for a value.
    ///
    /// @par Completion signature
    /// `void(error_code, T)`
    /// @par Error codes
    /// `errc::closed`: closed and empty; `operation_aborted`: cancelled, or the queue was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. No value is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the queue's).
    template <class Token = default_token_t<Executor>>
    auto async_pop(Token&& token = {}) {
        return detail::async_start<void(error_code, T)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                state_type::start_pop(state, std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// As async_pop, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<T, Executor> pop() {
        if (state_->must_wait_to_pop()) return async_pop(net::use_awaitable_t<Executor>{});
        return pop_or_wait();
    }

    /// Waits for a value, and takes with it those that are there when the operation completes: at least one, at most
    /// `max` (0 is taken as 1), in order. As async_pop, with the completion signature `void(error_code,
    /// std::vector<T>)`.
    template <class Token = default_token_t<Executor>>
    auto async_pop_some(std::size_t max, Token&& token = {}) {
        return detail::async_start<void(error_code, std::vector<T>)>(
            executor_,
            [state = state_, max = std::max<std::size_t>(max, 1)](auto&& handler, const Executor& executor) {
                state_type::start_pop_some(state, std::forward<decltype(handler)>(handler), executor, max);
            },
            std::forward<Token>(token));
    }

    /// As async_pop_some, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<std::vector<T>, Executor> pop_some(std::size_t max = all) {
        auto values = try_pop_some(std::max<std::size_t>(max, 1));
        if (values.empty()) values = co_await async_pop_some(max, net::use_awaitable_t<Executor>{});
        co_return values;
    }

private:
    using state_type = detail::queue_state<T>;

    net::awaitable<void, Executor> push_or_wait(T value) {
        error_code ec;
        if (!state_->push(value, ec)) co_await async_push(std::move(value), net::use_awaitable_t<Executor>{});
        if (ec) throw system_error(ec);
    }

    net::awaitable<T, Executor> pop_or_wait() {
        std::optional<T> value;
        error_code ec;
        if (!state_->pop(value, ec)) co_return co_await async_pop(net::use_awaitable_t<Executor>{});
        if (ec) throw system_error(ec);
        co_return std::move(*value);
    }

    Executor executor_;
    std::shared_ptr<state_type> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_QUEUE_HPP
// end <telltale/sync/queue.hpp>
// begin <telltale/sync/rate_limiter.hpp>

#ifndef TELLTALE_SYNC_RATE_LIMITER_HPP
#define TELLTALE_SYNC_RATE_LIMITER_HPP

// <telltale/asio.hpp> is above
// <telltale/core/token_bucket.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/sync/detail/rate_limiter_state.hpp>

#ifndef TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP
#define TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP

// <telltale/asio.hpp> is above
// <telltale/core/token_bucket.hpp> is above
// <telltale/detail/time_source.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// <telltale/sync/detail/adapted_handler.hpp> is above
// <telltale/sync/timer.hpp> is above

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A bucket, those who wait for tokens (each brings how many, in its result), and one timer: for when the first of them
/// can have its tokens.
template <class Executor>
class rate_limiter_state final : public wait_state {
    using waiter_type = waiter<std::size_t>;
    using clock = token_bucket::clock;

public:
    rate_limiter_state(const Executor& executor, rate_limit limit)
        : wait_state(context_of(executor)),
          source_(time_source_of(executor)),
          bucket_(limit, source_.now()),
          timer_(std::in_place, executor) {}

    /// True if the acquire has ended.
    bool acquire(std::size_t n, error_code& ec) {
        const std::lock_guard lock(mutex());
        return acquire_locked(n, ec);
    }

    template <class Handler>
    static void start_acquire(const std::shared_ptr<rate_limiter_state>& state, Handler&& handler,
                              const Executor& executor, std::size_t n) {
        using adapted = adapted_handler<std::decay_t<Handler>, error_only>;
        start_wait<std::size_t>(state, adapted{std::forward<Handler>(handler), {}}, executor,
                                [&](std::tuple<error_code, std::size_t>& result) -> wait_list* {
                                    if (state->acquire_locked(n, std::get<0>(result))) return nullptr;
                                    std::get<1>(result) = n;
                                    if (state->waiters_.empty()) state->arm(n, state->source_.now());
                                    return &state->waiters_;
                                });
    }

    void set_limit(rate_limit limit) {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            bucket_.set_limit(limit, source_.now());
            serve(ready);
        }
        ready.ready_all();
    }

    rate_limit limit() const {
        const std::lock_guard lock(mutex());
        return bucket_.limit();
    }

    double available() const {
        const std::lock_guard lock(mutex());
        return bucket_.available(source_.now());
    }

    /// The limiter is gone. This may outlive the execution context, which the timer may not.
    void abandon() {
        {
            const std::lock_guard lock(mutex());
            timer_.reset();
        }
        finish_all(net::error::operation_aborted);
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    void after_cancel(wait_list& ready) noexcept override { serve(ready); }

private:
    // With the mutex held. Whoever waits already comes first.
    bool acquire_locked(std::size_t n, error_code& ec) {
        if (n > bucket_.limit().burst) {
            ec = errc::invalid_argument;
            return true;
        }
        return waiters_.empty() && bucket_.try_take(n, source_.now());
    }

    // With the mutex held. Moves those who have ended into `ready`, and sets the timer for the next.
    void serve(wait_list& ready) {
        const auto now = source_.now();
        while (wait_node* const first = waiters_.front()) {
            auto& [ec, n] = static_cast<waiter_type*>(first)->result();
            if (n > bucket_.limit().burst)
                ec = errc::invalid_argument;
            else if (!bucket_.try_take(n, now))
                return arm(n, now);
            ready.push_back(*waiters_.pop_front());
        }
        disarm();
    }

    void arm(std::size_t n, clock::time_point now) {
        const auto due = bucket_.ready_at(n, now);
        if (due == clock::time_point::max()) return disarm(); // until the limit is changed
        if (!timer_ || due == armed_for_) return;
        armed_for_ = due;
        timer_->expires_at(due);
        timer_->async_wait([weak = std::weak_ptr(self())](error_code ec) {
            if (ec) return;
            if (const auto state = weak.lock()) state->on_timer();
        });
    }

    void disarm() {
        if (timer_ && std::exchange(armed_for_, std::nullopt)) timer_->cancel();
    }

    void on_timer() {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            armed_for_.reset();
            serve(ready);
        }
        ready.ready_all();
    }

    std::shared_ptr<rate_limiter_state> self() {
        return std::static_pointer_cast<rate_limiter_state>(shared_from_this());
    }

    time_source& source_;
    token_bucket bucket_;
    wait_list waiters_;
    std::optional<basic_timer<Executor>> timer_;
    std::optional<clock::time_point> armed_for_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP
// end <telltale/sync/detail/rate_limiter_state.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Bounds how often something is done: a token bucket, out of which tokens are handed first come, first served. (A
/// semaphore bounds how many do it at once.)
///
///     telltale::rate_limiter requests(executor, {.per_second = 5000.0 / 3600, .burst = 20});
///     co_await requests.acquire(); // at most 5000 per hour, after a pause 20 at once
///     co_await ask_api();
///
/// Follows the clock of the execution context, virtual time included.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_rate_limiter {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_rate_limiter<Other>;
    };

    /// The bucket is full at first.
    ///
    /// @throws system_error `errc::invalid_argument`: `limit` is out of its range.
    basic_rate_limiter(const Executor& executor, rate_limit limit)
        : executor_(executor), state_(std::make_shared<state_type>(executor, checked(limit))) {}

    basic_rate_limiter(const basic_rate_limiter&) = delete;
    basic_rate_limiter& operator=(const basic_rate_limiter&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_rate_limiter() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    rate_limit limit() const { return state_->limit(); }

    /// Changes rate and burst from now on, for those who wait already too. A waiter that wants more than the new burst
    /// gets errc::invalid_argument. Tokens that are there stay, as far as the new burst has room.
    ///
    /// @throws system_error `errc::invalid_argument`: `limit` is out of its range; nothing is changed.
    void set_limit(rate_limit limit) { state_->set_limit(checked(limit)); }

    /// How many tokens there are at this moment: 0 to burst.
    double available() const { return state_->available(); }

    /// Takes `n` tokens if they are there and nobody waits. Never suspends.
    ///
    /// @throws system_error `errc::invalid_argument`: `n` is more than the burst, so it can never be.
    [[nodiscard]] bool try_acquire(std::size_t n = 1) {
        error_code ec;
        const bool ended = state_->acquire(n, ec);
        if (ec) throw_too_many(ec);
        return ended;
    }

    /// Waits for a token.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the limiter was destroyed; no token is lost.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation leaves the queue. Tokens that were given before are used up.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the limiter's).
    template <class Token = default_token_t<Executor>>
        requires(!std::convertible_to<Token, std::size_t>)
    auto async_acquire(Token&& token = {}) { return async_acquire(1, std::forward<Token>(token)); }

    /// Waits for `n` tokens, all at once; who wants many is not overtaken by those who want few. As
    /// async_acquire(token), and: `errc::invalid_argument` at once where `n` is more than the burst.
    template <class Token = default_token_t<Executor>>
    auto async_acquire(std::size_t n, Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_, n](auto&& handler, const Executor& executor) {
                state_type::start_acquire(state, std::forward<decltype(handler)>(handler), executor, n);
            },
            std::forward<Token>(token));
    }

    /// As async_acquire, but does not suspend when the tokens are there. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> acquire(std::size_t n = 1) {
        if (!try_acquire(n)) co_await async_acquire(n, net::use_awaitable_t<Executor>{});
    }

private:
    using state_type = detail::rate_limiter_state<Executor>;

    static rate_limit checked(rate_limit limit) {
        if (!limit.valid())
            throw system_error(make_error_code(errc::invalid_argument),
                               "telltale::rate_limiter: per_second or burst is out of its range");
        return limit;
    }

    [[noreturn]] static void throw_too_many(error_code ec) {
        throw system_error(ec, "telltale::rate_limiter: more tokens than the burst");
    }

    Executor executor_;
    std::shared_ptr<state_type> state_;
};

using rate_limiter = basic_rate_limiter<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_RATE_LIMITER_HPP
// end <telltale/sync/rate_limiter.hpp>
// begin <telltale/sync/result_group.hpp>

#ifndef TELLTALE_SYNC_RESULT_GROUP_HPP
#define TELLTALE_SYNC_RESULT_GROUP_HPP

// <telltale/asio.hpp> is above
// begin <telltale/sync/detail/outcome_group.hpp>

#ifndef TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP
#define TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/error.hpp> is above
// begin <telltale/sync/detail/child_group.hpp>

#ifndef TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP
#define TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/is_aborted.hpp> is above
// <telltale/detail/waiter.hpp> is above

#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// What task_group, result_group, when_all and when_any are made of: coroutines that run beside each other, each on a
// strand of its own, at most so many at once, and somebody who waits until all have ended.
//
// A child counts from spawn() until it has ended and its coroutine is destroyed; then settle() is told. One that is
// destroyed before it ends, because its execution context is, is abandoned. Whoever waits for the children is then
// destroyed after the last of them: what children refer to in the frame of their parent lives as long as they do.

namespace telltale::inline TELLTALE_ABI::detail {

/// One coroutine of a group.
struct child {
    child() = default;
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    virtual ~child() = default;

    std::optional<net::strand<net::any_io_executor>> strand; ///< set by spawn()
    net::cancellation_signal signal;
    // On the strand only:
    bool started = false;
    bool asked_to_stop = false;
    bool ended = false;
    // With the group's mutex held:
    std::size_t index = 0;
    std::exception_ptr error;
    bool cancelled = false; ///< it ended as aborted after the group was cancelled
    std::optional<std::list<std::shared_ptr<child>>::iterator> place; ///< while it runs
};

template <class V>
struct child_of final : child {
    std::optional<V> value;
};

/// Asks a child to stop. Signals are emitted where the child runs: elsewhere it would be a race with its operations. And
/// not before it runs: in newer Asio the exception of a coroutine that is cancelled before its first step leaves the
/// context's run().
inline void stop(std::shared_ptr<child> c) {
    auto& strand = *c->strand;
    net::post(strand, [c = std::move(c)] {
        c->asked_to_stop = true;
        if (c->started && !c->ended) c->signal.emit(net::cancellation_type::terminal);
    });
}

struct put_value {
    template <class V, class... T>
    static void put(std::optional<V>& to, T&&... value) {
        to.emplace(std::forward<T>(value)...);
    }
};

template <class Put, class V, class T>
net::awaitable<void> run_child(std::shared_ptr<child_of<V>> c, net::awaitable<T> body) {
    c->started = true;
    if (c->asked_to_stop) stop(c);
    if constexpr (std::is_void_v<T>) {
        co_await std::move(body);
        Put::put(c->value);
    } else {
        Put::put(c->value, co_await std::move(body));
    }
}

class child_group : public wait_state {
public:
    /// `limit`: how many run at the same time; 0: all.
    child_group(const net::any_io_executor& executor, std::size_t limit)
        : wait_state(context_of(executor)), executor_(executor), limit_(limit) {}

    /// Starts the child, or queues it; once the group is cancelled it starts only if that is `insisted` on and there is
    /// room. Returns its number.
    inline std::size_t spawn(std::shared_ptr<child> c, net::awaitable<void> body, bool insisted);

    /// Asks those that run to stop, and drops those that wait for their turn.
    inline void cancel();

    /// Completes when no child is left.
    template <class Token>
    auto async_wait(Token&& token) {
        return async_start<void(error_code)>(
            executor_,
            [state = self()](auto&& handler, const net::any_io_executor& executor) {
                start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                             [&state](std::tuple<error_code>&) { return state->size_ ? &state->joiners_ : nullptr; });
            },
            std::forward<Token>(token));
    }

    const net::any_io_executor& executor() const noexcept { return executor_; }

    /// How many have not ended.
    std::size_t size() const {
        const std::lock_guard lock(mutex());
        return size_;
    }

    /// How many of these wait for their turn.
    std::size_t waiting() const {
        const std::lock_guard lock(mutex());
        return size_ - running_.size();
    }

    /// Whoever waits gets operation_aborted.
    void abort_waiters() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            all.take(joiners_);
            all.take(readers_);
        }
        all.finish_all(net::error::operation_aborted);
    }

    // When the execution context shuts down. Children that run are destroyed by it, before or after this.
    void take_all(wait_list& all) noexcept override {
        all.take(pending_);
        shut_down_ = true;
        if (!running_.empty()) return;
        all.take(joiners_);
        all.take(readers_);
    }

protected:
    /// Keeps how the child ended, or gives it to the reader, if that is not null; returns whether the others have to
    /// stop. With the mutex held.
    virtual bool keep(child& c, wait_node* reader) = 0;

    // With the mutex held:
    bool idle() const noexcept { return size_ == 0; }
    wait_list& readers() noexcept { return readers_; }
    void begin_again() noexcept { cancelled_ = false; }

private:
    class pending_child;
    class child_end;

    std::shared_ptr<child_group> self() { return std::static_pointer_cast<child_group>(shared_from_this()); }

    inline static void start(child_end end, net::awaitable<void> body);
    inline void settle(const std::shared_ptr<child>& c, std::exception_ptr error);
    inline void abandon(child& c) noexcept;
    inline pending_child* next_to_start();

    bool full() const noexcept { return limit_ != 0 && running_.size() >= limit_; }
    void admit(const std::shared_ptr<child>& c) { c->place = running_.insert(running_.end(), c); }
    void forget(child& c) noexcept {
        --size_;
        if (c.place) running_.erase(*c.place);
        c.place.reset();
    }

    const net::any_io_executor executor_;
    const std::size_t limit_;
    std::list<std::shared_ptr<child>> running_;
    wait_list pending_; ///< of pending_child
    wait_list joiners_;
    wait_list readers_; ///< of outcomes, one after the other
    std::size_t size_ = 0;
    std::size_t next_index_ = 0;
    bool cancelled_ = false;
    bool shut_down_ = false;
};

/// The completion handler of a child, on its strand.
class child_group::child_end {
public:
    child_end(std::shared_ptr<child_group> g, std::shared_ptr<child> c) : group_(std::move(g)), child_(std::move(c)) {}
    child_end(child_end&&) noexcept = default;
    child_end& operator=(child_end&&) = delete;
    ~child_end() {
        if (group_) group_->abandon(*child_);
    }

    void operator()(std::exception_ptr error) {
        const auto group = std::move(group_);
        child_->ended = true;
        group->settle(child_, std::move(error));
    }

    child& get() const noexcept { return *child_; }

private:
    std::shared_ptr<child_group> group_;
    std::shared_ptr<child> child_;
};

/// A child that waits for its turn.
class child_group::pending_child final : public wait_node {
public:
    pending_child(std::shared_ptr<child_group> g, std::shared_ptr<child> c, net::awaitable<void> body)
        : group_(std::move(g)), child_(std::move(c)), body_(std::move(body)) {}

    const std::shared_ptr<child>& get() const noexcept { return child_; }

    void start() {
        const std::unique_ptr<pending_child> self(this);
        child_group::start(child_end(std::move(group_), std::move(child_)), std::move(body_));
    }

    void ready() override { finish({}); }

    void finish(error_code ec) override {
        const auto group = std::move(group_);
        const auto c = std::move(child_);
        destroy();
        group->settle(c, std::make_exception_ptr(system_error(ec)));
    }

    void destroy() noexcept override { delete this; }

private:
    std::shared_ptr<child_group> group_;
    std::shared_ptr<child> child_;
    net::awaitable<void> body_;
};

std::size_t child_group::spawn(std::shared_ptr<child> c, net::awaitable<void> body, bool insisted) {
    c->strand.emplace(net::make_strand(executor_));
    std::size_t index = 0;
    bool cancelled = false;
    bool starts = false;
    {
        const std::lock_guard lock(mutex());
        cancelled = cancelled_;
        starts = !full() && (insisted || !cancelled);
        c->index = index = next_index_++;
        ++size_;
        if (starts) {
            admit(c);
        } else if (!cancelled) {
            pending_.push_back(*new pending_child(self(), std::move(c), std::move(body)));
            return index;
        }
    }
    if (starts) {
        if (cancelled) stop(c);
        start(child_end(self(), std::move(c)), std::move(body));
    } else {
        { const auto dropped = std::move(body); } // Asio's own assignment leaks
        settle(c, std::make_exception_ptr(system_error(net::error::operation_aborted)));
    }
    return index;
}

void child_group::start(child_end end, net::awaitable<void> body) {
    const auto strand = *end.get().strand;
    const auto slot = end.get().signal.slot();
    net::co_spawn(strand, std::move(body),
                  net::bind_cancellation_slot(slot, net::bind_executor(strand, std::move(end))));
}

void child_group::cancel() {
    std::vector<std::shared_ptr<child>> running;
    wait_list dropped;
    {
        const std::lock_guard lock(mutex());
        cancelled_ = true;
        running.assign(running_.begin(), running_.end());
        dropped.take(pending_);
    }
    for (auto& c : running) stop(std::move(c));
    dropped.finish_all(net::error::operation_aborted);
}

void child_group::settle(const std::shared_ptr<child>& c, std::exception_ptr error) {
    const bool aborted = is_aborted(error);
    wait_list done;
    wait_node* reader = nullptr;
    pending_child* next = nullptr;
    bool stops = false;
    {
        const std::lock_guard lock(mutex());
        c->error = std::move(error);
        c->cancelled = aborted && cancelled_;
        forget(*c);
        reader = readers_.pop_front();
        stops = keep(*c, reader) && !cancelled_;
        if (stops) cancelled_ = true;
        if (!cancelled_) next = next_to_start();
        if (idle()) {
            done.take(joiners_);
            done.take(readers_);
        }
    }
    if (stops) cancel();
    if (reader) reader->ready();
    if (next) next->start();
    done.finish_all({});
}

void child_group::abandon(child& c) noexcept {
    wait_list orphans;
    {
        const std::lock_guard lock(mutex());
        forget(c);
        if (!shut_down_ || !running_.empty()) return;
        orphans.take(joiners_);
        orphans.take(readers_);
    }
    orphans.destroy_all();
}

// With the mutex held.
child_group::pending_child* child_group::next_to_start() {
    if (full()) return nullptr;
    auto* const next = static_cast<pending_child*>(pending_.pop_front());
    if (next) admit(next->get());
    return next;
}

/// Waits until all children have ended. If whoever awaits this is cancelled, the children are, and the wait goes on.
/// Returns whether that happened.
inline net::awaitable<bool> join_children(std::shared_ptr<child_group> group) {
    const bool throws = co_await net::this_coro::throw_if_cancelled();
    co_await net::this_coro::throw_if_cancelled(false);
    const auto [aborted] = co_await group->async_wait(as_result);
    if (aborted) {
        group->cancel();
        // Without a slot: this wait is not cancelled again.
        co_await group->async_wait(net::bind_cancellation_slot(net::cancellation_slot{}, as_result));
    }
    co_await net::this_coro::throw_if_cancelled(throws);
    co_return bool(aborted);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_CHILD_GROUP_HPP
// end <telltale/sync/detail/child_group.hpp>
// <telltale/sync/outcome.hpp> is above

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What asks the other children of a group to stop.
enum class stop_at { never, error, value, end };

/// Children whose outcomes are kept, in the order in which they ended.
template <class T>
class outcome_group final : public child_group {
    using value_type = typename outcome<T>::value_type;

public:
    using child_type = child_of<value_type>;
    using waiter_type = waiter<std::optional<outcome<T>>>;

    outcome_group(const net::any_io_executor& executor, std::size_t limit, stop_at stop)
        : child_group(executor, limit), stop_(stop) {}

    /// Takes all that are kept, and lets the group begin again if no child is left.
    std::vector<outcome<T>> take() {
        const std::lock_guard lock(mutex());
        if (idle()) begin_again();
        std::vector<outcome<T>> taken(std::make_move_iterator(ended_.begin()), std::make_move_iterator(ended_.end()));
        ended_.clear();
        return taken;
    }

    /// Keeps these again, before those that ended since.
    void put_back(std::vector<outcome<T>> outcomes) {
        const std::lock_guard lock(mutex());
        ended_.insert(ended_.begin(), std::make_move_iterator(outcomes.begin()),
                      std::make_move_iterator(outcomes.end()));
    }

    /// Puts the next outcome into `next`; or none if no child is left. False if one has to wait for it.
    bool try_next(std::optional<outcome<T>>& next) {
        const std::lock_guard lock(mutex());
        return take_next(next);
    }

    template <class Handler>
    static void start_next(const std::shared_ptr<outcome_group>& group, Handler&& handler,
                           const net::any_io_executor& executor) {
        start_wait<std::optional<outcome<T>>>(group, std::forward<Handler>(handler), executor,
                                              [&group](std::tuple<error_code, std::optional<outcome<T>>>& result) {
                                                  return group->take_next(std::get<1>(result)) ? nullptr
                                                                                               : &group->readers();
                                              });
    }

private:
    // With the mutex held.
    bool take_next(std::optional<outcome<T>>& next) {
        if (ended_.empty()) {
            if (idle()) begin_again();
            return idle();
        }
        next = std::move(ended_.front());
        ended_.pop_front();
        return true;
    }

    bool keep(child& c, wait_node* reader) override {
        if (reader)
            std::get<1>(static_cast<waiter_type*>(reader)->result()) = outcome_of(c);
        else
            ended_.push_back(outcome_of(c));
        switch (stop_) {
        case stop_at::never: return false;
        case stop_at::error: return c.error && !c.cancelled;
        case stop_at::value: return !c.error;
        case stop_at::end: return !c.cancelled;
        }
        return false;
    }

    static outcome<T> outcome_of(child& c) {
        outcome<T> result;
        result.index = c.index;
        result.value = std::move(static_cast<child_type&>(c).value);
        result.error = c.error;
        result.cancelled = c.cancelled;
        return result;
    }

    const stop_at stop_;
    std::deque<outcome<T>> ended_;
};

/// A child before it is in a group, and the coroutine that it runs.
struct prepared_child {
    std::shared_ptr<child> c;
    net::awaitable<void> body;
};

template <class V, class Put, class T>
prepared_child prepare(net::awaitable<T> body) {
    auto c = std::make_shared<child_of<V>>();
    auto run = run_child<Put>(c, std::move(body));
    return {std::move(c), std::move(run)};
}

template <class T>
struct child_traits;
template <class T>
struct child_traits<net::awaitable<T>> {
    using value_type = T;
};

template <class Range>
using range_result_t = typename child_traits<std::ranges::range_value_t<Range>>::value_type;

/// A range of coroutines that may be taken: a container that was moved here, or a view that makes them.
template <class Range>
concept awaitable_range = std::ranges::input_range<Range> && requires {
    typename range_result_t<Range>;
} &&(!std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>> ||
     (!std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>));

template <awaitable_range Range>
std::vector<prepared_child> prepare_range(Range&& range) {
    using value_type = typename outcome<range_result_t<Range>>::value_type;
    std::vector<prepared_child> children;
    if constexpr (std::ranges::sized_range<Range>) children.reserve(std::ranges::size(range));
    for (auto&& body : range) children.push_back(prepare<value_type, put_value>(std::move(body)));
    return children;
}

template <std::size_t I>
struct put_alternative {
    template <class V, class... T>
    static void put(std::optional<V>& to, T&&... value) {
        to.emplace(std::in_place_index<I>, std::forward<T>(value)...);
    }
};

/// What coroutines of several types end with.
template <class... Ts>
using alternatives = std::variant<typename outcome<Ts>::value_type...>;

template <class... Ts, std::size_t... I>
std::vector<prepared_child> prepare_pack(std::index_sequence<I...>, net::awaitable<Ts>... bodies) {
    std::vector<prepared_child> children;
    children.reserve(sizeof...(Ts));
    (children.push_back(prepare<alternatives<Ts...>, put_alternative<I>>(std::move(bodies))), ...);
    return children;
}

/// Sorts outcomes by index.
template <class T>
void put_in_order(std::vector<outcome<T>>& outcomes) {
    std::ranges::sort(outcomes, {}, &outcome<T>::index);
}

/// The values, where all have one.
template <class T>
std::vector<typename outcome<T>::value_type> values_of(std::vector<outcome<T>> outcomes) {
    std::vector<typename outcome<T>::value_type> values;
    values.reserve(outcomes.size());
    for (auto& o : outcomes) values.push_back(std::move(*o.value));
    return values;
}

/// The alternative that a coroutine of a pack ended with, as its own outcome.
template <std::size_t I, class T, class V>
outcome<T> own_outcome(outcome<V>&& of) {
    outcome<T> own;
    own.index = of.index;
    own.error = std::move(of.error);
    own.cancelled = of.cancelled;
    if (of.value) own.value.emplace(std::get<I>(std::move(*of.value)));
    return own;
}

template <class... Ts, std::size_t... I>
std::tuple<outcome<Ts>...> own_outcomes(std::vector<outcome<alternatives<Ts...>>> outcomes, std::index_sequence<I...>) {
    put_in_order(outcomes);
    return {own_outcome<I, Ts>(std::move(outcomes[I]))...};
}

/// The error that speaks for all: the first that is not the answer to being stopped; else the first. Null without any.
template <class T>
std::exception_ptr first_error(const std::vector<outcome<T>>& outcomes) {
    std::exception_ptr cancelled;
    for (const auto& o : outcomes) {
        if (o.error && !o.cancelled) return o.error;
        if (o.error && !cancelled) cancelled = o.error;
    }
    return cancelled;
}

/// Runs coroutines until all have ended. Their outcomes, in the order in which they ended. Throws nothing of theirs;
/// a cancellation is passed on to them.
template <class T>
net::awaitable<std::vector<outcome<T>>> settle_all(std::vector<prepared_child> children, std::size_t limit,
                                                   stop_at stop) {
    const net::any_io_executor executor = co_await net::this_coro::executor;
    const auto group = std::make_shared<outcome_group<T>>(executor, limit, stop);
    const net::cancellation_state before = co_await net::this_coro::cancellation_state;
    const bool was_cancelled = before.cancelled() != net::cancellation_type::none;
    for (auto& p : children) group->spawn(std::move(p.c), std::move(p.body), false);
    // A child begins to run inside spawn(), and may have cancelled whoever awaits this.
    const net::cancellation_state after = co_await net::this_coro::cancellation_state;
    if (!was_cancelled && after.cancelled() != net::cancellation_type::none) group->cancel();
    co_await join_children(group);
    co_return group->take();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP
// end <telltale/sync/detail/outcome_group.hpp>
// <telltale/sync/outcome.hpp> is above
// begin <telltale/sync/task_group.hpp>

#ifndef TELLTALE_SYNC_TASK_GROUP_HPP
#define TELLTALE_SYNC_TASK_GROUP_HPP

// <telltale/asio.hpp> is above
// <telltale/detail/waiter.hpp> is above
// <telltale/sync/detail/child_group.hpp> is above

#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What the exception of a child does to the others of its group.
enum class error_policy {
    cancel_others, ///< the first one asks all others to stop
    collect        ///< nothing: the others go on
};

struct task_group_options {
    /// What the exception of a child does to the others. None is lost either way.
    error_policy errors = error_policy::cancel_others;

    /// How many children run at the same time; the others wait for their turn, first come, first served, and have not
    /// begun. 0: no limit.
    std::size_t limit = 0;
};

namespace detail {

class task_group_state final : public child_group {
public:
    task_group_state(const net::any_io_executor& executor, const task_group_options& options)
        : child_group(executor, options.limit), policy_(options.errors) {}

    void spawn_task(net::awaitable<void> task) {
        forget_told();
        auto c = std::make_shared<child_of<std::monostate>>();
        auto body = run_child<put_value>(c, std::move(task));
        spawn(std::move(c), std::move(body), true);
    }

    std::vector<std::exception_ptr> errors() const {
        const std::lock_guard lock(mutex());
        return errors_;
    }

    /// The first error, once.
    std::exception_ptr tell() {
        const std::lock_guard lock(mutex());
        begin_again();
        if (std::exchange(told_, true) || errors_.empty()) return nullptr;
        return errors_.front();
    }

private:
    bool keep(child& c, wait_node*) override {
        if (!c.error || c.cancelled) return false;
        if (std::exchange(told_, false)) errors_.clear();
        errors_.push_back(c.error);
        return policy_ == error_policy::cancel_others;
    }

    void forget_told() {
        std::vector<std::exception_ptr> old;
        const std::lock_guard lock(mutex());
        if (std::exchange(told_, false)) errors_.swap(old);
    }

    const error_policy policy_;
    std::vector<std::exception_ptr> errors_; ///< in the order in which they came
    bool told_ = false;                      ///< join() has thrown the first of them
};

} // namespace detail

/// Coroutines that belong together: spawned while it goes on, joined, cancelled together. The first one that throws
/// cancels the others, or does not (options), and its exception is what join() throws.
///
///     telltale::task_group group(co_await net::this_coro::executor, {.limit = 8}); // eight at a time
///     for (auto& url : urls) group.spawn(fetch(url));
///     co_await group.join();
///
/// No error is lost: `errors()` has all that children threw. Only operation_aborted of a child that was asked to stop is
/// no error. Each child runs on a strand of its own, so on a thread pool children run in parallel and can still be
/// cancelled. For children with results see result_group and when_all.
///
/// An execution context that is destroyed while somebody joins destroys the children first, then whoever joins.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for join and the destructor.
class task_group {
public:
    using executor_type = net::any_io_executor;

    explicit task_group(const executor_type& executor, task_group_options options = {})
        : state_(std::make_shared<detail::task_group_state>(executor, options)) {}

    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Cancels the children that still run, and does not wait for them: what they refer to must outlive them. Join
    /// first where that matters. Those that wait for their turn never begin.
    ~task_group() {
        // In that order: a child that ends at once must not end a wait with success.
        state_->abort_waiters();
        state_->cancel();
    }

    executor_type get_executor() const noexcept { return state_->executor(); }

    /// Starts a coroutine, or queues it where there is a limit. After cancel() it is cancelled as soon as it first
    /// waits, or dropped where it would have to wait for its turn. It may begin to run before this returns.
    void spawn(net::awaitable<void> task) { state_->spawn_task(std::move(task)); }

    /// Asks all children to stop; those that wait for their turn never begin. Until the group is joined, what is spawned
    /// is cancelled too.
    void cancel() { state_->cancel(); }

    /// How many children have not ended.
    std::size_t size() const { return state_->size(); }

    /// How many of these wait for their turn.
    std::size_t waiting() const { return state_->waiting(); }

    /// All that children threw, in the order in which it came: join() throws the first. Kept until the first spawn or
    /// error after join().
    std::vector<std::exception_ptr> errors() const { return state_->errors(); }

    /// Waits until every child has ended.
    ///
    /// @par Completion signature
    /// `void(error_code)`; says nothing about the children's exceptions: join() throws the first, errors() has all.
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the group was destroyed. The children go on.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the group's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(Token&& token = {}) {
        return state_->async_wait(std::forward<Token>(token));
    }

    /// Waits until every child has ended, then throws the first exception that one of them threw, if any; it is thrown
    /// once. When whoever joins is cancelled, the children are cancelled, and join throws operation_aborted when they
    /// have ended. The group can be used again.
    [[nodiscard]] net::awaitable<void> join() {
        const auto state = state_;
        const bool aborted = co_await detail::join_children(state);
        if (const auto error = state->tell()) std::rethrow_exception(error);
        if (aborted) throw system_error(net::error::operation_aborted);
    }

private:
    std::shared_ptr<detail::task_group_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_TASK_GROUP_HPP
// end <telltale/sync/task_group.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A task_group whose children have results: taken one by one as they come, or all together in the order of spawn().
///
///     telltale::result_group<page> group(co_await net::this_coro::executor, {.limit = 8});
///     for (auto& url : urls) group.spawn(fetch(url));
///     while (auto next = co_await group.next()) show(urls[next->index], next->take());
///
/// Outcomes that nobody has taken are kept, values and exceptions alike: spawn no faster than you take. `limit` bounds
/// what runs, not what is kept. Each child runs on a strand of its own.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for join, settle and the destructor.
template <class T>
class result_group {
    using state_type = detail::outcome_group<T>;

public:
    using executor_type = net::any_io_executor;

    explicit result_group(const executor_type& executor, task_group_options options = {})
        : state_(std::make_shared<state_type>(executor, options.limit,
                                              options.errors == error_policy::cancel_others ? detail::stop_at::error
                                                                                            : detail::stop_at::never)) {
    }

    result_group(const result_group&) = delete;
    result_group& operator=(const result_group&) = delete;

    /// As ~task_group: cancels the children and does not wait for them. Outcomes that were not taken are lost.
    ~result_group() {
        // In that order: a child that ends at once must not end a wait with success.
        state_->abort_waiters();
        state_->cancel();
    }

    executor_type get_executor() const noexcept { return state_->executor(); }

    /// As task_group::spawn. Returns the number of the child, which its outcome has as `index`: 0, 1, 2, ...
    std::size_t spawn(net::awaitable<T> task) {
        auto c = std::make_shared<typename state_type::child_type>();
        auto body = detail::run_child<detail::put_value>(c, std::move(task));
        return state_->spawn(std::move(c), std::move(body), true);
    }

    /// Asks all children to stop; those that wait for their turn never begin. Until the group is joined or next() says
    /// that none is left, what is spawned is cancelled too.
    void cancel() { state_->cancel(); }

    /// How many children have not ended.
    std::size_t size() const { return state_->size(); }

    /// How many of these wait for their turn.
    std::size_t waiting() const { return state_->waiting(); }

    /// Waits for the next child that ends, in whatever order. Several may wait; each outcome is given to one of them.
    ///
    /// @par Completion signature
    /// `void(error_code, std::optional<outcome<T>>)`; no outcome if no child is left and all outcomes are taken.
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the group was destroyed. What a child throws is in its outcome.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; no outcome is lost. The children go on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the group's).
    template <class Token = default_token_t<executor_type>>
    auto async_next(Token&& token = {}) {
        return detail::async_start<void(error_code, std::optional<outcome<T>>)>(
            state_->executor(),
            [state = state_](auto&& handler, const executor_type& executor) {
                state_type::start_next(state, std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// As async_next, but does not suspend when an outcome is there or no child is left.
    [[nodiscard]] net::awaitable<std::optional<outcome<T>>> next() {
        std::optional<outcome<T>> result;
        if (!state_->try_next(result)) result = co_await async_next(net::use_awaitable);
        co_return result;
    }

    /// Waits until every child has ended. The outcomes that were not taken before, in the order of spawn(), cancelled
    /// ones too; throws nothing of theirs. When whoever awaits this is cancelled, the children are cancelled, and what
    /// they end with is the result. The group can be used again.
    [[nodiscard]] net::awaitable<std::vector<outcome<T>>> settle() {
        const auto state = state_;
        co_await detail::join_children(state);
        auto outcomes = state->take();
        detail::put_in_order(outcomes);
        co_return outcomes;
    }

    /// Waits until every child has ended. Their values, of those that were not taken before, in the order of spawn(). If a
    /// child threw, throws its exception, the first one's; or operation_aborted if children were cancelled. Nothing is
    /// lost then: next() and settle() still have all outcomes. Cancelling is as for settle().
    [[nodiscard]] net::awaitable<std::vector<typename outcome<T>::value_type>> join() {
        const auto state = state_;
        co_await detail::join_children(state);
        auto outcomes = state->take();
        if (const auto error = detail::first_error(outcomes)) {
            state->put_back(std::move(outcomes));
            std::rethrow_exception(error);
        }
        detail::put_in_order(outcomes);
        co_return detail::values_of(std::move(outcomes));
    }

private:
    std::shared_ptr<state_type> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_RESULT_GROUP_HPP
// end <telltale/sync/result_group.hpp>
// <telltale/sync/semaphore.hpp> is above
// <telltale/sync/task_group.hpp> is above
// <telltale/sync/timer.hpp> is above
// begin <telltale/sync/when_all.hpp>

#ifndef TELLTALE_SYNC_WHEN_ALL_HPP
#define TELLTALE_SYNC_WHEN_ALL_HPP

// <telltale/asio.hpp> is above
// <telltale/sync/detail/outcome_group.hpp> is above
// <telltale/sync/outcome.hpp> is above

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// when_all runs coroutines beside each other and has ended when all of them have. Each runs on a strand of the executor of
// whoever awaits: in parallel on a thread pool. They begin when the result is awaited. For another completion token than
// co_await: `net::co_spawn(executor, when_all(a(), b()), token)`.

namespace telltale::inline TELLTALE_ABI {

struct when_all_options {
    /// How many run at the same time; the others wait for their turn, in their order, and have not begun. 0: all.
    std::size_t limit = 0;
};

namespace detail {

template <class T>
net::awaitable<std::conditional_t<std::is_void_v<T>, void, std::vector<typename outcome<T>::value_type>>> all_values(
    std::vector<prepared_child> children, std::size_t limit) {
    auto outcomes = co_await settle_all<T>(std::move(children), limit, stop_at::error);
    if (const auto error = first_error(outcomes)) std::rethrow_exception(error);
    if constexpr (!std::is_void_v<T>) {
        put_in_order(outcomes);
        co_return values_of(std::move(outcomes));
    }
}

template <class T>
net::awaitable<std::vector<outcome<T>>> all_outcomes(std::vector<prepared_child> children, std::size_t limit) {
    auto outcomes = co_await settle_all<T>(std::move(children), limit, stop_at::never);
    put_in_order(outcomes);
    co_return outcomes;
}

template <class... Ts, std::size_t... I>
std::tuple<typename outcome<Ts>::value_type...> own_values(std::vector<outcome<alternatives<Ts...>>> outcomes,
                                                           std::index_sequence<I...>) {
    put_in_order(outcomes);
    return {std::get<I>(std::move(*outcomes[I].value))...};
}

template <class... Ts>
net::awaitable<std::tuple<typename outcome<Ts>::value_type...>> pack_values(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::error);
    if (const auto error = first_error(outcomes)) std::rethrow_exception(error);
    co_return own_values<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
}

template <class... Ts>
net::awaitable<std::tuple<outcome<Ts>...>> pack_outcomes(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::never);
    co_return own_outcomes<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
}

} // namespace detail

/// The values of all coroutines of a range, in its order: `std::vector<T>`, or nothing for `awaitable<void>`.
///
///     std::vector<net::awaitable<page>> fetches;
///     for (auto& url : urls) fetches.push_back(fetch(url));
///     const auto pages = co_await telltale::when_all(std::move(fetches), {.limit = 8}); // eight at a time
///
/// `range`: a container of coroutines that is moved here, or a view that makes them (`urls | transform(fetch)`); it is read
/// before this returns. If it is empty the result is, at once.
///
/// @par Errors
/// The first exception asks the other coroutines to stop, those that have not begun never do, and it is thrown when
/// all have ended. Values of others and later exceptions are then lost: where these matter take when_all_settled,
/// or result_group, which keep them.
/// @par Cancellation
/// Passed on to all; what they end with decides, as always when all have ended: operation_aborted, or their values if
/// these came all the same.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_all(Range&& coroutines, when_all_options options = {}) {
    return detail::all_values<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                             options.limit);
}

/// As above for coroutines of different types: `auto [text, size] = co_await when_all(read(), measure());`. The result is
/// a `std::tuple`, with std::monostate for void.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<std::tuple<typename outcome<Ts>::value_type...>> when_all(
    net::awaitable<Ts>... coroutines) {
    return detail::pack_values<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

/// Lets all coroutines of a range end by themselves, and hands out how each did, in the order of the range:
/// `std::vector<outcome<T>>`. An exception stops nobody and is not thrown. A cancellation is passed on to all; what had
/// ended before is in the result, which comes when all have ended.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_all_settled(Range&& coroutines, when_all_options options = {}) {
    return detail::all_outcomes<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                               options.limit);
}

/// As above for coroutines of different types: `std::tuple<outcome<Ts>...>`.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<std::tuple<outcome<Ts>...>> when_all_settled(net::awaitable<Ts>... coroutines) {
    return detail::pack_outcomes<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WHEN_ALL_HPP
// end <telltale/sync/when_all.hpp>
// begin <telltale/sync/when_any.hpp>

#ifndef TELLTALE_SYNC_WHEN_ANY_HPP
#define TELLTALE_SYNC_WHEN_ANY_HPP

// <telltale/asio.hpp> is above
// <telltale/error.hpp> is above
// <telltale/sync/detail/outcome_group.hpp> is above
// <telltale/sync/outcome.hpp> is above

#include <cstddef>
#include <exception>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

// when_any runs coroutines beside each other until the first one ends. The others are asked to stop, and it has ended when
// all have. Unlike `a || b` it loses nothing: what another one had got before it could be stopped is handed out too,
// and an exception is never mistaken for an answer that did not come. Each coroutine runs on a strand of the executor of
// whoever awaits. For another completion token than co_await: `net::co_spawn(executor, when_any(a(), b()), token)`.

namespace telltale::inline TELLTALE_ABI {

struct when_any_options {
    /// Whether an exception stops nobody as long as another coroutine may still come to a value: for the same question put
    /// to several who may fail. False: the first one that ends stops the others, whatever it ended with.
    bool skip_errors = false;

    /// How many run at the same time; the others wait for their turn, in their order, and have not begun. 0: all. With
    /// 1 and skip_errors each is tried only after the one before has failed.
    std::size_t limit = 0;
};

/// The first value, and what else came.
template <class T>
struct when_any_result {
    std::size_t index = 0; ///< which one it is from
    T value;
    /// How the others ended that were not cancelled, in the order in which they did: values that came before their
    /// coroutines could be stopped, and exceptions. Mostly empty.
    std::vector<outcome<T>> others;
};

/// How all ended, and which one decided.
template <class Outcomes>
struct when_any_outcomes {
    std::size_t first = 0; ///< index of the one whose value or exception when_any would give
    Outcomes outcomes;     ///< of all, in their order
};

namespace detail {

inline void throw_if_empty(std::size_t size) {
    if (size == 0) throw system_error(make_error_code(errc::invalid_argument), "when_any of nothing");
}

/// The place of the first value; without any, of the error that speaks for all.
template <class T>
std::size_t place_of_first(const std::vector<outcome<T>>& outcomes) {
    std::size_t place = outcomes.size();
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i]) return i;
        if (!outcomes[i].cancelled && place == outcomes.size()) place = i;
    }
    return place == outcomes.size() ? 0 : place;
}

inline stop_at stop_of(const when_any_options& options) noexcept {
    return options.skip_errors ? stop_at::value : stop_at::end;
}

template <class T, class V = typename outcome<T>::value_type>
net::awaitable<when_any_result<V>> any_value(std::vector<prepared_child> children, when_any_options options) {
    throw_if_empty(children.size());
    auto outcomes = co_await settle_all<V>(std::move(children), options.limit, stop_of(options));
    auto& first = outcomes[place_of_first(outcomes)];
    if (first.error) std::rethrow_exception(first.error);
    when_any_result<V> result{first.index, std::move(*first.value), {}};
    for (auto& o : outcomes)
        if (&o != &first && !o.cancelled) result.others.push_back(std::move(o));
    co_return result;
}

template <class T>
net::awaitable<when_any_outcomes<std::vector<outcome<T>>>> any_outcomes(std::vector<prepared_child> children,
                                                                        when_any_options options) {
    throw_if_empty(children.size());
    when_any_outcomes<std::vector<outcome<T>>> result;
    result.outcomes = co_await settle_all<T>(std::move(children), options.limit, stop_of(options));
    result.first = result.outcomes[place_of_first(result.outcomes)].index;
    put_in_order(result.outcomes);
    co_return result;
}

template <class... Ts>
net::awaitable<when_any_outcomes<std::tuple<outcome<Ts>...>>> any_pack_outcomes(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::end);
    when_any_outcomes<std::tuple<outcome<Ts>...>> result;
    result.first = outcomes[place_of_first(outcomes)].index;
    result.outcomes = own_outcomes<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
    co_return result;
}

} // namespace detail

/// The value of the first coroutine of a range that comes to one: `when_any_result<T>`, with std::monostate for void.
///
///     auto [index, value, others] = co_await telltale::when_any(std::move(fetches));
///
/// `range`: as for when_all.
///
/// @par Errors
/// If the first one that ends does so with an exception, it too stops the others (options: unless skip_errors). It is
/// thrown, when all have ended, if none of them came to a value; a value counts more, and the exception is then among
/// `others`. Where several exceptions matter take when_any_settled, which has all.
/// `errc::invalid_argument`: the range is empty.
/// @par Cancellation
/// Passed on to all; what they end with decides, when all have: operation_aborted, or a value that came all the same.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_any(Range&& coroutines, when_any_options options = {}) {
    return detail::any_value<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                            options);
}

/// As above for coroutines of different types; the value is a `std::variant` of theirs, whose index is that of the
/// coroutine.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<when_any_result<detail::alternatives<Ts...>>> when_any(net::awaitable<Ts>... coroutines) {
    return detail::any_value<detail::alternatives<Ts...>>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...), {});
}

/// As when_any, and hands out how each of the coroutines ended: `when_any_outcomes<std::vector<outcome<T>>>`. Throws
/// nothing of theirs, and no operation_aborted when cancelled: that is in the outcomes.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_any_settled(Range&& coroutines, when_any_options options = {}) {
    return detail::any_outcomes<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                               options);
}

/// As above for coroutines of different types: `when_any_outcomes<std::tuple<outcome<Ts>...>>`.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<when_any_outcomes<std::tuple<outcome<Ts>...>>> when_any_settled(
    net::awaitable<Ts>... coroutines) {
    return detail::any_pack_outcomes<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WHEN_ANY_HPP
// end <telltale/sync/when_any.hpp>
// <telltale/sync/with_timeout.hpp> is above
// <telltale/version.hpp> is above

#endif // TELLTALE_TELLTALE_HPP
// end <telltale/telltale.hpp>
