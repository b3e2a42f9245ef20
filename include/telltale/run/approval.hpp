// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_APPROVAL_HPP
#define TELLTALE_RUN_APPROVAL_HPP

#include <telltale/version.hpp>

#include <cstdint>
#include <string>

namespace telltale::inline TELLTALE_ABI {

enum class approval_result : std::uint8_t { approved, rejected, timed_out };

/// What came of a job's asking for an approval (job_context::request_approval).
struct approval {
    approval_result result = approval_result::timed_out;
    std::string comment{}; ///< of whoever answered; may be empty

    /// Whether it was approved.
    explicit operator bool() const noexcept { return result == approval_result::approved; }

    friend bool operator==(const approval&, const approval&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_APPROVAL_HPP
