// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_CHUNK_TELL_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_TELL_HPP

#include <telltale/core/estimator.hpp>
#include <telltale/run/chunk.hpp>
#include <telltale/run/hooks.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

// How the hooks are called. A set of hooks that is neither chunk_hooks nor composed of some has the members
// `bool wants(chunk_event) const noexcept`, from any thread, and `each<event>(f)`, which calls f with each hook.

namespace telltale::inline TELLTALE_ABI::detail {

/// In the order of the members of chunk_hooks.
enum class chunk_event : unsigned char {
    before,
    worker_started,
    chunk_started,
    chunk_completed,
    slow_chunk,
    error,
    progress,
    worker_stopped,
    after
};
inline constexpr std::size_t chunk_event_count = 9;

using chunk_event_infos = std::tuple<chunk_plan, worker_info, chunk_info, chunk_info, slow_chunk_info, chunk_error,
                                     chunk_progress, worker_info, chunk_result>;

template <chunk_event E>
using chunk_event_info = std::tuple_element_t<static_cast<std::size_t>(E), chunk_event_infos>;

template <chunk_event E, class Hooks>
inline constexpr bool may_want = true;
template <chunk_event E, class... H>
inline constexpr bool may_want<E, chunk_hooks<H...>> =
    is_set<std::tuple_element_t<static_cast<std::size_t>(E), std::tuple<H...>>>;
template <chunk_event E, class First, class Second>
inline constexpr bool may_want<E, composed_hooks<First, Second>> = may_want<E, First> || may_want<E, Second>;

template <class T>
inline constexpr bool is_chunk_hooks = false;
template <class... H>
inline constexpr bool is_chunk_hooks<chunk_hooks<H...>> = true;

template <class T>
inline constexpr bool is_composed = false;
template <class First, class Second>
inline constexpr bool is_composed<composed_hooks<First, Second>> = true;

template <chunk_event E, class Hooks>
constexpr auto& hook_of(Hooks& h) noexcept {
    if constexpr (E == chunk_event::before) return h.before;
    if constexpr (E == chunk_event::worker_started) return h.worker_started;
    if constexpr (E == chunk_event::chunk_started) return h.chunk_started;
    if constexpr (E == chunk_event::chunk_completed) return h.chunk_completed;
    if constexpr (E == chunk_event::slow_chunk) return h.slow_chunk;
    if constexpr (E == chunk_event::error) return h.error;
    if constexpr (E == chunk_event::progress) return h.progress;
    if constexpr (E == chunk_event::worker_stopped) return h.worker_stopped;
    if constexpr (E == chunk_event::after) return h.after;
}

template <class Hook>
bool is_there(const Hook&) noexcept {
    return true;
}
template <class Signature>
bool is_there(const std::function<Signature>& hook) noexcept {
    return static_cast<bool>(hook);
}

/// Whether anybody wants to be told now. From any thread.
template <chunk_event E, class Hooks>
bool wants(const Hooks& hooks) noexcept {
    if constexpr (!may_want<E, Hooks>)
        return false;
    else if constexpr (is_chunk_hooks<Hooks>)
        return is_there(hook_of<E>(hooks));
    else if constexpr (is_composed<Hooks>)
        return wants<E>(hooks.first) || wants<E>(hooks.second);
    else
        return hooks.wants(E);
}

template <chunk_event E, class Hooks, class F>
void each_hook(Hooks& hooks, F f) {
    if constexpr (!may_want<E, Hooks>) {
    } else if constexpr (is_chunk_hooks<Hooks>) {
        if (is_there(hook_of<E>(hooks))) f(hook_of<E>(hooks));
    } else if constexpr (is_composed<Hooks>) {
        each_hook<E>(hooks.first, f);
        each_hook<E>(hooks.second, f);
    } else {
        hooks.template each<E>(f);
    }
}

/// Calls hooks, one after the other, and keeps what they throw.
template <class Hooks>
class chunk_teller {
    using clock = std::chrono::steady_clock;

public:
    explicit chunk_teller(Hooks hooks) : hooks_(std::move(hooks)) {}

    template <chunk_event E>
    static constexpr bool may = may_want<E, Hooks>;

    /// Whether there may be something to tell between the first event and the last.
    static constexpr bool tells = may<chunk_event::worker_started> || may<chunk_event::chunk_started> ||
                                  may<chunk_event::chunk_completed> || may<chunk_event::slow_chunk> ||
                                  may<chunk_event::error> || may<chunk_event::progress> ||
                                  may<chunk_event::worker_stopped>;

    template <chunk_event E>
    bool wants() const noexcept {
        return detail::wants<E>(hooks_);
    }

    template <chunk_event E>
    void tell(const chunk_event_info<E>& info) {
        each_hook<E>(hooks_, [&](auto& hook) {
            try {
                hook(info);
            } catch (...) {
                if (errors_++ == 0) first_error_ = std::current_exception();
            }
        });
    }

    /// The baseline of the rate.
    void begin(clock::time_point now) {
        started_ = now;
        if constexpr (may<chunk_event::progress>) speed_.sample(0, now);
    }

    void tell_progress(std::size_t done, std::size_t total, clock::time_point now) {
        if constexpr (may<chunk_event::progress>) {
            chunk_progress p;
            p.done = static_cast<double>(done);
            p.total = static_cast<double>(total);
            speed_.sample(p.done, now);
            p.rate = speed_.rate(now);
            if (const auto left = speed_.predict(*p.total, now)) {
                p.remaining = left->remaining;
                p.remaining_low = left->low;
                p.remaining_high = left->high;
            }
            p.elapsed = now - started_;
            tell<chunk_event::progress>(p);
        }
    }

    /// The last event, and what hooks have thrown.
    void end(chunk_result& result) {
        note_errors(result);
        tell<chunk_event::after>(result);
        note_errors(result);
    }

private:
    void note_errors(chunk_result& result) const {
        result.hook_errors = errors_;
        result.first_hook_error = first_error_;
    }

    [[no_unique_address]] Hooks hooks_;
    [[no_unique_address]] std::conditional_t<may_want<chunk_event::progress, Hooks>, estimator, no_hook> speed_{};
    clock::time_point started_{};
    std::size_t errors_ = 0;
    std::exception_ptr first_error_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_TELL_HPP
