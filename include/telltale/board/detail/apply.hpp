// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BOARD_DETAIL_APPLY_HPP
#define TELLTALE_BOARD_DETAIL_APPLY_HPP

#include <telltale/core/estimator.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/core/json_writer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
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

inline std::string refusal(job_state from, job_state to, reporter by) {
    std::string data;
    json_writer out(data);
    out.begin_object().member("from", to_string(from)).member("to", to_string(to));
    out.member("by", by == reporter::producer ? "producer" : "observer").end_object();
    return data;
}

template <class T>
bool assign_if_new(T& to, const std::optional<T>& from) {
    if (!from || *from == to) return false;
    to = *from;
    return true;
}

/// A change of the job that is being built up from a report.
class application {
public:
    application(job_record& record, job_report report, timestamp now)
        : record_(record),
          report_(std::move(report)),
          at_(report_.at == timestamp{} ? now : report_.at),
          first_(!record.current),
          next_(first_ ? job{} : *record.current) {}

    applied run() {
        if (first_) create();
        const bool stale = report_.attempt && *report_.attempt < next_.attempt;
        if (report_.attempt && *report_.attempt > next_.attempt) begin_attempt();
        const job_state before = next_.state;
        const job_state wanted = report_.state.value_or(before);
        transition moved = check_transition(before, wanted, report_.by);
        // The first state of an attempt is whatever it is: there is no earlier one to come from.
        if (fresh_ && moved == transition::refused) moved = transition::allowed;
        if (stale) moved = transition::refused;

        if (report_.by == reporter::observer && report_.health.value_or(watch_state::ok) == watch_state::ok)
            next_.observed = at_;
        const bool health = change_health();
        if (moved == transition::refused) {
            result_.refused = true;
            publish();
            tell(event_kind::transition_refused, refusal(before, wanted, report_.by));
            if (health) tell(event_kind::watch_health_changed);
            return std::move(result_);
        }
        bool progressed = change_progress(is_terminal(before));
        progressed |= change_steps();
        const bool updated = change_description(is_terminal(before));
        if (moved == transition::allowed) arrive(wanted);
        publish();
        if (moved == transition::allowed)
            tell(before == job_state::paused && wanted == job_state::running ? event_kind::job_resumed
                                                                             : arrival_in(wanted));
        else if (progressed)
            tell(event_kind::job_progressed);
        else if (updated && !fresh_)
            tell(event_kind::job_updated);
        for (job_notice& n : report_.notices) tell(n.kind, std::move(n.data));
        if (health) tell(event_kind::watch_health_changed);
        return std::move(result_);
    }

private:
    void create() {
        fresh_ = true;
        next_.id = report_.id;
        next_.created = report_.created.value_or(at_);
        if (report_.attempt) next_.attempt = *report_.attempt;
        report_.created.reset();
        change_description(false);
        publish();
        tell(event_kind::job_created);
    }

    void begin_attempt() {
        fresh_ = true;
        next_.attempt = *report_.attempt;
        next_.state = job_state::pending;
        next_.progress.reset();
        next_.error.reset();
        next_.queued.reset();
        next_.started.reset();
        next_.finished.reset();
        next_.message.clear();
        next_.steps.reset();
        next_.approval.reset();
        record_.speed.reset();
        publish();
        tell(event_kind::job_retrying);
    }

    void arrive(job_state state) {
        const bool again = next_.state == job_state::paused;
        next_.state = state;
        if (state != job_state::queued) next_.queue_position.reset();
        if (state != job_state::paused) next_.approval.reset();
        const auto set = [&](std::optional<timestamp>& time, const std::optional<timestamp>& told) {
            time = told ? told : time && again ? time : at_;
        };
        if (state == job_state::queued) set(next_.queued, report_.queued);
        if (state == job_state::running) set(next_.started, report_.started);
        if (!is_terminal(state)) return;
        if (report_.started) next_.started = report_.started;
        next_.finished = report_.finished.value_or(at_);
        if (next_.progress) {
            next_.progress->rate.reset();
            next_.progress->remaining.reset();
            next_.progress->remaining_low.reset();
            next_.progress->remaining_high.reset();
        }
        result_.ended = true;
    }

    bool change_progress(bool over) {
        if (!report_.progress || over) return false;
        progress p = *report_.progress;
        if (!p.rate) {
            const std::chrono::steady_clock::time_point when(
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(at_.time_since_epoch()));
            if (!record_.speed) record_.speed = std::make_unique<estimator>();
            record_.speed->sample(p.done, when);
            p.rate = record_.speed->rate(when);
            if (p.total && !p.remaining) {
                if (const auto predicted = record_.speed->predict(*p.total, when)) {
                    p.remaining = predicted->remaining;
                    p.remaining_low = predicted->low;
                    p.remaining_high = predicted->high;
                }
            }
        }
        if (next_.progress == p) return false;
        next_.progress = p;
        return true;
    }

    bool change_steps() {
        if (!report_.steps || (next_.steps && *next_.steps == *report_.steps)) return false;
        next_.steps = report_.steps;
        return true;
    }

    bool change_description(bool over) {
        bool changed = assign_if_new(next_.word, report_.word);
        changed |= assign_if_new(next_.name, report_.name);
        changed |= assign_if_new(next_.kind, report_.kind);
        changed |= assign_if_new(next_.labels, report_.labels);
        changed |= assign_if_new(next_.message, report_.message);
        if (!over && report_.approval && next_.approval != report_.approval) {
            next_.approval = report_.approval;
            changed = true;
        }
        if (report_.error && next_.error != report_.error) {
            next_.error = report_.error;
            changed = true;
        }
        if (report_.queue_position && !over) {
            const std::optional<std::uint32_t> place = *report_.queue_position ? report_.queue_position : std::nullopt;
            changed |= next_.queue_position != place;
            next_.queue_position = place;
        }
        if (report_.created) next_.created = report_.created;
        if (report_.control && report_.control != next_.control) {
            next_.control = report_.control;
            changed = true;
        }
        return changed;
    }

    bool change_health() {
        if (!report_.health) return false;
        const bool changed = *report_.health != next_.health.state;
        if (changed || !next_.health.since) next_.health.since = at_;
        next_.health.state = *report_.health;
        next_.health.error = *report_.health == watch_state::ok ? std::string{} : report_.health_error;
        return changed;
    }

    void publish() { record_.current = std::make_shared<const job>(next_); }

    void tell(event_kind kind, std::string data = {}) {
        result_.events.push_back(event{kind, at_, record_.current, std::move(data)});
    }

    job_record& record_;
    job_report report_;
    timestamp at_;
    bool first_;
    bool fresh_ = false; // the first report of this attempt
    job next_;
    applied result_;
};

inline applied apply(job_record& record, job_report report, timestamp now) {
    return application(record, std::move(report), now).run();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BOARD_DETAIL_APPLY_HPP
