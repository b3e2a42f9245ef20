// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_SCRIPTED_SOURCE_HPP
#define TELLTALE_TESTING_SCRIPTED_SOURCE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/status_source.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::testing {

/// What happens at one poll of a job.
struct scripted_step {
    status answer{};
    error_code error{};                          ///< if set, thrown instead of the answer, as a system_error
    std::chrono::steady_clock::duration takes{}; ///< how long it takes; 0: it is there at once
    std::exception_ptr failure{};                ///< if set, thrown instead: a poll_error, for example

    /// The same, after a delay.
    scripted_step after(std::chrono::steady_clock::duration d) const {
        auto later = *this;
        later.takes = d;
        return later;
    }
};

/// The job is in this state; the word is the state's name.
inline scripted_step says(job_state s) {
    scripted_step step;
    step.answer.state = s;
    step.answer.word = std::string(to_string(s));
    return step;
}

/// Any answer: not_found(), for example.
inline scripted_step says(status s) {
    scripted_step step;
    step.answer = std::move(s);
    return step;
}

/// The API says a word that nobody knows.
inline scripted_step says_word(std::string word) {
    scripted_step step;
    step.answer.word = std::move(word);
    return step;
}

/// The poll fails.
inline scripted_step fails(error_code ec) {
    scripted_step step;
    step.error = ec;
    return step;
}

/// What became of the asking to cancel a job, as a command of a script.
struct scripted_cancel {
    command_result result = command_result::accepted;
    std::vector<scripted_step> then{};           ///< the script of the job from then on; empty: as it was
    error_code error{};                          ///< if set, thrown instead, as a system_error
    std::chrono::steady_clock::duration takes{}; ///< how long it takes
};

/// What starting a job again gives.
struct scripted_retry {
    job_id as{};                                 ///< the id of the new attempt; empty: the same
    std::vector<scripted_step> then{};           ///< the script of that; empty: as it was
    error_code error{};                          ///< if set, thrown instead, as a system_error
    std::chrono::steady_clock::duration takes{}; ///< how long it takes
};

/// A status_source that plays a script for each job, one step per poll, the last one for ever; delays are in the time
/// of the context, so also in virtual time. A job without a script is not found. Copies share their scripts and counts.
///
///     testing::scripted_source source;
///     source.script("42", {says(job_state::running), fails(net::error::eof), says(job_state::failed)});
///
/// It can be asked for many jobs at once, if set_batch_limit() says so (each job plays its next step; the whole takes as
/// long as the longest, and fails if one fails), and can cancel and retry: a cancel is accepted, and nothing comes of it,
/// unless a script says otherwise; so with retry.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe.
class scripted_source {
public:
    scripted_source() : shared_(std::make_shared<shared>()) {}

    /// Sets what happens from now on to a job. At least one step.
    void script(const job_id& id, std::vector<scripted_step> steps) {
        const std::lock_guard lock(shared_->mutex);
        auto& s = shared_->scripts[id];
        s.steps = std::move(steps);
        s.next = 0;
    }

    /// How often a job was polled.
    std::size_t polls(const job_id& id) const {
        const std::lock_guard lock(shared_->mutex);
        const auto found = shared_->scripts.find(id);
        return found == shared_->scripts.end() ? 0 : found->second.polls;
    }

    /// How often all jobs were polled.
    std::size_t polls() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->polls;
    }

    /// The most polls that were under way at once.
    std::size_t most_at_once() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->most;
    }

    /// The most jobs in one call of poll_many; below 2, as at the beginning: each is polled alone.
    void set_batch_limit(std::size_t most) {
        const std::lock_guard lock(shared_->mutex);
        shared_->batch_limit = most;
    }
    std::size_t batch_limit() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->batch_limit;
    }

    /// The ids of each call of poll_many so far.
    std::vector<std::vector<job_id>> batches() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->batches;
    }

    /// Sets what happens when somebody cancels a job.
    void script_cancel(const job_id& id, scripted_cancel c) {
        const std::lock_guard lock(shared_->mutex);
        shared_->cancels[id] = std::move(c);
    }

    /// Sets what happens when a job is started again.
    void script_retry(const job_id& id, scripted_retry r) {
        const std::lock_guard lock(shared_->mutex);
        shared_->retries[id] = std::move(r);
    }

    /// The ids that were asked to be cancelled, and to be started again, in their order.
    std::vector<job_id> cancelled() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->cancelled;
    }
    std::vector<job_id> retried() const {
        const std::lock_guard lock(shared_->mutex);
        return shared_->retried;
    }

    net::awaitable<status> poll(job_id id) { return play(shared_, std::move(id)); }
    net::awaitable<std::vector<status>> poll_many(std::vector<job_id> ids) {
        return play_many(shared_, std::move(ids));
    }
    net::awaitable<command_result> cancel(job_id id) { return play_cancel(shared_, std::move(id)); }
    net::awaitable<job_id> retry(job_id id) { return play_retry(shared_, std::move(id)); }

