// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP
#define TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/adapted_handler.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// First in, first out, in room that is allocated once.
template <class T>
class ring {
public:
    explicit ring(std::size_t capacity)
        : room_(capacity ? std::allocator<T>{}.allocate(capacity) : nullptr), capacity_(capacity) {}
    ring(const ring&) = delete;
    ring& operator=(const ring&) = delete;
    ~ring() {
        while (!empty()) pop_front();
        if (room_) std::allocator<T>{}.deallocate(room_, capacity_);
    }

    bool empty() const noexcept { return size_ == 0; }
    bool full() const noexcept { return size_ == capacity_; }
    std::size_t size() const noexcept { return size_; }
    std::size_t capacity() const noexcept { return capacity_; }

    void swap(ring& other) noexcept {
        std::swap(room_, other.room_);
        std::swap(capacity_, other.capacity_);
        std::swap(first_, other.first_);
        std::swap(size_, other.size_);
    }

    T& front() noexcept { return room_[first_]; }

    void push_back(T&& value) {
        const std::size_t to_end = capacity_ - first_;
        std::construct_at(room_ + (size_ < to_end ? first_ + size_ : size_ - to_end), std::move(value));
        ++size_;
    }

    void pop_front() noexcept {
        std::destroy_at(room_ + first_);
        first_ = first_ + 1 == capacity_ ? 0 : first_ + 1;
        --size_;
    }

private:
    T* room_;
    std::size_t capacity_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

/// Values wait in the ring; what a waiting push has brought is in its result, and goes from there into the ring as soon
/// as there is room. So a pop waits only while there is no value at all, and a push only while the ring is full.
template <class T>
class queue_state final : public wait_state {
public:
    queue_state(net::execution_context& context, std::size_t capacity) : wait_state(context), values_(capacity) {}

    /// True if the push has ended. False: it has to wait, and `value` is untouched.
    bool push(T& value, error_code& ec) {
        waiter_type* popper = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (!push(value, ec, popper)) return false;
        }
        if (popper) popper->ready();
        return true;
    }

