// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_ASIO_HPP
#define TELLTALE_ASIO_HPP

#include <telltale/version.hpp>

// Asio asks macros of the standard library, and so must come after some header of it: in a program of which one file
// includes Asio first and another does not, what one allocates by aligned_alloc the other frees by operator delete.
#include <cstddef>

// The seam: the only header that names which Asio telltale is built on. `telltale::net` is standalone Asio, or Boost.Asio
// where the build defines TELLTALE_USE_BOOST_ASIO (CMake target telltale::boost). It is never detected.
//
// Supported: standalone Asio 1.22.1 and newer, Boost.Asio of Boost 1.81 and newer.

#if defined(TELLTALE_USE_BOOST_ASIO)

#include <boost/asio/version.hpp>
#if BOOST_ASIO_VERSION < 102600
#error "telltale needs Boost.Asio of Boost 1.81 or newer"
#endif
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/descriptor_base.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/recycling_allocator.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#define TELLTALE_ASIO_VERSION BOOST_ASIO_VERSION

namespace telltale::inline TELLTALE_ABI {
namespace net = ::boost::asio;
namespace sys = ::boost::system;
} // namespace telltale::inline TELLTALE_ABI

#else // standalone Asio

// Asio before 1.26 does not see the coroutines of Clang with libstdc++.
#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT)
#define ASIO_HAS_CO_AWAIT 1
#endif
#if defined(__clang__) && !defined(ASIO_HAS_STD_COROUTINE)
#define ASIO_HAS_STD_COROUTINE 1
#endif

#include <asio/version.hpp>
#if ASIO_VERSION < 102201
#error "telltale needs standalone Asio 1.22.1 or newer"
#endif
#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution_context.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/descriptor_base.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/recycling_allocator.hpp>
#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#if ASIO_VERSION >= 102300
#include <asio/append.hpp>
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
#else
#include <asio/experimental/append.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#endif
#include <system_error>

#define TELLTALE_ASIO_VERSION ASIO_VERSION

namespace telltale::inline TELLTALE_ABI {
namespace net = ::asio;
namespace sys = ::std;
} // namespace telltale::inline TELLTALE_ABI

#endif

#include <type_traits>

namespace telltale::inline TELLTALE_ABI {

/// The error code of the Asio in use: std::error_code, or boost::system::error_code on Boost.Asio.
using error_code = sys::error_code;
using error_category = sys::error_category;
using system_error = sys::system_error;

// Tokens that were still experimental in the oldest supported Asio.
#if !defined(TELLTALE_USE_BOOST_ASIO) && TELLTALE_ASIO_VERSION < 102300
using net::experimental::append;
using net::experimental::as_tuple;
using net::experimental::deferred;
#else
using net::append;
using net::as_tuple;
using net::deferred;
#endif

/// The completion token that an operation takes when none is given: what the executor type asks for, else
/// use_awaitable, so that `co_await object.async_operation()` works on every supported Asio.
template <class Executor>
using default_token_t = std::conditional_t<std::is_void_v<net::default_completion_token_t<Executor>>,
                                           net::use_awaitable_t<Executor>, net::default_completion_token_t<Executor>>;

/// co_await with the error as a value: `auto [ec, value] = co_await x.async_op(as_result);`
inline constexpr auto as_result = as_tuple(net::use_awaitable);

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_ASIO_HPP
