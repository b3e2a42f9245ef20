// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// Shows jobs to browsers: a dashboard serves a page, an API, and every event over WebSocket. The client here is in the same
// program; a browser can open the URL just as well.

#include <telltale/asio.hpp>
#include <telltale/beast/websocket.hpp>
#include <telltale/board/board.hpp>
#include <telltale/dashboard/dashboard.hpp>
#include <telltale/run/job_manager.hpp>
#include <telltale/sync/timer.hpp>

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <iostream>

namespace net = telltale::net;
using namespace std::chrono_literals;

net::awaitable<void> work(telltale::job_context job) {
    telltale::timer timer(co_await net::this_coro::executor);
    for (double done = 1; done <= 2; ++done) {
        timer.expires_after(50ms);
        co_await timer.async_wait();
        job.report_progress({.done = done, .total = 2, .unit = telltale::progress_unit::steps});
    }
}

net::awaitable<void> listen_to(telltale::tcp::endpoint server, telltale::job_manager& jobs) {
    telltale::tcp::socket socket(co_await net::this_coro::executor);
    co_await socket.async_connect(server, net::use_awaitable);
    telltale::websocket client(std::move(socket));
    co_await client.async_handshake("127.0.0.1", "/ws?kinds=job_queued,job_started,job_progressed,job_succeeded");
    for (std::string text; text.find("job_succeeded") == std::string::npos;) {
        boost::beast::flat_buffer buffer;
        co_await client.async_read(buffer);
        text = boost::beast::buffers_to_string(buffer.data());
        std::cout << text << '\n';
        if (text.find("snapshot") != std::string::npos) jobs.submit({.name = "two steps"}, work);
    }
    co_await client.async_close(boost::beast::websocket::close_code::normal);
}

int main() {
    net::io_context context;
    telltale::board board(context.get_executor());
    telltale::job_manager jobs(context.get_executor(), board.sink());
    telltale::dashboard dashboard(board, {.port = 0}); // 127.0.0.1, a free port
    dashboard.listen();
    std::cout << "serving " << dashboard.url() << '\n';
    std::exception_ptr failure;
    net::co_spawn(context, listen_to(dashboard.local_endpoint(), jobs), [&](std::exception_ptr e) {
        failure = e;
        dashboard.stop();
    });
    context.run();
    if (failure) std::rethrow_exception(failure);
}
