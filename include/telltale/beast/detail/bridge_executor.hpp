// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_BRIDGE_EXECUTOR_HPP
#define TELLTALE_BEAST_DETAIL_BRIDGE_EXECUTOR_HPP

#include <telltale/asio.hpp>

#if defined(TELLTALE_USE_BOOST_ASIO)

namespace telltale::inline TELLTALE_ABI::bridge {

template <class Inner = net::any_io_executor>
using executor = Inner;

/// The executor of telltale::net inside a bridged one.
template <class Executor>
const Executor& inner(const Executor& ex) noexcept {
    return ex;
}

} // namespace telltale::inline TELLTALE_ABI::bridge

#else

#include <asio/execution.hpp>
#include <asio/prefer.hpp>
#include <asio/query.hpp>
#include <asio/require.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::bridge {

/// The Boost execution context that lives inside a context of telltale::net, for Beast's services and timers. It is a
/// Boost io_context that nobody runs: a plain execution_context would start a thread as soon as Beast builds a timer.
class context_service final : public net::execution_context::service {
    struct idle_context : boost::asio::io_context {
        using boost::asio::io_context::shutdown;
    };

public:
    using key_type = context_service;
    static inline net::execution_context::id id;

    explicit context_service(net::execution_context& owner) : service(owner) {}
    boost::asio::io_context& context() noexcept { return context_; }

private:
    // Handlers that Beast has saved own frames that own the stream: break these cycles before any service goes.
    void shutdown() override { context_.shutdown(); }

    idle_context context_;
};

namespace detail {

template <class Property>
struct property;

#define TELLTALE_BRIDGE_PROPERTY(group, value)              \
    template <>                                             \
    struct property<boost::asio::execution::group::value> { \
        using type = net::execution::group::value;          \
    };
TELLTALE_BRIDGE_PROPERTY(blocking_t, possibly_t)
TELLTALE_BRIDGE_PROPERTY(blocking_t, always_t)
TELLTALE_BRIDGE_PROPERTY(blocking_t, never_t)
TELLTALE_BRIDGE_PROPERTY(relationship_t, fork_t)
TELLTALE_BRIDGE_PROPERTY(relationship_t, continuation_t)
TELLTALE_BRIDGE_PROPERTY(outstanding_work_t, tracked_t)
TELLTALE_BRIDGE_PROPERTY(outstanding_work_t, untracked_t)
#undef TELLTALE_BRIDGE_PROPERTY

template <class Property>
using property_t = typename property<Property>::type;

} // namespace detail

// Both Asios call async_initiate<>() and its like unqualified inside their headers: a type whose template arguments
// mention the other Asio makes those calls ambiguous. A class nested in a class template does not have the associated
// namespaces of the template's arguments, so every type that crosses the border is an outer_<Args...>::type.

template <class Function>
struct function_ {
    struct type {
        Function function;
        void operator()() { function(); }
    };
};

template <class Inner>
struct executor_;

/// A Boost executor over an executor of telltale::net.
template <class Inner = net::any_io_executor>
using executor = typename executor_<Inner>::type;

template <class Inner>
struct executor_ {
    class type {
    public:
        using inner_type = Inner;
        using bridge_executor_tag = void;

        type() = default;
        // Constrained, or is_executor<type> would try any_io_executor's converting constructor and recurse.
        template <std::same_as<Inner> I>
        type(I inner) noexcept : inner_(std::move(inner)) {}

        const Inner& inner() const noexcept { return inner_; }

        template <class Function>
        void execute(Function&& f) const {
            using wrapped = typename function_<std::decay_t<Function>>::type;
#if TELLTALE_ASIO_VERSION < 102600
            net::execution::execute(inner_, wrapped{std::forward<Function>(f)});
#else
            inner_.execute(wrapped{std::forward<Function>(f)});
#endif
        }

        boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept {
            auto& owner = static_cast<net::execution_context&>(net::query(inner_, net::execution::context));
            return net::use_service<context_service>(owner).context();
        }

        template <class Property>
        requires net::can_require<Inner, detail::property_t<Property>>::value auto require(Property) const {
            auto result = net::require(inner_, detail::property_t<Property>{});
            return executor<decltype(result)>(std::move(result));
        }

        template <class Property>
        requires net::can_prefer<Inner, detail::property_t<Property>>::value auto prefer(Property) const {
            auto result = net::prefer(inner_, detail::property_t<Property>{});
            return executor<decltype(result)>(std::move(result));
        }

        friend bool operator==(const type& a, const type& b) noexcept { return a.inner_ == b.inner_; }
        friend bool operator!=(const type& a, const type& b) noexcept { return !(a.inner_ == b.inner_); }

    private:
        Inner inner_;
    };
};

template <class Executor>
concept bridged_executor = requires {
    typename Executor::bridge_executor_tag;
};

/// The executor of telltale::net inside a bridged one.
template <bridged_executor Executor>
const typename Executor::inner_type& inner(const Executor& ex) noexcept {
    return ex.inner();
}

} // namespace telltale::inline TELLTALE_ABI::bridge

#endif

#endif // TELLTALE_BEAST_DETAIL_BRIDGE_EXECUTOR_HPP
