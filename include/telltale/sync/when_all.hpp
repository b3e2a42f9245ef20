// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_WHEN_ALL_HPP
#define TELLTALE_SYNC_WHEN_ALL_HPP

#include <telltale/asio.hpp>
#include <telltale/sync/detail/outcome_group.hpp>
#include <telltale/sync/outcome.hpp>

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// when_all runs coroutines beside each other and has ended when all of them have. Each runs on a strand of the executor of
// whoever awaits: in parallel on a thread pool. They begin when the result is awaited. For another completion token than
// co_await: `net::co_spawn(executor, when_all(a(), b()), token)`.

namespace telltale::inline TELLTALE_ABI {

struct when_all_options {
    /// How many run at the same time; the others wait for their turn, in their order, and have not begun. 0: all.
    std::size_t limit = 0;
};

namespace detail {

template <class T>
net::awaitable<std::conditional_t<std::is_void_v<T>, void, std::vector<typename outcome<T>::value_type>>> all_values(
    std::vector<prepared_child> children, std::size_t limit) {
    auto outcomes = co_await settle_all<T>(std::move(children), limit, stop_at::error);
    if (const auto error = first_error(outcomes)) std::rethrow_exception(error);
    if constexpr (!std::is_void_v<T>) {
        put_in_order(outcomes);
        co_return values_of(std::move(outcomes));
    }
}

template <class T>
net::awaitable<std::vector<outcome<T>>> all_outcomes(std::vector<prepared_child> children, std::size_t limit) {
    auto outcomes = co_await settle_all<T>(std::move(children), limit, stop_at::never);
    put_in_order(outcomes);
    co_return outcomes;
}

template <class... Ts, std::size_t... I>
std::tuple<typename outcome<Ts>::value_type...> own_values(std::vector<outcome<alternatives<Ts...>>> outcomes,
                                                           std::index_sequence<I...>) {
    put_in_order(outcomes);
    return {std::get<I>(std::move(*outcomes[I].value))...};
}

template <class... Ts>
net::awaitable<std::tuple<typename outcome<Ts>::value_type...>> pack_values(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::error);
    if (const auto error = first_error(outcomes)) std::rethrow_exception(error);
    co_return own_values<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
}

template <class... Ts>
net::awaitable<std::tuple<outcome<Ts>...>> pack_outcomes(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::never);
    co_return own_outcomes<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
}

} // namespace detail

/// The values of all coroutines of a range, in its order: `std::vector<T>`, or nothing for `awaitable<void>`.
///
///     std::vector<net::awaitable<page>> fetches;
///     for (auto& url : urls) fetches.push_back(fetch(url));
///     const auto pages = co_await telltale::when_all(std::move(fetches), {.limit = 8}); // eight at a time
///
/// `range`: a container of coroutines that is moved here, or a view that makes them (`urls | transform(fetch)`); it is read
/// before this returns. If it is empty the result is, at once.
///
/// @par Errors
/// The first exception asks the other coroutines to stop, those that have not begun never do, and it is thrown when
/// all have ended. Values of others and later exceptions are then lost: where these matter take when_all_settled,
/// or result_group, which keep them.
/// @par Cancellation
/// Passed on to all; what they end with decides, as always when all have ended: operation_aborted, or their values if
/// these came all the same.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_all(Range&& coroutines, when_all_options options = {}) {
    return detail::all_values<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                             options.limit);
}

/// As above for coroutines of different types: `auto [text, size] = co_await when_all(read(), measure());`. The result is
/// a `std::tuple`, with std::monostate for void.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<std::tuple<typename outcome<Ts>::value_type...>> when_all(
    net::awaitable<Ts>... coroutines) {
    return detail::pack_values<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

/// Lets all coroutines of a range end by themselves, and hands out how each did, in the order of the range:
/// `std::vector<outcome<T>>`. An exception stops nobody and is not thrown. A cancellation is passed on to all; what had
/// ended before is in the result, which comes when all have ended.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_all_settled(Range&& coroutines, when_all_options options = {}) {
    return detail::all_outcomes<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                               options.limit);
}

/// As above for coroutines of different types: `std::tuple<outcome<Ts>...>`.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<std::tuple<outcome<Ts>...>> when_all_settled(net::awaitable<Ts>... coroutines) {
    return detail::pack_outcomes<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WHEN_ALL_HPP
