// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_UNIT_POLL_POLLER_FIXTURE_HPP
#define TELLTALE_TESTS_UNIT_POLL_POLLER_FIXTURE_HPP

#include <telltale/poll/status_poller.hpp>
#include <telltale/testing/in_memory_sink.hpp>
#include <telltale/testing/scripted_source.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace telltale_test {

/// How a wait ended; without a code: not yet.
struct waited {
    std::optional<telltale::error_code> ec{};
    telltale::job last{};
};

/// A poller of a scripted source, in virtual time.
struct poller_fixture {
    telltale::net::io_context context{};
    telltale::testing::virtual_clock clock{context};
    telltale::testing::scripted_source source{};
    telltale::testing::in_memory_sink sink{};
    std::optional<telltale::status_poller> poller{};

    telltale::status_poller& make(telltale::poller_options options = {}) {
        options.seed = 1;
        return poller.emplace(context.get_executor(), source, sink, std::move(options));
    }

    static auto handler(const std::shared_ptr<waited>& r) {
        return [r](telltale::error_code ec, telltale::job j) {
            r->ec = ec;
            r->last = std::move(j);
        };
    }
    std::shared_ptr<waited> wait(const telltale::job_id& id) {
        auto r = std::make_shared<waited>();
        poller->async_wait(id, handler(r));
        return r;
    }
    std::shared_ptr<waited> cancel(const telltale::job_id& id) {
        auto r = std::make_shared<waited>();
        poller->async_cancel(id, handler(r));
        return r;
    }

    std::chrono::nanoseconds now() const { return clock.now().time_since_epoch(); }
};

} // namespace telltale_test

#endif // TELLTALE_TESTS_UNIT_POLL_POLLER_FIXTURE_HPP
