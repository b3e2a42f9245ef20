// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/board/board.hpp>
#include <telltale/poll/poll_until.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/testing/scripted_source.hpp>

#include "operation.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace telltale_test::contract::poll_rows {

using namespace telltale;
using namespace std::chrono_literals;

struct look {
    net::awaitable<int> operator()() const { return answer(said); }
    static net::awaitable<int> answer(std::shared_ptr<std::atomic<int>> said) { co_return *said; }
    std::shared_ptr<std::atomic<int>> said;
};

struct status_poller_wait {
    static about row() {
        return {.name = "status_poller::async_wait",
                .value = "succeeded",
                .busy = "it polls",
                .endless = "it polls",
                .uncounted = "the end of the job makes all ready who wait"};
    }
    using signature = void(error_code, job);

    explicit status_poller_wait(const executor_type& e) : object(e, source, [](job_report) {}, {.seed = 1}) {
        source.script("1", {testing::says(job_state::running)});
        object.watch("1");
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait("1", std::forward<Token>(token)...);
    }
    void ready() { source.script("1", {testing::says(job_state::succeeded)}); }
    static std::string show(const job& j) { return j.id.empty() ? "" : std::string(to_string(j.state)); }

    testing::scripted_source source;
    status_poller object;
};
TELLTALE_CONTRACT(status_poller_wait);

struct status_poller_cancel {
    static about row() {
        return {.name = "status_poller::async_cancel",
                .value = "cancelled",
                .busy = "it polls",
                .endless = "it polls",
                .uncounted = "the end of the job makes all ready who wait"};
    }
    using signature = void(error_code, job);

    explicit status_poller_cancel(const executor_type& e) : object(e, source, [](job_report) {}, {.seed = 1}) {
        source.script("1", {testing::says(job_state::running)});
        object.watch("1");
    }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_cancel("1", std::forward<Token>(token)...);
    }
    void ready() { source.script("1", {testing::says(job_state::cancelled)}); }
    static std::string show(const job& j) { return j.id.empty() ? "" : std::string(to_string(j.state)); }

    testing::scripted_source source;
    status_poller object;
};
TELLTALE_CONTRACT(status_poller_cancel);

struct board_wait {
    static about row() {
        return {.name = "board::async_wait",
                .value = "succeeded",
                .uncounted = "the end of the job makes all ready who wait"};
    }
    using signature = void(error_code, job);

    explicit board_wait(const executor_type& e) : object(e) { report(job_state::running); }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_wait("1", std::forward<Token>(token)...);
    }
    void ready() { report(job_state::succeeded); }
    static std::string show(const job& j) { return j.id.empty() ? "" : std::string(to_string(j.state)); }

    void report(job_state s) {
        job_report r;
        r.id = "1";
        r.state = s;
        object.report(std::move(r));
    }

    board object;
};
TELLTALE_CONTRACT(board_wait);

struct poll_until_seven {
    static about row() {
        return {.name = "poll_until",
                .value = "7",
                .no_object = "it owns all that it needs",
                .only_terminal = "co_spawn passes on terminal cancellation only",
                .no_allocator = "a coroutine: Asio allocates its frame",
                .endless = "it polls",
                .uncounted = "an answer is there for everybody who asks"};
    }

    explicit poll_until_seven(const executor_type& e) : said(std::make_shared<std::atomic<int>>(0)) { (void)e; }
    net::awaitable<int> run() {
        const look ask{said};
        return poll_until(ask, [](int answer) { return answer == 7; }, {.interval = 10ms, .seed = 1});
    }
    void ready() { *said = 7; }
    static std::string show(int value) { return std::to_string(value); }

    std::shared_ptr<std::atomic<int>> said;
};
TELLTALE_CONTRACT_COROUTINE(poll_until_seven);

} // namespace telltale_test::contract::poll_rows
