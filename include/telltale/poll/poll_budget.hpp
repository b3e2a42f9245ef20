// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLL_BUDGET_HPP
#define TELLTALE_POLL_POLL_BUDGET_HPP

#include <telltale/core/token_bucket.hpp>
#include <telltale/poll/poll_hint.hpp>
#include <telltale/poll/poll_wait.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

class poll_budget;

/// What all polls with one credential may do.
struct budget_options {
    std::size_t max_concurrent = 10;  ///< polls under way at once; at least 1
    std::optional<rate_limit> rate{}; ///< of polls; valid; absent: no limit but those that the API tells
    /// Whose limits hold, too: that of all credentials together, for example. Members of several budgets within one take
    /// turns there by budget. Null: none.
    std::shared_ptr<poll_budget> within{};
};

/// What pollers with one credential share: how many polls at once, how many in a time, and what the API said to
/// whichever of them it said it: nobody comes again before its Retry-After, and what it has left of requests is spread
/// over the rest of its window (after a fiftieth of it, at once).
///
/// A plain machine, without a clock, timer or thread. Each poller joins as a member, with a function that wakes it, and
/// asks for a permit when a poll is due. Where there is none the member has its place in the line: the first in it is
/// told when to come again, all others are woken when it is their turn. So polls start in the order in which they were
/// asked for; a member has one place at a time, so one with thousands of jobs takes turns with one that has a few.
///
///     auto budget = std::make_shared<poll_budget>();
///     poll_budget::member me(budget, [=] { net::post(strand, start_due_polls); });
///     auto a = me.try_start(now);
///     if (a.permit) ...; else timer.expires_at(a.again), waiting_for(a.waits);
///
/// @par Thread safety
/// poll_budget: safe. A member: one thread at a time. Permits may be given back on any thread.
class poll_budget {
public:
    using time_point = std::chrono::steady_clock::time_point;
    class member;
    class permit;
    struct answer;

    explicit poll_budget(budget_options options = {});
    poll_budget(const poll_budget&) = delete;
    poll_budget& operator=(const poll_budget&) = delete;
    ~poll_budget();

    /// As they were given; valid.
    const budget_options& options() const noexcept { return options_; }

    /// The API has said this, with an answer or a failure that came at `now`; to be told before the permit of that poll
    /// is given back. A shorter Retry-After than one that was said before does not shorten that.
    void observe(const poll_hint& hint, time_point now);

    /// Polls under way.
    std::size_t in_use() const;

    /// Members in the line.
    std::size_t waiting() const;

    /// Nobody may poll before; absent: that is not so at `now`.
    std::optional<time_point> paused_until(time_point now) const;

    /// Requests that the API has left for this credential, as far as it has said, and as they were spent since; absent:
    /// not known, or the window is over at `now`.
    std::optional<std::uint64_t> left(time_point now) const;

private:
    struct place;
    using line = std::list<std::shared_ptr<place>>; // short: one for each poller

    std::pair<poll_wait, time_point> attempt(const std::shared_ptr<place>& p, time_point now);
    void leave(const place& p);
    void give_back();
    std::shared_ptr<place> first_if_it_may() const;
    void line_up(const std::shared_ptr<place>& p);
    std::optional<std::pair<poll_wait, time_point>> refuse(const std::shared_ptr<place>& p, time_point now);
    std::shared_ptr<place> take(place& p, time_point now);
    void wake_first();
    void leave_outer();
    std::pair<poll_wait, time_point> obstacle(time_point now) const;

    budget_options options_;
    mutable std::mutex mutex_;
    line line_;
    std::size_t in_use_ = 0;
    std::optional<token_bucket> bucket_;
    time_point paused_until_ = time_point::min();
    // What the API has left, in its window.
    std::optional<std::uint64_t> left_;
    time_point window_end_ = time_point::min();
    std::optional<token_bucket> spread_;
    std::unique_ptr<member> outer_; // this budget's own place at `within`
};

/// Leave for one poll, given back when it is destroyed.
class poll_budget::permit {
public:
    permit() = default;
    permit(permit&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)) {}
    permit& operator=(permit&& other) noexcept {
        std::swap(budget_, other.budget_);
        return *this;
    }
    ~permit() { release(); }

    explicit operator bool() const noexcept { return budget_ != nullptr; }

    /// Gives it back now. Wakes whoever is first in the line.
    void release() noexcept {
        if (const auto budget = std::exchange(budget_, nullptr)) budget->give_back();
    }

private:
    friend class poll_budget;
    explicit permit(std::shared_ptr<poll_budget> budget) noexcept : budget_(std::move(budget)) {}
    std::shared_ptr<poll_budget> budget_;
};

/// What a member is told that asks for a permit.
struct poll_budget::answer {
    poll_budget::permit permit{};         ///< true: go ahead
    poll_wait waits = poll_wait::nothing; ///< otherwise: permit, budget or retry_after
    time_point again = time_point::max(); ///< ask again then, or when woken, whichever is first; max: when woken
};

/// One poller at a budget.
class poll_budget::member {
public:
    /// `on_ready`: the member should ask again. Called on any thread, also inside release() and leave() of others, without
    /// a lock; it only posts. May be called once more after leave(), but never after the destructor has returned.
    member(std::shared_ptr<poll_budget> budget, std::function<void()> on_ready);
    member(const member&) = delete;
    member& operator=(const member&) = delete;
    ~member();

    /// Asks to start a poll now. Without a permit the member has a place in the line, or keeps that which it has: then it
    /// has to ask again when it is told to, or to leave(), for those behind it wait for it.
    answer try_start(time_point now);

    /// No poll is wanted any more: gives up the place in the line.
    void leave();

    const std::shared_ptr<poll_budget>& budget() const noexcept { return budget_; }

private:
    std::shared_ptr<poll_budget> budget_;
    std::shared_ptr<place> place_;
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/poll/detail/poll_budget.hpp>

#endif // TELLTALE_POLL_POLL_BUDGET_HPP
