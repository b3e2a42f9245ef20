// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Fan-out as websocketpp's example broadcast_server does it. Needs C++17 (0.8.2 is no C++20).
//
//   ws_websocketpp PORT

#define ASIO_STANDALONE
#define _WEBSOCKETPP_CPP11_STL_
#include <websocketpp/config/asio_no_tls.hpp>
#include <websocketpp/server.hpp>

#include <cstdlib>
#include <memory>
#include <set>

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    using server = websocketpp::server<websocketpp::config::asio>;
    using handle = websocketpp::connection_hdl;
    server s;
    std::set<handle, std::owner_less<handle>> subscribers;
    s.clear_access_channels(websocketpp::log::alevel::all);
    s.clear_error_channels(websocketpp::log::elevel::all);
    s.init_asio();
    s.set_reuse_addr(true);
    s.set_listen_backlog(4096);
    s.set_tcp_post_init_handler(
        [&](handle h) { s.get_con_from_hdl(h)->get_raw_socket().set_option(asio::ip::tcp::no_delay(true)); });
    s.set_open_handler([&](handle h) {
        if (s.get_con_from_hdl(h)->get_resource() != "/pub") subscribers.insert(h);
    });
    s.set_close_handler([&](handle h) { subscribers.erase(h); });
    s.set_message_handler([&](handle, server::message_ptr m) {
        for (const auto& h : subscribers) {
            websocketpp::lib::error_code ec;
            s.send(h, m->get_payload(), websocketpp::frame::opcode::text, ec);
        }
    });
    const auto port = static_cast<unsigned short>(std::atoi(argv[1]));
    s.listen(asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), port));
    s.start_accept();
    s.run();
}
