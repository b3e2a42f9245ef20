// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/websocket_hub.hpp>

#include <telltale/beast/http_server.hpp>
#include <telltale/beast/websocket.hpp>

#include "catch.hpp"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;

namespace {

net::awaitable<void> read_numbers(tcp::endpoint from, std::vector<int>& got) {
    tcp::socket socket(co_await net::this_coro::executor);
    co_await socket.async_connect(from, net::use_awaitable);
    websocket stream(std::move(socket));
    co_await stream.async_handshake("h", "/", net::use_awaitable);
    for (boost::beast::flat_buffer in;; in.clear()) {
        const auto [ec, n] = co_await stream.async_read(in, as_result);
        if (ec) break;
        got.push_back(std::stoi(boost::beast::buffers_to_string(in.data())));
    }
}

} // namespace

// Its limits, pings and slow clients: broadcaster.cpp.
TEST_CASE("websocket_hub: publish from other threads", "[websocket_hub]") {
    net::io_context context(1);
    websocket_hub hub(context.get_executor());
    http_server server(context.get_executor());
    server.on_upgrade("/", hub.acceptor());
    server.listen({net::ip::address_v4::loopback(), 0});
    std::vector<int> got;
    net::co_spawn(context, read_numbers(server.local_endpoint(), got), net::detached);
    while (hub.sessions() == 0) context.run_one();
    net::thread_pool pool(2);
    for (int i = 0; i < 2; ++i)
        net::post(pool, [&hub] {
            for (int n = 0; n < 200; ++n) hub.publish(std::to_string(n));
        });
    while (got.size() < 400) context.run_one();
    pool.join();
    std::size_t in_order = 0;
    for (int i = 0, seen[2] = {0, 0}; i < 400; ++i) {
        const int n = got[static_cast<std::size_t>(i)];
        for (auto& s : seen)
            if (s == n) {
                ++s, ++in_order;
                break;
            }
    }
    CHECK(in_order == 400);
}
