// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_STEPS_IPP
#define TELLTALE_RUN_DETAIL_MANAGER_STEPS_IPP

#include <telltale/core/json_writer.hpp>
#include <telltale/progress/stage_snapshot.hpp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/run/detail/manager_steps.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

inline std::string step_data(const std::string& name, const std::string& why) {
    std::string data;
    json_writer out(data);
    out.begin_object().member("step", name);
    if (!why.empty()) out.member("message", why);
    out.end_object();
    return data;
}

/// With the mutex held: what the steps are now, and the whole, unless the job counts that itself.
TELLTALE_DECL void manager_state::describe_steps(const managed_job& job, const job_steps& steps, job_report& r) const {
    const stage_tree_snapshot now = steps.tree.snapshot();
    r.steps = steps.look(now.root);
    if (!job.tracker && !is_terminal(job.state)) r.progress = now.value;
}

TELLTALE_DECL std::shared_ptr<job_steps> manager_state::add_step(const job_ptr& job, std::string name,
                                                                 stage_options options, std::size_t& index) {
    std::shared_ptr<job_steps> steps;
    bool first = false;
    {
        const std::lock_guard lock(mutex());
        first = !job->rare().steps;
        if (first) job->rarity->steps = std::make_shared<job_steps>(executor_);
        steps = job->rarity->steps;
        index = steps->known.size();
        steps->stages.push_back(steps->tree.root().add(name, options));
        steps->known.push_back(job_step{.name = std::move(name)});
        first = first && job->begun && telling();
    }
    if (first) publish_steps(job, steps, {});
    return steps;
}

TELLTALE_DECL void manager_state::begin_step(const job_ptr& job, const std::shared_ptr<job_steps>& steps,
                                             std::size_t index) {
    {
        const std::lock_guard lock(mutex());
        job_step& s = steps->known[index];
        if (s.state != job_state::pending) return;
        s.state = job_state::running;
        s.started = source_.system_now();
        steps->stages[index].start();
        tell_step(*job, *steps, {event_kind::step_started, step_data(s.name, {})});
    }
    flush();
}

TELLTALE_DECL void manager_state::end_step(const job_ptr& job, const std::shared_ptr<job_steps>& steps,
                                           std::size_t index, job_state how, std::string why) {
    {
        const std::lock_guard lock(mutex());
        job_step& s = steps->known[index];
        if (s.state != job_state::running) return;
        s.state = how;
        s.finished = source_.system_now();
        if (how == job_state::failed)
            steps->stages[index].fail(why);
        else
            steps->stages[index].finish();
        tell_step(
            *job, *steps,
            {how == job_state::failed ? event_kind::step_failed : event_kind::step_completed, step_data(s.name, why)});
    }
    flush();
}

// With the mutex held.
TELLTALE_DECL void manager_state::tell_step(const managed_job& job, const job_steps& steps, job_notice notice) {
    if (!job.begun || !telling() || job.rarity->steps.get() != &steps) return;
    job_report r = report_of(job);
    describe_steps(job, steps, r);
    r.notices.push_back(std::move(notice));
    tell(std::move(r));
}

TELLTALE_DECL void manager_state::publish_steps(const job_ptr& job, const std::shared_ptr<job_steps>& steps,
                                                stage_tree_snapshot last) {
    steps->tree.async_wait_change(
        std::move(last), options_.publish_interval,
        [s = self(), job, weak = std::weak_ptr(steps)](error_code ec, stage_tree_snapshot now) {
            const auto alive = weak.lock();
            if (ec || !alive) return;
            {
                const std::lock_guard lock(s->mutex());
                if (!job->begun || !s->telling() || job->rarity->steps != alive) return;
                job_report r = s->report_of(*job);
                r.steps = alive->look(now.root);
                if (!job->tracker) r.progress = now.value;
                s->tell(std::move(r));
            }
            s->flush();
            s->publish_steps(job, alive, std::move(now));
        });
}

// With the mutex held: the attempt is over, and with it its steps.
TELLTALE_DECL void manager_state::end_steps(managed_job& job, job_state how, job_report& r) {
    job_steps& steps = *job.rarity->steps;
    for (job_step& s : steps.known) {
        if (s.state == job_state::pending) s.state = job_state::skipped;
        if (s.state == job_state::running) s.state = how;
    }
    steps.tree.finish();
    const stage_tree_snapshot now = steps.tree.snapshot();
    r.steps = steps.look(now.root);
    if (!job.tracker) r.progress = now.value;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_STEPS_IPP
