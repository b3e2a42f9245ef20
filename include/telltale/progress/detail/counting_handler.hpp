// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_COUNTING_HANDLER_HPP
#define TELLTALE_PROGRESS_DETAIL_COUNTING_HANDLER_HPP

#include <telltale/asio.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Counts the bytes, then calls the handler. It is associated with what the handler is associated with.
template <class Handler, class Counter>
struct counting_handler {
    void operator()(error_code ec, std::size_t n) {
        if (counter && n > 0) counter->advance(n);
        std::move(handler)(ec, n);
    }

    Handler handler;
    Counter* counter; // null: none
};

template <class Stream, class Counter, bool Read>
struct counting_initiation {
    using executor_type = typename Stream::executor_type;
    executor_type get_executor() const noexcept { return stream->get_executor(); }

    template <class Handler, class Buffers>
    void operator()(Handler&& handler, const Buffers& buffers) const {
        counting_handler<std::decay_t<Handler>, Counter> counting{std::forward<Handler>(handler), counter};
        if constexpr (Read)
            stream->async_read_some(buffers, std::move(counting));
        else
            stream->async_write_some(buffers, std::move(counting));
    }

    Stream* stream;
    Counter* counter;
};

} // namespace telltale::inline TELLTALE_ABI::detail

template <template <class, class> class Associator, class Handler, class Counter, class Default>
struct telltale::net::associator<Associator, telltale::detail::counting_handler<Handler, Counter>, Default>
    : Associator<Handler, Default> {
    using counting = telltale::detail::counting_handler<Handler, Counter>;
    static auto get(const counting& h) noexcept { return Associator<Handler, Default>::get(h.handler); }
    static auto get(const counting& h, const Default& d) noexcept {
        return Associator<Handler, Default>::get(h.handler, d);
    }
};

#endif // TELLTALE_PROGRESS_DETAIL_COUNTING_HANDLER_HPP
