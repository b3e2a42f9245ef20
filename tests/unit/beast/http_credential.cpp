// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_credential.hpp>

#include <telltale/error.hpp>
#include <telltale/sync/timer.hpp>

#include "catch.hpp"
#include "support.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// By itself, without a client: tests/unit/beast/http_client_policies.cpp has it on requests.

using namespace telltale;
using namespace std::chrono_literals;

namespace {

struct waiter final : detail::token_waiter {
    void token_ready(error_code ec) override {
        told = ec;
        ++times;
        if (then) then();
    }
    std::optional<error_code> told{};
    int times = 0;
    std::function<void()> then{};
};

/// Gives what `give` gives, a second after it was asked.
struct bank : telltale_test::virtual_world {
    std::function<std::string()> give = [this] { return "t" + std::to_string(asked.size()); };
    std::vector<bool> asked{}; ///< each time whether for a new one
    int cancelled = 0;
    std::shared_ptr<http_credential> credential =
        bearer_credential(token_provider([this](bool refresh) { return token(this, refresh); }));

    static net::awaitable<std::string> token(bank* self, bool refresh) {
        self->asked.push_back(refresh);
        timer t(co_await net::this_coro::executor);
        t.expires_after(1s);
        try {
            co_await t.async_wait();
        } catch (const system_error&) {
            ++self->cancelled;
            throw;
        }
        co_return self->give();
    }
};

} // namespace

TEST_CASE("http_credential: one that does not change is a header with its value") {
    // The examples of RFC 7617 and RFC 6750.
    const auto basic = basic_credential("Aladdin", "open sesame");
    CHECK(basic->header() == "Authorization");
    CHECK(basic->value() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    CHECK(basic_credential("", "")->value() == "Basic Og==");
    const auto bearer = bearer_credential("mF_9.B5f-4.1JqM");
    CHECK(bearer->header() == "Authorization");
    CHECK(bearer->value() == "Bearer mF_9.B5f-4.1JqM");
    const auto key = header_credential("X-API-Key", "k");
    CHECK(key->header() == "X-API-Key");
    CHECK(key->value() == "k");
    for (const auto& c : {basic, bearer, key}) {
        CHECK_FALSE(c->can_refresh());
        CHECK(c->generation() == 0);
    }
}

TEST_CASE_METHOD(bank, "http_credential: a token is asked for when it is needed, once for all who wait") {
    CHECK(credential->can_refresh());
    CHECK(credential->header() == "Authorization");
    clock.run();
    CHECK(asked.empty());
    CHECK(credential->value().empty());
    waiter a;
    waiter b;
    credential->ask(executor(), a);
    clock.run_for(500ms);
    credential->ask(executor(), b);
    CHECK_FALSE(a.told);
    clock.run();
    for (const auto* w : {&a, &b}) {
        CHECK(w->told == error_code());
        CHECK(w->times == 1);
    }
    CHECK(credential->value() == "Bearer t1");
    CHECK(credential->generation() == 1);
    credential->ask(executor(), a);
    clock.run();
    CHECK(asked == std::vector<bool>{false, true});
    CHECK(credential->value() == "Bearer t2");
    CHECK(credential->generation() == 2);
    CHECK(b.times == 1);
}

TEST_CASE_METHOD(bank, "http_credential: what is no token leaves the one before as it was") {
    const std::vector<std::pair<std::function<std::string()>, error_code>> bad{
        {[] { return std::string(); }, errc::no_token},
        {[] { return std::string("t\r\nX-Admin: yes"); }, errc::no_token},
        {[]() -> std::string { throw std::runtime_error("the secret is hunter2"); }, errc::no_token},
        {[]() -> std::string { throw system_error(make_error_code(net::error::connection_refused)); },
         net::error::connection_refused},
        // For those who wait it is no cancellation.
        {[]() -> std::string { throw system_error(make_error_code(net::error::operation_aborted)); }, errc::no_token}};
    waiter w;
    credential->ask(executor(), w);
    clock.run();
    REQUIRE(w.told == error_code());
    for (const auto& [gives, told] : bad) {
        give = gives;
        credential->ask(executor(), w);
        clock.run();
        CHECK(w.told == told);
    }
    CHECK(w.times == 6);
    CHECK(credential->value() == "Bearer t1");
    CHECK(credential->generation() == 1);
    give = [] { return std::string("better"); };
    credential->ask(executor(), w); // each who needs one asks again
    clock.run();
    CHECK(w.told == error_code());
    CHECK(credential->value() == "Bearer better");
}

TEST_CASE_METHOD(bank, "http_credential: whoever leaves is told nothing, and the last one ends the asking") {
    waiter a;
    waiter b;
    credential->ask(executor(), a);
    credential->ask(executor(), b);
    clock.run_for(500ms);
    credential->leave(a);
    SECTION("one of two") {
        clock.run();
        CHECK(b.told == error_code());
        CHECK(cancelled == 0);
    }
    SECTION("both") {
        credential->leave(b);
        clock.run();
        CHECK(cancelled == 1);
        CHECK_FALSE(b.told);
        CHECK(credential->value().empty());
        CHECK(clock.now().time_since_epoch() == 500ms);
    }
    SECTION("both, and one comes before the asking has ended: it is asked for again") {
        credential->leave(b);
        credential->ask(executor(), b);
        clock.run();
        CHECK(cancelled == 1);
        CHECK(asked.size() == 2);
        CHECK(b.told == error_code());
        CHECK(b.times == 1);
    }
    CHECK_FALSE(a.told);
}

TEST_CASE_METHOD(bank, "http_credential: whoever is told may ask again at once") {
    waiter a;
    waiter b;
    std::vector<std::string> values;
    a.then = [&] {
        values.push_back(credential->value());
        if (a.times == 1) credential->ask(executor(), a);
    };
    credential->ask(executor(), a);
    credential->ask(executor(), b);
    clock.run();
    CHECK(values == std::vector<std::string>{"Bearer t1", "Bearer t2"});
    CHECK(b.times == 1);
}

TEST_CASE_METHOD(bank, "http_credential: one whose context is destroyed in the middle is used on another") {
    {
        telltale_test::virtual_world other;
        waiter lost;
        credential->ask(other.executor(), lost);
        other.clock.run_for(500ms);
        credential->forget(lost);
    }
    REQUIRE(asked.size() == 1);
    waiter w;
    credential->ask(executor(), w);
    clock.run();
    CHECK(w.told == error_code());
    CHECK(asked.size() == 2);
}
