// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef CONTROL_ROOM_SUMMARY_HPP
#define CONTROL_ROOM_SUMMARY_HPP

#include <telltale/board/board.hpp>
#include <telltale/core/json.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ostream>
#include <string>
#include <string_view>

namespace control_room {

/// What is told at the end.
struct summary {
    telltale::timestamp started{};
    telltale::timestamp finished{};
    std::size_t total = 0;
    std::array<std::size_t, telltale::job_state_count> by_state{};
    double bytes = 0;

    std::size_t count(telltale::job_state s) const { return by_state[static_cast<std::size_t>(s)]; }
    double elapsed() const { return std::chrono::duration<double>(finished - started).count(); }
    double throughput() const { return elapsed() > 0 ? bytes / elapsed() : 0; }
    double success_rate() const {
        return total ? static_cast<double>(count(telltale::job_state::succeeded)) / static_cast<double>(total) : 0;
    }
};

inline summary summarise(const telltale::board& board, telltale::timestamp started, telltale::timestamp finished) {
    summary s{.started = started, .finished = finished};
    for (const auto& job : board.jobs()) {
        ++s.total;
        ++s.by_state[static_cast<std::size_t>(job->state)];
        if (job->progress && job->progress->unit == telltale::progress_unit::bytes) s.bytes += job->progress->done;
    }
    return s;
}

inline std::string format(const char* pattern, double value) {
    std::array<char, 64> text{};
    const int n = std::snprintf(text.data(), text.size(), pattern, value);
    return {text.data(), static_cast<std::size_t>(n)};
}

inline void print(std::ostream& out, const summary& s) {
    out << "\nsummary\n";
    for (std::size_t i = 0; i < s.by_state.size(); ++i) {
        if (!s.by_state[i]) continue;
        std::string label(to_string(static_cast<telltale::job_state>(i)));
        label.resize(14, ' ');
        out << "  " << label << s.by_state[i] << '\n';
    }
    out << "  jobs          " << s.total << '\n';
    out << "  bytes         " << format("%.1f MB", s.bytes / 1e6) << '\n';
    out << "  throughput    " << format("%.1f MB/s", s.throughput() / 1e6) << '\n';
    out << "  success rate  " << format("%.0f %%", 100 * s.success_rate()) << '\n';
    out << "  elapsed       " << format("%.1f s", s.elapsed()) << std::endl;
}

/// execution_metrics.json
inline std::string metrics_json(const telltale::board& board, const summary& s) {
    std::string text;
    telltale::json_writer out(text);
    out.begin_object().member("started_at", telltale::to_rfc3339(s.started));
    out.member("finished_at", telltale::to_rfc3339(s.finished)).member("elapsed_s", s.elapsed());
    out.member("jobs_total", s.total).key("jobs_by_state").begin_object();
    for (std::size_t i = 0; i < s.by_state.size(); ++i)
        out.member(to_string(static_cast<telltale::job_state>(i)), s.by_state[i]);
    out.end_object().member("bytes", s.bytes).member("throughput_bytes_per_s", s.throughput());
    out.member("success_rate", s.success_rate()).member("reports_refused", board.refused());
    out.key("jobs").begin_array();
    for (const auto& job : board.jobs()) write_json(out, *job);
    out.end_array().end_object();
    return text += '\n';
}

} // namespace control_room

#endif // CONTROL_ROOM_SUMMARY_HPP
