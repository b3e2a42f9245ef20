// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/detail/outbox_layer.hpp>

#include <telltale/beast/websocket.hpp>

#include "catch.hpp"

#include <boost/beast/core/buffers_to_string.hpp>

#include <memory>
#include <string>
#include <vector>

namespace {

using namespace telltale;
using detail::outbox;
using net::awaitable;
using net::use_awaitable;
using server_stream = basic_websocket<detail::outbox_layer>;
namespace ws = boost::beast::websocket;

struct connection {
    explicit connection(net::io_context& context) : ours(context), peer(context) {
        tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
        peer.open(tcp::v4());
        peer.set_option(net::socket_base::receive_buffer_size(8192));
        peer.connect(acceptor.local_endpoint());
        acceptor.accept(ours);
        ours.set_option(net::socket_base::send_buffer_size(8192)); // so that writes get stuck
    }
    tcp::socket ours;
    tcp::socket peer;
};

// The payloads of all frames that a peer gets: first byte of the opcode, then the payload.
std::vector<std::string> read_frames(net::io_context& context, tcp::socket& peer, std::size_t count) {
    std::vector<std::string> frames;
    std::string in;
    peer.non_blocking(true);
    while (frames.size() < count) {
        char some[4096];
        error_code ec;
        in.append(some, peer.read_some(net::buffer(some), ec));
        if (ec == net::error::would_block) {
            context.restart();
            context.run_one();
        } else if (ec) {
            break;
        }
        while (in.size() >= 2) {
            const auto byte = [&](std::size_t i) {
                return static_cast<std::size_t>(static_cast<unsigned char>(in[i]));
            };
            std::size_t size = byte(1);
            std::size_t header = 2;
            if (size == 126 && in.size() >= 4) {
                size = byte(2) << 8U | byte(3);
                header = 4;
            }
            if (size == 126 || in.size() < header + size) break;
            frames.push_back(static_cast<char>('0' + (byte(0) & 0x0FU)) + in.substr(header, size));
            in.erase(0, header + size);
        }
    }
    return frames;
}

frame text(std::string payload, std::string key = {}) { return make_frame(frame_kind::text, payload, std::move(key)); }

} // namespace

TEST_CASE("outbox: control frames go before queued data, never into a frame", "[outbox]") {
    net::io_context context(1);
    connection c(context);
    const auto box = std::make_shared<outbox>(std::move(c.ours), 64U << 20U);
    const std::string big(60000, 'x');
    const std::size_t count = 200;
    for (std::size_t i = 0; i < count; ++i) REQUIRE(box->push(text(big)) == outbox::push_result::queued);
    box->flush(); // stuck in the middle of a frame
    REQUIRE(!box->empty());
    bool drained = false;
    box->on_drained([&] { drained = true; });
    box->push_control(make_frame(frame_kind::ping, "p"));
    box->flush();
    const auto frames = read_frames(context, c.peer, count + 1);
    REQUIRE(frames.size() == count + 1);
    std::size_t at = 0;
    while (at < frames.size() && frames[at] != "9p") ++at;
    CHECK(at > 0);
    CHECK(at < count);
    for (std::size_t i = 0; i < frames.size(); ++i)
        if (i != at) REQUIRE(frames[i] == "1" + big);
    CHECK(drained);
    CHECK(box->queued_bytes() == 0);
}

TEST_CASE("outbox: gathers, and has a bound", "[outbox]") {
    net::io_context context(1);
    connection c(context);
    const auto box = std::make_shared<outbox>(std::move(c.ours), 1000);
    CHECK(box->push(text(std::string(5000, 'x'))) ==
          outbox::push_result::queued); // the first is taken whatever its size
    CHECK(box->push(text("y")) == outbox::push_result::full);
    box->flush();
    for (int i = 0; i < 64; ++i) CHECK(box->push(text("0123456789")) == outbox::push_result::queued);
    const auto before = box->writes();
    box->flush();
    CHECK(box->writes() == before + 1);
    CHECK(read_frames(context, c.peer, 65).size() == 65);
    box->close();
    box->push(text("z"));
    box->flush();
    CHECK(box->push(text("z")) == outbox::push_result::closed);
}

TEST_CASE("outbox: drops and conflates what has not begun", "[outbox]") {
    net::io_context context(1);
    connection c(context);
    const auto box = std::make_shared<outbox>(std::move(c.ours), 64U << 20U);
    const std::string big(60000, 'x');
    std::size_t stuck = 0;
    while (box->empty()) {
        for (int i = 0; i < 10; ++i, ++stuck) box->push(text(big, "job"));
        box->flush();
    }
    SECTION("drop") {
        box->push(text("last"));
        const auto dropped = box->drop();
        CHECK(dropped > 0);
        box->push(text("after"));
        box->flush();
        const auto frames = read_frames(context, c.peer, stuck + 2 - dropped);
        CHECK(frames.back() == "1after");
        for (std::size_t i = 0; i + 1 < frames.size(); ++i) CHECK(frames[i] == "1" + big);
    }
    SECTION("conflate") {
        box->push(text("a1", "a"));
        box->push(text("transition"));
        box->push(text("a2", "a"));
        box->push(text("newest", "job"));
        const auto gone = box->conflate();
        CHECK(gone >= 1);
        box->flush();
        auto frames = read_frames(context, c.peer, stuck + 4 - gone);
        REQUIRE(frames.size() >= 3);
        CHECK(std::vector<std::string>(frames.end() - 3, frames.end()) ==
              std::vector<std::string>{"1transition", "1a2", "1newest"});
        frames.resize(frames.size() - 3);
        for (const auto& f : frames) CHECK(f == "1" + big);
    }
}

