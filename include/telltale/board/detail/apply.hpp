// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BOARD_DETAIL_APPLY_HPP
#define TELLTALE_BOARD_DETAIL_APPLY_HPP

#include <telltale/core/estimator.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_report.hpp>

#include <memory>
#include <vector>

// What a report does to a job: the rules of the board as a plain function, without lock, clock or Asio.

namespace telltale::inline TELLTALE_ABI::detail {

/// A job on the board, and what is remembered of it besides.
struct job_record {
    std::shared_ptr<const job> current; ///< null: not yet known
    std::unique_ptr<estimator> speed;   ///< null: no progress yet
};

struct applied {
    std::vector<event> events; ///< in order; none: nothing that anybody would want to know
    bool refused = false;
    bool ended = false; ///< this report brought the job into a terminal state
};

/// The report has its time.
TELLTALE_DECL applied apply(job_record& record, job_report&& report);

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BOARD_DETAIL_APPLY_HPP
