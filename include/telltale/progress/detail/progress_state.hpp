// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP
#define TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/estimator.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/progress/detail/change_state.hpp>
#include <telltale/progress/detail/striped_count.hpp>
#include <telltale/progress/progress_snapshot.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Fills in what the estimator says at `now`.
inline void estimate(progress& p, estimator& speed, std::chrono::steady_clock::time_point now, bool predicted = true) {
    p.rate = speed.rate(now);
    if (!predicted || !p.total || p.done > *p.total) return;
    if (const auto left = speed.predict(*p.total, now)) {
        p.remaining = left->remaining;
        p.remaining_low = left->low;
        p.remaining_high = left->high;
    }
}

/// What a progress_tracker and its waits share.
class progress_state final : public change_state<progress_snapshot> {
public:
    progress_state(net::execution_context& context, std::optional<std::uint64_t> total, progress_unit unit,
                   std::uint64_t done, std::chrono::duration<double> elapsed, std::chrono::duration<double> horizon)
        : change_state(context),
          count_(done),
          total_(total),
          speed_(horizon),
          started_(source_.now()),
          elapsed_before_(elapsed),
          unit_(unit) {
        speed_.sample(static_cast<double>(done), started_);
    }

    std::uint64_t done() const noexcept { return count_.sum(); }

    void advance(std::uint64_t n) {
        if (count_.add(n)) [[unlikely]]
            tell();
    }

    void set_done(std::uint64_t done) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            count_.set(done);
            collect(woken);
        }
        complete(woken);
    }

    // The following only from within change().
    void assign_total(std::optional<std::uint64_t> total) noexcept { total_ = total; }
    void assign_message(std::string message) noexcept { message_ = std::move(message); }
    void assign_finished() { finished_ = source_.now(); }

private:
    std::uint64_t count() const noexcept override { return count_.sum(); }
    std::uint64_t goal() const noexcept override { return total_.value_or(never); }
    std::uint64_t set_alarms(std::uint64_t target) noexcept override { return count_.arm(target); }

    progress_snapshot look() override {
        progress_snapshot result;
        result.at = source_.now();
        result.count = done();
        result.revision = revision_;
        result.finished = finished_.has_value();
        result.message = message_;
        const auto as_of = finished_.value_or(result.at);
        result.elapsed = elapsed_before_ + (as_of - started_);
        progress& p = result.value;
        p.done = static_cast<double>(result.count);
        p.unit = unit_;
        if (total_) p.total = static_cast<double>(*total_);
        speed_.sample(p.done, as_of);
        estimate(p, speed_, as_of, !finished_);
        return result;
    }

    striped_count count_;
    std::optional<std::uint64_t> total_;
    estimator speed_;
    clock::time_point started_;
    std::chrono::duration<double> elapsed_before_;
    std::string message_;
    progress_unit unit_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP
