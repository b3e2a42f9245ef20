// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_CONTRACT_CHECKS_STAGE_HPP
#define TELLTALE_TESTS_CONTRACT_CHECKS_STAGE_HPP

#include "contract/contract.hpp"

#include <telltale/asio.hpp>
#include <telltale/detail/time_source.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace telltale_test::contract {

enum class place { io_context, strand, thread_pool };

inline const char* name_of(place p) {
    return p == place::io_context ? "io_context" : p == place::strand ? "strand" : "thread_pool";
}

/// Where a check plays: an execution context in virtual time, an executor for the object, and a strand, home of the handlers.
class stage {
public:
    using duration = std::chrono::steady_clock::duration;

    /// `patient`: somebody waits for sockets, so time must not pass because nothing is ready at the moment.
    explicit stage(place p, bool patient = false) : patient_(patient) {
        if (p == place::thread_pool) {
            pool_ = std::make_unique<net::thread_pool>(3);
            executor_ = pool_->get_executor();
        } else {
            io_ = std::make_unique<net::io_context>(1);
            executor_ = io_->get_executor();
            if (p == place::strand) executor_ = net::make_strand(executor_);
        }
        home_.emplace(net::make_strand(executor_));
        time_ = &telltale::detail::time_source_of(executor_);
        time_->make_virtual({}, std::chrono::sys_days{std::chrono::January / 1 / 2026});
    }

    const executor_type& executor() const { return executor_; }
    const strand_type& home() const { return *home_; }
    bool on_threads() const { return pool_ != nullptr; }
    record_ptr new_record() const { return std::make_shared<record>(*home_); }

    /// Calls f on the home strand, as a call of the library, and waits for its end. On one thread also runs whatever is
    /// ready then. No time passes.
    void act(std::function<void()> f) {
        std::atomic<bool> ended{false};
        net::post(*home_, [&] {
            {
                const calling now;
                f();
            }
            ended = true;
        });
        if (io_) settle();
        while (!ended) std::this_thread::yield();
    }

    /// Runs whatever is ready. Nothing on a thread pool, which does so by itself.
    std::size_t settle() {
        if (!io_) return 0;
        io_->restart();
        return io_->poll();
    }

    /// Runs until `done`, and lets time pass where nothing else can be done: to what is due within `horizon`. False if
    /// `done` will never be. What other threads do is waited for.
    bool run_until(const std::function<bool()>& done, duration horizon = duration::max()) {
        // Threads and sockets may be busy with what looks as if nothing could be done: the limits that must not come before
        // they are ready are farther away than this.
        if (pool_) horizon = std::min(horizon, duration(std::chrono::hours{500}));
        if (patient_) horizon = std::min(horizon, duration(std::chrono::seconds{1}));
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        do {
            settle();
            if (done()) return true;
            const auto next = time_->next_expiry();
            if (next && *next - time_->now() <= horizon)
                time_->advance_to(*next);
            else
                std::this_thread::yield();
        } while (std::chrono::steady_clock::now() < give_up);
        return false;
    }

    bool run_until_called(const record_ptr& r, duration horizon = duration::max()) {
        return run_until([&] { return r->called != 0; }, horizon);
    }

    /// On one thread: whether nothing is left that the context would wait for.
    bool out_of_work() {
        settle();
        return io_->stopped();
    }

    net::io_context& io() { return *io_; }

private:
    bool patient_;
    std::unique_ptr<net::io_context> io_;
    std::unique_ptr<net::thread_pool> pool_;
    executor_type executor_;
    std::optional<strand_type> home_;
    telltale::detail::time_source* time_ = nullptr;
};

} // namespace telltale_test::contract

#endif // TELLTALE_TESTS_CONTRACT_CHECKS_STAGE_HPP
