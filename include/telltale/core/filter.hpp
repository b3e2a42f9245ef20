// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_FILTER_HPP
#define TELLTALE_CORE_FILTER_HPP

#include <telltale/core/event.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Which jobs and events somebody wants to hear of. Empty members let everything pass; all of them must agree.
struct filter {
    std::vector<job_id> jobs{};      ///< only these
    std::vector<event_kind> kinds{}; ///< only these kinds of events; says nothing about jobs
    label_map labels{};              ///< the job has each of these labels with this value

    /// Whether a job passes: its id and labels.
    bool matches(const job& j) const {
        if (!jobs.empty() && std::find(jobs.begin(), jobs.end(), j.id) == jobs.end()) return false;
        return std::all_of(labels.begin(), labels.end(), [&](const auto& wanted) {
            const auto found = j.labels.find(wanted.first);
            return found != j.labels.end() && found->second == wanted.second;
        });
    }

    /// Whether an event passes: its kind, and its job. An event without a job passes only a filter without jobs and
    /// labels.
    bool matches(const event& e) const {
        if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), e.kind) == kinds.end()) return false;
        if (e.job) return matches(*e.job);
        return jobs.empty() && labels.empty();
    }

    bool empty() const noexcept { return jobs.empty() && kinds.empty() && labels.empty(); }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_FILTER_HPP
