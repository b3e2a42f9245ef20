// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_REPORT_LINES_IPP
#define TELLTALE_PROGRESS_DETAIL_REPORT_LINES_IPP

#include <telltale/core/execution_report.hpp>
#include <telltale/progress/detail/terminal.hpp>
#include <telltale/progress/detail/text.hpp>
#include <telltale/progress/report_text.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

/// "1,234,567".
inline std::string grouped(std::uint64_t n) {
    std::string text = std::to_string(n);
    for (std::size_t i = text.size(); i > 3;) text.insert(i -= 3, ",");
    return text;
}

/// "2,384", "12.5".
inline std::string grouped(double n) {
    if (!(n >= 100) || n > 1e18) return print(n == std::floor(n) ? "%.0f" : "%.1f", n);
    return grouped(static_cast<std::uint64_t>(std::llround(n)));
}

/// Rounded down: 100.0 % is only what is complete.
inline std::string percent_text(double p) { return print("%.1f %%", std::floor(p * 10 + 1e-9) / 10); }

/// "250 ms", "2.5 s", "1 min 05 s", "1 h 02 min", "2 d 03 h".
inline std::string duration_text(std::chrono::duration<double> d) {
    const double s = std::max(0.0, d.count());
    if (!(s < 3.2e10)) return "ages"; // a thousand years; also what is not a number
    if (s == 0 || s >= 0.9995) {
        if (s < 59.95) return print("%.1f s", s);
        const auto whole = std::llround(s);
        if (whole < 3600) return print("%lld min %02lld s", whole / 60, whole % 60);
        if (whole < 86'400) return print("%lld h %02lld min", whole / 3600, whole % 3600 / 60);
        return print("%lld d %02lld h", whole / 86'400, whole % 86'400 / 3600);
    }
    return print(s < 0.01 ? "%.1f ms" : "%.0f ms", s * 1000);
}

inline std::string bytes_text(double bytes) { return human_amount(bytes, progress_unit::bytes); }
inline std::string bytes_text(std::uint64_t bytes) { return bytes_text(static_cast<double>(bytes)); }

/// "2,384 rows/s, 1.2 MiB/s"; empty: not known.
inline std::string throughput_text(std::optional<double> rows, std::optional<double> bytes) {
    std::string text;
    if (rows) text = grouped(*rows) + " rows/s";
    if (bytes) text += (text.empty() ? "" : ", ") + bytes_text(*bytes) + "/s";
    return text;
}

class report_lines {
public:
    report_lines(const execution_report& r, const report_text_options& options)
        : report_(r),
          unicode_(options.unicode),
          width_(std::max<std::size_t>(options.width, 40)),
          most_(options.max_jobs) {}

    std::string progress() && {
        title("EXECUTION PROGRESS");
        bar();
        section("Jobs");
        counts(true);
        data();
        section("Time");
        value("elapsed", duration_text(report_.elapsed()));
        remaining();
        resources(true);
        std::vector<const reported_job*> running;
        for (const auto& j : report_.jobs)
            if (j.job->state == job_state::running) running.push_back(&j);
        jobs("Running", std::move(running));
        rule();
        return std::move(text_);
    }

    std::string summary() && {
        title("EXECUTION SUMMARY");
        section("Jobs");
        value("total", grouped(std::uint64_t{report_.jobs.size()}));
        counts(false);
        if (const auto p = report_.success_percent()) value("success", percent_text(*p));
        data();
        section("Performance");
        value("total time", duration_text(report_.elapsed()));
        if (const auto t = throughput_text(report_.rows_per_s(), report_.bytes_per_s()); !t.empty())
            value("throughput", t);
        if (report_.cpu) value("CPU of jobs", duration_text(*report_.cpu));
        resources(false);
        std::vector<const reported_job*> all;
        all.reserve(report_.jobs.size());
        for (const auto& j : report_.jobs) all.push_back(&j);
        jobs("Job details", std::move(all));
        rule();
        return std::move(text_);
    }

private:
    static constexpr std::size_t label_width = 16;

    void line(std::string_view text) {
        text_ += cut(text, width_, unicode_);
        while (text_.ends_with(' ')) text_.pop_back();
        text_ += '\n';
    }

    void rule() {
        std::string r;
        for (std::size_t i = 0; i < width_; ++i) r += unicode_ ? "\u2500" : "-";
        line(r);
    }

    void title(std::string_view text) {
        rule();
        line(text);
        rule();
    }

    /// Written when the first line of it is.
    void section(std::string_view name) { section_ = name; }

    void begin_line() {
        if (section_.empty()) return;
        line("");
        line(section_);
        section_ = {};
    }

    void value(std::string_view label, std::string_view text) {
        begin_line();
        line("  " + fit(label, label_width, unicode_) + std::string(text));
    }

    void bar() {
        const auto percent = report_.percent();
        if (!percent) return;
        constexpr std::size_t cells = 40;
        const auto full = std::min(cells, static_cast<std::size_t>(std::max(0.0, *percent) / 100 * cells));
        std::string b;
        for (std::size_t i = 0; i < cells && width_ >= cells + 10; ++i) {
            if (unicode_)
                b += i < full ? "\u2588" : "\u2591";
            else
                b += i < full ? '#' : '.';
        }
        if (!unicode_ && !b.empty()) b = "[" + b + "]";
        line("");
        line((b.empty() ? "" : b + "  ") + percent_text(*percent));
    }

    std::string of_total(std::size_t n) const {
        return grouped(std::uint64_t{n}) + " of " + grouped(std::uint64_t{report_.jobs.size()});
    }

    void counts(bool with_total) {
        const auto n = [this](job_state s) { return report_.count(s); };
        const auto often = [](std::size_t c) { return grouped(std::uint64_t{c}); };
        const auto if_any = [&](std::string_view label, std::size_t c) {
            if (c != 0) value(label, often(c));
        };
        const std::size_t succeeded = n(job_state::succeeded);
        value("completed", with_total ? of_total(succeeded) : often(succeeded));
        if_any("running", n(job_state::running));
        const std::size_t pending = n(job_state::pending) + n(job_state::queued);
        if (with_total || pending != 0) value("pending", often(pending));
        if_any("paused", n(job_state::paused));
        value("failed", often(n(job_state::failed)));
        if_any("timed out", n(job_state::timed_out));
        if_any("cancelled", n(job_state::cancelled));
        if_any("skipped", n(job_state::skipped));
        if_any("lost", n(job_state::lost));
    }

    void data() {
        section("Data");
        if (report_.rows_in) value("rows in", grouped(*report_.rows_in));
        if (report_.rows_out) value("rows out", grouped(*report_.rows_out));
        if (report_.rows_ratio) value("rows out / in", print("%.1f %%", *report_.rows_ratio * 100));
        if (report_.bytes) value("bytes", bytes_text(*report_.bytes));
    }

    void remaining() {
        if (report_.remaining) {
            std::string text = "about " + duration_text(*report_.remaining);
            if (report_.remaining_low && report_.remaining_high)
                text += " (" + duration_text(*report_.remaining_low) + " to " + duration_text(*report_.remaining_high) +
                        ")";
            value("remaining", text);
        }
        if (const auto t = throughput_text(report_.rows_per_s(), report_.bytes_per_s()); !t.empty())
            value("throughput", t);
    }

    static std::string of_limit(std::optional<double> percent, const std::string& limit) {
        return percent ? " (" + print("%.1f %%", *percent) + " of " + limit + ")" : std::string();
    }

    void resources(bool now) {
        section("Resources");
        if (!report_.resources) return;
        const resource_usage& u = *report_.resources;
        const double cores = u.cpu_limit_cores.value_or(0);
        const std::string allowed = grouped(cores) + (cores == 1 ? " core allowed" : " cores allowed");
        if (now && u.cpu_percent)
            value("CPU", print("%.1f %% of a core", *u.cpu_percent) + of_limit(u.cpu_percent_of_limit(), allowed));
        if (u.cpu_mean_percent) value("mean CPU", print("%.1f %% of a core", *u.cpu_mean_percent));
        if (now && u.memory_bytes)
            value("memory", bytes_text(*u.memory_bytes) +
                                of_limit(u.memory_percent_of_limit(), bytes_text(u.memory_limit_bytes.value_or(0))));
        if (u.memory_peak_bytes) value("peak memory", bytes_text(*u.memory_peak_bytes));
        if (!now && u.memory_mean_bytes) value("mean memory", bytes_text(*u.memory_mean_bytes));
        disk("disk read", u.disk_read_bytes, now ? u.disk_read_bytes_per_s : std::nullopt);
        disk("disk written", u.disk_written_bytes, now ? u.disk_written_bytes_per_s : std::nullopt);
    }

    void disk(std::string_view label, std::optional<std::uint64_t> bytes, std::optional<double> rate) {
        if (bytes) value(label, bytes_text(*bytes) + (rate ? " (" + bytes_text(*rate) + "/s)" : std::string()));
    }

    const char* mark(job_state s) const {
        switch (s) {
        case job_state::succeeded: return unicode_ ? "\u2713" : "+";
        case job_state::failed:
        case job_state::timed_out:
        case job_state::lost: return unicode_ ? "\u2717" : "x";
        case job_state::running: return unicode_ ? "\u25b8" : ">";
        default: return "-";
        }
    }

    struct job_texts {
        const reported_job* from;
        std::array<std::string, 4> columns; // name, state, time, throughput
    };

    job_texts texts_of(const reported_job& r) const {
        const job& j = *r.job;
        std::string state(to_string(j.state));
        std::replace(state.begin(), state.end(), '_', ' ');
        if (j.state == job_state::succeeded) state = "completed";
        std::string rate = throughput_text(r.rows_per_s(), r.bytes_per_s());
        if (j.state == job_state::running) {
            state = "running";
            if (j.progress)
                if (const auto p = j.progress->percent()) state = percent_text(*p);
        }
        return {&r,
                {cut(clean(j.name.empty() ? j.id : j.name, unicode_), 28, unicode_), std::move(state),
                 r.duration ? duration_text(*r.duration) : std::string(), std::move(rate)}};
    }

    /// What stands behind the columns.
    std::string note(const reported_job& r) const {
        if (r.job->error && !r.job->error->message.empty()) return clean(r.job->error->message, unicode_);
        if (r.job->state == job_state::running && r.job->progress && r.job->progress->remaining)
            return duration_text(*r.job->progress->remaining) + " left";
        return {};
    }

    void jobs(std::string_view name, std::vector<const reported_job*> all) {
        section(name);
        const auto rank = [](const reported_job* j) {
            const job_state state = j->job->state;
            if (state == job_state::failed || state == job_state::timed_out || state == job_state::lost) return 0;
            return state == job_state::succeeded ? 2 : 1;
        };
        const std::size_t shown = std::min(all.size(), most_);
        if (shown < all.size()) {
            std::vector<const reported_job*> ordered;
            for (int wanted = 0; wanted <= 2; ++wanted)
                std::copy_if(all.begin(), all.end(), std::back_inserter(ordered),
                             [&](const reported_job* j) { return rank(j) == wanted; });
            all = std::move(ordered);
        }
        std::vector<job_texts> rows;
        std::array<std::size_t, 4> widths{};
        for (std::size_t i = 0; i < shown; ++i) {
            rows.push_back(texts_of(*all[i]));
            for (std::size_t c = 0; c < widths.size(); ++c)
                widths[c] = std::max(widths[c], columns(rows.back().columns[c]));
        }
        for (const auto& row : rows) {
            std::string text = std::string("  ") + mark(row.from->job->state) + ' ';
            for (std::size_t c = 0; c < widths.size(); ++c)
                if (widths[c] != 0) text += fit(row.columns[c], widths[c], unicode_) + "  ";
            begin_line();
            const std::string more = note(*row.from);
            if (columns(text) + columns(more) <= width_) {
                line(text + more);
            } else {
                line(text);
                line("      " + more);
            }
        }
        if (shown == all.size()) return;
        begin_line();
        const bool well = rank(all[shown]) == 2;
        line("  and " + grouped(std::uint64_t{all.size() - shown}) + " more" + (well ? ", all completed" : ""));
    }

    const execution_report& report_;
    bool unicode_;
    std::size_t width_;
    std::size_t most_;
    std::string text_;
    std::string_view section_;
};

} // namespace detail

TELLTALE_DECL report_text_options report_text_options_for(std::FILE* out) {
    report_text_options options;
    options.unicode = detail::style_of_terminal(false).unicode;
    options.width = std::min(options.width, detail::size_of_terminal(out).width);
    return options;
}

TELLTALE_DECL std::string render_progress(const execution_report& r, report_text_options options) {
    return detail::report_lines(r, options).progress();
}

TELLTALE_DECL std::string render_summary(const execution_report& r, report_text_options options) {
    return detail::report_lines(r, options).summary();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_DETAIL_REPORT_LINES_IPP
