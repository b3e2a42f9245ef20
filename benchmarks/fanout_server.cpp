// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The fan-out server under test: each text message of the client on /pub goes to every client on /sub, in order.
//
//   fanout_server PORT

#include <telltale/asio.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/beast/websocket_hub.hpp>

#include <cstdlib>
#include <string_view>

using namespace telltale;

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    net::io_context context{1};

    websocket_hub subscribers(context.get_executor(), {.max_sessions = 4096});
    websocket_hub_hooks to_all;
    to_all.on_message = [&](websocket_session&, std::string_view message, bool) { subscribers.publish(message); };
    websocket_hub publishers(context.get_executor(), {}, to_all);

    http_server server(context.get_executor());
    server.on_upgrade("/sub", subscribers.acceptor());
    server.on_upgrade("/pub", publishers.acceptor());
    server.listen({net::ip::make_address("127.0.0.1"), static_cast<unsigned short>(std::atoi(argv[1]))});
    context.run();
}
