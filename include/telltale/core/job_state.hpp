// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_JOB_STATE_HPP
#define TELLTALE_CORE_JOB_STATE_HPP

#include <telltale/version.hpp>

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
