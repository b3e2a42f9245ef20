// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTING_DETAIL_REPLAY_RUN_HPP
#define TELLTALE_TESTING_DETAIL_REPLAY_RUN_HPP

#include <telltale/asio.hpp>
#include <telltale/core/json.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/flight_recorder.hpp>
#include <telltale/poll/poll_budget.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/testing/detail/replay_source.hpp>
#include <telltale/testing/replay.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

using flight_span = std::span<const flight_entry>;

/// The flight of one poller again.
class replay_run {
public:
    explicit replay_run(flight_span recorded, const testing::replay_options& options) : recorded_(recorded) {
        const flight_entry& start = recorded.front();
        auto& time = net::use_service<time_source>(context_);
        time.make_virtual(std::chrono::steady_clock::time_point(
                              std::chrono::duration_cast<std::chrono::steady_clock::duration>(start.steady)),
                          start.at);
        poller_options with = *start.options;
        with.seed = start.seed;
        if (start.budget) with.budget = std::make_shared<poll_budget>(*start.budget);
        if (options.change) options.change(with);
        auto answers = std::make_shared<recorded_answers>(recorded.begin(), recorded.end(), with.poll_timeout);
        with.recorder = [this, answers](const flight_entry& e) {
            entries_.push_back(e);
            if (!is_call(e.kind)) ++answers->told;
        };
        const auto limit = static_cast<std::size_t>(start.batch_limit);
        if (start.can_cancel && start.can_retry)
            make<replay_source_retry<replay_source_cancel>>(std::move(answers), limit, std::move(with));
        else if (start.can_cancel)
            make<replay_source_cancel>(std::move(answers), limit, std::move(with));
        else if (start.can_retry)
            make<replay_source_retry<replay_source>>(std::move(answers), limit, std::move(with));
        else
            make<replay_source>(std::move(answers), limit, std::move(with));
    }

    std::vector<flight_entry> run() && {
        std::size_t done = 0; // entries up to the last that is a consequence and not a call
        for (std::size_t i = 1; i < recorded_.size(); ++i) {
            const flight_entry& e = recorded_[i];
            if (!is_call(e.kind)) {
                done = i + 1;
                continue;
            }
            run_until(e.at, done);
            if (e.kind == flight_kind::watched)
                poller_->watch(e.id, e.watch ? *e.watch : watch_options{});
            else if (e.kind == flight_kind::unwatched)
                poller_->unwatch(e.id);
            else if (e.kind == flight_kind::poll_requested)
                poller_->poll_now(e.id);
            else if (e.kind == flight_kind::cancel_requested)
                poller_->async_cancel(e.id, [](const error_code&, const auto&...) {});
            else
                poller_->stop();
        }
        run_until(recorded_.back().at, static_cast<std::size_t>(-1));
        poller_->stop(); // tells what it has not told yet
        if (recorded_.back().kind != flight_kind::stopped) entries_.pop_back();
        return std::move(entries_);
    }

private:
    template <class Source>
    void make(std::shared_ptr<recorded_answers> answers, std::size_t limit, poller_options with) {
        poller_.emplace(context_.get_executor(), Source(std::move(answers), limit), job_sink(), std::move(with));
    }

    /// Until it is that time. Once there are so many entries nothing more is done until then: what was called between two
    /// entries is called there.
    void run_until(timestamp at, std::size_t entries) {
        auto& time = net::use_service<time_source>(context_);
        const auto end =
            time.now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(at - time.system_now());
        while (entries_.size() < entries) {
            context_.restart();
            if (context_.poll_one() != 0) continue;
            const auto next = time.next_expiry();
            if (!next || *next > end) break;
            time.advance_to(*next);
        }
        if (time.now() < end) time.advance_to(end);
    }

    net::io_context context_{1};
    flight_span recorded_;
    std::vector<flight_entry> entries_{};
    std::optional<status_poller> poller_{};
};

/// Which sequence an entry belongs to: that of a job, of polls for just these jobs, or of the poller.
inline std::string sequence_of(const flight_entry& e) {
    if (e.ids.empty()) return "j" + e.id;
    std::vector<job_id> ids = e.ids;
    std::sort(ids.begin(), ids.end());
    std::string key = "p";
    for (const auto& id : ids) key += std::to_string(id.size()) + ':' + id;
    return key;
}