namespace {

struct traffic {
    int broadcast = 0, own = 0, pings = 0, pongs = 0, wrong = 0;
    unsigned close_code = 0;
    bool server_ended = false;
    bool stop_pinging = false, pinging = false;
};

awaitable<void> yield(int times) {
    for (int i = 0; i < times; ++i) co_await net::post(co_await net::this_coro::executor, use_awaitable);
}

awaitable<void> read_all(server_stream& s, traffic& t) {
    boost::beast::flat_buffer in;
    for (;;) {
        auto [ec, n] = co_await s.async_read(in, as_result);
        if (ec) break;
        in.clear();
    }
    t.server_ended = true;
}

awaitable<void> write_own(server_stream& s, bool& done) {
    s.native().text(true);
    for (int i = 0; i < 6; ++i) {
        s.native().auto_fragment(i % 2 == 1);
        const auto message = "w" + std::to_string(i) + std::string(200000, 'w'); // in parts of 64 KiB, or in fragments
        auto [ec, n] = co_await s.async_write(message, as_result);
        if (ec) break;
    }
    done = true;
}

awaitable<void> serve(tcp::socket socket, std::shared_ptr<outbox>& out, traffic& t) {
    const auto ex = socket.get_executor();
    out = std::make_shared<outbox>(std::move(socket), 64U << 20U);
    server_stream s(out);
    co_await s.async_accept(use_awaitable);
    out->open();
    bool wrote = false;
    net::co_spawn(ex, read_all(s, t), net::detached);
    net::co_spawn(ex, write_own(s, wrote), net::detached);
    for (int i = 0; i < 1000; ++i) {
        out->push(text("b" + std::to_string(i) + std::string(static_cast<std::size_t>(i) % 700, '.')));
        if (i % 7 == 0) out->flush();
        if (i % 20 == 0) co_await yield(3);
    }
    out->flush();
    while (!wrote) co_await yield(1);
    co_await s.async_close({ws::close_code(4007), "end"}, as_result);
    t.wrong += out->push(text("late")) != outbox::push_result::closed;
    while (!t.server_ended) co_await yield(1);
}

awaitable<void> ping_always(websocket& client, traffic& t) {
    t.pinging = true;
    while (!t.stop_pinging) {
        auto [ec] = co_await client.async_ping("x", as_result);
        if (ec) break;
        ++t.pings;
        co_await yield(20);
    }
    t.pinging = false;
}

awaitable<void> consume(tcp::socket socket, traffic& t) {
    const auto ex = socket.get_executor();
    websocket client(std::move(socket));
    co_await client.async_handshake("h", "/", use_awaitable);
    client.native().control_callback(
        [&t](ws::frame_type kind, boost::beast::string_view) { t.pongs += kind == ws::frame_type::pong; });
    net::co_spawn(ex, ping_always(client, t), net::detached);
    boost::beast::flat_buffer in;
    for (;;) {
        auto [ec, n] = co_await client.async_read(in, as_result);
        if (ec) break;
        const auto m = boost::beast::buffers_to_string(in.data());
        in.clear();
        if (m[0] == 'b') {
            t.wrong +=
                m != "b" + std::to_string(t.broadcast) + std::string(static_cast<std::size_t>(t.broadcast) % 700, '.');
            ++t.broadcast;
        } else {
            t.wrong += m != "w" + std::to_string(t.own) + std::string(200000, 'w');
            ++t.own;
        }
    }
    t.close_code = client.native().reason().code;
    t.stop_pinging = true;
    while (t.pinging) co_await yield(1);
}

} // namespace

TEST_CASE("outbox: our frames, Beast's messages and Beast's control frames do not mix", "[outbox]") {
    net::io_context context(1);
    connection c(context);
    std::shared_ptr<outbox> out;
    traffic t;
    net::co_spawn(context, serve(std::move(c.ours), out, t), net::detached);
    net::co_spawn(context, consume(std::move(c.peer), t), net::detached);
    SECTION("to the end") {
        context.run();
        CHECK(t.broadcast == 1000);
        CHECK(t.own == 6);
        CHECK(t.wrong == 0);
        CHECK(t.pongs > 3);
        CHECK(t.pongs <= t.pings);
        CHECK(t.close_code == 4007);
        CHECK(t.server_ended);
    }
    SECTION("the connection is reset") {
        while (t.broadcast < 200) context.run_one();
        out->socket().set_option(net::socket_base::linger(true, 0));
        out->close();
        context.run();
        CHECK(t.server_ended);
        CHECK(t.wrong <= 1); // "late", which no close frame has refused
        CHECK(t.broadcast < 1000);
    }
    SECTION("the context goes first") {
        while (t.broadcast < 200) context.run_one();
        CHECK(!t.server_ended); // and no leak
    }
}
