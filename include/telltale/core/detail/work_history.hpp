// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_DETAIL_WORK_HISTORY_HPP
#define TELLTALE_CORE_DETAIL_WORK_HISTORY_HPP

#include <telltale/version.hpp>

#include <array>
#include <cstddef>

namespace telltale::inline TELLTALE_ABI::detail {

/// How long work took, in bins of equal work: 16 to 31 of them once there was enough, however long it goes on. When they
/// are full, neighbours are merged.
class work_history {
public:
    static constexpr std::size_t capacity = 32;

    /// `work` was done in `time` seconds, evenly as far as we know. Both are greater than zero and finite. The first
    /// amount is the first width. Says whether the bins changed.
    bool add(double work, double time) noexcept {
        if (width_ == 0) width_ = work;
        while (work > room()) halve();
        const double pace = time / work;
        bool changed = false;
        while (open_work_ + work >= width_) {
            const double part = width_ - open_work_;
            bins_[size_++] = static_cast<float>(open_time_ + part * pace);
            open_work_ = 0;
            open_time_ = 0;
            work -= part;
            changed = true;
            if (size_ == capacity) halve();
        }
        if (work > 0) {
            open_work_ += work;
            open_time_ += work * pace;
        }
        return changed;
    }

    std::size_t size() const noexcept { return size_; }

    /// The work of a bin.
    double width() const noexcept { return width_; }

    /// Seconds, oldest first.
    double operator[](std::size_t i) const noexcept { return static_cast<double>(bins_[i]); }

private:
    double room() const noexcept { return static_cast<double>(capacity - size_) * width_ - open_work_; }

    void halve() noexcept {
        for (std::size_t i = 0; i + 1 < size_; i += 2) bins_[i / 2] = bins_[i] + bins_[i + 1];
        if (size_ % 2 == 1) {
            open_work_ += width_;
            open_time_ += static_cast<double>(bins_[size_ - 1]);
        }
        size_ /= 2;
        width_ *= 2;
    }

    std::array<float, capacity> bins_{};
    std::size_t size_ = 0;
    double width_ = 0;
    double open_work_ = 0; // of the bin that is not full yet
    double open_time_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_CORE_DETAIL_WORK_HISTORY_HPP
