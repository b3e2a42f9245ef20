// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The poller that an expert writes by hand: Boost.Beast, coroutines, one connection per poll in flight; Boost.JSON reads
// the state. No pool, no rules, no events.
//
//   poll_beast http://127.0.0.1:PORT/PATH K C    K polls, C at once

#include "process.hpp"

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <boost/json/src.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = net::ip::tcp;

struct work {
    long left = 0;
    long done = 0;
};

net::awaitable<void> poll(tcp::endpoint at, std::string target, work& w) {
    beast::tcp_stream stream(co_await net::this_coro::executor);
    co_await stream.async_connect(at, net::use_awaitable);
    stream.socket().set_option(tcp::no_delay(true));
    beast::flat_buffer buffer;
    http::request<http::empty_body> request{http::verb::get, target, 11};
    request.set(http::field::host, "127.0.0.1");
    request.set(http::field::accept, "application/json");
    while (w.left > 0) {
        --w.left;
        stream.expires_after(std::chrono::seconds(30));
        co_await http::async_write(stream, request, net::use_awaitable);
        http::response<http::string_body> response;
        co_await http::async_read(stream, buffer, response, net::use_awaitable);
        const auto value = boost::json::parse(response.body());
        if (value.as_object().at("state").as_string() != "running") std::abort();
        ++w.done;
    }
}

long run(const tcp::endpoint& at, const std::string& target, long polls, int at_once) {
    net::io_context context{1};
    work w{polls, 0};
    for (int i = 0; i < at_once; ++i)
        net::co_spawn(context, poll(at, target, w), [](std::exception_ptr e) {
            if (e) std::rethrow_exception(e);
        });
    context.run();
    return w.done;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const std::string url = argv[1];
    const auto colon = url.find(':', 7);
    const auto slash = url.find('/', colon);
    const auto port = std::stoi(url.substr(colon + 1, slash - colon - 1));
    const tcp::endpoint at(net::ip::make_address(url.substr(7, colon - 7)), static_cast<unsigned short>(port));
    const long polls = std::atol(argv[2]);
    const int at_once = std::atoi(argv[3]);
    run(at, url.substr(slash), at_once * 2, at_once);
    const process::poller_report report;
    report.print(run(at, url.substr(slash), polls, at_once));
}
