// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_JOB_CONTROL_HPP
#define TELLTALE_CORE_JOB_CONTROL_HPP

#include <telltale/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What somebody can ask of a job.
enum class job_command : std::uint8_t { cancel, pause, resume, retry, approve, reject };

inline constexpr std::size_t job_command_count = 6;

/// What became of the asking. Accepted means on its way: that it happened is told by the job's own events.
enum class command_result : std::uint8_t {
    accepted,
    unsupported, ///< this job cannot do that
    refused,     ///< not now: it is over already, for example
    unknown_job
};

namespace detail {
inline constexpr std::array<std::string_view, job_command_count> job_command_names{"cancel", "pause",   "resume",
                                                                                   "retry",  "approve", "reject"};
inline constexpr std::array<std::string_view, 4> command_result_names{"accepted", "unsupported", "refused",
                                                                      "unknown_job"};
} // namespace detail

constexpr std::string_view to_string(job_command c) noexcept {
    return detail::job_command_names[static_cast<std::size_t>(c)];
}

constexpr std::string_view to_string(command_result r) noexcept {
    return detail::command_result_names[static_cast<std::size_t>(r)];
}

constexpr std::optional<job_command> parse_job_command(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::job_command_names.size(); ++i)
        if (detail::job_command_names[i] == name) return static_cast<job_command>(i);
    return std::nullopt;
}

/// The one door through which commands reach a job. A producer hands it over with the job; the page, the API and a
/// WebSocket client knock there.
///
/// @par Thread safety
/// Called from any thread; implementations hand the work to their own executor and return at once.
class job_control {
public:
    virtual ~job_control() = default;

    /// Whether the command exists for this job at all (not whether it would be accepted now).
    virtual bool supports(job_command command) const noexcept = 0;

    /// Asks. Does not wait until it has happened.
    virtual command_result request(job_command command) = 0;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_CONTROL_HPP
