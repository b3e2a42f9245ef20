// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_RETRY_POLICY_HPP
#define TELLTALE_CORE_RETRY_POLICY_HPP

#include <telltale/core/backoff.hpp>
#include <telltale/core/job.hpp>
#include <telltale/version.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// Some of the classes of errors.
class error_class_set {
public:
    constexpr error_class_set() = default;
    constexpr error_class_set(std::initializer_list<error_class> classes) noexcept {
        for (const auto c : classes) insert(c);
    }

    constexpr void insert(error_class c) noexcept { bits_ = static_cast<std::uint16_t>(bits_ | bit(c)); }

    constexpr bool contains(error_class c) const noexcept { return (bits_ & bit(c)) != 0; }

    friend bool operator==(const error_class_set&, const error_class_set&) = default;

private:
    static constexpr std::uint16_t bit(error_class c) noexcept {
        return static_cast<std::uint16_t>(1U << static_cast<unsigned>(c));
    }

    std::uint16_t bits_ = 0;
};

/// Whether, and when, a job that has failed is started again. To be used only where that does no harm: a job that was
/// started twice has done its work twice.
struct retry_policy {
    error_class_set classes{error_class::network, error_class::api}; ///< of the job's error
    std::uint32_t max_retries = 3;                                   ///< of one job
    /// The n-th retry is this long after the failure: min(300 s, 60 s * 2^(n-1)), its ceilings, without jitter.
    backoff delays{.min = std::chrono::seconds{60}, .max = std::chrono::seconds{300}};

    /// How long after its failure a job is started again that has been retried so often; nothing: it is not.
    constexpr std::optional<std::chrono::nanoseconds> delay(error_class kind, std::uint32_t retries) const noexcept {
        if (retries >= max_retries || !classes.contains(kind)) return std::nullopt;
        return delays.ceiling(retries + 1);
    }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_RETRY_POLICY_HPP
