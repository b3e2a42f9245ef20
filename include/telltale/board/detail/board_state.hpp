// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP
#define TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/board/detail/apply.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/filter.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/event/emitter.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct board_options {
    /// Events that are kept for subscriptions which begin with a cursor.
    std::size_t history = 10'000;
    /// How many bytes of them, about.
    std::size_t history_bytes = std::size_t{64} << 20U;
    /// Jobs in a terminal state that are kept; of more, those that ended first are forgotten. Others are never forgotten.
    std::size_t finished_jobs = 10'000;
};

namespace detail {

class board_state final : public wait_state {
public:
    board_state(net::execution_context& context, board_options options)
        : wait_state(context),
          time_(&net::use_service<time_source>(context)),
          options_(options),
          journal_(std::make_unique<emitter<event>>(emitter_options{options.history, options.history_bytes})) {}

    emitter<event>& journal() noexcept { return *journal_; }

    void report(job_report r) {
        if (r.id.empty()) throw std::invalid_argument("telltale::board: a report without a job id");
        wait_list waiters;
        std::shared_ptr<const job> ended;
        {
            const std::lock_guard lock(mutex());
            if (closed_) return;
            entry& e = find_or_add(r.id);
            const timestamp now = time_->system_now();
            applied result = apply(e.record, std::move(r), now);
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

    void emit_custom(std::string data, std::string_view id) {
        const std::lock_guard lock(mutex());
        if (closed_) return;
        const auto found = jobs_.find(id);
        journal_->emit(event{event_kind::custom, time_->system_now(),
                             found == jobs_.end() ? nullptr : found->second->record.current, std::move(data)});
    }

    std::shared_ptr<const job> find(std::string_view id) const {
        const std::lock_guard lock(mutex());
        const auto found = jobs_.find(id);
        return found == jobs_.end() ? nullptr : found->second->record.current;
    }

    /// Nothing is reported while this is held.
    [[nodiscard]] std::unique_lock<std::mutex> freeze() const { return std::unique_lock(mutex()); }

    std::vector<std::shared_ptr<const job>> jobs(const std::unique_lock<std::mutex>&, const filter& wanted) const {
        std::vector<std::shared_ptr<const job>> result;
        for (const auto& e : order_)
            if (wanted.matches(*e.record.current)) result.push_back(e.record.current);
        return result;
    }

    std::vector<std::shared_ptr<const job>> jobs(const filter& wanted) const { return jobs(freeze(), wanted); }

    std::uint64_t refused() const {
        const std::lock_guard lock(mutex());
        return refused_;
    }

    void close() {
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
        }
        journal_.reset();
        finish_all(net::error::operation_aborted);
    }

    // With the mutex held.
    wait_list* attempt(const job_id& id, error_code& ec, job& result) {
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

    void take_all(wait_list& all) noexcept override {
        for (auto& e : order_) all.take(e.waiters);
    }

private:
    struct entry {
        job_id id;
        job_record record;
        wait_list waiters;
    };

    entry& find_or_add(const job_id& id) {
        if (const auto found = jobs_.find(id); found != jobs_.end()) return *found->second;
        entry& e = order_.emplace_back();
        e.id = id;
        jobs_.emplace(std::string_view(e.id), std::prev(order_.end()));
        return e;
    }

    void forget_finished() {
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

    time_source* time_;
    board_options options_;
    std::list<entry> order_; // by creation
    std::unordered_map<std::string_view, std::list<entry>::iterator> jobs_;
    std::deque<job_id> finished_;
    std::unique_ptr<emitter<event>> journal_; // its mutex comes after this one
    std::uint64_t refused_ = 0;
    bool closed_ = false;
};

} // namespace detail
} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BOARD_DETAIL_BOARD_STATE_HPP
