// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_DETAIL_EXECUTION_REPORT_IPP
#define TELLTALE_CORE_DETAIL_EXECUTION_REPORT_IPP

#include <telltale/core/execution_report.hpp>
#include <telltale/core/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

using seconds_f = std::chrono::duration<double>;

template <class T>
void add_known(std::optional<T>& sum, const std::optional<T>& value) {
    if (value) sum = sum.value_or(T{}) + *value;
}

template <class T>
std::optional<double> per_second(const std::optional<T>& amount, std::optional<seconds_f> time) noexcept {
    if (!amount || !time || !(time->count() > 0)) return std::nullopt;
    return static_cast<double>(*amount) / time->count();
}

inline std::optional<std::uint64_t> whole(double n) noexcept {
    if (!(n >= 0 && n < 1.8e19)) return std::nullopt;
    return static_cast<std::uint64_t>(n);
}

inline std::optional<seconds_f> between(const std::optional<timestamp>& from,
                                        const std::optional<timestamp>& to) noexcept {
    if (!from || !to) return std::nullopt;
    return std::max<seconds_f>(*to - *from, seconds_f{0}); // clocks of two machines may differ
}

inline reported_job reported(std::shared_ptr<const job> j, const report_sources& sources) {
    reported_job r;
    if (const auto given = sources.figures.find(j->id); given != sources.figures.end()) r.figures = given->second;
    if (const auto& p = j->progress) {
        if (!r.figures.rows_in && p->unit == progress_unit::items) r.figures.rows_in = whole(p->done);
        if (!r.figures.bytes && p->unit == progress_unit::bytes) r.figures.bytes = whole(p->done);
    }
    r.waited = between(j->created ? j->created : j->queued, j->started);
    r.duration = between(j->started, is_terminal(j->state) ? j->finished : sources.now);
    r.job = std::move(j);
    return r;
}

/// How long jobs took that have ended.
class known_durations {
public:
    void add(const reported_job& r) {
        if (!is_terminal(r.job->state) || !r.duration || r.job->state == job_state::skipped) return;
        of_kind_[r.job->kind].longest_first.push_back(r.duration->count());
        all_.longest_first.push_back(r.duration->count());
    }

    /// After the last add().
    void finish() {
        for (auto& [kind, of_it] : of_kind_) of_it.finish();
        all_.finish();
    }

    /// What a job of this kind still needs that has run for so long, or has not begun: the mean of those that took
    /// longer. Nothing: there is none.
    std::optional<double> rest(const std::string& kind, std::optional<double> ran) const {
        const auto found = of_kind_.find(kind);
        return (found == of_kind_.end() ? all_ : found->second).rest(ran);
    }

private:
    struct durations {
        void finish() {
            std::sort(longest_first.begin(), longest_first.end(), std::greater<>{});
            sums.resize(longest_first.size());
            std::partial_sum(longest_first.begin(), longest_first.end(), sums.begin());
        }

        std::optional<double> rest(std::optional<double> ran) const {
            std::size_t n = longest_first.size();
            if (ran) {
                const auto end = std::lower_bound(longest_first.begin(), longest_first.end(), *ran, std::greater<>{});
                n = static_cast<std::size_t>(end - longest_first.begin());
            }
            if (n == 0) return std::nullopt;
            return sums[n - 1] / static_cast<double>(n) - ran.value_or(0);
        }

        std::vector<double> longest_first;
        std::vector<double> sums; // of the first, the first two, ...
    };

    std::map<std::string, durations, std::less<>> of_kind_;
    durations all_;
};

