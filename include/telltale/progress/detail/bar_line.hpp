// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP
#define TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP

#include <telltale/core/job_state.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/watch_health.hpp>
#include <telltale/progress/bar_item.hpp>
#include <telltale/progress/detail/text.hpp>

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

struct bar_texts {
    std::string name;
    std::string state;     // "queued, place 3", "failed after 0:07: no such file"
    std::string percent;   // "42 %"
    std::string amount;    // "1.2/3.4 MiB"
    std::string rate;      // "120 KiB/s"
    std::string elapsed;   // "for 0:31"; of what is over the state tells it
    std::string remaining; // "0:12 left"
    std::string band;      // " (0:08 to 0:20)"
};

inline std::string state_text(const bar_item& item, bool unicode) {
    std::string text(to_string(item.state));
    std::replace(text.begin(), text.end(), '_', ' ');
    if (is_terminal(item.state) && item.elapsed)
        text += (item.state == job_state::succeeded ? " in " : " after ") + human_took(*item.elapsed);
    if (item.state == job_state::queued && item.queue_position)
        text += ", place " + std::to_string(*item.queue_position);
    if (!item.note.empty()) text += ": " + clean(item.note, unicode);
    if (item.health != watch_state::ok && !is_terminal(item.state)) text += ", " + std::string(to_string(item.health));
    return text;
}

inline bar_texts texts_of(const bar_item& item, bool unicode) {
    bar_texts t;
    t.name = clean(item.name, unicode);
    t.state = state_text(item, unicode);
    if (item.elapsed && !is_terminal(item.state)) t.elapsed = "for " + human_elapsed(*item.elapsed);
    if (!item.progress) return t;
    const progress& p = *item.progress;
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
        // How fast it was just before it was over is no longer of interest.
        if (p.rate && p.unit != progress_unit::seconds && !is_terminal(item.state))
            t.rate = human_amount(*p.rate, p.unit) + "/s";
    }
    if (!p.remaining || is_terminal(item.state)) return t;
    t.remaining = human_duration(*p.remaining) + " left";
    if (!p.remaining_low || !p.remaining_high) return t;
    const std::string low = human_duration(*p.remaining_low);
    const std::string high = human_duration(*p.remaining_high);
    if (low != high) t.band = " (" + low + " to " + high + ")";
    return t;
}

/// A line of a terminal, no wider than it may be.
class bar_line {
public:
    bar_line(const bar_item& item, std::size_t width, const bar_style& style, std::size_t depth = 0) : style_(style) {
        const bar_texts t = texts_of(item, style.unicode);
        const std::size_t name_width = std::clamp<std::size_t>(width / 4, 8, 24);
        if (width < name_width + 6) { // only the name and how it is
            const std::string& how = t.percent.empty() || is_terminal(item.state) ? t.state : t.percent;
            const std::size_t least = detail::columns(how) + 2; // with one column of the name
            const std::string name = width > least ? cut(t.name, width - least + 1, style.unicode) : t.name;
            add(cut(name + " " + how, width, style.unicode));
            return;
        }
        add(fit(std::string(std::min(2 * depth, name_width / 2), ' ') + t.name, name_width, style.unicode));
        const std::size_t room = width - name_width;
        if (item.state == job_state::running && !t.percent.empty())
            running(item, t, room);
        else
            other(item, t, room);
    }

    const std::string& text() const noexcept { return text_; }

private:
    static constexpr std::size_t least_bar = 10;
    static constexpr std::size_t most_bar = 40;

    void running(const bar_item& item, const bar_texts& t, std::size_t room) {
        const std::string health = item.health == watch_state::ok ? "" : std::string(to_string(item.health));
        const std::string banded = t.remaining + t.band;
        std::vector<std::string_view> parts{t.percent, t.amount, t.rate, t.elapsed, banded, health};
        // What goes on a narrow line: the band, the rate, the time that it took, the amount, the time that is left. What is
        // wrong goes last.
        const auto too_much = [&] { return needed(parts) + least_bar + 1 > room; };
        if (too_much()) parts[4] = t.remaining;
        for (const std::size_t drop : std::array<std::size_t, 4>{2, 3, 1, 4})
            if (too_much()) parts[drop] = {};
        const std::size_t rest = needed(parts);
        if (rest + least_bar + 1 <= room) bar(*item.progress->percent(), std::min(room - rest - 1, most_bar));
        for (std::size_t i = 0; i < parts.size(); ++i)
            if (!parts[i].empty() && columns_ < limit(room)) part(parts[i], i == 5 ? yellow : "", room);
        // What it says of itself, where it is not only a scrap.
        if (!item.note.empty() && columns_ + 12 <= limit(room)) part(clean(item.note, style_.unicode), "", room);
    }

    void other(const bar_item& item, const bar_texts& t, std::size_t room) {
        part(t.state, colour_of(item), room);
        if (!t.percent.empty() && !is_terminal(item.state)) part(t.percent, "", room);
        for (const std::string* const text : {&t.amount, &t.rate, &t.elapsed})
            if (!text->empty() && detail::columns(*text) + 1 < limit(room) - std::min(columns_, limit(room)))
                part(*text, "", room);
    }

    std::size_t limit(std::size_t room) const noexcept { return name_columns_ + room; }

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

    static const char* colour_of(const bar_item& item) noexcept {
        if (item.health != watch_state::ok && !is_terminal(item.state)) return yellow;
        switch (item.state) {
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

inline std::string plain_line(const bar_item& item, const bar_style& style) {
    const bar_texts t = texts_of(item, style.unicode);
    std::string line = t.name + ": " + t.state;
    for (const std::string* const text : {&t.percent, &t.amount, &t.rate, &t.elapsed, &t.remaining})
        if (!text->empty()) line += ", " + *text;
    return line + t.band;
}

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_DETAIL_BAR_LINE_HPP
