// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/websocket.hpp>

#include "catch.hpp"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http.hpp>

#include <atomic>
#include <exception>
#include <fstream>
#include <optional>
#include <string>

namespace {

using namespace telltale;
namespace http = boost::beast::http;
namespace ws = boost::beast::websocket;
using net::awaitable;
using net::use_awaitable;

template <class BeastError>
error_code code(BeastError e) {
    return bridge::to_net(make_error_code(e));
}

int threads_of_this_process() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("Threads:", 0) == 0) return std::stoi(line.substr(8));
    return -1;
}

template <class Socket>
using stream = basic_websocket<bridge::layer<Socket>>;

// What a scenario saw. Catch2's assertions are for one thread, so the coroutines only note, and the test looks.
struct notes {
    std::atomic<int> echoed{0};
    std::atomic<bool> big_echoed{false}, ponged{false}, deferred_wrote{false};
    std::atomic<int> close_code_at_client{0}, http_answers{0};
    std::atomic<bool> partial_ignored{true}, terminal_aborts{false}, unusable_after_cancel{false}, upgraded{false};
    std::atomic<bool> keep_alive_ended{false};
    std::atomic<int> sessions_ended{0};
    std::atomic<int> finished{0};
    std::exception_ptr error;
};

template <class Socket>
awaitable<void> echo_session(stream<Socket> s, notes& n) {
    co_await s.async_accept(use_awaitable);
    s.native().read_message_max(4 << 20);
    boost::beast::flat_buffer in;
    for (;;) {
        auto [ec, size] = co_await s.async_read(in, as_result);
        if (ec) break;
        s.native().text(s.native().got_text());
        const std::string text = boost::beast::buffers_to_string(in.data());
        in.clear();
        co_await s.async_write(text, as_result);
    }
    ++n.sessions_ended;
}

template <class Socket, class Executor>
awaitable<void> serve_echo(tcp::acceptor& acceptor, Executor ex, int count, notes& n) {
    for (int i = 0; i < count; ++i) {
        Socket s(ex);
        auto [ec] = co_await acceptor.async_accept(s, as_result);
        if (ec) co_return;
        net::co_spawn(ex, echo_session<Socket>(stream<Socket>(std::move(s)), n), net::detached);
    }
}

template <class Socket, class Executor>
awaitable<stream<Socket>> open(Executor ex, tcp::endpoint to) {
    Socket s(ex);
    co_await s.async_connect(to, use_awaitable);
    stream<Socket> client(std::move(s));
    co_await client.async_handshake("localhost", "/", use_awaitable);
    co_return client;
}

template <class Socket, class Executor>
awaitable<void> messages(Executor ex, tcp::endpoint to, notes& n) {
    auto client = co_await open<Socket>(ex, to);
    client.native().read_message_max(4 << 20);
    boost::beast::flat_buffer in;
    for (int i = 0; i < 10; ++i) {
        const std::string sent(static_cast<std::size_t>(i) * 1000 + 1, static_cast<char>('a' + i));
        client.native().binary(i % 2 == 1);
        co_await client.async_write(sent, use_awaitable);
        co_await client.async_read(in, use_awaitable);
        n.echoed += boost::beast::buffers_to_string(in.data()) == sent && client.native().got_binary() == (i % 2 == 1);
        in.clear();
    }
    std::string big(1 << 20, '\0');
    for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 7);
    client.native().binary(true);
    co_await client.async_write(big, use_awaitable);
    co_await client.async_read(in, use_awaitable);
    n.big_echoed = boost::beast::buffers_to_string(in.data()) == big;
    in.clear();

    bool ponged = false;
    client.native().control_callback([&ponged](ws::frame_type kind, boost::beast::string_view payload) {
        ponged = ponged || (kind == ws::frame_type::pong && payload == "hello");
    });
    co_await client.async_ping("hello", use_awaitable);
    client.native().text(true);
    auto operation = client.async_write("deferred", deferred);
    n.deferred_wrote = co_await std::move(operation)(use_awaitable) == 8;
    co_await client.async_read(in, use_awaitable);
    n.ponged = ponged;
    client.native().control_callback();
    co_await client.async_close({ws::close_code(4001), "bye"}, use_awaitable);
    n.close_code_at_client = client.native().reason().code;
}

