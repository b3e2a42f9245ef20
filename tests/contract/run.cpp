// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/progress_tracker.hpp>
#include <telltale/run/for_each_chunk.hpp>
#include <telltale/run/job_manager.hpp>
#include <telltale/run/transform_chunks.hpp>
#include <telltale/sync/manual_reset_event.hpp>

#include "operation.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
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

struct job_manager_shutdown {
    static about row() {
        return {.name = "job_manager::async_shutdown",
                .busy = "the job runs",
                .uncounted = "the end of the job makes all ready who wait"};
    }
    using signature = void(error_code);

    explicit job_manager_shutdown(const executor_type& e)
        : gate(std::make_shared<manual_reset_event>(e)), object(e, {}) {
        object.submit({.id = "1"}, wait_for{gate});
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_shutdown(24h * 365, std::forward<Token>(token)...);
    }
    void ready() { gate->set(); }

    std::shared_ptr<manual_reset_event> gate;
    job_manager object;
};
TELLTALE_CONTRACT(job_manager_shutdown);

struct job_handle_result {
    static about row() {
        return {.name = "job_handle::async_result",
                .value = "ended",
                .busy = "the job runs",
                .uncounted = "the end of the job makes all ready who wait"};
    }
    using signature = void(error_code, telltale::outcome<void>);

    explicit job_handle_result(const executor_type& e)
        : gate(std::make_shared<manual_reset_event>(e)), manager(e, {}), object(manager.submit({}, wait_for{gate})) {}

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_result(std::forward<Token>(token)...);
    }
    void ready() { gate->set(); }
    static std::string show(const telltale::outcome<void>& o) { return o ? "ended" : ""; }

    std::shared_ptr<manual_reset_event> gate;
    job_manager manager;
    job_handle<void> object;
};
TELLTALE_CONTRACT(job_handle_result);

/// A job that is to pause. It counts as running once there is a slot for it, which is when it is submitted.
struct job_context_checkpoint {
    static about row() {
        return {.name = "job_context::async_checkpoint",
                .busy = "the job runs",
                .once = "a job whose wait was cancelled counts as running, until it is asked to pause again",
                .uncounted = "resuming the job makes all ready who wait"};
    }
    using signature = void(error_code);

    explicit job_context_checkpoint(const executor_type& e)
        : gate(std::make_shared<manual_reset_event>(e)),
          manager(std::make_shared<telltale::detail::manager_state>(e, job_sink{}, job_manager_options{})),
          job(std::make_shared<telltale::detail::job_of<wait_for, void>>(wait_for{gate})) {
        job_spec spec{.id = "1"};
        error_code ec;
        manager->submit(job, spec, ec);
        manager->request("1", job_command::pause);
    }
    ~job_context_checkpoint() { manager->close(); }

    template <class... Token>
    auto start(Token&&... token) {
        return job_context(manager, job).async_checkpoint(std::forward<Token>(token)...);
    }
    void ready() { manager->request("1", job_command::resume); }

    std::shared_ptr<manual_reset_event> gate;
    std::shared_ptr<telltale::detail::manager_state> manager;
    telltale::detail::job_ptr job;
};
TELLTALE_CONTRACT(job_context_checkpoint);

/// A job for each start. Whoever approves does so when he hears of it, once he is there.
struct job_context_approval {
    static about row() {
        return {.name = "job_context::async_request_approval",
                .value = "approved",
                .busy = "the jobs run",
                .uncounted = "all are approved from then on"};
    }
    using signature = void(error_code, approval);

    explicit job_context_approval(const executor_type& e)
        : gate(std::make_shared<manual_reset_event>(e)), approver(std::make_shared<somebody>()) {
        manager = std::make_shared<telltale::detail::manager_state>(
            e, [a = approver](const job_report& r) { a->hear(r); }, job_manager_options{.max_running = 1000});
        approver->manager = manager;
    }
    ~job_context_approval() { manager->close(); }

    template <class... Token>
    auto start(Token&&... token) {
        auto job = std::make_shared<telltale::detail::job_of<wait_for, void>>(wait_for{gate});
        job_spec spec;
        error_code ec;
        manager->submit(job, spec, ec);
        ++started;
        return job_context(manager, job).async_request_approval("it", std::nullopt, std::forward<Token>(token)...);
    }
    void ready() {
        approver->is_there = true;
        for (int id = 1; id <= started; ++id) manager->request(std::to_string(id), job_command::approve);
    }
    static std::string show(const approval& a) { return a ? "approved" : ""; }

private:
    struct somebody {
        void hear(const job_report& r) const {
            if (const auto m = manager.lock(); m && r.approval && is_there) m->request(r.id, job_command::approve);
        }
        std::weak_ptr<telltale::detail::manager_state> manager;
        std::atomic<bool> is_there{false};
    };

    std::atomic<int> started{0}; // their ids are 1, 2, 3, ...
    std::shared_ptr<manual_reset_event> gate;
    std::shared_ptr<somebody> approver;
    std::shared_ptr<telltale::detail::manager_state> manager;
};
TELLTALE_CONTRACT(job_context_approval);

// A chunk that is a coroutine can be made to wait; chunks that are functions on a pool are in tests/unit/run/.
struct for_each_chunk_gated {
    static about row() {
        return {.name = "for_each_chunk",
                .value = "3",
                .no_object = "it owns all that it needs",
                .only_terminal = "co_spawn passes on terminal cancellation only",
                .no_allocator = "a coroutine: Asio allocates its frame",
                .uncounted = "the gate is open for all"};
    }

    explicit for_each_chunk_gated(const executor_type& e) : gate(std::make_shared<manual_reset_event>(e)) {}

    net::awaitable<std::size_t> run() { return count(gate); }
    static net::awaitable<std::size_t> count(std::shared_ptr<manual_reset_event> g) {
        const auto wait = [g](auto) { return wait_for::wait(g); };
        const chunk_options options{.size = 1, .workers = 2};
        const auto result = co_await for_each_chunk(concurrent, 3, options, wait);
        co_return result.chunks;
    }
    void ready() { gate->set(); }
    static std::string show(std::size_t chunks) { return std::to_string(chunks); }

    std::shared_ptr<manual_reset_event> gate;
};
TELLTALE_CONTRACT_COROUTINE(for_each_chunk_gated);

struct transform_chunks_gated {
    static about row() {
        auto a = for_each_chunk_gated::row();
        a.name = "transform_chunks";
        return a;
    }

    explicit transform_chunks_gated(const executor_type& e) : gate(std::make_shared<manual_reset_event>(e)) {}

    net::awaitable<std::size_t> run() { return count(gate); }
    static net::awaitable<std::size_t> one(std::shared_ptr<manual_reset_event> g) {
        co_await g->async_wait();
        co_return 1;
    }
    static net::awaitable<std::size_t> count(std::shared_ptr<manual_reset_event> g) {
        const auto make = [g](auto) { return one(g); };
        std::size_t sum = 0;
        const auto add = [&sum](const chunk_value<std::size_t>& v) { sum += v.value; };
        const chunk_options options{.size = 1, .workers = 2};
        co_await transform_chunks(concurrent, 3, options, make, add);
        co_return sum;
    }
    void ready() { gate->set(); }
    static std::string show(std::size_t sum) { return std::to_string(sum); }

    std::shared_ptr<manual_reset_event> gate;
};
TELLTALE_CONTRACT_COROUTINE(transform_chunks_gated);

// No row: resource_sampler::run. It never succeeds: it goes on until it is cancelled. See
// tests/unit/run/resource_sampler.cpp.

} // namespace telltale_test::contract::run_rows
