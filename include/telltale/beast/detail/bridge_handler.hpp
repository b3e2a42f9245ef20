// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_BRIDGE_HANDLER_HPP
#define TELLTALE_BEAST_DETAIL_BRIDGE_HANDLER_HPP

#include <telltale/beast/detail/bridge_error.hpp>
#include <telltale/beast/detail/bridge_executor.hpp>

#include <type_traits>
#include <utility>

#if !defined(TELLTALE_USE_BOOST_ASIO)
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/dispatch.hpp>
#endif

namespace telltale::inline TELLTALE_ABI::bridge {

#if defined(TELLTALE_USE_BOOST_ASIO)

template <class Handler, class Executor>
Handler net_handler(Handler h, const Executor&) {
    return h;
}
template <class Handler, class Executor>
Handler boost_handler(Handler h, const Executor&) {
    return h;
}

#else

// Relays of cancellation. The signal of the one Asio lives in the memory of the other's slot, and dies with it.

struct to_net_relay {
    net::cancellation_signal signal;
    void operator()(boost::asio::cancellation_type type) {
        signal.emit(static_cast<net::cancellation_type>(static_cast<unsigned>(type)));
    }
};
struct to_boost_relay {
    boost::asio::cancellation_signal signal;
    void operator()(net::cancellation_type type) {
        signal.emit(static_cast<boost::asio::cancellation_type>(static_cast<unsigned>(type)));
    }
};

/// A handler of Beast's as a handler of telltale::net: what the sockets below Beast call.
template <class Handler, class IoExecutor>
struct net_handler_ {
    class type {
        using handler_executor = boost::asio::associated_executor_t<Handler, IoExecutor>;
        // A handler with an executor that is not ours completes on the I/O executor and hops from there.
        static constexpr bool direct = bridged_executor<handler_executor>;

    public:
        using executor_type = typename std::conditional_t<direct, handler_executor, IoExecutor>::inner_type;
        using allocator_type = boost::asio::associated_allocator_t<Handler>;
        using cancellation_slot_type = net::cancellation_slot;

        type(Handler&& h, IoExecutor ex) : handler_(std::move(h)), executor_(std::move(ex)) {
            auto slot = boost::asio::get_associated_cancellation_slot(handler_);
            if (slot.is_connected()) slot_ = slot.template emplace<to_net_relay>().signal.slot();
        }

        executor_type get_executor() const noexcept {
            if constexpr (direct)
                return boost::asio::get_associated_executor(handler_, executor_).inner();
            else
                return executor_.inner();
        }
        allocator_type get_allocator() const noexcept { return boost::asio::get_associated_allocator(handler_); }
        cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

        template <class... Args>
        void operator()(error_code ec, Args... args) {
            if constexpr (direct) {
                handler_(to_boost(ec), args...);
            } else {
                const auto ex = boost::asio::get_associated_executor(handler_, executor_);
                boost::asio::dispatch(ex,
                                      [h = std::move(handler_), ec, args...]() mutable { h(to_boost(ec), args...); });
            }
        }

        friend bool asio_handler_is_continuation(type* self) {
            return boost_asio_handler_cont_helpers::is_continuation(self->handler_);
        }

    private:
        Handler handler_;
        IoExecutor executor_;
        net::cancellation_slot slot_;
    };
};

template <class Handler, class IoExecutor>
auto net_handler(Handler h, IoExecutor ex) {
    return typename net_handler_<Handler, IoExecutor>::type(std::move(h), std::move(ex));
}

/// A handler of telltale::net as one that Beast's operations take.
template <class Handler, class IoExecutor>
struct boost_handler_ {
    class type {
    public:
        using executor_type = executor<net::associated_executor_t<Handler, typename IoExecutor::inner_type>>;
        using allocator_type = net::associated_allocator_t<Handler>;
        using cancellation_slot_type = boost::asio::cancellation_slot;

        type(Handler&& h, IoExecutor ex) : handler_(std::move(h)), executor_(std::move(ex)) {
            auto slot = net::get_associated_cancellation_slot(handler_);
            if (slot.is_connected()) slot_ = slot.template emplace<to_boost_relay>().signal.slot();
        }

        executor_type get_executor() const noexcept {
            return executor_type(net::get_associated_executor(handler_, executor_.inner()));
        }
        allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler_); }
        cancellation_slot_type get_cancellation_slot() const noexcept { return slot_; }

        template <class... Args>
        void operator()(boost::system::error_code ec, Args&&... args) {
            std::move(handler_)(to_net(ec), std::forward<Args>(args)...);
        }

        friend bool asio_handler_is_continuation(type* self) {
            return asio_handler_cont_helpers::is_continuation(self->handler_);
        }

    private:
        Handler handler_;
        IoExecutor executor_;
        boost::asio::cancellation_slot slot_;
    };
};

template <class Handler, class IoExecutor>
auto boost_handler(Handler h, IoExecutor ex) {
    return typename boost_handler_<Handler, IoExecutor>::type(std::move(h), std::move(ex));
}

#endif

template <class Executor, class Start>
struct initiation_ {
    struct type {
        Executor bridged;
        Start start;

        using executor_type = std::decay_t<decltype(inner(std::declval<const Executor&>()))>;
        executor_type get_executor() const noexcept { return inner(bridged); }

        template <class Handler>
        void operator()(Handler&& h) {
            start(boost_handler(std::decay_t<Handler>(std::forward<Handler>(h)), bridged));
        }
    };
};

/// Starts an operation of Beast with a completion token of telltale::net. `start` is called with the handler to give to
/// Beast; `ex` is the (bridged) executor of the stream.
template <class Signature, class Executor, class Token, class Start>
auto initiate(Executor ex, Token&& token, Start start) {
    return net::async_initiate<Token, Signature>(
        typename initiation_<Executor, Start>::type{std::move(ex), std::move(start)}, token);
}

} // namespace telltale::inline TELLTALE_ABI::bridge

#endif // TELLTALE_BEAST_DETAIL_BRIDGE_HANDLER_HPP
