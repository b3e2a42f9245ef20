// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/broadcaster.hpp>

#include <telltale/beast/websocket.hpp>
#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <boost/beast/core/buffers_to_string.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace telltale;
using namespace std::chrono_literals;
using net::awaitable;
using net::use_awaitable;
using messages = std::vector<std::string>;

// A client that notes what it gets. It reads while `reading` is set.
struct client {
    explicit client(const net::any_io_executor& executor) : reading(executor) { reading.set(); }

    messages got;
    manual_reset_event reading;
    bool open = false;
    bool ended = false;
    unsigned code = 0;
    std::optional<websocket> stream;
};

awaitable<void> attend(client& c, tcp::endpoint to, std::string target) {
    const auto ex = co_await net::this_coro::executor;
    tcp::socket s(ex);
    s.open(tcp::v4());
    s.set_option(net::socket_base::receive_buffer_size(4096));
    co_await s.async_connect(to, use_awaitable);
    c.stream.emplace(std::move(s));
    auto [failed] = co_await c.stream->async_handshake("h", target, as_result);
    c.open = !failed;
    boost::beast::flat_buffer in;
    while (c.open) {
        co_await c.reading.wait();
        auto [ec, n] = co_await c.stream->async_read(in, as_result);
        if (ec) break;
        c.got.push_back(boost::beast::buffers_to_string(in.data()));
        in.clear();
    }
    c.code = c.stream->native().reason().code;
    c.ended = true;
}

void say(client& c, std::string text) {
    auto owned = std::make_unique<const std::string>(std::move(text)); // lives until it is written
    const std::string_view data = *owned;
    c.stream->async_write(data, [owned = std::move(owned)](error_code, std::size_t) {});
}

struct fixture {
    explicit fixture(broadcaster_options options = {})
        : jobs(context.get_executor()),
          events(std::in_place, context.get_executor(), jobs, options),
          server(context.get_executor()) {
        server.on_upgrade("/ws", events->acceptor());
        server.listen({net::ip::address_v4::loopback(), 0});
    }
    ~fixture() {
        for (auto& c : clients) c.stream.reset();
    }

    client& connect(const std::string& target = "/ws") {
        clients.emplace_back(context.get_executor());
        net::co_spawn(context, attend(clients.back(), server.local_endpoint(), target), net::detached);
        return clients.back();
    }
    void report(std::string id, job_state s) {
        job_report r;
        r.id = std::move(id);
        r.state = s;
        jobs.report(std::move(r));
    }
    template <class Condition>
    void run_until(Condition condition) {
        while (!condition()) context.run_one();
    }
    void await(const client& c, std::size_t count) {
        run_until([&] { return c.got.size() >= count || c.ended; });
        REQUIRE(c.got.size() >= count);
    }

    net::io_context context{1};
    testing::virtual_clock clock{context};
    board jobs;
    std::optional<broadcaster> events;
    http_server server;
    std::deque<client> clients;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string cursor_of(const std::string& message) {
    const auto at = message.find("\"cursor\":\"") + 10;
    return message.substr(at, message.find('"', at) - at);
}

class switchable final : public job_control {
public:
    bool supports(job_command c) const noexcept override { return c == job_command::cancel; }
    command_result request(job_command) override { return ++asked, command_result::accepted; }
    int asked = 0;
};

} // namespace

TEST_CASE("broadcaster: a snapshot, then every event once", "[broadcaster]") {
    fixture f;
    f.report("1", job_state::running);
    auto& a = f.connect();
    f.await(a, 1);
    CHECK(has(a.got[0], "{\"type\":\"snapshot\",\"cursor\":\""));
    CHECK(has(a.got[0], "\"jobs\":[{\"id\":\"1\""));
    CHECK(!has(a.got[0], "reset"));
    f.report("1", job_state::succeeded);
    f.report("2", job_state::queued);
    f.events->publish("{\"x\":1}");
    auto& b = f.connect(); // its snapshot has what the first is still to be told
    f.await(a, 5);
    f.await(b, 1);
    CHECK(has(a.got[1], "\"type\":\"event\""));
    CHECK(has(a.got[1], "\"kind\":\"job_succeeded\",\"job\":{\"id\":\"1\""));
    CHECK(has(a.got[2], "\"kind\":\"job_created\",\"job\":{\"id\":\"2\""));
    CHECK(has(a.got[3], "\"kind\":\"job_queued\",\"job\":{\"id\":\"2\""));
    CHECK(has(a.got[4], "\"kind\":\"custom\",\"data\":{\"x\":1}"));
    CHECK(has(b.got[0], "\"id\":\"2\""));
    f.report("2", job_state::running);
    f.await(a, 6);
    f.await(b, 2);
    CHECK(a.got[5] == b.got[1]);
    CHECK(f.events->sessions() == 2);
    f.events.reset();
    f.run_until([&] { return a.ended && b.ended; });
    CHECK(a.got.size() == 6);
}

TEST_CASE("broadcaster: filters and commands", "[broadcaster]") {
    fixture f;
    const auto control = std::make_shared<switchable>();
    job_report r;
    r.id = "1";
    r.state = job_state::running;
    r.control = control;
    f.jobs.report(r);
    f.report("2", job_state::running);
    auto& c = f.connect("/ws?jobs=2,3&kinds=job_failed");
    f.await(c, 1);
    CHECK(!has(c.got[0], "\"id\":\"1\""));
    CHECK(has(c.got[0], "\"id\":\"2\""));
    f.report("1", job_state::failed);
    f.report("2", job_state::failed);
    f.await(c, 2);
    CHECK(has(c.got[1], "\"id\":\"2\""));

    say(c, R"({"filter":{"jobs":["1"],"kinds":[]}})");
    f.await(c, 3);
    CHECK(has(c.got[2], "\"type\":\"snapshot\""));
    CHECK(has(c.got[2], "\"id\":\"1\""));
    CHECK(!has(c.got[2], "\"id\":\"2\""));
    say(c, R"({"command":"cancel","job":"1"})");
    f.await(c, 4);
    CHECK(c.got[3] == R"({"type":"reply","command":"cancel","job":"1","result":"accepted"})");
    CHECK(control->asked == 1);
    say(c, R"({"command":"pause","job":"1"})");
    f.await(c, 5);
    CHECK(has(c.got[4], "unsupported"));
    say(c, R"({"command":"cancel","job":"9"})");
    f.await(c, 6);
    CHECK(has(c.got[5], "unknown_job"));
    say(c, "nonsense");
    f.run_until([&] { return c.ended; });
    CHECK(c.code == 1007);
    auto& unknown = f.connect("/ws?kinds=bogus");
    f.run_until([&] { return unknown.ended; });
    CHECK(unknown.code == 1008);
}

TEST_CASE("broadcaster: resumes by cursor, or says that it cannot", "[broadcaster]") {
    fixture f;
    f.report("1", job_state::running);
    auto& first = f.connect();
    f.await(first, 1);
    const auto at = cursor_of(first.got[0]);
    f.report("2", job_state::running);
    f.report("2", job_state::failed);
    f.report("1", job_state::succeeded);
    f.await(first, 5);

    auto& again = f.connect("/ws?cursor=" + at);
    f.await(again, 5);
    CHECK(again.got[0] == "{\"type\":\"resumed\",\"cursor\":\"" + at + "\"}");
    CHECK(messages(again.got.begin() + 1, again.got.end()) == messages(first.got.begin() + 1, first.got.end()));
    f.report("3", job_state::running);
    f.await(again, 7);
    f.await(first, 7);
    CHECK(again.got.back() == first.got.back());

    for (const auto* bad : {"1:0", "ffff:3", "x"}) {
        auto& lost = f.connect("/ws?cursor=" + std::string(bad));
        f.await(lost, 1);
        CHECK(has(lost.got[0], "\"type\":\"snapshot\""));
        CHECK(has(lost.got[0], "\"reset\":true"));
    }
}

