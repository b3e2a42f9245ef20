// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_DETAIL_SIMULATED_API_HPP
#define TELLTALE_TESTING_DETAIL_SIMULATED_API_HPP

// The bodies of simulated_api.hpp, which includes this.

#include <telltale/error.hpp>
#include <telltale/poll/poll_error.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/testing/simulated_api.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI::testing {

/// All that happens, at times since the making of the API.
struct simulated_api::world {
    struct one_job {
        simulated_job plan{};
        nanoseconds added{};
        std::uint32_t attempt = 1;
        std::optional<nanoseconds> cancelled{}; // when it will be
        simulated_view view{};
        std::optional<nanoseconds> answered{};
    };

    world(const net::any_io_executor& e, simulated_api_options o)
        : executor(e),
          start(steady_now(e)),
          start_of_calendar(system_now(e)),
          options(std::move(o)),
          random(options.seed) {
        if (!options.rate) return;
        if (!options.rate->valid())
            throw system_error(make_error_code(errc::invalid_argument), "the rate of a simulated API");
        bucket.emplace(*options.rate, start);
    }

    nanoseconds now() const { return steady_now(executor) - start; }

    static bool within(const std::vector<simulated_span>& spans, nanoseconds t) {
        return std::any_of(spans.begin(), spans.end(), [t](const auto& s) { return t >= s.from && t < s.to; });
    }

    static nanoseconds end_of(const one_job& j) {
        const nanoseconds planned = j.added + j.plan.queued + j.plan.runs;
        return j.cancelled ? std::min(planned, *j.cancelled) : planned;
    }

    nanoseconds half_latency() {
        const auto tail = static_cast<double>(options.latency_tail.count()) * random.exponential();
        return (options.latency + nanoseconds{static_cast<nanoseconds::rep>(tail)}) / 2;
    }

    /// What a request finds when it arrives; throws if it is an error.
    void admit(nanoseconds now) {
        if (options.max_concurrent != 0 && under_way > options.max_concurrent) {
            ++counts.too_many_at_once;
            refuse(now, std::chrono::seconds{1});
        }
        if (bucket) {
            const auto at = start + now;
            if (!bucket->try_take(1, at)) refuse(now, bucket->ready_at(1, at) - at);
        }
        const auto& f = options.faults;
        const bool burst = within(f.bursts, now) && random.chance(f.burst_rate);
        if (burst || random.chance(f.error_rate)) {
            ++counts.failed;
            const unsigned http_status = burst ? 500 : 503;
            throw poll_error(make_error_code(errc::http_status), "simulated, " + std::to_string(http_status),
                             error_class::api, http_status, hint(now));
        }
    }

    [[noreturn]] void refuse(nanoseconds now, nanoseconds wait) {
        ++counts.refused;
        poll_hint h = hint(now);
        h.retry_after = std::chrono::ceil<std::chrono::seconds>(std::max(wait, nanoseconds{1}));
        throw poll_error(make_error_code(errc::http_status), "simulated, 429", error_class::resource, 429, h);
    }

    poll_hint hint(nanoseconds now) const {
        poll_hint h;
        if (options.interval > nanoseconds::zero()) h.interval = options.interval;
        if (options.tells_limits && bucket && options.rate->per_second > 0) {
            // Its window is over when the bucket would be full again.
            const double left = std::floor(bucket->available(start + now));
            const double missing = static_cast<double>(options.rate->burst) - left;
            h.left = static_cast<std::uint64_t>(left);
            h.window = std::chrono::ceil<std::chrono::seconds>(
                std::chrono::duration<double>(missing / options.rate->per_second));
        }
        return h;
    }

    status look(const job_id& id, nanoseconds now) {
        const auto found = jobs.find(id);
        status s = not_found();
        s.hint = hint(now);
        if (found == jobs.end()) return s;
        auto& j = found->second;
        s.found = true;
        const auto& f = options.faults;
        nanoseconds t = now;
        if (random.chance(f.goes_backwards) && t < end_of(j))
            t = std::max(j.added, t - nanoseconds{static_cast<nanoseconds::rep>(
                                          static_cast<double>(f.stale_by.count()) * random.uniform())});
        describe(s, j, t);
        if (s.state && is_terminal(*s.state)) return s;
        if (random.chance(f.unknown_word)) {
            s.state.reset();
            s.word = "DEFRAGMENTING";
        }
        if (s.progress && random.chance(f.progress_lies)) s.progress->done = std::floor(100 * random.uniform());
        return s;
    }

