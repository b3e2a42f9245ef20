// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_IN_MEMORY_SINK_HPP
#define TELLTALE_TESTING_IN_MEMORY_SINK_HPP

#include <telltale/core/job_report.hpp>
#include <telltale/core/job_state.hpp>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::testing {

/// A job_sink that records what it is told: `status_poller poller(executor, source, sink)`. Copies share their record.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
class in_memory_sink {
public:
    void operator()(job_report r) const {
        const std::lock_guard lock(shared_->mutex);
        shared_->reports.push_back(std::move(r));
    }

    /// All reports, in the order of their arrival.
    std::vector<job_report> reports() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->reports;
    }

    /// Those of one job.
    std::vector<job_report> reports(const job_id& id) const {
        std::vector<job_report> result;
        for (auto& r : reports())
            if (r.id == id) result.push_back(std::move(r));
        return result;
    }

    /// The states that were reported of one job.
    std::vector<job_state> states(const job_id& id) const {
        std::vector<job_state> result;
        for (const auto& r : reports(id))
            if (r.state) result.push_back(*r.state);
        return result;
    }

    /// The healths of the watch that were reported of one job.
    std::vector<watch_state> healths(const job_id& id) const {
        std::vector<watch_state> result;
        for (const auto& r : reports(id))
            if (r.health) result.push_back(*r.health);
        return result;
    }

    void clear() const {
        const std::lock_guard lock(shared_->mutex);
        shared_->reports.clear();
    }

private:
    struct shared {
        std::mutex mutex{};
        std::vector<job_report> reports{};
    };

    std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_IN_MEMORY_SINK_HPP
