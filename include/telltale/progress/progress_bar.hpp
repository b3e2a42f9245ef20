// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_PROGRESS_BAR_HPP
#define TELLTALE_PROGRESS_PROGRESS_BAR_HPP

#include <telltale/core/job_state.hpp>
#include <telltale/progress/bar_item.hpp>
#include <telltale/progress/bar_writer.hpp>
#include <telltale/progress/progress_snapshot.hpp>
#include <telltale/progress/stage_snapshot.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// One bar, for work that is no job on a board.
///
///     telltale::progress_bar bar(stderr, "hashing");
///     for (const auto& file : files) {
///         hash(file);
///         counter.advance();
///         bar.update(counter.snapshot()); // draws ten times a second at most
///     }
///     bar.finish();
///
/// Where there is a loop of Asio's, show_progress does all that. See bar_writer for what is shown where.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class progress_bar {
public:
    using clock = std::chrono::steady_clock;

    /// `out` must stay open as long as this is used.
    explicit progress_bar(std::FILE* out, std::string name, bar_writer_options options = {}) : writer_(out, options) {
        items_.front().name = std::move(name);
    }

    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;

    /// Shows the last that is known, if finish() was not called.
    ~progress_bar() { end(); }

    bool is_terminal() const noexcept { return writer_.is_terminal(); }

    /// How often it is worth calling update().
    clock::duration interval() const noexcept { return writer_.redraw_interval(); }

    /// False: it is too early since the last time, and this one will be shown with the next.
    bool update(const progress_snapshot& s) {
        bar_item item{.name = items_.front().name, .progress = s.value, .elapsed = s.elapsed, .note = s.message};
        return update(std::move(item), s.at);
    }

    /// The same for a stage_tree: its stages are lines below the bar.
    bool update(const stage_tree_snapshot& s) {
        bar_item item = to_bar_item(s.root);
        item.name = items_.front().name;
        item.state = job_state::running; // how the whole ends, finish() tells
        return update(std::move(item), s.at);
    }

    /// Anything else, with whatever parts it has. Ignored after finish().
    bool update(bar_item item, clock::time_point now) {
        if (ended_) return true;
        items_.front() = std::move(item);
        now_ = now;
        return writer_.update(items_, now);
    }

    /// Writes a line, or several, above the bar.
    void log(std::string_view text) { writer_.log(text); }

    /// The last line: how it ended, and where that is to be said, why.
    void finish(job_state state = job_state::succeeded, std::string note = {}) {
        if (ended_) return;
        items_.front().state = state;
        items_.front().note = std::move(note);
        end();
    }

private:
    void end() {
        if (!std::exchange(ended_, true)) writer_.finish(items_, now_);
    }

    bar_writer writer_;
    bar_writer::item_list items_{bar_item{}};
    clock::time_point now_{};
    bool ended_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_PROGRESS_BAR_HPP
