// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP
#define TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/progress/detail/bar_line.hpp>
#include <telltale/progress/detail/text.hpp>

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