struct on_read {
    error_code& result;
    net::steady_timer& done;
    void operator()(error_code ec, std::size_t) const {
        result = ec;
        done.cancel();
    }
};

template <class Socket, class Executor>
awaitable<void> cancellation(Executor ex, tcp::endpoint to, notes& n) {
    auto client = co_await open<Socket>(ex, to);
    boost::beast::flat_buffer in;
    net::cancellation_signal signal;
    error_code result;
    net::steady_timer done(ex, net::steady_timer::time_point::max());
    client.async_read(in, net::bind_executor(ex, net::bind_cancellation_slot(signal.slot(), on_read{result, done})));
    // Beast's read is cancelled by terminal only.
    signal.emit(net::cancellation_type::partial);
    co_await net::post(ex, use_awaitable);
    n.partial_ignored = n.partial_ignored && !result;
    signal.emit(net::cancellation_type::terminal);
    co_await done.async_wait(as_result);
    n.terminal_aborts = result == net::error::operation_aborted;
    auto [ec, size] = co_await client.async_read(in, as_result);
    n.unusable_after_cancel = ec == net::error::operation_aborted;
}

template <class Socket, class Executor>
awaitable<void> abrupt_end(Executor ex, tcp::endpoint to, bool reset) {
    auto client = co_await open<Socket>(ex, to);
    co_await client.async_write("x", use_awaitable);
    if (!reset) co_return;
    client.socket().set_option(net::socket_base::linger(true, 0));
    client.socket().close(); // the destructor would take the option back
}

template <class Signature, class Layer, class Token, class Start>
auto with_layer(Layer& layer, Token&& token, Start start) {
    return bridge::initiate<Signature>(layer.get_executor(), token, std::move(start));
}

template <class Layer, class Buffer, class Message>
awaitable<error_code> http_read(Layer& layer, Buffer& buffer, Message& message) {
    auto [ec, n] = co_await with_layer<void(error_code, std::size_t)>(
        layer, as_result, [&](auto h) { http::async_read(layer, buffer, message, std::move(h)); });
    co_return ec;
}

template <class Layer, class Message>
awaitable<error_code> http_write(Layer& layer, Message& message) {
    auto [ec, n] = co_await with_layer<void(error_code, std::size_t)>(
        layer, as_result, [&](auto h) { http::async_write(layer, message, std::move(h)); });
    co_return ec;
}

template <class Socket>
awaitable<void> http_session(Socket s, notes& n) {
    bridge::layer<Socket> layer(std::move(s));
    boost::beast::flat_buffer in;
    for (;;) {
        http::request<http::string_body> request;
        if (const auto ec = co_await http_read(layer, in, request)) {
            n.keep_alive_ended = ec == code(http::error::end_of_stream);
            co_return;
        }
        if (ws::is_upgrade(request)) {
            stream<Socket> up(std::move(layer));
            co_await up.async_accept(request, use_awaitable);
            auto [ec, size] = co_await up.async_read(in, as_result);
            n.upgraded = ec == code(ws::error::closed) && up.native().reason().code == 1001;
            co_return;
        }
        http::response<http::string_body> answer{http::status::ok, request.version()};
        answer.body() = "echo:" + request.body();
        answer.keep_alive(request.keep_alive());
        answer.prepare_payload();
        co_await http_write(layer, answer);
    }
}

template <class Socket, class Executor>
awaitable<void> serve_http(tcp::acceptor& acceptor, Executor ex, notes& n) {
    for (int i = 0; i < 2; ++i) {
        Socket s(ex);
        co_await acceptor.async_accept(s, use_awaitable);
        net::co_spawn(ex, http_session<Socket>(std::move(s), n), net::detached);
    }
}

template <class Socket, class Executor>
awaitable<void> http_keep_alive_and_upgrade(Executor ex, notes& n) {
    tcp::acceptor acceptor(ex, {net::ip::address_v4::loopback(), 0});
    net::co_spawn(ex, serve_http<Socket>(acceptor, ex, n), net::detached);
    {
        Socket s(ex);
        co_await s.async_connect(acceptor.local_endpoint(), use_awaitable);
        bridge::layer<Socket> layer(std::move(s));
        boost::beast::flat_buffer in;
        for (unsigned i = 0; i < 20; ++i) {
            http::request<http::string_body> request{http::verb::post, "/", 11};
            request.set(http::field::host, "localhost");
            request.body() = std::string(i * 3000, 'q');
            request.prepare_payload();
            co_await http_write(layer, request);
            http::response<http::string_body> answer;
            const auto ec = co_await http_read(layer, in, answer);
            n.http_answers += !ec && answer.body() == "echo:" + request.body();
        }
    }
    auto client = co_await open<Socket>(ex, acceptor.local_endpoint());
    co_await client.async_close(ws::close_code::going_away, use_awaitable);
}

