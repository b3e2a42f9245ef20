// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_STEPS_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_STEPS_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/progress/stage.hpp>
#include <telltale/progress/stage_snapshot.hpp>
#include <telltale/progress/stage_tree.hpp>
#include <telltale/run/detail/manager_state.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// The steps of one attempt of a job: a tree of stages that counts, and when each began and ended. `known` and `stages` are
/// protected by the manager's mutex.
struct job_steps {
    explicit job_steps(const net::any_io_executor& executor) : tree(executor) {}

    /// How they are now.
    std::shared_ptr<const std::vector<job_step>> look(const stage_snapshot& root) const {
        auto now = std::make_shared<std::vector<job_step>>(known);
        for (std::size_t i = 0; i < now->size() && i < root.children.size(); ++i)
            if ((*now)[i].state != job_state::pending) (*now)[i].progress = root.children[i].value;
        return now;
    }

    stage_tree tree;
    std::vector<job_step> known;
    std::vector<stage> stages;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_STEPS_HPP
