// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_CHUNK_SIZER_HPP
#define TELLTALE_CORE_CHUNK_SIZER_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <limits>

namespace telltale::inline TELLTALE_ABI {

/// Items that lie side by side, and are worked on at once.
struct chunk_part {
    std::size_t id = 0;    ///< in the order of the items, from 0
    std::size_t first = 0; ///< the place of its first item
    std::size_t size = 0;  ///< items in it

    friend bool operator==(const chunk_part&, const chunk_part&) = default;
};

struct chunk_sizer_options {
    std::chrono::nanoseconds target = std::chrono::milliseconds{100}; ///< what a chunk is to take; greater than zero
    std::size_t first = 1;                                            ///< size of the first chunks
    std::size_t min = 1;                                              ///< at least 1; only the very last is smaller
    std::size_t max = std::numeric_limits<std::size_t>::max();        ///< not below `min`
    std::size_t workers = 1;                                          ///< who share the chunks; at least 1
    double weight = 0.5; ///< of the newest chunk in the average of the speed: above 0, at most 1
};

/// Cuts a number of items into chunks that take about a wanted time, as it learns how long the items take.
///
/// The speed is an exponentially weighted average over the chunks. A chunk is at most twice as large as one that was
/// measured, and at least half as large as the one before, so that one odd chunk does little harm. Towards the end
/// chunks shrink, so that all workers end at about the same time: none is larger than its share of half of what is left
/// (guided self-scheduling, C. Polychronopoulos and D. Kuck, IEEE Trans. Comput. C-36 (1987) 1425, with the half of
/// factoring, S. Hummel, E. Schonberg and L. Flynn, CACM 35 (1992) 90). One worker alone needs no such thing.
class chunk_sizer {
public:
    explicit chunk_sizer(std::size_t total, chunk_sizer_options options = {}) noexcept
        : options_(options), total_(total) {
        options_.min = std::max<std::size_t>(options_.min, 1);
        options_.max = std::max(options_.max, options_.min);
        options_.workers = std::max<std::size_t>(options_.workers, 1);
        size_ = std::clamp(options_.first, options_.min, options_.max);
    }

    /// Items that are in no chunk yet.
    std::size_t left() const noexcept { return total_ - cut_; }

    /// The size that the next chunk would have.
    std::size_t next_size() const noexcept {
        std::size_t n = size_;
        if (options_.workers > 1) n = std::min(n, share(left()));
        return std::min(std::max(n, options_.min), left());
    }

    /// The next chunk; of size 0 when nothing is left.
    chunk_part next() noexcept {
        const chunk_part part{id_, cut_, next_size()};
        if (part.size != 0) ++id_;
        cut_ += part.size;
        return part;
    }

    /// A chunk has taken that long.
    void completed(std::size_t items, std::chrono::duration<double> time) noexcept {
        if (items == 0) return;
        items_ += options_.weight * (static_cast<double>(items) - items_);
        seconds_ += options_.weight * (std::max(time.count(), 0.0) - seconds_);
        const double target = std::chrono::duration<double>(options_.target).count();
        const double wanted = items_ * target;           // times seconds_,
        const double have = seconds_ * double_of(size_); // to compare without dividing by zero
        if (wanted > have) {
            const std::size_t most = items > options_.max / 2 ? options_.max : items * 2;
            if (most > size_) size_ = wanted >= seconds_ * double_of(most) ? most : nearest(wanted / seconds_);
        } else {
            size_ = std::max(size_ / 2, nearest(wanted / seconds_));
        }
        size_ = std::clamp(size_, options_.min, options_.max);
    }

private:
    static double double_of(std::size_t n) noexcept { return static_cast<double>(n); }
    static std::size_t nearest(double d) noexcept { return static_cast<std::size_t>(std::llround(d)); }

    std::size_t share(std::size_t items) const noexcept {
        const std::size_t shares = 2 * options_.workers;
        return items / shares + (items % shares == 0 ? 0 : 1);
    }

    chunk_sizer_options options_;
    std::size_t total_;
    std::size_t cut_ = 0;
    std::size_t id_ = 0;
    std::size_t size_ = 1;
    // Averages per chunk, both with the same weights: their quotient is the speed, whatever the sizes are.
    double items_ = 0;
    double seconds_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_CHUNK_SIZER_HPP