    /// True if the pop has ended. `value` is a T or an optional of it.
    template <class Value>
    bool pop(Value& value, error_code& ec) {
        waiter_type* pusher = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (!pop(value, ec, pusher)) return false;
        }
        if (pusher) pusher->ready();
        return true;
    }

    /// Appends up to `max` values to `values`.
    void pop_some(std::vector<T>& values, std::size_t max) {
        wait_list pushers;
        {
            const std::lock_guard lock(mutex());
            values.reserve(values.size() + std::min(max, values_.size())); // whatever throws, nothing was taken yet
            std::optional<T> value;
            error_code ec;
            for (; max > 0; --max) {
                waiter_type* pusher = nullptr;
                if (!pop(value, ec, pusher) || ec) break;
                values.push_back(std::move(*value));
                if (pusher) pushers.push_back(*pusher);
            }
        }
        pushers.ready_all();
    }

    template <class Handler, class Executor>
    static void start_push(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor,
                           T value) {
        using adapted = adapted_handler<std::decay_t<Handler>, error_only>;
        waiter_type* popper = nullptr;
        start_wait<T>(state, adapted{std::forward<Handler>(handler), {}}, executor,
                      [&](std::tuple<error_code, T>& result) -> wait_list* {
                          if (state->push(value, std::get<0>(result), popper)) return nullptr;
                          std::get<1>(result) = std::move(value);
                          state->must_wait_to_pop_.store(false, std::memory_order_relaxed);
                          return &state->pushers_;
                      });
        if (popper) popper->ready();
    }

    template <class Handler, class Executor>
    static void start_pop(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor) {
        waiter_type* pusher = nullptr;
        start_wait<T>(state, std::forward<Handler>(handler), executor,
                      [&](std::tuple<error_code, T>& result) -> wait_list* {
                          if (state->pop(std::get<1>(result), std::get<0>(result), pusher)) return nullptr;
                          state->must_wait_to_push_.store(false, std::memory_order_relaxed);
                          return &state->poppers_;
                      });
        if (pusher) pusher->ready();
    }

    /// Waits for one value, and takes those with it that are there by then.
    template <class Handler, class Executor>
    static void start_pop_some(const std::shared_ptr<queue_state>& state, Handler&& handler, const Executor& executor,
                               std::size_t max) {
        const auto gather = [state, max](auto&& h, error_code ec, T&& first) {
            std::vector<T> values;
            if (!ec) {
                values.push_back(std::move(first));
                state->pop_some(values, max - 1);
            }
            std::forward<decltype(h)>(h)(ec, std::move(values));
        };
        using adapted = adapted_handler<std::decay_t<Handler>, std::remove_const_t<decltype(gather)>>;
        start_pop(state, adapted{std::forward<Handler>(handler), gather}, executor);
    }

    void close() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
            take_all(all);
            note();
        }
        all.finish_all(errc::closed);
    }

    /// The queue is gone.
    void abandon() {
        finish_all(net::error::operation_aborted);
        ring<T> values(0); // which a cancellation slot that still knows this shall not keep
        const std::lock_guard lock(mutex());
        values.swap(values_);
    }

    /// What it looked like a moment ago, at the price of a load.
    bool must_wait_to_push() const noexcept { return must_wait_to_push_.load(std::memory_order_relaxed); }
    bool must_wait_to_pop() const noexcept { return must_wait_to_pop_.load(std::memory_order_relaxed); }

    bool is_closed() const {
        const std::lock_guard lock(mutex());
        return closed_;
    }

    std::size_t size() const {
        const std::lock_guard lock(mutex());
        return values_.size();
    }

    std::size_t capacity() const noexcept { return values_.capacity(); }

    void take_all(wait_list& all) noexcept override {
        all.take(poppers_);
        all.take(pushers_);
    }

private:
    using waiter_type = waiter<T>;

    static waiter_type* first_of(wait_list& list) noexcept { return static_cast<waiter_type*>(list.pop_front()); }
    static T& brought(waiter_type& pusher) noexcept { return std::get<1>(pusher.result()); }

    // With the mutex held. Whoever is woken is to be made ready after unlocking.
    bool push(T& value, error_code& ec, waiter_type*& popper) {
        if (closed_) {
            ec = errc::closed;
            return true;
        }
        popper = first_of(poppers_);
        if (popper)
            std::get<1>(popper->result()) = std::move(value);
        else if (values_.full())
            return false;
        else
            values_.push_back(std::move(value));
        note();
        return true;
    }

    // As push. Nobody waits to push when the queue is closed.
    template <class Value>
    bool pop(Value& value, error_code& ec, waiter_type*& pusher) {
        if (!values_.empty()) {
            value = std::move(values_.front());
            values_.pop_front();
            pusher = first_of(pushers_);
            if (pusher) values_.push_back(std::move(brought(*pusher)));
            note();
            return true;
        }
        pusher = first_of(pushers_); // there is no ring
        if (pusher) {
            value = std::move(brought(*pusher));
            note();
            return true;
        }
        if (closed_) ec = errc::closed;
        return closed_;
    }

    // With the mutex held. A waiter that has been cancelled since counts as there, which does no harm.
    void note() noexcept {
        must_wait_to_push_.store(values_.full() && poppers_.empty() && !closed_, std::memory_order_relaxed);
        must_wait_to_pop_.store(values_.empty() && pushers_.empty() && !closed_, std::memory_order_relaxed);
    }

    ring<T> values_;
    wait_list poppers_;
    wait_list pushers_;
    bool closed_ = false;
    std::atomic<bool> must_wait_to_push_{false};
    std::atomic<bool> must_wait_to_pop_{true};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_QUEUE_STATE_HPP
