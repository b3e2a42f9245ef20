// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/progress_tracker.hpp>
#include <telltale/run/job_manager.hpp>
#include <telltale/sync/manual_reset_event.hpp>

#include "operation.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace telltale_test::contract::run_rows {

using namespace telltale;
using namespace std::chrono_literals;

struct wait_for {
    net::awaitable<void> operator()(job_context) const { return wait(gate); }
    static net::awaitable<void> wait(std::shared_ptr<manual_reset_event> g) { co_await g->async_wait(); }
    std::shared_ptr<manual_reset_event> gate;
};

struct job_manager_wait {
    static about row() {
        return {.name = "job_manager::async_wait",
                .value = "succeeded",
                .busy = "the job runs",
                .uncounted = "the end of the job makes all ready who wait"};
    }
    using signature = void(error_code, job_state);

    explicit job_manager_wait(const executor_type& e) : gate(std::make_shared<manual_reset_event>(e)), object(e, {}) {
        object.submit({.id = "1"}, wait_for{gate});
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait("1", std::forward<Token>(token)...);
    }
    void ready() { gate->set(); }
    static std::string show(job_state s) { return s == job_state::succeeded ? "succeeded" : ""; }

    std::shared_ptr<manual_reset_event> gate;
    job_manager object;
};
TELLTALE_CONTRACT(job_manager_wait);

struct job_manager_drain {
    static about row() {
        return {.name = "job_manager::async_drain",
                .busy = "the job runs",
                .uncounted = "the end of the job makes all ready who wait"};
    }
    using signature = void(error_code);

    explicit job_manager_drain(const executor_type& e) : gate(std::make_shared<manual_reset_event>(e)), object(e, {}) {
        object.submit({.id = "1"}, wait_for{gate});
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_drain(std::forward<Token>(token)...);
    }
    void ready() { gate->set(); }

    std::shared_ptr<manual_reset_event> gate;
    job_manager object;
};
TELLTALE_CONTRACT(job_manager_drain);

// No row: for_each_chunk. Its chunks are plain functions on the threads of a pool: to make it wait, one of these would have
// to be blocked. See tests/unit/run/for_each_chunk.cpp.

} // namespace telltale_test::contract::run_rows
