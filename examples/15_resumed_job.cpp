// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// A run stops in the middle and saves what it has counted. Another one goes on from there: what was done counts, what that
// took counts, and the rate is that of the second run alone.

#include <telltale/progress/checkpoint.hpp>
#include <telltale/progress/progress_tracker.hpp>

#include <cstdint>
#include <iostream>
#include <string>

namespace net = telltale::net;

constexpr std::uint64_t records = 1000;

/// Works from where the tracker is up to `until`, and returns what to save.
std::string work(telltale::progress_tracker& tracker, std::uint64_t until) {
    for (std::uint64_t record = tracker.done(); record < until; ++record) tracker.advance();
    return to_checkpoint(tracker.snapshot());
}

int main() {
    net::io_context context;
    std::string saved; // a file, in earnest
    {
        telltale::progress_tracker tracker(context.get_executor(), {.total = records});
        saved = work(tracker, 600);
        std::cout << "first run: " << *tracker.sample().percent() << " %, " << saved.size() << " bytes saved\n";
    }
    telltale::progress_tracker tracker(context.get_executor(), telltale::parse_tracker_checkpoint(saved));
    const telltale::progress_snapshot before = tracker.snapshot();
    std::cout << "second run begins at " << before.value.done << " of " << *before.value.total << '\n';
    std::cout << "rate: " << (before.value.rate ? "known" : "not known yet") << '\n';
    saved = work(tracker, records);
    std::cout << "second run: " << *tracker.sample().percent() << " %\n";
    std::cout << "it took longer than the first alone: " << std::boolalpha
              << (tracker.snapshot().elapsed > before.elapsed) << '\n';

    telltale::error_code ec;
    telltale::parse_tracker_checkpoint(saved.substr(0, 20), ec);
    std::cout << "half a checkpoint: " << ec.message() << '\n';
}
