// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_COUNTED_RANGE_HPP
#define TELLTALE_PROGRESS_COUNTED_RANGE_HPP

#include <telltale/version.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What counts: a progress_tracker, a stage, or a user's own.
template <class T>
concept progress_counter = requires(T& counter, std::uint64_t n) {
    counter.advance(n);
};

/// A view whose elements are counted as they are worked off: each when the loop goes on from it, so that one at which it
/// stops is not counted. For one pass. Refers to the counter.
template <std::ranges::view View, progress_counter Counter>
    requires std::ranges::input_range<View>
class counted_view : public std::ranges::view_interface<counted_view<View, Counter>> {
public:
    class iterator {
    public:
        using value_type = std::ranges::range_value_t<View>;
        using difference_type = std::ranges::range_difference_t<View>;
        using iterator_concept = std::input_iterator_tag;

        iterator(std::ranges::iterator_t<View> i, Counter& counter) : i_(std::move(i)), counter_(&counter) {}

        decltype(auto) operator*() const { return *i_; }
        iterator& operator++() {
            ++i_;
            counter_->advance(1);
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& i, const std::ranges::sentinel_t<View>& end) { return i.i_ == end; }

    private:
        std::ranges::iterator_t<View> i_;
        Counter* counter_;
    };

    counted_view(View view, Counter& counter) : view_(std::move(view)), counter_(std::addressof(counter)) {}

    iterator begin() { return {std::ranges::begin(view_), *counter_}; }
    auto end() { return std::ranges::end(view_); }
    auto size() requires std::ranges::sized_range<View> { return std::ranges::size(view_); }

private:
    View view_;
    Counter* counter_;
};

/// The range, counted as it is read, and its size the total of a counter that can be told one:
///
///     for (const auto& file : telltale::counted(files, tracker)) read(file);
///
/// A range that is no temporary is referred to.
template <std::ranges::viewable_range Range, progress_counter Counter>
    requires std::ranges::input_range<Range>
auto counted(Range&& range, Counter& counter) {
    if constexpr (std::ranges::sized_range<Range> && requires { counter.set_total(std::uint64_t{}); })
        counter.set_total(counter.done() + static_cast<std::uint64_t>(std::ranges::size(range)));
    return counted_view<std::views::all_t<Range>, Counter>(std::views::all(std::forward<Range>(range)), counter);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_COUNTED_RANGE_HPP
