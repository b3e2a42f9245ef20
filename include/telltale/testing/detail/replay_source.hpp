// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_DETAIL_REPLAY_SOURCE_HPP
#define TELLTALE_TESTING_DETAIL_REPLAY_SOURCE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/time.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/flight_entry.hpp>
#include <telltale/poll/poll_error.hpp>
#include <telltale/poll/status_source.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// A failure that says what the recorded one said, to the letter.
class recorded_failure final : public poll_error {
public:
    explicit recorded_failure(const flight_failure& f)
        : poll_error(f.code, {}, f.kind, f.http_status, f.hint), text_(f.text) {}
    const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

/// Whether an entry is there because somebody called the poller.
inline bool is_call(flight_kind k) noexcept {
    return k == flight_kind::poller_started || k == flight_kind::watched || k == flight_kind::unwatched ||
           k == flight_kind::poll_requested || k == flight_kind::cancel_requested || k == flight_kind::stopped;
}

/// What a recording says of what the source did, by what it was asked.
class recorded_answers {
public:
    struct poll {
        std::vector<job_id> ids{};
        std::map<job_id, flight_entry> ends{}; // by id; those that are missing never came
        std::size_t started = 0;               // so many entries of what was not called were there before
        std::size_t ended = 0;                 // before the first of `ends`
        bool used = false;
    };

    std::size_t told = 0; ///< entries of what was not called, of the replay so far

    /// Of one poller.
    template <class Iterator>
    recorded_answers(Iterator begin, Iterator end, std::optional<std::chrono::nanoseconds> poll_timeout)
        : poll_timeout_(poll_timeout) {
        std::map<std::uint64_t, std::size_t> by_number;
        std::size_t n = 0;
        for (auto e = begin; e != end; n += is_call(e->kind) ? 0U : 1U, ++e) {
            if (e->kind == flight_kind::poll_started) {
                by_number[e->poll] = polls_.size();
                polls_.push_back({.ids = e->ids, .started = n});
                for (const auto& id : e->ids) by_id_[id].push_back(polls_.size() - 1);
            } else if (e->kind == flight_kind::poll_ended) {
                const auto found = by_number.find(e->poll);
                if (found == by_number.end()) continue;
                poll& p = polls_[found->second];
                if (p.ends.empty()) p.ended = n;
                p.ends[e->id] = *e;
            } else if (e->kind == flight_kind::cancel_answered) {
                cancels_[e->id].push_back(*e);
            } else if (e->kind == flight_kind::retry_started) {
                retries_[e->id].push_back(*e);
            }
        }
    }

    /// The next poll for just these; null: there was none.
    poll* next_poll(std::vector<job_id>& ids) {
        for (auto& id : ids) id = watched(id);
        const auto found = by_id_.find(ids.front());
        if (found == by_id_.end()) return nullptr;
        for (const std::size_t i : found->second) {
            poll& p = polls_[i];
            if (p.used || !std::is_permutation(p.ids.begin(), p.ids.end(), ids.begin(), ids.end())) continue;
            p.used = true;
            return &p;
        }
        return nullptr;
    }

    std::optional<flight_entry> next_cancel(const job_id& id) { return take(cancels_, watched(id)); }
    std::optional<flight_entry> next_retry(const job_id& id) {
        auto e = take(retries_, watched(id));
        if (e && !e->retry_as.empty()) watched_[e->retry_as] = e->id;
        return e;
    }

    /// It was the poller that ended this poll, and it will again.
    bool timed_out(const flight_entry& e) const {
        return e.failure && e.failure->code == errc::deadline_exceeded && poll_timeout_ && e.took >= *poll_timeout_;
    }

private:
    /// The id by which it is watched: after a retry it is asked for by another.
    const job_id& watched(const job_id& id) const {
        const auto found = watched_.find(id);
        return found == watched_.end() ? id : found->second;
    }

    static std::optional<flight_entry> take(std::map<job_id, std::deque<flight_entry>>& from, const job_id& id) {
        auto& all = from[id];
        if (all.empty()) return std::nullopt;
        auto e = std::move(all.front());
        all.pop_front();
        return e;
    }