/// What is left of the work, spread over as many jobs at once as have run so far on average; but no less than what the
/// longest needs. Nothing: a job is paused, or nobody knows how long one takes.
inline std::optional<seconds_f> predict_remaining(const execution_report& r) {
    known_durations known;
    double busy = 0;
    for (const auto& j : r.jobs) {
        known.add(j);
        if (j.duration) busy += j.duration->count();
    }
    known.finish();
    const double elapsed = r.elapsed().count();
    if (r.open() == 0 || !(busy > 0) || !(elapsed > 0)) return std::nullopt;
    double work = 0;
    double longest = 0;
    for (const auto& j : r.jobs) {
        if (is_terminal(j.job->state)) continue;
        if (j.job->state == job_state::paused) return std::nullopt;
        std::optional<double> rest;
        if (j.job->state == job_state::running) {
            if (j.job->progress && j.job->progress->remaining)
                rest = j.job->progress->remaining->count();
            else if (j.duration)
                rest = known.rest(j.job->kind, j.duration->count());
        } else {
            rest = known.rest(j.job->kind, std::nullopt);
        }
        if (!rest) return std::nullopt;
        work += *rest;
        longest = std::max(longest, *rest);
    }
    const double at_once = std::max(1.0, busy / elapsed);
    return seconds_f(std::max(longest, work / at_once));
}

inline timestamp beginning_of(const execution_report& r, timestamp now) {
    timestamp first = now;
    for (const auto& j : r.jobs)
        for (const auto& t : {j.job->created, j.job->queued, j.job->started})
            if (t) first = std::min(first, *t);
    return first;
}

/// Leaves out what is absent.
class report_writer {
public:
    explicit report_writer(json_writer& out) : out_(out) {}

    template <class T>
    void number(std::string_view name, const std::optional<T>& value) {
        if (value) out_.member(name, *value);
    }
    void seconds(std::string_view name, const std::optional<seconds_f>& value) {
        if (value) out_.member(name, value->count());
    }
    void time(std::string_view name, const std::optional<timestamp>& value) {
        if (value) out_.member(name, to_rfc3339(*value));
    }
    void text(std::string_view name, const std::string& value) {
        if (!value.empty()) out_.member(name, value);
    }

    void job(const reported_job& r) {
        const telltale::job& j = *r.job;
        out_.begin_object().member("id", j.id);
        text("name", j.name);
        text("kind", j.kind);
        out_.member("state", to_string(j.state)).member("attempt", j.attempt);
        if (!j.labels.empty()) {
            out_.key("labels").begin_object();
            for (const auto& [name, value] : j.labels) out_.member(name, value);
            out_.end_object();
        }
        time("created_at", j.created);
        time("started_at", j.started);
        time("finished_at", j.finished);
        seconds("waited_s", r.waited);
        seconds("duration_s", r.duration);
        number("rows_in", r.figures.rows_in);
        number("rows_out", r.figures.rows_out);
        number("rows_ratio", r.rows_ratio());
        number("rows_per_s", r.rows_per_s());
        number("bytes", r.figures.bytes);
        number("bytes_per_s", r.bytes_per_s());
        seconds("cpu_s", r.figures.cpu);
        number("cpu_percent", r.cpu_percent());
        if (j.progress) write_json(out_.key("progress"), *j.progress);
        if (j.error) {
            out_.key("error").begin_object().member("class", to_string(j.error->kind));
            out_.member("message", j.error->message).end_object();
        }
        out_.end_object();
    }

private:
    json_writer& out_;
};

} // namespace detail

TELLTALE_DECL std::optional<double> reported_job::rows_ratio() const noexcept {
    if (!figures.rows_in || !figures.rows_out || *figures.rows_in == 0) return std::nullopt;
    return static_cast<double>(*figures.rows_out) / static_cast<double>(*figures.rows_in);
}

TELLTALE_DECL std::optional<double> reported_job::rows_per_s() const noexcept {
    return detail::per_second(figures.rows_in, duration);
}

TELLTALE_DECL std::optional<double> reported_job::bytes_per_s() const noexcept {
    return detail::per_second(figures.bytes, duration);
}

TELLTALE_DECL std::optional<double> reported_job::cpu_percent() const noexcept {
    if (!figures.cpu) return std::nullopt;
    return detail::per_second(std::optional(100 * figures.cpu->count()), duration);
}

TELLTALE_DECL std::size_t execution_report::ended() const noexcept {
    std::size_t n = 0;
    for (std::size_t i = 0; i < by_state.size(); ++i)
        if (is_terminal(static_cast<job_state>(i))) n += by_state[i];
    return n;
}

TELLTALE_DECL std::optional<double> execution_report::percent() const noexcept {
    if (overall)
        if (const auto p = overall->percent()) return p;
    if (jobs.empty()) return std::nullopt;
    double done = 0;
    for (const auto& j : jobs) {
        if (is_terminal(j.job->state))
            done += 100;
        else if (j.job->progress)
            done += j.job->progress->percent().value_or(0);
    }
    return done / static_cast<double>(jobs.size());
}

TELLTALE_DECL std::optional<double> execution_report::success_percent() const noexcept {
    const std::size_t n = ended() - count(job_state::skipped);
    if (n == 0) return std::nullopt;
    return 100.0 * static_cast<double>(count(job_state::succeeded)) / static_cast<double>(n);
}

TELLTALE_DECL std::optional<double> execution_report::rows_per_s() const noexcept {
    return detail::per_second(rows_in, elapsed());
}

TELLTALE_DECL std::optional<double> execution_report::bytes_per_s() const noexcept {
    return detail::per_second(bytes, elapsed());
}

TELLTALE_DECL execution_report make_report(const std::vector<std::shared_ptr<const job>>& jobs,
                                           report_sources sources) {
    execution_report r;
    r.jobs.reserve(jobs.size());
    std::uint64_t in_of_both = 0;
    std::uint64_t out_of_both = 0;
    for (const auto& j : jobs) {
        if (!j) continue;
        r.jobs.push_back(detail::reported(j, sources));
        ++r.by_state[static_cast<std::size_t>(j->state)];
        const job_figures& f = r.jobs.back().figures;
        detail::add_known(r.rows_in, f.rows_in);
        detail::add_known(r.rows_out, f.rows_out);
        detail::add_known(r.bytes, f.bytes);
        detail::add_known(r.cpu, f.cpu);
        if (!f.rows_in || !f.rows_out) continue;
        in_of_both += *f.rows_in;
        out_of_both += *f.rows_out;
    }
    if (in_of_both > 0) r.rows_ratio = static_cast<double>(out_of_both) / static_cast<double>(in_of_both);
    r.started = sources.started == timestamp{} ? detail::beginning_of(r, sources.now) : sources.started;
    r.at = std::max(sources.now, r.started);
    r.overall = sources.overall;
    r.resources = sources.resources;
    if (r.overall && r.overall->remaining && r.open() > 0) {
        r.remaining = r.overall->remaining;
        r.remaining_low = r.overall->remaining_low;
        r.remaining_high = r.overall->remaining_high;
    } else {
        r.remaining = detail::predict_remaining(r);
    }
    return r;
}

TELLTALE_DECL void write_json(json_writer& out, const execution_report& r) {
    detail::report_writer fields(out);
    out.begin_object().member("format", 1).member("started_at", to_rfc3339(r.started)).member("at", to_rfc3339(r.at));
    out.member("elapsed_s", r.elapsed().count());
    fields.seconds("remaining_s", r.remaining);
    fields.seconds("remaining_low_s", r.remaining_low);
    fields.seconds("remaining_high_s", r.remaining_high);
    fields.number("percent", r.percent());
    out.member("jobs_total", r.jobs.size()).member("jobs_ended", r.ended()).member("jobs_open", r.open());
    out.key("jobs_by_state").begin_object();
    for (std::size_t i = 0; i < r.by_state.size(); ++i) out.member(to_string(static_cast<job_state>(i)), r.by_state[i]);
    out.end_object();
    fields.number("success_percent", r.success_percent());
    fields.number("rows_in", r.rows_in);
    fields.number("rows_out", r.rows_out);
    fields.number("rows_ratio", r.rows_ratio);
    fields.number("rows_per_s", r.rows_per_s());
    fields.number("bytes", r.bytes);
    fields.number("bytes_per_s", r.bytes_per_s());
    fields.seconds("jobs_cpu_s", r.cpu);
    if (r.overall) write_json(out.key("progress"), *r.overall);
    if (r.resources) write_json(out.key("resources"), *r.resources);
    out.key("jobs").begin_array();
    for (const auto& j : r.jobs) fields.job(j);
    out.end_array().end_object();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_DETAIL_EXECUTION_REPORT_IPP
