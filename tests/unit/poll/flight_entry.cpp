// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/flight_entry.hpp>

#include <telltale/poll/poll_reason.hpp>
#include <telltale/poll/poll_wait.hpp>

#include "catch.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace telltale;

namespace {

// Every value by the name that is written into recordings, which later versions read, too.
template <class Enum>
using names = std::vector<std::pair<Enum, std::string_view>>;

template <class Enum, class Parse>
void are_the_names(const names<Enum>& all, Parse parse) {
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& [value, name] = all[i];
        CHECK(static_cast<std::size_t>(value) == i); // none left out
        CHECK(to_string(value) == name);
        CHECK(parse(name) == value);
    }
    const std::string first(all[0].second);
    for (const auto& other : {std::string(), first + " ", first + "s", first.substr(1), "F" + first.substr(1)})
        CHECK_FALSE(parse(other));
}

} // namespace

TEST_CASE("flight_kind: each has its name, and is found by it") {
    const names<flight_kind> all{{flight_kind::poller_started, "poller_started"},
                                 {flight_kind::watched, "watched"},
                                 {flight_kind::unwatched, "unwatched"},
                                 {flight_kind::poll_started, "poll_started"},
                                 {flight_kind::poll_ended, "poll_ended"},
                                 {flight_kind::decided, "decided"},
                                 {flight_kind::told, "told"},
                                 {flight_kind::retry_started, "retry_started"},
                                 {flight_kind::poll_requested, "poll_requested"},
                                 {flight_kind::cancel_requested, "cancel_requested"},
                                 {flight_kind::cancel_answered, "cancel_answered"},
                                 {flight_kind::ended, "ended"},
                                 {flight_kind::stopped, "stopped"}};
    are_the_names(all, parse_flight_kind);
    CHECK(detail::flight_kind_names.size() == all.size());
}

TEST_CASE("poll_reason: each has its name, and is found by it") {
    const names<poll_reason> all{{poll_reason::first, "first"},
                                 {poll_reason::interval, "interval"},
                                 {poll_reason::backoff, "backoff"},
                                 {poll_reason::hint, "hint"},
                                 {poll_reason::predicted_end, "predicted_end"},
                                 {poll_reason::learned_duration, "learned_duration"},
                                 {poll_reason::last_poll, "last_poll"},
                                 {poll_reason::command, "command"}};
    are_the_names(all, parse_poll_reason);
    CHECK(detail::poll_reason_names.size() == all.size());
}

TEST_CASE("poll_wait: each has its name, and is found by it") {
    const names<poll_wait> all{{poll_wait::nothing, "nothing"},
                               {poll_wait::permit, "permit"},
                               {poll_wait::budget, "budget"},
                               {poll_wait::breaker, "breaker"},
                               {poll_wait::retry_after, "retry_after"}};
    are_the_names(all, parse_poll_wait);
    CHECK(detail::poll_wait_names.size() == all.size());
}