    std::optional<std::chrono::nanoseconds> poll_timeout_;
    std::deque<poll> polls_{};
    std::map<job_id, std::deque<std::size_t>> by_id_{};
    std::map<job_id, std::deque<flight_entry>> cancels_{};
    std::map<job_id, std::deque<flight_entry>> retries_{};
    std::map<job_id, job_id> watched_{}; // by the id of an attempt
};

/// Answers as a recorded source did, when it did. What it was never asked is never answered.
class replay_source {
public:
    replay_source(std::shared_ptr<recorded_answers> answers, std::size_t batch_limit)
        : answers_(std::move(answers)), batch_limit_(batch_limit) {}

    net::awaitable<status> poll(job_id id) { return answer_one(answers_, std::move(id)); }
    net::awaitable<std::vector<status>> poll_many(std::vector<job_id> ids) {
        return answer_all(answers_, std::move(ids));
    }
    std::size_t batch_limit() const noexcept { return batch_limit_; }

protected:
    using shared_answers = std::shared_ptr<recorded_answers>;

    shared_answers answers_;

    static net::awaitable<command_result> answer_cancel(shared_answers answers, job_id id) {
        const auto e = answers->next_cancel(id);
        const std::optional<timestamp> until = time_of(e ? &*e : nullptr);
        co_await wait_until(until);
        if (e->failure) throw recorded_failure(*e->failure);
        co_return e->command.value_or(command_result::accepted);
    }

    static net::awaitable<job_id> answer_retry(shared_answers answers, job_id id) {
        const auto e = answers->next_retry(id);
        const std::optional<timestamp> until = time_of(e ? &*e : nullptr);
        co_await wait_until(until);
        if (e->failure) throw recorded_failure(*e->failure);
        co_return e->retry_as;
    }

private:
    static std::optional<timestamp> time_of(const flight_entry* e) {
        if (e == nullptr) return std::nullopt;
        return e->at;
    }

    // Nothing: for ever, until cancelled.
    static net::awaitable<void> wait_until(std::optional<timestamp> t) {
        const auto executor = co_await net::this_coro::executor;
        timer clock(executor);
        const auto now = system_now(executor);
        if (t && *t <= now) co_return;
        if (t)
            clock.expires_after(std::chrono::duration_cast<timer::duration>(*t - now));
        else
            clock.expires_at(timer::time_point::max());
        co_await clock.async_wait(net::use_awaitable);
    }

    static net::awaitable<std::vector<status>> answer_all(shared_answers answers, std::vector<job_id> ids) {
        const auto* const p = answers->next_poll(ids);
        const flight_entry* const end = p != nullptr && !p->ends.empty() ? &p->ends.begin()->second : nullptr;
        const std::optional<timestamp> until = time_of(end == nullptr || answers->timed_out(*end) ? nullptr : end);
        co_await wait_until(until);
        // At one time much may happen, and in some order. One that was answered at once is answered at once.
        const auto executor = co_await net::this_coro::executor;
        const int most = p->ended == p->started + 1 ? 0 : 100;
        for (int n = 0; n < most && answers->told < p->ended; ++n) co_await net::post(executor, net::use_awaitable);
        const auto failed = [](const auto& e) { return e.second.failure.has_value(); };
        if (std::all_of(p->ends.begin(), p->ends.end(), failed)) throw recorded_failure(*end->failure);
        std::vector<status> result;
        for (const auto& id : ids) {
            const auto found = p->ends.find(id); // absent: nobody wanted to know any more
            status s = found == p->ends.end() ? not_found() : found->second.answer.value_or(not_found());
            if (found != p->ends.end() && found->second.failure)
                s.unreadable = std::make_exception_ptr(recorded_failure(*found->second.failure));
            result.push_back(std::move(s));
        }
        co_return result;
    }

    static net::awaitable<status> answer_one(shared_answers answers, job_id id) {
        std::vector<job_id> ids(1, id);
        auto result = co_await answer_all(std::move(answers), std::move(ids));
        co_return std::move(result.front());
    }

    std::size_t batch_limit_;
};

class replay_source_cancel : public replay_source {
public:
    using replay_source::replay_source;
    net::awaitable<command_result> cancel(job_id id) { return answer_cancel(answers_, std::move(id)); }
};

/// With all that a source can do, or only that.
template <class Base>
class replay_source_retry : public Base {
public:
    using Base::Base;
    net::awaitable<job_id> retry(job_id id) { return Base::answer_retry(this->answers_, std::move(id)); }
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_TESTING_DETAIL_REPLAY_SOURCE_HPP
