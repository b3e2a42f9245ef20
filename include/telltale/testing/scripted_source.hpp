// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_SCRIPTED_SOURCE_HPP
#define TELLTALE_TESTING_SCRIPTED_SOURCE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/status_source.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
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

/// A status_source that plays a script for each job, one step per poll, the last one for ever; delays are in the time
/// of the context, so also in virtual time. A job without a script is not found. Copies share their scripts and counts.
///
///     testing::scripted_source source;
///     source.script("42", {says(job_state::running), fails(net::error::eof), says(job_state::failed)});
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

    net::awaitable<status> poll(job_id id) { return play(shared_, std::move(id)); }

private:
    struct one_script {
        std::vector<scripted_step> steps{};
        std::size_t next = 0;
        std::size_t polls = 0;
    };

    struct shared {
        std::mutex mutex{};
        std::map<job_id, one_script> scripts{};
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

    static net::awaitable<status> play(std::shared_ptr<shared> all, job_id id) {
        const under_way counted(all);
        scripted_step step = take(*all, id);
        if (step.takes > std::chrono::steady_clock::duration::zero()) {
            timer t(co_await net::this_coro::executor);
            t.expires_after(step.takes);
            co_await t.async_wait(net::use_awaitable);
        }
        if (step.error) throw system_error(step.error);
        co_return std::move(step.answer);
    }

    std::shared_ptr<shared> shared_;
};

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_SCRIPTED_SOURCE_HPP