    void describe(status& s, const one_job& j, nanoseconds t) const {
        const nanoseconds runs_from = j.added + j.plan.queued;
        const nanoseconds end = end_of(j);
        if (t >= end)
            s.state = j.cancelled && *j.cancelled == end ? job_state::cancelled : j.plan.end;
        else
            s.state = t < runs_from ? job_state::queued : job_state::running;
        s.word = std::string(to_string(*s.state));
        s.attempt = j.attempt;
        if (!j.plan.kind.empty()) s.kind = j.plan.kind;
        if (s.state == job_state::failed) s.error = job_error{error_class::api, "simulated"};
        if (s.state == job_state::running && j.plan.reports_progress) {
            const double share =
                static_cast<double>((t - runs_from).count()) / static_cast<double>(j.plan.runs.count());
            const double done = std::pow(share, j.plan.progress_shape);
            telltale::progress p;
            // A part of a billionth, so that what is a multiple is not the one below.
            p.done = 100 * j.plan.progress_step * std::floor(done / j.plan.progress_step + 1e-9);
            p.total = 100;
            p.unit = progress_unit::percent;
            s.progress = p;
        }
        if (!j.plan.tells_times) return;
        s.created = calendar(j.added);
        if (t >= runs_from && end > runs_from) s.started = calendar(runs_from);
        if (t >= end) s.finished = calendar(end);
    }

    timestamp calendar(nanoseconds t) const {
        return std::chrono::time_point_cast<timestamp::duration>(start_of_calendar + t);
    }

    std::mutex mutex{};
    net::any_io_executor executor;
    std::chrono::steady_clock::time_point start;
    timestamp start_of_calendar;
    simulated_api_options options;
    // With the mutex held:
    random_source random;
    std::optional<token_bucket> bucket{};
    std::map<job_id, one_job> jobs{};
    simulated_counts counts{};
    std::size_t under_way = 0;
    nanoseconds retry_at = nanoseconds::min(); // told by an answer that has arrived
};

/// A request on its way: counted as long as it lives.
class simulated_api::request {
public:
    explicit request(std::shared_ptr<world> w) : world_(std::move(w)) {}
    request(const request&) = delete;
    request& operator=(const request&) = delete;

    ~request() {
        if (!sent_) return;
        const std::lock_guard lock(world_->mutex);
        --world_->under_way;
    }

    /// Goes there. Returns how long the way back takes.
    static net::awaitable<nanoseconds> send(request* self) {
        world& w = *self->world_;
        timer t(co_await net::this_coro::executor);
        nanoseconds there{};
        nanoseconds back{};
        bool dead = false;
        {
            const std::lock_guard lock(w.mutex);
            const nanoseconds now = w.now();
            self->sent_ = true;
            ++w.counts.requests;
            w.counts.most_at_once = std::max(w.counts.most_at_once, ++w.under_way);
            if (now < w.retry_at) ++w.counts.too_early;
            there = w.half_latency();
            back = w.half_latency();
            dead = world::within(w.options.faults.outages, now);
            if (dead) {
                ++w.counts.in_outages;
                ++w.counts.failed;
                there = w.options.faults.outage_takes;
            }
        }
        if (there > nanoseconds::zero()) {
            t.expires_after(there);
            co_await t.async_wait(net::use_awaitable);
        }
        if (dead)
            throw poll_error(net::error::make_error_code(net::error::connection_refused), "simulated outage",
                             error_class::network);
        co_return back;
    }

    /// Comes back with an answer, or with an error that is thrown.
    static net::awaitable<void> receive(request* self, nanoseconds back, std::exception_ptr failure) {
        if (back > nanoseconds::zero()) {
            timer t(co_await net::this_coro::executor);
            t.expires_after(back);
            co_await t.async_wait(net::use_awaitable);
        }
        if (!failure) co_return;
        try {
            std::rethrow_exception(failure);
        } catch (const poll_error& e) {
            world& w = *self->world_;
            const std::lock_guard lock(w.mutex);
            if (e.hint().retry_after) w.retry_at = std::max(w.retry_at, w.now() + *e.hint().retry_after);
            throw;
        }
    }

private:
    std::shared_ptr<world> world_;
    bool sent_ = false;
};

inline simulated_api::simulated_api(const net::any_io_executor& executor, simulated_api_options options)
    : world_(std::make_shared<world>(executor, std::move(options))) {}

inline void simulated_api::add(const job_id& id, simulated_job job) {
    const std::lock_guard lock(world_->mutex);
    world::one_job j;
    j.plan = std::move(job);
    j.added = world_->now();
    j.view.ends = world::end_of(j);
    world_->jobs.insert_or_assign(id, std::move(j));
}

