// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP
#define TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>

#include <mutex>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A flag and those who wait for it: of manual_reset_event and auto_reset_event. While it is set, nobody waits.
class event_state final : public wait_state {
public:
    using wait_state::wait_state;

    void set_for_all() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            set_ = true;
            all.take(waiters_);
        }
        all.ready_all();
    }

    void set_for_one() {
        wait_node* next = nullptr;
        {
            const std::lock_guard lock(mutex());
            next = waiters_.pop_front();
            if (!next) set_ = true;
        }
        if (next) next->ready();
    }

    /// True if it was set.
    bool reset() {
        const std::lock_guard lock(mutex());
        return take();
    }

    bool is_set() const {
        const std::lock_guard lock(mutex());
        return set_;
    }

    // With the mutex held.
    wait_list* unless_set() noexcept { return set_ ? nullptr : &waiters_; }
    wait_list* unless_taken() noexcept { return take() ? nullptr : &waiters_; }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    bool take() noexcept { return std::exchange(set_, false); }

    wait_list waiters_;
    bool set_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_EVENT_STATE_HPP
