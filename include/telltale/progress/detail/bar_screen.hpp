// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP
#define TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/time.hpp>
#include <telltale/progress/bar_item.hpp>
#include <telltale/progress/detail/bar_line.hpp>
#include <telltale/progress/detail/text.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

struct screen_size {
    std::size_t width = 80;
    std::size_t height = 24;
};

/// Of what is shown: enough to know whether a line is needed.
struct bar_head {
    std::string_view key;
    job_state state;
    std::uint32_t attempt;
};

inline bar_head head_of(const bar_item& item) noexcept {
    return {item.key.empty() ? item.name : item.key, item.state, item.attempt};
}
inline bar_head head_of(const std::shared_ptr<const job>& j) noexcept { return {j->id, j->state, j->attempt}; }

inline bar_item to_item(bar_item item, std::optional<timestamp>) noexcept { return item; }
inline bar_item to_item(const std::shared_ptr<const job>& j, std::optional<timestamp> now) {
    return to_bar_item(*j, now);
}

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

/// What has to be written so that a terminal shows the items, or so that a log does. Sans I/O: the times and the size are
/// passed in. Items are jobs or bar_items.
class bar_screen {
public:
    using clock = std::chrono::steady_clock;

    struct settings {
        bool terminal = true;
        bool reflows = true; ///< lines that have become too long for the terminal run on in the next row
        bar_style style{};
        clock::duration redraw{};
        clock::duration plain{};
    };

    explicit bar_screen(settings s) : settings_(s) {}

    bool too_early(clock::time_point now) const noexcept { return drawn_ && now - *drawn_ < settings_.redraw; }

    /// `calendar` is for the time since a job began; may be absent.
    template <class Items>
    std::string update(const Items& items, clock::time_point now, std::optional<timestamp> calendar, screen_size size) {
        drawn_ = now;
        return show(items, now, calendar, size, false);
    }

    /// The last that is shown: everything has its final line, and no bar is left to be redrawn.
    template <class Items>
    std::string finish(const Items& items, clock::time_point now, std::optional<timestamp> calendar, screen_size size) {
        return show(items, now, calendar, size, true);
    }

    std::string log(std::string_view message, screen_size size) {
        std::string text;
        for (const std::string& line : clean_lines(message, settings_.style.unicode)) text += line + "\n";
        if (!settings_.terminal) return text;
        const std::size_t old = rows_of_frame(size);
        for (std::string& line : frame_) line = cut_coloured(line, size.width); // until they are drawn for that width
        return draw_at(old, text);
    }

private:
    struct shown {
        job_state state{};
        std::uint32_t attempt = 0;
        bool final = false; // has had its last line
        clock::time_point at{};
        std::uint64_t seen = 0; // in which pass over the items
    };
    using shown_map = std::unordered_map<std::string, shown, text_hash, std::equal_to<>>;

    struct row {
        const bar_item* item;
        std::size_t depth;
    };

    template <class Items>
    std::string show(const Items& items, clock::time_point now, std::optional<timestamp> calendar, screen_size size,
                     bool last) {
        ++pass_;
        std::string text = settings_.terminal ? draw(items, calendar, size, last) : list(items, now, calendar, last);
        std::erase_if(shown_, [this](const auto& entry) { return entry.second.seen != pass_; });
        return text;
    }

    shown_map::iterator find(std::string_view key, bool& fresh) {
        auto found = shown_.find(key);
        fresh = found == shown_.end();
        if (fresh) found = shown_.emplace(key, shown{}).first;
        found->second.seen = pass_;
        return found;
    }

    // A terminal

    template <class Items>
    std::string draw(const Items& items, std::optional<timestamp> calendar, screen_size size, bool last) {
        const std::size_t width = std::max<std::size_t>(size.width, 2) - 1; // some terminals wrap at the last column
        const std::size_t most = std::max<std::size_t>(size.height, 3) - 2;
        std::string above;
        std::vector<bar_item> live; // running first, then what waits: no more of each than there is room for
        std::vector<bar_item> waiting;
        std::size_t count = 0;
        for (const auto& i : items) {
            const bar_head head = head_of(i);
            const bool over = is_terminal(head.state) || last;
            bool fresh = false;
            shown& s = find(head.key, fresh)->second;
            if (fresh || s.attempt != head.attempt || s.state != head.state || !over)
                s = {head.state, head.attempt, false, {}, pass_};
            if (over) {
                if (!std::exchange(s.final, true)) above += final_line(to_item(i, calendar), width);
                continue;
            }
            ++count;
            auto& list = head.state == job_state::running ? live : waiting;
            if (list.size() <= most) list.push_back(to_item(i, calendar));
        }
        live.insert(live.end(), std::move_iterator(waiting.begin()), std::move_iterator(waiting.end()));
        std::vector<std::string> frame = lines(live, count, most, width);
        if (above.empty() && frame == frame_) return {};
        const std::size_t old = rows_of_frame(size);
        frame_ = std::move(frame);
        return draw_at(old, above);
    }

