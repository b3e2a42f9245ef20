// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_REPORT_TO_HPP
#define TELLTALE_RUN_REPORT_TO_HPP

#include <telltale/core/event.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/run/chunk.hpp>
#include <telltale/run/hooks.hpp>
#include <telltale/run/job_context.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What report_to tells.
struct report_to_options {
    bool progress = true; ///< the job's tracker counts items; false where the work counts something else in it
    bool workers = true;  ///< events worker_started and worker_stopped
    bool chunks = false;  ///< an event chunk_completed for every chunk: for some thousand chunks, not for millions
    bool slow = true;     ///< a custom event {"slow_chunk":{...}} for each slow one
};

namespace detail {

template <class Write>
std::string json_object(Write write) {
    std::string text;
    json_writer json(text);
    json.begin_object();
    write(json);
    json.end_object();
    return text;
}

inline void write_chunk(json_writer& json, const chunk_info& c) {
    json.member("chunk", c.id).member("first", c.first).member("items", c.size).member("time_s", c.time.count());
    json.member("done", c.done).member("total", c.total).member("percent", c.percent);
    json.member("elapsed_s", c.elapsed.count()).member("worker", c.worker);
}

inline std::string json_of(const chunk_info& c) {
    return json_object([&](json_writer& json) { write_chunk(json, c); });
}

inline std::string json_of(const worker_info& w) {
    return json_object([&](json_writer& json) {
        json.member("worker", w.id).member("chunks", w.chunks).member("items", w.items);
        json.member("busy_s", w.busy.count()).member("elapsed_s", w.elapsed.count());
    });
}

inline std::string json_of(const slow_chunk_info& s) {
    return json_object([&](json_writer& json) {
        json.key("slow_chunk").begin_object();
        write_chunk(json, s.chunk);
        json.member("median_item_s", s.median.count()).member("limit_item_s", s.limit.count()).end_object();
    });
}

} // namespace detail

/// Hooks that report to a job of a job_manager, and so to a board: how far it is, workers and slow chunks, if wanted each
/// chunk. What the events have in `data`: docs/guide/hooks.md.
///
///     const auto hooks = telltale::report_to(job);
///     co_await telltale::for_each_chunk(pool.get_executor(), files, options, hash, hooks);
inline auto report_to(job_context job, report_to_options options = {}) {
    const auto tracker = [](job_context& j) -> progress_tracker& { return j.tracker({.total = 0}); };
    return chunk_hooks{.before =
                           [job, options, tracker](const chunk_plan& p) mutable {
                               if (!options.progress) return;
                               auto& t = tracker(job);
                               t.set_total(p.total);
                               t.set_done(0);
                           },
                       .worker_started =
                           [job, options](const worker_info& w) mutable {
                               if (options.workers) job.notify(event_kind::worker_started, detail::json_of(w));
                           },
                       .chunk_completed =
                           [job, options](const chunk_info& c) mutable {
                               if (options.chunks) job.notify(event_kind::chunk_completed, detail::json_of(c));
                           },
                       .slow_chunk =
                           [job, options](const slow_chunk_info& s) mutable {
                               if (options.slow) job.notify(event_kind::custom, detail::json_of(s));
                           },
                       .progress =
                           [job, options, tracker](const chunk_progress& p) mutable {
                               if (options.progress) tracker(job).set_done(static_cast<std::uint64_t>(p.done));
                           },
                       .worker_stopped =
                           [job, options](const worker_info& w) mutable {
                               if (options.workers) job.notify(event_kind::worker_stopped, detail::json_of(w));
                           }};
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_REPORT_TO_HPP
