// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/counted_stream.hpp>

#include "support.hpp"

#include <telltale/progress/progress_tracker.hpp>

#ifdef TELLTALE_USE_BOOST_ASIO
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#else
#include <asio/buffer.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>
#endif

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>

using namespace telltale;
using namespace telltale_test;

namespace {

using socket_type = net::local::stream_protocol::socket;
using counted_socket = counted_stream<socket_type&, progress_tracker>;

struct pair_of_sockets {
    explicit pair_of_sockets(net::io_context& context) : near(context), far(context) {
        net::local::connect_pair(near, far);
    }
    socket_type near;
    socket_type far;
};

net::awaitable<void> talk(counted_socket& near, socket_type& far, progress_tracker& t, bool& ended) {
    std::string sent(1000, 's');
    std::string got(1000, '\0');
    co_await net::async_write(far, net::buffer(sent), net::use_awaitable);
    const std::size_t n = co_await net::async_read(near, net::buffer(got), net::use_awaitable);
    CHECK(n == 1000);
    CHECK(got == sent);
    CHECK(t.done() == 1000);
    co_await net::async_write(near, net::buffer(sent), net::use_awaitable);
    CHECK(t.done() == 1000); // only what is read
    co_await net::async_write(far, net::buffer(sent.data(), 10), net::use_awaitable);
    const std::size_t more = co_await near.async_read_some(net::buffer(got)); // the default token
    CHECK(more == 10);
    far.shutdown(socket_type::shutdown_send);
    auto [ec, last] = co_await near.async_read_some(net::buffer(got), as_result);
    CHECK(ec == net::error::eof);
    CHECK(last == 0);
    CHECK(t.done() == 1010);
    ended = true;
}

} // namespace

TEST_CASE("counted_stream: with Asio's own operations") {
    net::io_context context;
    pair_of_sockets s(context);
    progress_tracker t(context.get_executor(), {.unit = progress_unit::bytes});
    counted_socket near(s.near, t);
    CHECK(&near.next_layer() == &s.near);
    CHECK(near.get_executor() == s.near.get_executor());
    CHECK(&near.lowest_layer() == &s.near.lowest_layer());
    bool ended = false;
    net::co_spawn(context, talk(near, s.far, t, ended), rethrow{});
    context.run();
    CHECK(ended);
}

TEST_CASE("counted_stream: either direction, or both, and without waiting") {
    net::io_context context;
    const auto counts = [&](counted_direction d) {
        pair_of_sockets s(context);
        progress_tracker t(context.get_executor());
        counted_stream<socket_type, progress_tracker> near(std::move(s.near), t, d);
        std::array<char, 8> data{};
        net::write(near, net::buffer(data, 5));
        net::write(s.far, net::buffer(data, 2));
        net::read(near, net::buffer(data, 2));
        near.async_write_some(net::buffer(data, 3), [](error_code, std::size_t) {});
        context.restart();
        context.run();
        return t.done();
    };
    CHECK(counts(counted_direction::read) == 2);
    CHECK(counts(counted_direction::written) == 8);
    CHECK(counts(counted_direction::both) == 10);
}

TEST_CASE("counted_stream: counts before the handler is called, on its executor; passes cancellation on") {
    net::io_context context;
    net::io_context other;
    pair_of_sockets s(context);
    progress_tracker t(context.get_executor());
    counted_socket near(s.near, t);
    std::array<char, 8> data{};
    net::cancellation_signal signal;
    error_code ended;
    near.async_read_some(net::buffer(data),
                         net::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t) { ended = ec; }));
    context.poll();
    signal.emit(net::cancellation_type::terminal);
    context.restart();
    context.run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(t.done() == 0);

    net::write(s.far, net::buffer(data, 4));
    std::uint64_t seen = 0;
    near.async_read_some(net::buffer(data),
                         net::bind_executor(other.get_executor(), [&, only = std::make_unique<int>()](
                                                                      error_code, std::size_t) { seen = t.done(); }));
    context.restart();
    context.run();
    CHECK(t.done() == 0); // the handler's executor has not run
    other.run();
    CHECK(seen == 4);
}
