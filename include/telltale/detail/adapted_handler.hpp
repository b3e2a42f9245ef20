// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DETAIL_ADAPTED_HANDLER_HPP
#define TELLTALE_DETAIL_ADAPTED_HANDLER_HPP

#include <telltale/asio.hpp>

#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A handler that `adapt(handler, results...)` calls when the operation completes. It is associated with what the
/// handler is associated with.
template <class Handler, class Adapt>
struct adapted_handler {
    template <class... Results>
    void operator()(Results&&... results) {
        std::move(adapt)(std::move(handler), std::forward<Results>(results)...);
    }

    Handler handler;
    Adapt adapt;
};

/// Hands on the error alone: what else is in the waiter's result is what the operation has brought along.
struct error_only {
    template <class Handler, class... Brought>
    void operator()(Handler&& handler, error_code ec, Brought&&...) const {
        std::forward<Handler>(handler)(ec);
    }
};

} // namespace telltale::inline TELLTALE_ABI::detail

template <template <class, class> class Associator, class Handler, class Adapt, class Default>
struct telltale::net::associator<Associator, telltale::detail::adapted_handler<Handler, Adapt>, Default>
    : Associator<Handler, Default> {
    using adapted = telltale::detail::adapted_handler<Handler, Adapt>;
    static auto get(const adapted& a) noexcept { return Associator<Handler, Default>::get(a.handler); }
    static auto get(const adapted& a, const Default& d) noexcept {
        return Associator<Handler, Default>::get(a.handler, d);
    }
};

#endif // TELLTALE_DETAIL_ADAPTED_HANDLER_HPP
