// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_STRIPED_COUNT_HPP
#define TELLTALE_PROGRESS_DETAIL_STRIPED_COUNT_HPP

#include <telltale/progress/detail/asymmetric_fence.hpp>
#include <telltale/version.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace telltale::inline TELLTALE_ABI::detail {

/// A number that many threads add to, mostly without a locked instruction, and that rings when it has come somewhere.
///
/// It is the sum of cells. Every thread has a stripe of its own (by turns, as long as there are some), and whoever comes
/// to a stripe first owns a cell of it to which nobody else writes: so a load and a store will do. Others who share the
/// stripe have a second cell, to which they add by an atomic step.
///
/// Every cell has an alarm: whoever adds, and thereby reaches it, is told so. arm(target) sets the alarms so that the
/// target is not reached while no cell has reached its alarm: what is left is dealt out to the cells in use. When
/// one of them rings one looks, and deals out the rest, so that the target costs as many looks as its logarithm.
/// An add stores its count and then loads the alarm; arm() stores the alarms and then loads the counts. Between the two a
/// seq_cst fence is needed on both sides, so that one of them sees the other: asymmetric for owned cells.
///
/// add() and sum() may be called from any thread, all else by one thread at a time.
class striped_count {
public:
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

    explicit striped_count(std::uint64_t start) noexcept : base_(start) {}
    striped_count(const striped_count&) = delete;
    striped_count& operator=(const striped_count&) = delete;

    /// Whether somebody has to look.
    bool add(std::uint64_t n) noexcept {
        stripe& s = stripes_[number_of_this_thread().load(std::memory_order_relaxed) % stripes];
        if (s.owner.load(std::memory_order_relaxed) != this_thread_token()) [[unlikely]]
            return add_as_guest(s, n);
        const std::uint64_t now = s.owned.count.load(std::memory_order_relaxed) + n;
        s.owned.count.store(now, std::memory_order_release);
        light_fence();
        return now >= s.owned.alarm.load(std::memory_order_relaxed);
    }

    /// Exact when nobody adds. While others do: something between what it was at the beginning and at the end of the
    /// call, and never less than before.
    std::uint64_t sum() const noexcept {
        std::uint64_t result = base_.load(std::memory_order_acquire);
        for (const stripe& s : stripes_)
            result += s.owned.count.load(std::memory_order_acquire) + s.guests.count.load(std::memory_order_seq_cst);
        return result;
    }

    /// Makes the sum another. What is armed holds no more.
    void set(std::uint64_t sum_wanted) noexcept {
        base_.store(base_.load(std::memory_order_relaxed) + (sum_wanted - sum()), std::memory_order_release);
        target_ = never;
    }

    /// From now on an add() that reaches `target` says so, and others may, too; never: nobody is told. Returns the sum as
    /// it was after that: if it is `target` or more, nobody need be told any more.
    std::uint64_t arm(std::uint64_t target) noexcept {
        if (target == never) {
            if (target_ != never) deal(never);
            target_ = never;
            return sum();
        }
        std::uint64_t now = sum();
        while (now < target && (target != target_ || rings())) {
            deal(target);
            target_ = target;
            fence();
            now = sum();
        }
        return now;
    }

private:
    static constexpr std::size_t stripes = 8;

    struct cell {
        std::atomic<std::uint64_t> count{0};
        std::atomic<std::uint64_t> alarm{never};
    };
    struct alignas(64) stripe {
        std::atomic<const void*> owner{nullptr};
        cell owned;
        cell guests;
    };

    // Which stripe is this thread's, plus `stripes`; 0: none yet.
    static std::atomic<unsigned char>& number_of_this_thread() noexcept {
        static constinit thread_local std::atomic<unsigned char> number{0};
        return number;
    }

    [[gnu::noinline]] bool add_as_guest(stripe& s, std::uint64_t n) noexcept {
        if (&s == &stripes_[0] && number_of_this_thread().load(std::memory_order_relaxed) == 0) {
            static constinit std::atomic<unsigned> threads{0};
            const unsigned turn = threads.fetch_add(1, std::memory_order_relaxed);
            number_of_this_thread().store(static_cast<unsigned char>(turn % stripes + stripes));
            return add(n);
        }
        const void* nobody = nullptr;
        if (!s.owner.load(std::memory_order_relaxed) && has_asymmetric_fence() &&
            s.owner.compare_exchange_strong(nobody, this_thread_token(), std::memory_order_seq_cst)) {
            std::atomic_thread_fence(std::memory_order_seq_cst); // for who has found no owner in fence()
            return add(n);
        }
        const std::uint64_t now = s.guests.count.fetch_add(n, std::memory_order_seq_cst) + n;
        return now >= s.guests.alarm.load(std::memory_order_seq_cst);
    }

    template <class Visit>
    void each_cell(Visit visit) {
        for (stripe& s : stripes_) {
            visit(s.owned);
            visit(s.guests);
        }
    }

    void deal(std::uint64_t target) noexcept {
        std::array<std::uint64_t, 2 * stripes> counts; // each read once, so that what is dealt out fits
        std::uint64_t left = target - base_.load(std::memory_order_relaxed);
        std::uint64_t used = 0;
        std::size_t i = 0;
        each_cell([&](cell& c) {
            counts[i] = c.count.load(std::memory_order_seq_cst);
            left -= counts[i];
            used += counts[i++] > 0 ? 1u : 0u;
        });
        if (left == 0 || left > target) left = 1; // passed meanwhile
        const std::uint64_t share = used > 0 ? std::max<std::uint64_t>(left / used, 1) : 1;
        i = 0;
        each_cell([&](cell& c) {
            const std::uint64_t count = counts[i++];
            c.alarm.store(target == never ? never : count + (count > 0 ? share : 1), std::memory_order_seq_cst);
        });
    }

    // Some cell has reached its alarm.
    bool rings() noexcept {
        bool result = false;
        each_cell([&](cell& c) {
            result = result || c.count.load(std::memory_order_seq_cst) >= c.alarm.load(std::memory_order_relaxed);
        });
        return result;
    }

    void fence() noexcept {
        std::atomic_thread_fence(std::memory_order_seq_cst);
        const void* const me = this_thread_token();
        const bool others = std::any_of(stripes_.begin(), stripes_.end(), [me](const stripe& s) {
            const void* const owner = s.owner.load(std::memory_order_seq_cst);
            return owner && owner != me;
        });
        if (others) heavy_fence();
    }

    std::array<stripe, stripes> stripes_{};
    std::atomic<std::uint64_t> base_;
    std::uint64_t target_ = never;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_STRIPED_COUNT_HPP
