// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP
#define TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/detail/subscriber.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Waits until there is something to read, and takes as much as is there when its turn comes to run: events that were
/// emitted meanwhile are in the same batch.
template <class Event, class Handler, class Executor>
class receive_some_operation {
public:
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;

    template <class H>
    receive_some_operation(std::shared_ptr<subscriber<Event>> from, const Executor& executor, H&& handler,
                           std::size_t max, std::vector<delivery<Event>> batch)
        : from_(std::move(from)),
          executor_(executor),
          handler_(std::forward<H>(handler)),
          max_(max),
          batch_(std::move(batch)) {}

    executor_type get_executor() const noexcept { return net::get_associated_executor(handler_, executor_); }
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler_); }
    cancellation_slot_type get_cancellation_slot() const noexcept {
        return net::get_associated_cancellation_slot(handler_);
    }

    static void start(receive_some_operation op) {
        const auto from = op.from_;
        const Executor executor = op.executor_;
        start_wait<>(from, std::move(op), executor,
                     [&from](std::tuple<error_code>& result) { return from->attempt(std::get<0>(result)); });
    }

    void operator()(error_code ec) {
        if (!ec) {
            {
                const std::lock_guard lock(from_->mutex());
                from_->take_some(batch_, max_);
            }
            if (batch_.empty()) return start(std::move(*this)); // another reader was faster
        }
        from_.reset();
        std::move(handler_)(ec, std::move(batch_));
    }

private:
    std::shared_ptr<subscriber<Event>> from_;
    Executor executor_;
    Handler handler_;
    std::size_t max_;
    std::vector<delivery<Event>> batch_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_RECEIVE_SOME_HPP
