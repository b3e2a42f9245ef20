// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/poll_budget.hpp>

#include "catch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

using time_point = poll_budget::time_point;
constexpr time_point start{1h};

struct poller {
    explicit poller(const std::shared_ptr<poll_budget>& budget) : me(budget, [this] { ++woken; }) {}

    bool take(time_point now = start) {
        auto a = me.try_start(now);
        last_waits = a.waits;
        last_again = a.again;
        if (!a.permit) return false;
        permits.push_back(std::move(a.permit));
        return true;
    }

    int woken = 0;
    poll_wait last_waits = poll_wait::nothing;
    time_point last_again{};
    std::vector<poll_budget::permit> permits{};
    poll_budget::member me;
};

} // namespace

TEST_CASE("poll_budget: no more at once than its cap; who is first in the line is woken by one that comes back") {
    const auto budget = std::make_shared<poll_budget>(budget_options{.max_concurrent = 2});
    poller a(budget);
    poller b(budget);
    poller c(budget);
    CHECK(a.take());
    CHECK(a.take());
    CHECK(budget->in_use() == 2);
    CHECK_FALSE(b.take());
    CHECK(b.last_waits == poll_wait::permit);
    CHECK(b.last_again == time_point::max());
    CHECK_FALSE(c.take());
    CHECK(budget->waiting() == 2);
    a.permits.pop_back();
    CHECK(b.woken == 1);
    CHECK(c.woken == 0);
    CHECK_FALSE(a.take()); // behind those who waited
    CHECK_FALSE(c.take());
    CHECK(b.take());
    CHECK(budget->in_use() == 2);
    a.permits.clear();
    CHECK(c.woken == 1);
    CHECK(c.take());
    CHECK(budget->waiting() == 1);
}

TEST_CASE("poll_budget: whoever leaves the line does not hold it up") {
    const auto budget = std::make_shared<poll_budget>(budget_options{.max_concurrent = 1});
    poller a(budget);
    auto b = std::make_unique<poller>(budget);
    poller c(budget);
    poller d(budget);
    CHECK(a.take());
    CHECK_FALSE(b->take());
    CHECK_FALSE(c.take());
    CHECK_FALSE(d.take());
    a.permits.clear();
    CHECK(b->woken == 1);
    b.reset();
    CHECK(c.woken == 1);
    c.me.leave();
    CHECK(d.woken == 1);
    CHECK(d.take());
    CHECK(budget->waiting() == 0);
}

TEST_CASE(
    "poll_budget: the rate of all members together; the first in the line is told when, the next one woken then") {
    const auto budget = std::make_shared<poll_budget>(budget_options{.rate = rate_limit{1, 2}});
    poller a(budget);
    poller b(budget);
    poller c(budget);
    CHECK(a.take());
    CHECK(b.take());
    CHECK_FALSE(a.take());
    CHECK(a.last_waits == poll_wait::budget);
    CHECK(a.last_again == start + 1s);
    CHECK_FALSE(c.take());
    CHECK(c.last_again == time_point::max());
    CHECK(a.take(start + 1s));
    CHECK(c.woken == 1);
    CHECK_FALSE(c.take(start + 1s));
    CHECK(c.last_again == start + 2s);
}

TEST_CASE("poll_budget: nobody comes before a Retry-After, whoever was told of it") {
    const auto budget = std::make_shared<poll_budget>();
    poller a(budget);
    poller b(budget);
    CHECK(a.take());
    budget->observe({.retry_after = 30s}, start);
    budget->observe({.retry_after = 10s}, start + 1s); // does not shorten it
    CHECK(budget->paused_until(start) == start + 30s);
    CHECK_FALSE(b.take(start + 29s));
    CHECK(b.last_waits == poll_wait::retry_after);
    CHECK(b.last_again == start + 30s);
    budget->observe({.retry_after = 60s}, start + 29s);
    CHECK_FALSE(b.take(start + 30s));
    CHECK(b.last_again == start + 89s);
    CHECK(b.take(start + 89s));
    CHECK_FALSE(budget->paused_until(start + 89s));
}

TEST_CASE("poll_budget: what is left of the window is spread over it, and never more than that is spent") {
    const auto budget = std::make_shared<poll_budget>(budget_options{.max_concurrent = 1000});
    poller a(budget);
    CHECK(a.take());
    budget->observe({.left = 100, .window = 100s}, start);
    CHECK(budget->left(start) == 100U);
    std::vector<double> times;
    for (auto now = start; now < start + 100s;) {
        if (a.take(now))
            times.push_back(std::chrono::duration<double>(now - start).count());
        else
            now = a.last_again;
    }
    CHECK(times.size() <= 100);
    CHECK(times.size() >= 95);
    CHECK(std::count_if(times.begin(), times.end(), [](double t) { return t < 50; }) <= 55);
    CHECK_FALSE(budget->left(start + 100s)); // nobody knows of the next one
    for (int i = 0; i < 50; ++i) CHECK(a.take(start + 100s));

    budget->observe({.left = 0, .window = 10s}, start + 101s);
    CHECK_FALSE(a.take(start + 101s));
    CHECK(a.last_waits == poll_wait::budget);
    CHECK(a.last_again == start + 111s);
    // A new window, earlier than it was thought: who waits for a time is woken.
    const int before = a.woken;
    budget->observe({.left = 5000, .window = 3600s}, start + 102s);
    CHECK(a.woken == before + 1);
    CHECK(a.take(start + 102s));
}

