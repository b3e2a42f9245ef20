// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP
#define TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/detail/child_group.hpp>
#include <telltale/sync/outcome.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What asks the other children of a group to stop.
enum class stop_at { never, error, value, end };

/// Children whose outcomes are kept, in the order in which they ended.
template <class T>
class outcome_group final : public child_group {
    using value_type = typename outcome<T>::value_type;

public:
    using child_type = child_of<value_type>;
    using waiter_type = waiter<std::optional<outcome<T>>>;

    outcome_group(const net::any_io_executor& executor, std::size_t limit, stop_at stop)
        : child_group(executor, limit), stop_(stop) {}

    /// Takes all that are kept, and lets the group begin again if no child is left.
    std::vector<outcome<T>> take() {
        const std::lock_guard lock(mutex());
        if (idle()) begin_again();
        std::vector<outcome<T>> taken(std::make_move_iterator(ended_.begin()), std::make_move_iterator(ended_.end()));
        ended_.clear();
        return taken;
    }

    /// Keeps these again, before those that ended since.
    void put_back(std::vector<outcome<T>> outcomes) {
        const std::lock_guard lock(mutex());
        ended_.insert(ended_.begin(), std::make_move_iterator(outcomes.begin()),
                      std::make_move_iterator(outcomes.end()));
    }

    /// Puts the next outcome into `next`; or none if no child is left. False if one has to wait for it.
    bool try_next(std::optional<outcome<T>>& next) {
        const std::lock_guard lock(mutex());
        return take_next(next);
    }

    template <class Handler>
    static void start_next(const std::shared_ptr<outcome_group>& group, Handler&& handler,
                           const net::any_io_executor& executor) {
        start_wait<std::optional<outcome<T>>>(group, std::forward<Handler>(handler), executor,
                                              [&group](std::tuple<error_code, std::optional<outcome<T>>>& result) {
                                                  return group->take_next(std::get<1>(result)) ? nullptr
                                                                                               : &group->readers();
                                              });
    }

private:
    // With the mutex held.
    bool take_next(std::optional<outcome<T>>& next) {
        if (ended_.empty()) {
            if (idle()) begin_again();
            return idle();
        }
        next = std::move(ended_.front());
        ended_.pop_front();
        return true;
    }

    bool keep(child& c, wait_node* reader) override {
        if (reader)
            std::get<1>(static_cast<waiter_type*>(reader)->result()) = outcome_of(c);
        else
            ended_.push_back(outcome_of(c));
        switch (stop_) {
        case stop_at::never: return false;
        case stop_at::error: return c.error && !c.cancelled;
        case stop_at::value: return !c.error;
        case stop_at::end: return !c.cancelled;
        }
        return false;
    }

    static outcome<T> outcome_of(child& c) {
        outcome<T> result;
        result.index = c.index;
        result.value = std::move(static_cast<child_type&>(c).value);
        result.error = c.error;
        result.cancelled = c.cancelled;
        return result;
    }

    const stop_at stop_;
    std::deque<outcome<T>> ended_;
};

/// A child before it is in a group, and the coroutine that it runs.
struct prepared_child {
    std::shared_ptr<child> c;
    net::awaitable<void> body;
};

template <class V, class Put, class T>
prepared_child prepare(net::awaitable<T> body) {
    auto c = std::make_shared<child_of<V>>();
    auto run = run_child<Put>(c, std::move(body));
    return {std::move(c), std::move(run)};
}

template <class T>
struct child_traits;
template <class T>
struct child_traits<net::awaitable<T>> {
    using value_type = T;
};

template <class Range>
using range_result_t = typename child_traits<std::ranges::range_value_t<Range>>::value_type;

/// A range of coroutines that may be taken: a container that was moved here, or a view that makes them.
template <class Range>
concept awaitable_range = std::ranges::input_range<Range> && requires {
    typename range_result_t<Range>;
} &&(!std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>> ||
     (!std::is_lvalue_reference_v<Range> && !std::ranges::view<std::remove_cvref_t<Range>>));

