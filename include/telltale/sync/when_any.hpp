// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_WHEN_ANY_HPP
#define TELLTALE_SYNC_WHEN_ANY_HPP

#include <telltale/asio.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/detail/outcome_group.hpp>
#include <telltale/sync/outcome.hpp>

#include <cstddef>
#include <exception>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

// when_any runs coroutines beside each other until the first one ends. The others are asked to stop, and it has ended when
// all have. Unlike `a || b` it loses nothing: what another one had got before it could be stopped is handed out too,
// and an exception is never mistaken for an answer that did not come. Each coroutine runs on a strand of the executor of
// whoever awaits. For another completion token than co_await: `net::co_spawn(executor, when_any(a(), b()), token)`.

namespace telltale::inline TELLTALE_ABI {

struct when_any_options {
    /// Whether an exception stops nobody as long as another coroutine may still come to a value: for the same question put
    /// to several who may fail. False: the first one that ends stops the others, whatever it ended with.
    bool skip_errors = false;

    /// How many run at the same time; the others wait for their turn, in their order, and have not begun. 0: all. With
    /// 1 and skip_errors each is tried only after the one before has failed.
    std::size_t limit = 0;
};

/// The first value, and what else came.
template <class T>
struct when_any_result {
    std::size_t index = 0; ///< which one it is from
    T value;
    /// How the others ended that were not cancelled, in the order in which they did: values that came before their
    /// coroutines could be stopped, and exceptions. Mostly empty.
    std::vector<outcome<T>> others;
};

/// How all ended, and which one decided.
template <class Outcomes>
struct when_any_outcomes {
    std::size_t first = 0; ///< index of the one whose value or exception when_any would give
    Outcomes outcomes;     ///< of all, in their order
};

namespace detail {

inline void throw_if_empty(std::size_t size) {
    if (size == 0) throw system_error(make_error_code(errc::invalid_argument), "when_any of nothing");
}

/// The place of the first value; without any, of the error that speaks for all.
template <class T>
std::size_t place_of_first(const std::vector<outcome<T>>& outcomes) {
    std::size_t place = outcomes.size();
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (outcomes[i]) return i;
        if (!outcomes[i].cancelled && place == outcomes.size()) place = i;
    }
    return place == outcomes.size() ? 0 : place;
}

inline stop_at stop_of(const when_any_options& options) noexcept {
    return options.skip_errors ? stop_at::value : stop_at::end;
}

template <class T, class V = typename outcome<T>::value_type>
net::awaitable<when_any_result<V>> any_value(std::vector<prepared_child> children, when_any_options options) {
    throw_if_empty(children.size());
    auto outcomes = co_await settle_all<V>(std::move(children), options.limit, stop_of(options));
    auto& first = outcomes[place_of_first(outcomes)];
    if (first.error) std::rethrow_exception(first.error);
    when_any_result<V> result{first.index, std::move(*first.value), {}};
    for (auto& o : outcomes)
        if (&o != &first && !o.cancelled) result.others.push_back(std::move(o));
    co_return result;
}

template <class T>
net::awaitable<when_any_outcomes<std::vector<outcome<T>>>> any_outcomes(std::vector<prepared_child> children,
                                                                        when_any_options options) {
    throw_if_empty(children.size());
    when_any_outcomes<std::vector<outcome<T>>> result;
    result.outcomes = co_await settle_all<T>(std::move(children), options.limit, stop_of(options));
    result.first = result.outcomes[place_of_first(result.outcomes)].index;
    put_in_order(result.outcomes);
    co_return result;
}

template <class... Ts>
net::awaitable<when_any_outcomes<std::tuple<outcome<Ts>...>>> any_pack_outcomes(std::vector<prepared_child> children) {
    auto outcomes = co_await settle_all<alternatives<Ts...>>(std::move(children), 0, stop_at::end);
    when_any_outcomes<std::tuple<outcome<Ts>...>> result;
    result.first = outcomes[place_of_first(outcomes)].index;
    result.outcomes = own_outcomes<Ts...>(std::move(outcomes), std::index_sequence_for<Ts...>{});
    co_return result;
}

} // namespace detail

/// The value of the first coroutine of a range that comes to one: `when_any_result<T>`, with std::monostate for void.
///
///     auto [index, value, others] = co_await telltale::when_any(std::move(fetches));
///
/// `range`: as for when_all.
///
/// @par Errors
/// If the first one that ends does so with an exception, it too stops the others (options: unless skip_errors). It is
/// thrown, when all have ended, if none of them came to a value; a value counts more, and the exception is then among
/// `others`. Where several exceptions matter take when_any_settled, which has all.
/// `errc::invalid_argument`: the range is empty.
/// @par Cancellation
/// Passed on to all; what they end with decides, when all have: operation_aborted, or a value that came all the same.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_any(Range&& coroutines, when_any_options options = {}) {
    return detail::any_value<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                            options);
}

/// As above for coroutines of different types; the value is a `std::variant` of theirs, whose index is that of the
/// coroutine.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<when_any_result<detail::alternatives<Ts...>>> when_any(net::awaitable<Ts>... coroutines) {
    return detail::any_value<detail::alternatives<Ts...>>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...), {});
}

/// As when_any, and hands out how each of the coroutines ended: `when_any_outcomes<std::vector<outcome<T>>>`. Throws
/// nothing of theirs, and no operation_aborted when cancelled: that is in the outcomes.
template <detail::awaitable_range Range>
[[nodiscard]] auto when_any_settled(Range&& coroutines, when_any_options options = {}) {
    return detail::any_outcomes<detail::range_result_t<Range>>(detail::prepare_range(std::forward<Range>(coroutines)),
                                                               options);
}

/// As above for coroutines of different types: `when_any_outcomes<std::tuple<outcome<Ts>...>>`.
template <class... Ts>
    requires(sizeof...(Ts) > 0)
[[nodiscard]] net::awaitable<when_any_outcomes<std::tuple<outcome<Ts>...>>> when_any_settled(
    net::awaitable<Ts>... coroutines) {
    return detail::any_pack_outcomes<Ts...>(
        detail::prepare_pack<Ts...>(std::index_sequence_for<Ts...>{}, std::move(coroutines)...));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WHEN_ANY_HPP
