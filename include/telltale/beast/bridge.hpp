// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_BRIDGE_HPP
#define TELLTALE_BEAST_BRIDGE_HPP

#include <telltale/asio.hpp>

// Beast's streams run on Boost.Asio only. This is the bridge that lets them run on the executors and sockets of
// telltale::net, in the same loop and without another thread. On Boost.Asio it collapses: the same names are identities,
// so that everything above is written once.
//
//   bridge::to_net(ec), bridge::to_boost(ec)   error codes, both ways
//   bridge::executor<E>                        a Boost executor over the executor E
//   bridge::layer<Socket>                      a Beast NextLayer over a socket
//   bridge::initiate<Signature>(ex, token, f)  runs an operation of Beast with a completion token of telltale::net
//
// Beast's own time-outs must stay off (their timers live in a Boost context that nobody runs); see detail/watchdog.hpp.
// Cancellation must be emitted on the executor of the connection.
#include <telltale/beast/detail/bridge_buffers.hpp>
#include <telltale/beast/detail/bridge_error.hpp>
#include <telltale/beast/detail/bridge_executor.hpp>
#include <telltale/beast/detail/bridge_handler.hpp>
#include <telltale/beast/detail/bridge_layer.hpp>

#endif // TELLTALE_BEAST_BRIDGE_HPP
