// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_REPLAY_HPP
#define TELLTALE_TESTING_REPLAY_HPP

#include <telltale/asio.hpp>
#include <telltale/poll/flight_entry.hpp>
#include <telltale/poll/poller_options.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI::testing {

struct replay_options {
    /// Times that differ by no more are the same: in a recording of real time everything is a little late. Zero for one
    /// of virtual time.
    std::chrono::nanoseconds tolerance = std::chrono::milliseconds{50};
    /// Changes the options of the poller: to see what would have been decided with others.
    std::function<void(poller_options&)> change{};
};

/// Where a replay first went another way.
struct replay_difference {
    std::size_t line = 0;                   ///< of the recording, from 1: its number in what was given to replay()
    std::optional<flight_entry> expected{}; ///< absent: nothing; then `line` is the one after which `got` came
    std::optional<flight_entry> got{};      ///< absent: nothing
};

struct replay_result {
    std::size_t compared = 0; ///< entries that are the same
    std::optional<replay_difference> difference{};
    std::vector<flight_entry> entries{}; ///< all that the replay did

    explicit operator bool() const noexcept { return !difference; }
};

/// "all 117 entries are the same", or
///
///     line 17: expected {"at":"…","kind":"decided","job":"42","next_ns":15000000000,"reason":"interval"}
///                   got {"at":"…","kind":"decided","job":"42","next_ns":5000000000,"reason":"interval"}
inline std::string to_string(const replay_result& r);

/// Makes the decisions of a recording again: a status_poller with the recorded options and seed, in virtual time, is asked
/// to watch, unwatch, cancel and stop when the recorded one was, and its source answers what was answered, when it was.
/// Then each job's entries are compared, and those of the poller itself; numbers of polls are not, nor are the options.
///
///     std::ifstream file("flight.jsonl", std::ios::binary);
///     const auto result = testing::replay(flight_log_reader(file).all());
///     std::cout << to_string(result) << '\n';
///
/// The recording begins with `poller_started`; one with several of them is of several pollers, one after the other. Its end
/// may be missing. What pollers shared with others is not in it: a poller that waited for a budget that others spent decides
/// otherwise alone.
///
/// @par Errors
/// errc::invalid_argument, thrown: the first entry is not poller_started with its options.
inline replay_result replay(const std::vector<flight_entry>& recorded, replay_options options = {});

} // namespace telltale::inline TELLTALE_ABI::testing

#include <telltale/testing/detail/replay_run.hpp>

#endif // TELLTALE_TESTING_REPLAY_HPP
