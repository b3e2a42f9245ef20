// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_CHUNK_FIGURES_HPP
#define TELLTALE_RUN_DETAIL_CHUNK_FIGURES_HPP

#include <telltale/core/chunk_sizer.hpp>
#include <telltale/core/slow_detector.hpp>
#include <telltale/run/chunk.hpp>
#include <telltale/run/detail/chunk_tell.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <limits>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

// What serial work, pools and coroutines have in common: the items, how they are cut, and what is counted.

namespace telltale::inline TELLTALE_ABI::detail {

/// The items of a range, and a part of them: a span where they lie side by side.
template <class View>
class ranged_items {
public:
    explicit ranged_items(View view) : view_(std::move(view)) {}

    std::size_t size() { return static_cast<std::size_t>(std::ranges::size(view_)); }

    auto part(std::size_t first, std::size_t n) {
        using difference = std::ranges::range_difference_t<View>;
        const auto begin = std::ranges::begin(view_) + static_cast<difference>(first);
        if constexpr (std::ranges::contiguous_range<View>)
            return std::span(begin, n);
        else
            return std::ranges::subrange(begin, begin + static_cast<difference>(n));
    }

private:
    View view_;
};

/// The numbers from 0 to n - 1.
class counted_items {
public:
    explicit counted_items(std::size_t n) : n_(n) {}
    std::size_t size() const noexcept { return n_; }
    auto part(std::size_t first, std::size_t n) const { return std::views::iota(first, first + n); }

private:
    std::size_t n_;
};

template <class Range>
concept chunkable =
    std::ranges::random_access_range<Range> && std::ranges::sized_range<Range> && std::ranges::viewable_range<Range>;

template <chunkable Range>
auto items_of(Range&& range) {
    return ranged_items<std::views::all_t<Range>>(std::views::all(std::forward<Range>(range)));
}
template <std::integral Count>
counted_items items_of(Count count) {
    return counted_items(static_cast<std::size_t>(count));
}

/// A range, or how many numbers.
template <class T>
concept chunk_source = chunkable<T> || std::integral<std::remove_cvref_t<T>>;

/// What a chunk's function is called with, and what becomes of it.
template <class Items, class Fn>
struct chunk_call {
    using part = decltype(std::declval<Items&>().part(0, 0));
    static constexpr bool takes_stop = std::is_invocable_v<Fn&, part, chunk_stop>;

    static decltype(auto) call(Fn& fn, Items& items, chunk_part c, [[maybe_unused]] const std::atomic<bool>& stop) {
        if constexpr (takes_stop)
            return fn(items.part(c.first, c.size), chunk_stop(stop));
        else
            return fn(items.part(c.first, c.size));
    }

    using returned = std::remove_cvref_t<decltype(call(std::declval<Fn&>(), std::declval<Items&>(), {},
                                                       std::declval<const std::atomic<bool>&>()))>;
};

/// The chunks of so many items: all of one size, or as a chunk_sizer says.
inline chunk_plan plan_chunks(std::size_t total, const chunk_options& options, std::size_t workers) {
    chunk_plan plan{.total = total, .size = options.size, .workers = std::max<std::size_t>(workers, 1)};
    if (options.target > std::chrono::nanoseconds::zero()) {
        plan.size = std::max({plan.size, options.min_size, std::size_t{1}});
        plan.workers = std::min(plan.workers, total);
    } else {
        if (plan.size == 0) plan.size = std::max<std::size_t>(1, total / (plan.workers * 8));
        plan.chunks = total / plan.size + (total % plan.size == 0 ? 0 : 1);
        plan.workers = std::min(plan.workers, *plan.chunks);
    }
    return plan;
}

inline std::optional<chunk_sizer> sizer_for(const chunk_plan& plan, const chunk_options& options) {
    if (plan.chunks) return std::nullopt;
    return chunk_sizer(plan.total,
                       {.target = options.target,
                        .first = plan.size,
                        .min = options.min_size,
                        .max = options.max_size == 0 ? std::numeric_limits<std::size_t>::max() : options.max_size,
                        .workers = plan.workers});
}

/// Chunks of one size: part number `id`.
inline chunk_part fixed_part(const chunk_plan& plan, std::size_t id) noexcept {
    const std::size_t first = id * plan.size;
    return {id, first, std::min(plan.size, plan.total - first)};
}

/// One thing to tell of.
template <chunk_event E>
struct chunk_news {
    static constexpr chunk_event event = E;
    chunk_event_info<E> info;
};

/// What is counted as chunks begin and end, and so is to be told. One thread at a time.
class chunk_figures {
    using clock = std::chrono::steady_clock;

public:
    chunk_figures(std::size_t total, const slow_detector_options& slow) : total_(total), slow_(slow) {}

    void begin(clock::time_point now) noexcept { started_ = now; }
    clock::duration elapsed(clock::time_point now) const noexcept { return now - started_; }
    std::size_t done() const noexcept { return done_; }
    std::size_t total() const noexcept { return total_; }

    template <class Emit>
    void started(chunk_part c, std::size_t worker, clock::time_point now, Emit&& emit) {
        emit(chunk_news<chunk_event::chunk_started>{info(c, worker, {}, now)});
    }

    template <class Emit>
    void completed(chunk_part c, std::size_t worker, clock::duration time, clock::time_point now, Emit&& emit) {
        done_ += c.size;
        emit(chunk_news<chunk_event::chunk_completed>{info(c, worker, time, now)});
        const double per_item = std::chrono::duration<double>(time).count() / static_cast<double>(c.size);
        const auto median = slow_.median();
        const auto limit = slow_.limit();
        slow_.add(per_item);
        if (!limit || per_item <= *limit) return;
        ++slow_count_;
        emit(chunk_news<chunk_event::slow_chunk>{{.chunk = info(c, worker, time, now),
                                                  .median = std::chrono::duration<double>(*median),
                                                  .limit = std::chrono::duration<double>(*limit)}});
    }

    template <class Emit>
    void failed(chunk_part c, std::size_t worker, clock::duration time, clock::time_point now, std::exception_ptr e,
                Emit&& emit) {
        errors_.push_back({info(c, worker, time, now), std::move(e)});
        failed_ += c.size;
        emit(chunk_news<chunk_event::error>{errors_.back()});
    }

    /// What a chunk could not do.
    std::size_t failed_items() const noexcept { return failed_; }

    std::exception_ptr first_error() const noexcept { return errors_.empty() ? nullptr : errors_.front().error; }

    /// All but what the hooks have thrown. Once.
    chunk_result result(std::size_t chunks, std::size_t items, std::size_t workers, clock::time_point now) {
        chunk_result r;
        r.chunks = chunks;
        r.items = items;
        r.elapsed = now - started_;
        r.total = total_;
        r.workers = workers;
        r.slow = slow_count_;
        r.errors = std::move(errors_);
        return r;
    }

private:
    chunk_info info(chunk_part c, std::size_t worker, clock::duration time, clock::time_point now) const {
        return {.id = c.id,
                .size = c.size,
                .time = time,
                .done = done_,
                .total = total_,
                .percent = 100.0 * static_cast<double>(done_) / static_cast<double>(total_),
                .elapsed = now - started_,
                .first = c.first,
                .worker = worker};
    }

    std::size_t total_;
    slow_detector slow_;
    clock::time_point started_{};
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::size_t slow_count_ = 0;
    std::vector<chunk_error> errors_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_CHUNK_FIGURES_HPP