inline bool same_entry(const flight_entry& a, const flight_entry& b, std::chrono::nanoseconds tolerance) {
    using std::chrono::nanoseconds;
    const auto near = [&](nanoseconds x, nanoseconds y) { return x < y ? y - x <= tolerance : x - y <= tolerance; };
    if (!near(a.at.time_since_epoch(), b.at.time_since_epoch()) || !near(a.took, b.took)) return false;
    if (a.next.has_value() != b.next.has_value() || (a.next && !near(*a.next, *b.next))) return false;
    const auto rest = [](flight_entry e) {
        e.at = {};
        e.took = {};
        e.next.reset();
        e.poll = 0;
        e.options = nullptr; // may have been changed
        e.budget.reset();
        e.steady = {};
        e.seed = 0;
        std::sort(e.ids.begin(), e.ids.end());
        return to_json(e);
    };
    return rest(a) == rest(b);
}

/// Adds what is to be said of one poller. `line`: of its first entry, from 0.
inline void compare_flights(flight_span recorded, std::vector<flight_entry> got, std::size_t line,
                            std::chrono::nanoseconds tolerance, testing::replay_result& result) {
    std::map<std::string, std::vector<std::size_t>> expected;
    for (std::size_t i = 0; i < recorded.size(); ++i) expected[sequence_of(recorded[i])].push_back(i);
    std::map<std::string, std::vector<const flight_entry*>> found;
    for (const auto& e : got) found[sequence_of(e)].push_back(&e);
    const timestamp last = recorded.back().at;

    std::optional<timestamp> first; // of the differences
    const auto differ = [&](timestamp at, const flight_entry* wanted, const flight_entry* have) {
        if (first && *first <= at) return;
        first = at;
        testing::replay_difference d;
        if (wanted != nullptr) {
            d.line = line + static_cast<std::size_t>(wanted - recorded.data()) + 1;
            d.expected = *wanted;
        } else {
            const auto after =
                std::find_if(recorded.begin(), recorded.end(), [&](const flight_entry& e) { return e.at > have->at; });
            d.line = line + static_cast<std::size_t>(after - recorded.begin());
        }
        if (have != nullptr) d.got = *have;
        result.difference = std::move(d);
    };
    for (const auto& [key, places] : expected) {
        const auto& have = found[key];
        for (std::size_t n = 0; n < std::max(places.size(), have.size()); ++n) {
            const flight_entry* const e = n < places.size() ? &recorded[places[n]] : nullptr;
            const flight_entry* const g = n < have.size() ? have[n] : nullptr;
            if (e != nullptr && g != nullptr && same_entry(*e, *g, tolerance)) {
                ++result.compared;
                continue;
            }
            // What is missing at the end was not recorded any more, or not done yet.
            const bool at_end = e == nullptr ? g->at + tolerance >= last : g == nullptr && e->at + tolerance >= last;
            if (!(at_end && tolerance.count() > 0) && !(e == nullptr && g->at >= last))
                differ(e == nullptr ? g->at : g == nullptr ? e->at : std::min(e->at, g->at), e, g);
            break;
        }
    }
    for (const auto& [key, have] : found)
        if (!expected.contains(key) && have.front()->at + tolerance < last)
            differ(have.front()->at, nullptr, have.front());
    result.entries.insert(result.entries.end(), std::make_move_iterator(got.begin()),
                          std::make_move_iterator(got.end()));
}

} // namespace telltale::inline TELLTALE_ABI::detail

namespace telltale::inline TELLTALE_ABI::testing {

inline replay_result replay(const std::vector<flight_entry>& recorded, replay_options options) {
    replay_result result;
    const auto starts = [](const flight_entry& e) { return e.kind == flight_kind::poller_started; };
    for (auto begin = recorded.begin(); begin != recorded.end() && !result.difference;) {
        if (!starts(*begin) || !begin->options)
            throw system_error(make_error_code(errc::invalid_argument), "the recording does not begin with a poller");
        const auto end = std::find_if(begin + 1, recorded.end(), starts);
        const detail::flight_span one(begin, end);
        auto got = detail::replay_run(one, options).run();
        detail::compare_flights(one, std::move(got), static_cast<std::size_t>(begin - recorded.begin()),
                                options.tolerance, result);
        begin = end;
    }
    return result;
}

inline std::string to_string(const replay_result& r) {
    if (!r.difference) return "all " + std::to_string(r.compared) + " entries are the same";
    const auto text = [](const std::optional<flight_entry>& e) { return e ? to_json(*e) : std::string("nothing"); };
    const std::string line = (r.difference->expected ? "line " : "after line ") + std::to_string(r.difference->line);
    const std::string expected = line + ": expected ";
    return expected + text(r.difference->expected) + '\n' + std::string(expected.size() - 4, ' ') + "got " +
           text(r.difference->got);
}

} // namespace telltale::inline TELLTALE_ABI::testing

#endif // TELLTALE_TESTING_DETAIL_REPLAY_RUN_HPP
