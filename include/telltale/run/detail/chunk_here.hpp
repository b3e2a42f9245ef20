// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_CHUNK_HERE_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_HERE_HPP

#include <telltale/run/detail/chunk_figures.hpp>
#include <telltale/run/detail/chunk_tell.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// The chunks of `blocking`, one after the other in this thread. `put(part, value)` gets what the function returns, if
/// that is not void.
template <class Items, class Fn, class Hooks, class Put>
chunk_result run_chunks_here(Items items, const chunk_options& options, Fn& fn, Hooks hooks, Put put) {
    using clock = std::chrono::steady_clock;
    using call = chunk_call<Items, Fn>;
    chunk_teller<Hooks> teller(std::move(hooks));
    const bool is_timed = chunk_teller<Hooks>::tells || options.target > std::chrono::nanoseconds::zero();
    const chunk_plan plan = plan_chunks(items.size(), options, 1);
    auto sizer = sizer_for(plan, options);
    chunk_figures figures(plan.total, options.slow);
    const auto emit = [&teller]<chunk_event E>(const chunk_news<E>& n) { teller.template tell<E>(n.info); };
    const std::atomic<bool> never_stopped{false};
    worker_info me;

    teller.template tell<chunk_event::before>(plan);
    const auto started = clock::now();
    figures.begin(started);
    teller.begin(started);
    if (plan.total != 0) teller.template tell<chunk_event::worker_started>(me);
    for (std::size_t id = 0; sizer ? sizer->left() != 0 : id < *plan.chunks; ++id) {
        const chunk_part c = sizer ? sizer->next() : fixed_part(plan, id);
        const auto begun = is_timed ? clock::now() : started;
        figures.started(c, 0, begun, emit);
        std::exception_ptr error;
        try {
            if constexpr (std::is_void_v<typename call::returned>)
                call::call(fn, items, c, never_stopped);
            else
                put(c, call::call(fn, items, c, never_stopped));
        } catch (...) {
            error = std::current_exception();
        }
        const auto now = is_timed ? clock::now() : begun;
        if (error) {
            figures.failed(c, 0, now - begun, now, std::move(error), emit);
            if (options.errors != error_policy::collect) break;
            continue;
        }
        ++me.chunks;
        me.items += c.size;
        if (!is_timed) continue;
        me.busy += now - begun;
        if (sizer) sizer->completed(c.size, now - begun);
        figures.completed(c, 0, now - begun, now, emit);
        teller.tell_progress(figures.done(), plan.total, now);
    }
    const auto now = clock::now();
    me.elapsed = now - started;
    if (plan.total != 0) teller.template tell<chunk_event::worker_stopped>(me);
    chunk_result result = figures.result(me.chunks, me.items, plan.workers, now);
    teller.end(result);
    if (options.errors != error_policy::collect && !result.errors.empty())
        std::rethrow_exception(result.errors.front().error);
    return result;
}

/// Takes no values.
struct put_nowhere {
    template <class T>
    void operator()(chunk_part, T&&) const noexcept {}
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_HERE_HPP