    std::string final_line(bar_item item, std::size_t width) const {
        if (item.progress && !is_terminal(item.state))
            item.progress->remaining.reset(); // nobody will see whether it is so
        return bar_line(item, width, settings_.style).text() + "\n";
    }

    /// Where not all rows fit, parts that are over go first, then those that wait, then what is last.
    std::vector<std::string> lines(const std::vector<bar_item>& items, std::size_t count, std::size_t most,
                                   std::size_t width) const {
        std::vector<row> rows;
        for (int less = 0; less < 3; ++less) {
            rows.clear();
            for (const bar_item& i : items) add_rows(rows, i, 0, less);
            if (rows.size() <= most) break;
        }
        std::size_t hidden = count - items.size();
        if (rows.size() + (hidden != 0 ? 1 : 0) > most) {
            hidden += rows.size() - (most - 1);
            rows.resize(most - 1);
        }
        std::vector<std::string> all;
        all.reserve(rows.size() + 1);
        for (const row& r : rows) all.push_back(bar_line(*r.item, width, settings_.style, r.depth).text());
        if (hidden != 0) all.push_back(cut("and " + std::to_string(hidden) + " more", width, settings_.style.unicode));
        return all;
    }

    static void add_rows(std::vector<row>& rows, const bar_item& item, std::size_t depth, int less) {
        rows.push_back({&item, depth});
        for (const bar_item& part : item.parts) {
            if (less > 0 && is_terminal(part.state)) continue;
            if (less > 1 && part.state != job_state::running) continue;
            add_rows(rows, part, depth + 1, less);
        }
    }

    /// Lines that were drawn in a wider terminal take more than one row of a narrower one.
    std::size_t rows_of_frame(screen_size size) const {
        std::size_t rows = 0;
        for (const std::string& line : frame_) rows += settings_.reflows ? rows_of(line, size.width) : 1;
        return rows;
    }

    /// The lines above the bars, and the bars, in the place of the last `old` rows above the cursor.
    std::string draw_at(std::size_t old, const std::string& above) const {
        const std::string up = old == 0 ? "" : "\x1b[" + std::to_string(old) + "A";
        std::string all = old == 0 ? "" : "\r" + up;
        if (!above.empty() || frame_.empty()) { // else each line replaces one
            for (std::size_t i = 0; i < old; ++i)
                all += "\x1b[K\x1b[B"; // not all at once: tmux would keep that to scroll to
            all += up + above;
        }
        if (frame_.empty()) return all;
        // The terminal does not wrap the bars: it may have become narrower just now, or may think that a character is wider
        // than we do.
        all += "\x1b[?7l";
        for (const std::string& line : frame_) all += line + "\x1b[K\n";
        return all + "\x1b[?7h\x1b[J";
    }

    // Not a terminal

    template <class Items>
    std::string list(const Items& items, clock::time_point now, std::optional<timestamp> calendar, bool last) {
        std::string all;
        for (const auto& i : items) {
            const bar_head head = head_of(i);
            bool fresh = false;
            const shown& s = find(head.key, fresh)->second;
            if (s.final && s.attempt == head.attempt && s.state == head.state) continue;
            const bar_item item = to_item(i, calendar);
            list(all, item, head.key, {}, now, last);
        }
        return all;
    }

    void list(std::string& all, const bar_item& item, std::string_view key, const std::string& path,
              clock::time_point now, bool last) {
        bool fresh = false;
        shown& s = find(key, fresh)->second;
        const bool changed = fresh || s.state != item.state || s.attempt != item.attempt;
        const bool due = item.state == job_state::running && item.progress && now - s.at >= settings_.plain;
        const bool over = is_terminal(item.state);
        const bool final = last && !over && !s.final;
        const bar_item named = with_path(item, path);
        // The parts come first, when all is over.
        const auto parts = [&] {
            for (const bar_item& part : item.parts)
                list(all, part, std::string(key) + '\0' + std::string(head_of(part).key), named.name, now, false);
        };
        if (over) parts();
        if (changed || due || final) {
            s.state = item.state;
            s.attempt = item.attempt;
            s.final = last || (over && path.empty());
            s.at = now;
            all += plain_line(named, settings_.style) + "\n";
        }
        if (!over) parts();
    }

    static bar_item with_path(const bar_item& item, const std::string& path) {
        bar_item named = item;
        named.parts.clear();
        if (!path.empty()) named.name = path + " > " + item.name;
        return named;
    }

    settings settings_;
    std::optional<clock::time_point> drawn_;
    shown_map shown_;
    std::uint64_t pass_ = 0;
    std::vector<std::string> frame_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_BAR_SCREEN_HPP
