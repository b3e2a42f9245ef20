// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_TCP_HPP
#define TELLTALE_BEAST_DETAIL_TCP_HPP

#include <telltale/asio.hpp>

// What the seam leaves out because only this folder needs it: TCP and reading and writing.
#if defined(TELLTALE_USE_BOOST_ASIO)
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#else
#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#endif

namespace telltale::inline TELLTALE_ABI {
using tcp = net::ip::tcp;
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_DETAIL_TCP_HPP