inline simulated_counts simulated_api::counts() const {
    const std::lock_guard lock(world_->mutex);
    return world_->counts;
}

inline simulated_view simulated_api::seen(const job_id& id) const {
    const std::lock_guard lock(world_->mutex);
    return world_->jobs.at(id).view;
}

inline std::size_t simulated_api::batch_limit() const { return world_->options.batch_limit; }

// The API may be moved or destroyed while a request is under way.
inline net::awaitable<status> simulated_api::poll(job_id id) { return ask_one(world_, std::move(id)); }

inline net::awaitable<std::vector<status>> simulated_api::poll_many(std::vector<job_id> ids) {
    return ask(world_, std::move(ids));
}

inline net::awaitable<command_result> simulated_api::cancel(job_id id) { return do_cancel(world_, std::move(id)); }

inline net::awaitable<job_id> simulated_api::retry(job_id id) { return do_retry(world_, std::move(id)); }

inline net::awaitable<status> simulated_api::ask_one(std::shared_ptr<world> w, job_id id) {
    std::vector<job_id> ids;
    ids.push_back(std::move(id));
    std::vector<status> answers = co_await ask(std::move(w), std::move(ids));
    co_return std::move(answers.front());
}

inline net::awaitable<std::vector<status>> simulated_api::ask(std::shared_ptr<world> w, std::vector<job_id> ids) {
    request r(w);
    {
        const std::lock_guard lock(w->mutex);
        for (const auto& id : ids) {
            ++w->counts.polled;
            const auto found = w->jobs.find(id);
            if (found == w->jobs.end()) continue;
            auto& j = found->second;
            ++j.view.polls;
            if (j.answered && w->now() < *j.answered + w->options.interval) ++w->counts.too_often;
        }
    }
    const nanoseconds back = co_await request::send(&r);
    std::vector<status> answers;
    std::exception_ptr failure;
    {
        const std::lock_guard lock(w->mutex);
        try {
            const nanoseconds now = w->now();
            w->admit(now);
            for (const auto& id : ids) answers.push_back(w->look(id, now));
        } catch (...) {
            failure = std::current_exception();
        }
    }
    co_await request::receive(&r, back, failure);
    const std::lock_guard lock(w->mutex);
    const nanoseconds now = w->now();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto found = w->jobs.find(ids[i]);
        if (found == w->jobs.end()) continue;
        auto& j = found->second;
        const bool over = answers[i].state && is_terminal(*answers[i].state);
        const nanoseconds since = j.answered.value_or(j.added);
        if (!j.view.end_seen) j.view.longest_gap = std::max(j.view.longest_gap, now - since);
        if (over && !j.view.end_seen) j.view.end_seen = now;
        j.answered = now;
    }
    co_return answers;
}

inline net::awaitable<command_result> simulated_api::do_cancel(std::shared_ptr<world> w, job_id id) {
    request r(w);
    const nanoseconds back = co_await request::send(&r);
    command_result result = command_result::accepted;
    std::exception_ptr failure;
    {
        const std::lock_guard lock(w->mutex);
        try {
            const nanoseconds now = w->now();
            w->admit(now);
            const auto found = w->jobs.find(id);
            if (found == w->jobs.end()) {
                result = command_result::unknown_job;
            } else if (now >= world::end_of(found->second)) {
                result = command_result::refused;
            } else if (!found->second.cancelled) {
                found->second.cancelled = now + found->second.plan.cancels_in;
                found->second.view.ends = world::end_of(found->second);
            }
        } catch (...) {
            failure = std::current_exception();
        }
    }
    co_await request::receive(&r, back, failure);
    co_return result;
}

inline net::awaitable<job_id> simulated_api::do_retry(std::shared_ptr<world> w, job_id id) {
    request r(w);
    const nanoseconds back = co_await request::send(&r);
    std::exception_ptr failure;
    {
        const std::lock_guard lock(w->mutex);
        try {
            const nanoseconds now = w->now();
            w->admit(now);
            const auto found = w->jobs.find(id);
            if (found == w->jobs.end())
                throw poll_error(make_error_code(errc::http_status), "simulated, 404", error_class::api, 404);
            auto& j = found->second;
            if (now >= world::end_of(j)) {
                j.added = now;
                j.plan.end = job_state::succeeded;
                j.cancelled.reset();
                j.answered.reset();
                ++j.attempt;
                j.view.ends = world::end_of(j);
                j.view.end_seen.reset();
            }
        } catch (...) {
            failure = std::current_exception();
        }
    }
    co_await request::receive(&r, back, failure);
    co_return id;
}

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_DETAIL_SIMULATED_API_HPP
