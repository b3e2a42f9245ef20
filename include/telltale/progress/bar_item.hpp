// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_BAR_ITEM_HPP
#define TELLTALE_PROGRESS_BAR_ITEM_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>
#include <telltale/core/watch_health.hpp>
#include <telltale/progress/stage_snapshot.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What a line of bars shows, and in `parts` the lines that stand indented below it. A job with its steps is one; so is
/// anything else that takes a while.
struct bar_item {
    std::string key{};                                      ///< tells it from others; empty: the name does
    std::string name{};                                     ///< for people
    job_state state = job_state::running;                   ///< one that is over is shown once more, above the bars
    std::optional<telltale::progress> progress{};           ///< absent: no bar
    std::optional<std::chrono::duration<double>> elapsed{}; ///< since it began, or until it was over
    std::string note{};                                     ///< why it failed, or what it waits for
    std::optional<std::uint32_t> queue_position{};
    watch_state health = watch_state::ok;
    std::uint32_t attempt = 1; ///< one that runs again after it was over is the next attempt
    std::vector<bar_item> parts{};
};

namespace detail {

inline std::optional<std::chrono::duration<double>> elapsed_of(std::optional<timestamp> from,
                                                               std::optional<timestamp> to) {
    if (!from || !to || *to < *from) return std::nullopt; // clocks of other machines are set back, too
    return *to - *from;
}

inline bar_item item_of(const job_step& s, std::optional<timestamp> now) {
    return {.name = s.name,
            .state = s.state,
            .progress = s.progress,
            .elapsed = elapsed_of(s.started, s.finished ? s.finished : now)};
}

} // namespace detail

/// The job and its steps as lines. `now` is the time of the calendar: without it, only what is over tells how long it
/// took.
inline bar_item to_bar_item(const job& j, std::optional<timestamp> now = {}) {
    bar_item item{.key = j.id,
                  .name = j.name.empty() ? j.id : j.name,
                  .state = j.state,
                  .progress = j.progress,
                  .elapsed = detail::elapsed_of(j.started, j.finished ? j.finished : now),
                  .queue_position = j.queue_position,
                  .health = j.health.state,
                  .attempt = j.attempt};
    if (j.error)
        item.note = j.error->message;
    else if (j.approval)
        item.note = "waits for approval of " + j.approval->what;
    if (!j.steps) return item;
    item.parts.reserve(j.steps->size());
    for (const job_step& s : *j.steps) item.parts.push_back(detail::item_of(s, now));
    return item;
}

/// A stage and those that it is made of as lines.
inline bar_item to_bar_item(const stage_snapshot& s) {
    static constexpr std::array<job_state, 4> states{job_state::pending, job_state::running, job_state::succeeded,
                                                     job_state::failed};
    bar_item item{.name = s.name,
                  .state = states[static_cast<std::size_t>(s.state)],
                  .progress = s.value,
                  .elapsed = s.elapsed,
                  .note = s.message};
    if (s.state == stage_state::pending) item.elapsed.reset();
    item.parts.reserve(s.children.size());
    for (const stage_snapshot& child : s.children) item.parts.push_back(to_bar_item(child));
    return item;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_ITEM_HPP