template <class Socket, class Executor>
awaitable<void> everything(Executor ex, notes& n) {
    tcp::acceptor acceptor(ex, {net::ip::address_v4::loopback(), 0});
    net::co_spawn(ex, serve_echo<Socket>(acceptor, ex, 4, n), net::detached);
    const auto to = acceptor.local_endpoint();
    co_await messages<Socket>(ex, to, n);
    co_await cancellation<Socket>(ex, to, n);
    co_await abrupt_end<Socket>(ex, to, false);
    co_await abrupt_end<Socket>(ex, to, true);
    co_await http_keep_alive_and_upgrade<Socket>(ex, n);
}

struct finish {
    notes& n;
    void operator()(std::exception_ptr e) const {
        if (e) n.error = e;
        ++n.finished;
    }
};

void check(const notes& n) {
    if (n.error) std::rethrow_exception(n.error);
    CHECK(n.finished == 1);
    CHECK(n.echoed == 10);
    CHECK(n.big_echoed);
    CHECK(n.ponged);
    CHECK(n.deferred_wrote);
    CHECK(n.close_code_at_client == 4001);
    CHECK(n.partial_ignored);
    CHECK(n.terminal_aborts);
    CHECK(n.unusable_after_cancel);
    CHECK(n.http_answers == 20);
    CHECK(n.keep_alive_ended);
    CHECK(n.upgraded);
    CHECK(n.sessions_ended == 4);
}

} // namespace

TEST_CASE("Beast on the bridge: one loop, no other thread", "[websocket]") {
    const int before = threads_of_this_process();
    notes n;
    net::io_context context(1);
    SECTION("any_io_executor") {
        const net::any_io_executor ex = context.get_executor();
        net::co_spawn(ex, everything<tcp::socket>(ex, n), finish{n});
        context.run();
        check(n);
    }
    SECTION("concrete executor") {
        using socket = net::basic_stream_socket<tcp, net::io_context::executor_type>;
        net::co_spawn(context, everything<socket>(context.get_executor(), n), finish{n});
        context.run();
        check(n);
    }
    CHECK(threads_of_this_process() == before);
}

TEST_CASE("Beast on the bridge: strands on a thread pool", "[websocket]") {
    net::thread_pool pool(2);
    notes n[3];
    for (auto& each : n) {
        const net::any_io_executor strand = net::make_strand(pool.get_executor());
        net::co_spawn(strand, everything<tcp::socket>(strand, each), finish{each});
    }
    pool.join();
    for (auto& each : n) check(each);
}

namespace {

awaitable<void> accept_and_never_read(tcp::acceptor& acceptor, std::optional<websocket>& server) {
    tcp::socket s(acceptor.get_executor());
    co_await acceptor.async_accept(s, use_awaitable);
    server.emplace(std::move(s));
    co_await server->async_accept(use_awaitable);
}

// A write that the full socket holds up, and a ping that Beast has saved behind it: the saved handler owns this frame,
// which owns the stream.
awaitable<void> stuck_writer(tcp::endpoint to, int& reached) {
    auto client = co_await open<tcp::socket>(co_await net::this_coro::executor, to);
    const std::string big(32 << 20, 'x');
    client.async_write(big, [](error_code, std::size_t) {});
    reached = 1;
    co_await client.async_ping("p", use_awaitable);
    reached = 2;
}

} // namespace

TEST_CASE("A context may go with operations of Beast pending", "[websocket]") {
    int reached = 0;
    {
        net::io_context context(1);
        std::optional<websocket> server;
        tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
        net::co_spawn(context, accept_and_never_read(acceptor, server), net::detached);
        net::co_spawn(context, stuck_writer(acceptor.local_endpoint(), reached), net::detached);
        while (reached == 0) context.run_one();
    }
    CHECK(reached == 1); // and no leak, says the sanitizer
}
