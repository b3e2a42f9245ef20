// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_RESOURCE_SAMPLER_HPP
#define TELLTALE_RUN_RESOURCE_SAMPLER_HPP

#include <telltale/asio.hpp>
#include <telltale/core/resource_usage.hpp>
#include <telltale/run/resource_reader.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct resource_sampler_options {
    std::chrono::nanoseconds period = std::chrono::seconds{1}; ///< from one sample to the next; less than 1 ms is 1 ms
    std::function<resource_reading()> read{};                  ///< what is sampled; empty: this process
    std::function<void(const resource_usage&)> sampled{};      ///< told of every sample of run(), where that runs
};

/// Looks now and then at what the process uses: CPU, memory now, at its peak and on average, disk; and how much of it is
/// allowed, also in a container. Has no thread: a timer of the executor's context wakes it.
///
///     telltale::resource_sampler sampler(executor);
///     telltale::task_group group(executor);
///     group.spawn(sampler.run());
///     co_await work();
///     group.cancel();
///     const telltale::resource_usage used = sampler.sample(); // to the very end
///
/// A sample allocates nothing; once a second they take far less than 0.05 % of a core (docs/benchmarks.md).
///
/// @par Thread safety
/// sample() and usage(): from any thread. run(): not twice at once, and the destructor only where run() runs.
template <class Executor>
class basic_resource_sampler {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_resource_sampler<Other>;
    };

    explicit basic_resource_sampler(const Executor& executor, resource_sampler_options options = {})
        : timer_(executor), options_(std::move(options)) {
        if (!options_.read) options_.read = [reader = std::make_shared<resource_reader>()] { return (*reader)(); };
        options_.period = std::max<std::chrono::nanoseconds>(options_.period, std::chrono::milliseconds(1));
    }

    basic_resource_sampler(const basic_resource_sampler&) = delete;
    basic_resource_sampler& operator=(const basic_resource_sampler&) = delete;

    /// A run() that is under way ends with operation_aborted.
    ~basic_resource_sampler() = default;

    executor_type get_executor() noexcept { return timer_.get_executor(); }

    /// Takes a sample now, and says what was used since the first one.
    resource_usage sample() {
        const std::lock_guard lock(mutex_);
        statistics_.add(options_.read(), timer_.now());
        return statistics_.usage();
    }

    /// As of the last sample.
    resource_usage usage() const {
        const std::lock_guard lock(mutex_);
        return statistics_.usage();
    }

    /// Takes a sample now and then one in each period, until it is cancelled. What was missed because the context was
    /// busy is not made up for.
    ///
    /// @par Errors
    /// Throws system_error with `operation_aborted`: cancelled, or the sampler was destroyed; and what `sampled` throws.
    /// @par Per-operation cancellation
    /// terminal (partial and total, where the coroutine lets them through): stops waiting for the next time.
    net::awaitable<void> run() {
        for (auto next = timer_.now();;) {
            const resource_usage used = sample();
            if (options_.sampled) options_.sampled(used);
            const auto now = timer_.now();
            next += options_.period;
            if (next <= now) next = now + options_.period;
            timer_.expires_at(next);
            co_await timer_.async_wait(net::use_awaitable);
        }
    }

private:
    basic_timer<Executor> timer_;
    resource_sampler_options options_;
    mutable std::mutex mutex_;
    resource_statistics statistics_{};
};

using resource_sampler = basic_resource_sampler<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_RESOURCE_SAMPLER_HPP
