// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DETAIL_INITIATION_HPP
#define TELLTALE_DETAIL_INITIATION_HPP

#include <telltale/asio.hpp>

#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// The initiation of an operation that is started by calling `start(handler, executor)`. Named, and with an executor,
/// because adapters such as cancel_after ask an initiation for it.
template <class Executor, class Start>
struct initiation {
    using executor_type = Executor;
    executor_type get_executor() const noexcept { return executor; }

    template <class Handler>
    void operator()(Handler&& handler) {
        start(std::forward<Handler>(handler), executor);
    }

    Executor executor;
    Start start;
};

template <class Signature, class Executor, class Start, class Token>
auto async_start(const Executor& executor, Start start, Token&& token) {
    return net::async_initiate<Token, Signature>(initiation<Executor, Start>{executor, std::move(start)}, token);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_INITIATION_HPP