TEST_CASE("poll_budget: what is under way counts, for the API has not counted it yet") {
    const auto budget = std::make_shared<poll_budget>();
    poller a(budget);
    for (int i = 0; i < 4; ++i) CHECK(a.take());
    budget->observe({.left = 10, .window = 60s}, start);
    CHECK(budget->left(start) == 7U);
    budget->observe({.left = 2, .window = 60s}, start);
    CHECK(budget->left(start) == 0U);
}

TEST_CASE("poll_budget: a member with many polls and one with few take turns, and nothing starves") {
    const auto budget = std::make_shared<poll_budget>(budget_options{.max_concurrent = 3, .rate = rate_limit{10, 5}});
    std::vector<std::unique_ptr<poller>> pollers;
    for (int i = 0; i < 5; ++i) pollers.push_back(std::make_unique<poller>(budget));
    std::vector<int> started(pollers.size());
    std::vector<std::pair<time_point, std::size_t>> under_way;
    // Each wants to poll always; a poll takes 250 ms. Each asks when woken, when told to, and whenever it is given one.
    std::vector<bool> asks(pollers.size(), true);
    for (auto now = start; now < start + 100s; now += 50ms) {
        while (!under_way.empty() && under_way.front().first <= now) {
            pollers[under_way.front().second]->permits.pop_back();
            under_way.erase(under_way.begin());
        }
        for (bool any = true; any;) {
            any = false;
            for (std::size_t i = 0; i < pollers.size(); ++i) {
                auto& p = *pollers[i];
                if (!asks[i] && p.woken == 0 && p.last_again > now) continue;
                p.woken = 0;
                asks[i] = p.take(now);
                if (!asks[i]) continue;
                any = true;
                ++started[i];
                under_way.emplace_back(now + 250ms, i);
            }
        }
        REQUIRE(budget->in_use() <= 3);
    }
    int all = 0;
    for (const int n : started) all += n;
    CHECK(all <= 1005);
    CHECK(all >= 950);
    for (const int n : started) CHECK(std::abs(n - all / 5) <= 2);
}

TEST_CASE("poll_budget: budgets within another share its permits, by turns") {
    const auto all = std::make_shared<poll_budget>(budget_options{.max_concurrent = 2});
    const auto one = std::make_shared<poll_budget>(budget_options{.max_concurrent = 2, .within = all});
    const auto two = std::make_shared<poll_budget>(budget_options{.max_concurrent = 2, .within = all});
    poller a(one);
    poller b(one);
    poller c(two);
    CHECK(a.take());
    CHECK(a.take());
    CHECK(all->in_use() == 2);
    CHECK_FALSE(a.take());
    CHECK_FALSE(c.take());
    CHECK(c.last_waits == poll_wait::permit);
    CHECK_FALSE(b.take());
    a.permits.pop_back();
    CHECK(c.woken == 1);
    CHECK(a.woken > 0);
    CHECK_FALSE(a.take()); // the other budget waited before this one
    CHECK(c.take());
    CHECK(all->in_use() == 2);
    CHECK(one->in_use() == 1);
    a.permits.clear();
    CHECK(a.take());
    CHECK_FALSE(b.take());
    const int before = b.woken;
    c.permits.clear();
    CHECK(b.woken > before);
    CHECK(b.take());
    CHECK(all->waiting() == 0);
}

TEST_CASE("poll_budget: one that has to wait for itself does not hold up the budget it is within") {
    const auto all = std::make_shared<poll_budget>(budget_options{.max_concurrent = 1});
    const auto one = std::make_shared<poll_budget>(budget_options{.within = all});
    const auto two = std::make_shared<poll_budget>(budget_options{.within = all});
    poller a(one);
    auto b = std::make_unique<poller>(one);
    poller c(two);
    CHECK(a.take());
    CHECK_FALSE(b->take());
    CHECK_FALSE(c.take());
    CHECK(all->waiting() == 2);
    SECTION("it is told to come later") {
        one->observe({.retry_after = 1h}, start);
        a.permits.clear();
        CHECK_FALSE(b->take());
        CHECK(b->last_again == start + 1h);
        CHECK(c.woken == 1);
        CHECK(c.take());
    }
    SECTION("nobody there wants any more") {
        b.reset();
        CHECK(all->waiting() == 1);
        a.permits.clear();
        CHECK(c.woken > 0);
        CHECK(c.take());
    }
    c.permits.clear();
    a.permits.clear();
    CHECK(all->in_use() == 0);
}

TEST_CASE("poll_budget: on many threads no permit is lost, and nobody is left waiting") {
    const auto all = std::make_shared<poll_budget>(budget_options{.max_concurrent = 2});
    const std::vector<std::shared_ptr<poll_budget>> budgets{
        all, std::make_shared<poll_budget>(budget_options{.max_concurrent = 1, .within = all}),
        std::make_shared<poll_budget>(budget_options{.max_concurrent = 2, .within = all})};
    constexpr int each = 1000;
    std::atomic<int> at_once = 0;
    std::atomic<int> most = 0;
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 6; ++t)
        threads.emplace_back([&, budget = budgets[t % 3]] {
            std::atomic<int> woken = 0;
            poll_budget::member me(budget, [&woken] {
                ++woken;
                woken.notify_one();
            });
            for (int i = 0; i < each; ++i) {
                int seen = woken;
                auto a = me.try_start(start);
                while (!a.permit) {
                    woken.wait(seen);
                    seen = woken;
                    a = me.try_start(start);
                }
                const int now = ++at_once;
                for (int m = most; m < now && !most.compare_exchange_weak(m, now);) {}
                --at_once;
            }
        });
    for (auto& t : threads) t.join();
    CHECK(most <= 2);
    for (const auto& budget : budgets) {
        CHECK(budget->in_use() == 0);
        CHECK(budget->waiting() == 0);
    }
}
