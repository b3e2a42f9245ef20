// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_EXECUTION_REPORT_HPP
#define TELLTALE_CORE_EXECUTION_REPORT_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/resource_usage.hpp>
#include <telltale/core/time.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What only the work itself knows of a job. What is not known is absent, never zero.
struct job_figures {
    std::optional<std::uint64_t> rows_in{};  ///< absent: what a progress in items has done
    std::optional<std::uint64_t> rows_out{}; ///< of those, or made of those
    std::optional<std::uint64_t> bytes{};    ///< absent: what a progress in bytes has done
    /// CPU time that it took: of a cpu_meter, for one that runs on a pool.
    std::optional<std::chrono::duration<double>> cpu{};

    friend bool operator==(const job_figures&, const job_figures&) = default;
};

using figures_map = std::map<job_id, job_figures, std::less<>>;

/// One job in a report.
struct reported_job {
    std::shared_ptr<const telltale::job> job{};              ///< never null in a report
    std::optional<std::chrono::duration<double>> waited{};   ///< from its creation to its start
    std::optional<std::chrono::duration<double>> duration{}; ///< from its start to its end, or to now
    job_figures figures{};

    std::optional<double> rows_ratio() const noexcept; ///< rows out for each row in: 0.8
    std::optional<double> rows_per_s() const noexcept; ///< rows in
    std::optional<double> bytes_per_s() const noexcept;
    std::optional<double> cpu_percent() const noexcept; ///< of one core, over its duration
};

/// How an execution, all of its jobs together, stands or has ended: a value. Made by make_report.
struct execution_report {
    timestamp started{};
    timestamp at{}; ///< when it was so
    std::vector<reported_job> jobs{};
    std::array<std::size_t, job_state_count> by_state{};
    std::optional<progress> overall{};         ///< of all jobs together, where somebody measures that
    std::optional<resource_usage> resources{}; ///< of the process

    /// Predicted: by `overall`, or by how long the jobs that have ended took; absent where no honest prediction is
    /// possible, and once all have ended.
    std::optional<std::chrono::duration<double>> remaining{};
    std::optional<std::chrono::duration<double>> remaining_low{}; ///< 10 %; by `overall` only, as the next
    std::optional<std::chrono::duration<double>> remaining_high{};

    // Sums over the jobs of which it is known; absent: of none.
    std::optional<std::uint64_t> rows_in{};
    std::optional<std::uint64_t> rows_out{};
    std::optional<std::uint64_t> bytes{};
    std::optional<std::chrono::duration<double>> cpu{};
    std::optional<double> rows_ratio{}; ///< rows out for each row in, of the jobs that know both

    std::chrono::duration<double> elapsed() const noexcept { return at - started; }
    std::size_t count(job_state s) const noexcept { return by_state[static_cast<std::size_t>(s)]; }
    std::size_t ended() const noexcept; ///< how many are in a terminal state
    std::size_t open() const noexcept { return jobs.size() - ended(); }

    /// 0 to 100: of `overall`; or else the jobs that have ended, and of those that run as much as they say. Absent
    /// without jobs.
    std::optional<double> percent() const noexcept;

    /// How many of those that have ended, but for those skipped, succeeded: 0 to 100. Absent: none has ended.
    std::optional<double> success_percent() const noexcept;

    std::optional<double> rows_per_s() const noexcept; ///< rows in
    std::optional<double> bytes_per_s() const noexcept;
};

/// What a report is made of, beside the jobs.
struct report_sources {
    timestamp started{}; ///< when the execution began; the epoch: when its first job was created or started
    timestamp now{};     ///< when it has ended: its end
    figures_map figures{};
    std::optional<progress> overall{};
    std::optional<resource_usage> resources{};
};

/// The report of these jobs: those of a board's snapshot, for example. Null pointers are left out.
TELLTALE_DECL execution_report make_report(const std::vector<std::shared_ptr<const job>>& jobs, report_sources sources);

/// {"format":1,"started_at":"…","elapsed_s":2.5,…}: see docs/reference/report.md. What is unknown is left out.
TELLTALE_DECL void write_json(json_writer& out, const execution_report& r);

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/core/detail/execution_report.ipp>
#endif

#endif // TELLTALE_CORE_EXECUTION_REPORT_HPP