template <awaitable_range Range>
std::vector<prepared_child> prepare_range(Range&& range) {
    using value_type = typename outcome<range_result_t<Range>>::value_type;
    std::vector<prepared_child> children;
    if constexpr (std::ranges::sized_range<Range>) children.reserve(std::ranges::size(range));
    for (auto&& body : range) children.push_back(prepare<value_type, put_value>(std::move(body)));
    return children;
}

template <std::size_t I>
struct put_alternative {
    template <class V, class... T>
    static void put(std::optional<V>& to, T&&... value) {
        to.emplace(std::in_place_index<I>, std::forward<T>(value)...);
    }
};

/// What coroutines of several types end with.
template <class... Ts>
using alternatives = std::variant<typename outcome<Ts>::value_type...>;

template <class... Ts, std::size_t... I>
std::vector<prepared_child> prepare_pack(std::index_sequence<I...>, net::awaitable<Ts>... bodies) {
    std::vector<prepared_child> children;
    children.reserve(sizeof...(Ts));
    (children.push_back(prepare<alternatives<Ts...>, put_alternative<I>>(std::move(bodies))), ...);
    return children;
}

/// Sorts outcomes by index.
template <class T>
void put_in_order(std::vector<outcome<T>>& outcomes) {
    std::ranges::sort(outcomes, {}, &outcome<T>::index);
}

/// The values, where all have one.
template <class T>
std::vector<typename outcome<T>::value_type> values_of(std::vector<outcome<T>> outcomes) {
    std::vector<typename outcome<T>::value_type> values;
    values.reserve(outcomes.size());
    for (auto& o : outcomes) values.push_back(std::move(*o.value));
    return values;
}

/// The alternative that a coroutine of a pack ended with, as its own outcome.
template <std::size_t I, class T, class V>
outcome<T> own_outcome(outcome<V>&& of) {
    outcome<T> own;
    own.index = of.index;
    own.error = std::move(of.error);
    own.cancelled = of.cancelled;
    if (of.value) own.value.emplace(std::get<I>(std::move(*of.value)));
    return own;
}

template <class... Ts, std::size_t... I>
std::tuple<outcome<Ts>...> own_outcomes(std::vector<outcome<alternatives<Ts...>>> outcomes, std::index_sequence<I...>) {
    put_in_order(outcomes);
    return {own_outcome<I, Ts>(std::move(outcomes[I]))...};
}

/// The error that speaks for all: the first that is not the answer to being stopped; else the first. Null without any.
template <class T>
std::exception_ptr first_error(const std::vector<outcome<T>>& outcomes) {
    std::exception_ptr cancelled;
    for (const auto& o : outcomes) {
        if (o.error && !o.cancelled) return o.error;
        if (o.error && !cancelled) cancelled = o.error;
    }
    return cancelled;
}

/// Runs coroutines until all have ended. Their outcomes, in the order in which they ended. Throws nothing of theirs;
/// a cancellation is passed on to them.
template <class T>
net::awaitable<std::vector<outcome<T>>> settle_all(std::vector<prepared_child> children, std::size_t limit,
                                                   stop_at stop) {
    const net::any_io_executor executor = co_await net::this_coro::executor;
    const auto group = std::make_shared<outcome_group<T>>(executor, limit, stop);
    const net::cancellation_state before = co_await net::this_coro::cancellation_state;
    const bool was_cancelled = before.cancelled() != net::cancellation_type::none;
    for (auto& p : children) group->spawn(std::move(p.c), std::move(p.body), false);
    // A child begins to run inside spawn(), and may have cancelled whoever awaits this.
    const net::cancellation_state after = co_await net::this_coro::cancellation_state;
    if (!was_cancelled && after.cancelled() != net::cancellation_type::none) group->cancel();
    co_await join_children(group);
    co_return group->take();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_OUTCOME_GROUP_HPP