TEST_CASE("broadcaster: slow clients", "[broadcaster]") {
    broadcaster_options options;
    options.hub.max_queued_bytes = 20000;
    options.hub.on_slow = GENERATE(slow_client_policy::conflate, slow_client_policy::gap, slow_client_policy::close);
    fixture f(options);
    auto& fast = f.connect();
    auto& slow = f.connect();
    f.await(fast, 1);
    f.await(slow, 1);
    slow.reading.reset();
    // Until the slow one has more than kernel and outbox take; 8 MiB at most.
    std::size_t told = 0;
    for (; told < 4000; ++told) {
        f.jobs.emit_custom("\"" + std::string(2000, 'x') + "\"");
        f.await(fast, told + 2);
    }
    slow.reading.set();
    if (options.hub.on_slow == slow_client_policy::close) {
        f.run_until([&] { return slow.ended; });
        CHECK(slow.code == 1013);
    } else {
        f.run_until(
            [&] { return slow.ended || (slow.got.size() > 1 && has(slow.got.back(), "\"type\":\"snapshot\"")); });
        REQUIRE(slow.got.size() > 2);
        const auto& gap = slow.got[slow.got.size() - 2];
        CHECK(has(gap, "\"type\":\"gap\""));
        CHECK(has(gap, "\"lost\":" + std::to_string(told - (slow.got.size() - 3))));
        f.jobs.emit_custom("\"end\"");
        f.await(fast, told + 2);
        f.run_until([&] { return has(slow.got.back(), "\"end\"") || slow.ended; });
        CHECK(slow.got.back() == fast.got.back());
    }
    CHECK(!fast.ended);
}

TEST_CASE("broadcaster: limits of its hub", "[broadcaster]") {
    broadcaster_options options;
    SECTION("sessions") {
        options.hub.max_sessions = 1;
        fixture f(options);
        auto& first = f.connect();
        f.await(first, 1);
        auto& second = f.connect();
        f.run_until([&] { return second.ended; });
        CHECK(!second.open);
    }
    SECTION("message size") {
        options.hub.max_message_size = 100;
        fixture f(options);
        auto& c = f.connect();
        f.await(c, 1);
        say(c, "{\"filter\":\"" + std::string(200, 'x'));
        f.run_until([&] { return c.ended; });
        CHECK(c.code == 1009);
    }
    SECTION("who may connect") {
        options.allow = [](const http_request& r) { return r.query("token") == "t"; };
        fixture f(options);
        auto& no = f.connect();
        auto& yes = f.connect("/ws?token=t");
        f.await(yes, 1);
        f.run_until([&] { return no.ended; });
        CHECK(!no.open);
    }
    SECTION("pings keep a listener that reads; one that does not is let go") {
        options.hub.ping_interval = 1min;
        options.hub.idle_timeout = 1h;
        fixture f(options);
        auto& reads = f.connect();
        auto& silent = f.connect();
        f.await(reads, 1);
        f.await(silent, 1);
        silent.reading.reset();
        f.report("1", job_state::running); // ends the read that is pending
        std::size_t pings = 0;
        reads.stream->native().control_callback(
            [&pings](boost::beast::websocket::frame_type kind, boost::beast::string_view) {
                pings += kind == boost::beast::websocket::frame_type::ping;
            });
        // Each minute passes when the ping of the last has come: the clock does not outrun the sockets.
        for (std::size_t minute = 0; f.events->sessions() == 2; ++minute) {
            REQUIRE(minute < 100);
            f.run_until([&] { return pings >= minute; });
            f.clock.run_for(1min);
        }
        CHECK(pings >= 55);
        CHECK(!reads.ended);
    }
}
