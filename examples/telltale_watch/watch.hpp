// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_WATCH_WATCH_HPP
#define TELLTALE_WATCH_WATCH_HPP

#include "settings.hpp"

namespace watch {

enum exit_status : int {
    all_succeeded = 0,
    some_failed = 1,
    wrong_usage = 2,
    unreachable_or_lost = 3,
    deadline_over = 124,
    interrupted = 130
};

/// Watches the jobs until they are over; the exit status.
int run(const settings& s);

} // namespace watch

#endif // TELLTALE_WATCH_WATCH_HPP
