// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_JOB_HPP
#define TELLTALE_CORE_JOB_HPP

#include <telltale/core/job_control.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>
#include <telltale/core/watch_health.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Names a job within one board. Not empty.
using job_id = std::string;

using label_map = std::map<std::string, std::string, std::less<>>;

/// What kind of thing went wrong.
enum class error_class : std::uint8_t { unknown, api, timeout, authentication, permission, query, resource, network };

namespace detail {
inline constexpr std::array<std::string_view, 8> error_class_names{"unknown",    "api",   "timeout",  "authentication",
                                                                   "permission", "query", "resource", "network"};
} // namespace detail

constexpr std::string_view to_string(error_class c) noexcept {
    return detail::error_class_names[static_cast<std::size_t>(c)];
}

constexpr std::optional<error_class> parse_error_class(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::error_class_names.size(); ++i)
        if (detail::error_class_names[i] == name) return static_cast<error_class>(i);
    return std::nullopt;
}

/// Why a job failed.
struct job_error {
    error_class kind = error_class::unknown; ///< "class" in JSON
    std::string message{};                   ///< for people; as the job or its API said it

    friend bool operator==(const job_error&, const job_error&) = default;
};

/// A part of a job that has a name: steps follow each other, or run side by side.
struct job_step {
    std::string name{};
    job_state state = job_state::pending; ///< pending, running, succeeded, failed, cancelled or skipped
    std::optional<telltale::progress> progress{};
    std::optional<timestamp> started{};
    std::optional<timestamp> finished{};

    friend bool operator==(const job_step&, const job_step&) = default;
};

/// What a paused job waits for somebody to decide.
struct approval_request {
    std::string what{};               ///< for people: what is to be approved
    std::optional<timestamp> until{}; ///< then nobody's answer counts as none; absent: it waits for ever

    friend bool operator==(const approval_request&, const approval_request&) = default;
};

/// All that is known of a job at one moment: a value, copied freely.
struct job {
    job_id id{};
    std::string name{}; ///< for people; may be empty
    std::string kind{}; ///< jobs of one kind take similar times; may be empty
    job_state state = job_state::pending;
    std::uint32_t attempt = 1; ///< counts from 1; a retry is the next attempt
    std::string word{};        ///< the API's own word for the state, kept raw; empty for local jobs
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 1 is next; absent: not queued, or not told
    label_map labels{};
    std::string message{}; ///< the latest thing that the job said of itself; may be empty
    std::shared_ptr<const std::vector<job_step>>
        steps{};                                ///< of this attempt, in the order of their beginning; null: none
    std::optional<approval_request> approval{}; ///< only while paused

    std::optional<timestamp> created{};
    std::optional<timestamp> queued{};
    std::optional<timestamp> started{};  ///< of this attempt
    std::optional<timestamp> finished{}; ///< of this attempt
    std::optional<timestamp> observed{}; ///< when somebody last looked and got an answer

    std::optional<job_error> error{};
    watch_health health{};
    std::shared_ptr<job_control> control{}; ///< null: this job takes no commands
};

/// Whether the job knows the command, and is in a state for it: only an ended one is retried, only a paused one resumed,
/// only one that asks for an approval approved.
inline bool accepts(const job& j, job_command c) noexcept {
    if (!j.control || !j.control->supports(c)) return false;
    switch (c) {
    case job_command::cancel: return !is_terminal(j.state);
    case job_command::pause: return !is_terminal(j.state) && j.state != job_state::paused;
    case job_command::resume: return j.state == job_state::paused && !j.approval;
    case job_command::retry: return is_terminal(j.state);
    case job_command::approve:
    case job_command::reject: break;
    }
    return j.approval.has_value();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JOB_HPP
