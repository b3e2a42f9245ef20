// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_PROGRESS_HPP
#define TELLTALE_CORE_PROGRESS_HPP

#include <telltale/version.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What a progress counts.
enum class progress_unit : std::uint8_t { items, bytes, steps, shots, percent, seconds };

namespace detail {
inline constexpr std::array<std::string_view, 6> progress_unit_names{"items", "bytes",   "steps",
                                                                     "shots", "percent", "seconds"};
} // namespace detail

constexpr std::string_view to_string(progress_unit u) noexcept {
    return detail::progress_unit_names[static_cast<std::size_t>(u)];
}

constexpr std::optional<progress_unit> parse_progress_unit(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::progress_unit_names.size(); ++i)
        if (detail::progress_unit_names[i] == name) return static_cast<progress_unit>(i);
    return std::nullopt;
}

/// How far a job is. What is not known is absent, never zero.
struct progress {
    double done = 0;               ///< in `unit`; whole numbers are exact up to 2^53
    std::optional<double> total{}; ///< in `unit`; absent: nobody knows
    progress_unit unit = progress_unit::items;
    std::optional<double> rate{}; ///< units per second, measured lately; absent: no measurement
    std::optional<std::chrono::duration<double>> remaining{}; ///< predicted; absent: no honest prediction is possible
    /// The band around it: in one case of ten it takes less than low, in one of ten more than high. Absent: not known.
    std::optional<std::chrono::duration<double>> remaining_low{};
    std::optional<std::chrono::duration<double>> remaining_high{};

    /// 0 to 100, or nothing where that would be a lie: the total is unknown, zero, or less than what is done.
    constexpr std::optional<double> percent() const noexcept {
        if (!total || !(*total > 0) || !(done >= 0) || done > *total) return std::nullopt;
        return 100.0 * done / *total;
    }

    friend bool operator==(const progress&, const progress&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_PROGRESS_HPP
