// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BOARD_DETAIL_BOARD_IPP
#define TELLTALE_BOARD_DETAIL_BOARD_IPP

#include <telltale/board/board.hpp>
#include <telltale/board/detail/board_state.hpp>
#include <telltale/core/estimator.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/event/filtered.hpp>

#include <chrono>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

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
    application(job_record& record, job_report& report)
        : record_(record),
          report_(report),
          at_(report_.at),
          first_(!record.current),
          made_(first_ ? std::make_shared<job>() : std::make_shared<job>(*record.current)),
          next_(*made_) {}

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
            publish_last();
            tell(event_kind::transition_refused, refusal(before, wanted, report_.by));
            if (health) tell(event_kind::watch_health_changed);
            return std::move(result_);
        }
        bool progressed = change_progress(is_terminal(before));
        progressed |= change_steps();
        const bool updated = change_description(is_terminal(before));
        if (moved == transition::allowed) arrive(wanted);
        publish_last();
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
            const bool to_predict = p.total && !p.remaining;
            record_.speed->sample(p.done, when, to_predict);
            p.rate = record_.speed->rate(when);
            if (to_predict) {
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
    void publish_last() { record_.current = std::move(made_); } // nothing is changed any more

    void tell(event_kind kind, std::string data = {}) {
        result_.events.push_back(event{kind, at_, record_.current, std::move(data)});
    }

    job_record& record_;
    job_report& report_;
    timestamp at_;
    bool first_;
    bool fresh_ = false;        // the first report of this attempt
    std::shared_ptr<job> made_; // what it becomes, built where it stays
    job& next_;
    applied result_;
};

TELLTALE_DECL applied apply(job_record& record, job_report&& report) { return application(record, report).run(); }

TELLTALE_DECL std::shared_ptr<board_state> board_state::create(net::execution_context& context, board_options options) {
    return std::make_shared<board_state>(context, options);
}

TELLTALE_DECL board_state::board_state(net::execution_context& context, board_options options)
    : wait_state(context),
      time_(&net::use_service<time_source>(context)),
      options_(options),
      journal_(std::make_unique<emitter<event>>(emitter_options{options.history, options.history_bytes})) {}

TELLTALE_DECL board_state::~board_state() = default;

TELLTALE_DECL void board_state::report(job_report&& r) {
    if (r.id.empty()) throw std::invalid_argument("telltale::board: a report without a job id");
    wait_list waiters;
    std::shared_ptr<const job> ended;
    {
        const std::lock_guard lock(mutex());
        if (closed_) return;
        entry& e = find_or_add(r.id);
        if (r.at == timestamp{}) r.at = time_->system_now();
        applied result = apply(e.record, std::move(r));
        if (result.refused) ++refused_;
        for (auto& told : result.events) journal_->emit(std::move(told));
        if (result.ended) {
            ended = e.record.current;
            waiters.take(e.waiters);
            finished_.push_back(ended->id);
        }
        forget_finished();
    }
    while (wait_node* const n = waiters.pop_front()) static_cast<waiter<job>*>(n)->complete({}, *ended);
}

TELLTALE_DECL void board_state::emit_custom(std::string data, std::string_view id) {
    const std::lock_guard lock(mutex());
    if (closed_) return;
    const auto found = jobs_.find(id);
    journal_->emit(event{event_kind::custom, time_->system_now(),
                         found == jobs_.end() ? nullptr : found->second->record.current, std::move(data)});
}

TELLTALE_DECL std::shared_ptr<const job> board_state::find(std::string_view id) const {
    const std::lock_guard lock(mutex());
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : found->second->record.current;
}

TELLTALE_DECL std::vector<std::shared_ptr<const job>> board_state::jobs(const std::unique_lock<std::mutex>&,
                                                                        const filter& wanted) const {
    std::vector<std::shared_ptr<const job>> result;
    for (const auto& e : order_)
        if (wanted.matches(*e.record.current)) result.push_back(e.record.current);
    return result;
}

TELLTALE_DECL void board_state::close() {
    {
        const std::lock_guard lock(mutex());
        closed_ = true;
    }
    journal_.reset();
    finish_all(net::error::operation_aborted);
}

TELLTALE_DECL wait_list* board_state::attempt(const job_id& id, error_code& ec, job& result) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) {
        ec = errc::unknown_job;
        return nullptr;
    }
    entry& e = *found->second;
    if (!is_terminal(e.record.current->state)) return &e.waiters;
    result = *e.record.current;
    return nullptr;
}

TELLTALE_DECL void board_state::take_all(wait_list& all) noexcept {
    for (auto& e : order_) all.take(e.waiters);
}

TELLTALE_DECL board_state::entry& board_state::find_or_add(const job_id& id) {
    if (const auto found = jobs_.find(id); found != jobs_.end()) return *found->second;
    entry& e = order_.emplace_back();
    e.id = id;
    jobs_.emplace(std::string_view(e.id), std::prev(order_.end()));
    return e;
}

TELLTALE_DECL void board_state::forget_finished() {
    while (finished_.size() > options_.finished_jobs) {
        const job_id id = std::move(finished_.front());
        finished_.pop_front();
        const auto found = jobs_.find(id);
        // It may have begun another attempt since, or be forgotten already.
        if (found == jobs_.end() || !is_terminal(found->second->record.current->state)) continue;
        const auto place = found->second;
        jobs_.erase(found);
        order_.erase(place);
    }
}

} // namespace detail

TELLTALE_DECL job_sink board::sink() const {
    return [weak = std::weak_ptr(state_)](job_report&& r) {
        if (const auto state = weak.lock()) state->report(std::move(r));
    };
}

TELLTALE_DECL board::view board::watch_on(executor_type executor, filter wanted, subscription_options<event> options) {
    options.from.reset();
    const auto locked = state_->freeze();
    auto jobs = state_->jobs(locked, wanted);
    auto at = position();
    return {std::move(jobs), at, subscribe_on(std::move(executor), std::move(wanted), std::move(options))};
}

TELLTALE_DECL subscription<event> board::subscribe_on(executor_type executor, filter wanted,
                                                      subscription_options<event> options) {
    return state_->journal().subscribe(executor, filtered(std::move(wanted), std::move(options)));
}

TELLTALE_DECL command_result board::request(std::string_view id, job_command command) {
    const job_ptr j = find(id);
    if (!j) return command_result::unknown_job;
    if (!j->control || !j->control->supports(command)) return command_result::unsupported;
    return j->control->request(command);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_DETAIL_BOARD_IPP