private:
    struct one_script {
        std::vector<scripted_step> steps{};
        std::size_t next = 0;
        std::size_t polls = 0;
    };

    struct shared {
        std::mutex mutex{};
        std::map<job_id, one_script> scripts{};
        std::map<job_id, scripted_cancel> cancels{};
        std::map<job_id, scripted_retry> retries{};
        std::vector<std::vector<job_id>> batches{};
        std::vector<job_id> cancelled{};
        std::vector<job_id> retried{};
        std::size_t batch_limit = 0;
        std::size_t polls = 0;
        std::size_t now = 0;
        std::size_t most = 0;
    };

    class under_way {
    public:
        explicit under_way(std::shared_ptr<shared> s) : shared_(std::move(s)) {
            const std::lock_guard lock(shared_->mutex);
            shared_->most = std::max(shared_->most, ++shared_->now);
        }
        under_way(const under_way&) = delete;
        under_way& operator=(const under_way&) = delete;
        ~under_way() {
            const std::lock_guard lock(shared_->mutex);
            --shared_->now;
        }

    private:
        std::shared_ptr<shared> shared_;
    };

    static scripted_step take(shared& all, const job_id& id) {
        const std::lock_guard lock(all.mutex);
        ++all.polls;
        auto& s = all.scripts[id];
        ++s.polls;
        if (s.steps.empty()) return says(not_found());
        const auto& step = s.steps[s.next];
        if (s.next + 1 < s.steps.size()) ++s.next;
        return step;
    }

    // With the mutex held.
    static void start_over(shared& all, const job_id& id, const std::vector<scripted_step>& steps) {
        if (steps.empty()) return;
        all.scripts[id].steps = steps;
        all.scripts[id].next = 0;
    }

    static net::awaitable<void> pause(std::chrono::steady_clock::duration d) {
        if (d <= std::chrono::steady_clock::duration::zero()) co_return;
        timer t(co_await net::this_coro::executor);
        t.expires_after(d);
        co_await t.async_wait(net::use_awaitable);
    }

    static net::awaitable<std::vector<status>> play_many(std::shared_ptr<shared> all, std::vector<job_id> ids) {
        const under_way counted(all);
        {
            const std::lock_guard lock(all->mutex);
            all->batches.push_back(ids);
        }
        std::vector<status> answers;
        std::chrono::steady_clock::duration takes{};
        error_code error;
        std::exception_ptr failure;
        for (const auto& id : ids) {
            scripted_step step = take(*all, id);
            takes = std::max(takes, step.takes);
            if (step.error) error = step.error;
            if (step.failure) failure = step.failure;
            answers.push_back(std::move(step.answer));
        }
        co_await pause(takes);
        if (error) throw system_error(error);
        if (failure) std::rethrow_exception(failure);
        co_return answers;
    }

    static net::awaitable<command_result> play_cancel(std::shared_ptr<shared> all, job_id id) {
        scripted_cancel c;
        {
            const std::lock_guard lock(all->mutex);
            all->cancelled.push_back(id);
            c = all->cancels[id];
        }
        co_await pause(c.takes);
        if (c.error) throw system_error(c.error);
        const std::lock_guard lock(all->mutex);
        start_over(*all, id, c.then);
        co_return c.result;
    }

    static net::awaitable<job_id> play_retry(std::shared_ptr<shared> all, job_id id) {
        scripted_retry r;
        {
            const std::lock_guard lock(all->mutex);
            all->retried.push_back(id);
            r = all->retries[id];
        }
        co_await pause(r.takes);
        if (r.error) throw system_error(r.error);
        const job_id as = r.as.empty() ? id : r.as;
        const std::lock_guard lock(all->mutex);
        start_over(*all, as, r.then);
        co_return as;
    }

    static net::awaitable<status> play(std::shared_ptr<shared> all, job_id id) {
        const under_way counted(all);
        scripted_step step = take(*all, id);
        co_await pause(step.takes);
        if (step.error) throw system_error(step.error);
        if (step.failure) std::rethrow_exception(step.failure);
        co_return std::move(step.answer);
    }

    std::shared_ptr<shared> shared_;
};

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_SCRIPTED_SOURCE_HPP
