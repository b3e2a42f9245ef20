// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_INTERPRET_ANSWER_HPP
#define TELLTALE_JSON_DETAIL_INTERPRET_ANSWER_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>
#include <telltale/json/detail/answer.hpp>
#include <telltale/json/detail/rfc3339.hpp>
#include <telltale/json/detail/word_list.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/poll/status_source.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Makes of the values of an answer what they say of the job.
class answer_interpreter {
public:
    /// `to` must be empty.
    answer_interpreter(const answer_plan& plan, const found_values& values, std::optional<timestamp> now, status& to)
        : plan_(plan), values_(values), now_(now), to_(to) {}

    /// What is wrong with a value, and where.
    struct fault {
        slot_index slot = 0;
        const char* why = nullptr;
    };

    /// Whether the answer says that there is no such job.
    bool is_absent() const {
        return std::any_of(plan_.absences.begin(), plan_.absences.end(),
                           [&](const compiled_absence& a) { return values_.hold(a.where); });
    }

    /// Returns the first thing that is wrong.
    fault read(std::optional<label_map>& labels) {
        to_.labels.swap(labels);
        for (const auto& e : plan_.entries) {
            const auto* const from = values_.choose(e.from);
            if (from == nullptr) continue;
            const scalar& s = values_.slots[from->slot];
            const char* why = nullptr;
            if (s.what == scalar::kind::object)
                why = "an object";
            else if (s.what == scalar::kind::array)
                why = "an array";
            else
                why = set(e.what, s);
            if (why != nullptr) return {from->slot, why};
        }
        if (const auto bad = read_state(); bad.why != nullptr) return bad;
        complete_progress(to_);
        complete(to_);
        return {};
    }

    /// Whether there was a state, or an acceptor that says what there is without one.
    bool has_state() const noexcept { return has_state_; }

    job_id take_id() { return std::move(id_); }

private:
    using words = word_list;

    const char* set(field f, const scalar& s) {
        status& now = to_;
        switch (f) {
        case field::id:
            if (s.what != scalar::kind::text && !s.whole) return "neither a string nor an integer";
            id_ = s.word();
            return nullptr;
        case field::fraction: return set_number(s, fraction_);
        case field::percent: return set_number(s, percent_);
        case field::done: return set_number(s, done_);
        case field::total: return set_number(s, total_);
        case field::count_done: return add_number(s, done_);
        case field::count_left: return add_number(s, left_);
        case field::rate: return set_number(s, rate_);
        case field::remaining: return set_number(s, remaining_);
        case field::unit:
            if (s.what != scalar::kind::text) return "not a string";
            unit_ = parse_progress_unit(s.text);
            return nullptr;
        case field::queue_position: return set_integer(s, now.queue_position);
        case field::attempt:
            if (const char* const why = set_integer(s, now.attempt)) return why;
            if (now.attempt == 0U) now.attempt.reset();
            return nullptr;
        case field::retries:
            if (const char* const why = set_integer(s, now.attempt)) return why;
            if (now.attempt != std::numeric_limits<std::uint32_t>::max()) ++*now.attempt;
            return nullptr;
        case field::message: return set_text(s, now.message);
        case field::name: return set_text(s, now.name);
        case field::kind: return set_text(s, now.kind);
        case field::error_class:
            if (s.what != scalar::kind::text) return "not a string";
            class_ = parse_error_class(s.text).value_or(error_class::unknown);
            return nullptr;
        case field::error_code:
            if (!s.is_word()) return "neither text nor number";
            return join_error(s);
        case field::error_message:
            if (s.what != scalar::kind::text) return "not a string";
            return join_error(s);
        case field::created: return set_time(s, now.created);
        case field::queued: return set_time(s, now.queued);
        case field::started: return set_time(s, now.started);
        case field::finished: return set_time(s, now.finished);
        case field::hint_seconds: {
            std::optional<double> seconds;
            if (const char* const why = set_number(s, seconds)) return why;
            if (*seconds >= 0 && *seconds < 1e9) set_hint(now, std::chrono::duration<double>(*seconds));
            return nullptr;
        }
        case field::hint_time: {
            std::optional<timestamp> at;
            if (const char* const why = set_time(s, at)) return why;
            if (at && now_ && *at > *now_) set_hint(now, *at - *now_);
            return nullptr;
        }
        }
        return nullptr;
    }

    template <class Duration>
    static void set_hint(status& now, Duration wait) {
        now.hint.interval = std::chrono::duration_cast<std::chrono::nanoseconds>(wait);
    }

    // 1. The state

    fault read_state() {
        words first;
        words flags;
        if (const auto* const from = values_.choose(plan_.state)) {
            const scalar& s = values_.slots[from->slot];
            if (s.what == scalar::kind::object) return {from->slot, "an object"};
            collect(*from, first);
            // Of an array the first is the word; of several elements all are words.
            if (!from->selected && first.size() > 1)
                for (const auto flag : first.take_more()) flags.push_back(flag);
        }
        words second;
        for (auto [from, to] : {std::pair(&plan_.second, &second), std::pair(&plan_.flags, &flags)}) {
            const auto* const option = values_.choose(*from);
            if (option == nullptr) continue;
            if (values_.slots[option->slot].what == scalar::kind::object) return {option->slot, "an object"};
            collect(*option, *to);
        }
        const decision d = decide(first, second, flags);
        has_state_ = !first.empty() || d.by != nullptr;
        if (d.by != nullptr) {
            to_.state = d.by->state;
            acceptor_error_ = d.by->error;
        }
        spell(to_.word, first, d, second, flags);
        return read_reason(to_);
    }

    struct decision {
        const compiled_acceptor* by = nullptr;
        std::size_t word = 0; ///< which of the words
    };

    decision decide(const words& first, const words& second, const words& flags) const {
        std::size_t best = plan_.acceptors.size();
        std::size_t word = 0;
        const auto look = [&](const std::vector<std::size_t>& candidates, std::size_t which) {
            for (const std::size_t i : candidates) {
                if (i >= best) return;
                if (!matches(plan_.acceptors[i], second, flags)) continue;
                best = i;
                word = which;
                return;
            }
        };
        if (first.empty()) look(plan_.of_no_word, 0);
        for (std::size_t i = 0; i < first.size(); ++i) {
            const auto known = plan_.by_word.find(first[i]);
            look(known == plan_.by_word.end() ? plan_.of_other_words : known->second, i);
        }
        if (best == plan_.acceptors.size()) return {};
        return {&plan_.acceptors[best], word};
    }

    bool matches(const compiled_acceptor& a, const words& second, const words& flags) const {
        const auto meet = [](const std::vector<std::string>& wanted, const words& there) {
            return wanted.empty() || there.any_of([&](std::string_view word) {
                return std::find(wanted.begin(), wanted.end(), word) != wanted.end();
            });
        };
        if (a.no_second && !second.empty()) return false;
        return meet(a.second, second) && meet(a.flag, flags) && values_.hold(a.where);
    }

    // first/second+flag+flag
    static void spell(std::string& out, const words& first, const decision& d, const words& second,
                      const words& flags) {
        if (!first.empty()) out = first[d.word];
        // Of several elements the one that decided; all, if none did.
        if (d.by == nullptr)
            for (std::size_t i = 1; i < first.size(); ++i) out.append(",").append(first[i]);
        if (!second.empty()) out.append("/").append(second.front());
        for (std::size_t i = 0; i < flags.size(); ++i) out.append("+").append(flags[i]);
    }

    // The texts of a slot; "" and things that have none are left out.
    void collect(const slot_choice::option& from, words& to) {
        const auto add = [&](const scalar& s) {
            if (s.what == scalar::kind::text && !s.text.empty())
                to.push_back(s.text);
            else if (s.what == scalar::kind::boolean)
                to.push_back(s.yes ? "true" : "false");
            else if (s.what == scalar::kind::number)
                to.push_back(spelled_.emplace_back(s.word()));
        };
        add(values_.slots[from.slot]);
        for (const auto& [slot, s] : values_.more)
            if (slot == from.slot) add(s);
    }

    fault read_reason(status& now) {
        const auto* const from = values_.choose(plan_.reason);
        if (from == nullptr) return {};
        if (values_.slots[from->slot].what == scalar::kind::object) return {from->slot, "an object"};
        words all;
        collect(*from, all);
        words reasons;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (!means_nothing(all[i])) reasons.push_back(all[i]);
        if (reasons.empty()) return {};
        now.reason = reasons.front();
        const bool waits = !now.state || is_waiting(*now.state);
        if (!waits) return {};
        for (std::size_t i = 0; i < reasons.size() && !now.never_runs; ++i) {
            if (!never_runs(reasons[i])) continue;
            now.never_runs = true;
            now.reason = reasons[i];
        }
        return {};
    }

    bool means_nothing(std::string_view text) const {
        return std::find(plan_.no_reason.begin(), plan_.no_reason.end(), text) != plan_.no_reason.end();
    }

    bool never_runs(std::string_view reason) const {
        return std::any_of(plan_.never_runs.begin(), plan_.never_runs.end(), [&](std::string_view known) {
            if (!known.ends_with('*')) return reason == known;
            known.remove_suffix(1);
            return reason.starts_with(known);
        });
    }

    static bool is_waiting(job_state s) noexcept {
        return s == job_state::pending || s == job_state::queued || s == job_state::paused;
    }

    // 2. The rest

    void complete(status& now) {
        const bool over = now.state && is_terminal(*now.state);
        if (!over) now.finished.reset();
        if (now.state == job_state::pending || now.state == job_state::queued) now.started.reset();
        // Many APIs have one field for good and bad news.
        if (!over || *now.state == job_state::succeeded) return;
        if (!class_ && !acceptor_error_ && !error_) return;
        now.error.emplace();
        now.error->kind = class_ ? *class_ : acceptor_error_.value_or(error_class::unknown);
        if (error_) now.error->message = std::move(*error_);
    }

    void complete_progress(status& now) const {
        progress p;
        if (fraction_) {
            p = {.done = *fraction_ * 100, .total = 100, .unit = progress_unit::percent};
        } else if (percent_) {
            p = {.done = *percent_, .total = 100, .unit = progress_unit::percent};
        } else if (plan_.counts) {
            p.done = done_.value_or(0);
            p.total = plan_.left ? p.done + left_.value_or(0) : total_;
            const bool said = done_ || left_ || (!plan_.left && total_);
            if (!said || (p.done == 0 && p.total == 0.0)) return;
            p.unit = unit_.value_or(plan_.unit);
        } else if (done_) {
            p.done = *done_;
            p.total = total_;
            p.unit = unit_.value_or(plan_.unit);
        } else {
            return;
        }
        p.rate = rate_;
        if (remaining_) p.remaining = std::chrono::duration<double>(*remaining_);
        now.progress = p;
    }

    const char* join_error(const scalar& s) {
        const std::string part = s.word();
        if (part.empty() || (s.what == scalar::kind::number && s.number == 0) || means_nothing(part)) return nullptr;
        if (!error_) error_.emplace();
        if (!error_->empty()) *error_ += ": ";
        *error_ += part;
        return nullptr;
    }

    static const char* set_number(const scalar& s, std::optional<double>& to) {
        if (s.what != scalar::kind::number) return "not a number";
        to = s.number;
        return nullptr;
    }

    static const char* add_number(const scalar& s, std::optional<double>& to) {
        if (s.what != scalar::kind::number) return "not a number";
        to = to.value_or(0) + s.number;
        return nullptr;
    }

    static const char* set_integer(const scalar& s, std::optional<std::uint32_t>& to) {
        if (s.what != scalar::kind::number) return "not an integer";
        if (s.negative) return "negative";
        if (!s.whole) return "not an integer of 64 bits";
        if (s.integer > std::numeric_limits<std::uint32_t>::max()) return "more than 4294967295";
        to = static_cast<std::uint32_t>(s.integer);
        return nullptr;
    }

    static const char* set_text(const scalar& s, std::optional<std::string>& to) {
        if (s.what != scalar::kind::text) return "not a string";
        to = std::string(s.text);
        return nullptr;
    }

    const char* set_time(const scalar& s, std::optional<timestamp>& to) const {
        using format = profile_time_format;
        if (plan_.times == format::rfc3339 || plan_.times == format::iso8601) {
            if (s.what != scalar::kind::text) return "not a string";
            if (s.text.empty()) return nullptr;
            const bool strict = plan_.times == format::rfc3339;
            to = strict ? parse_rfc3339(s.text) : parse_iso8601(s.text);
            return to ? nullptr : strict ? "not a time of RFC 3339" : "not a time of ISO 8601";
        }
        if (s.what != scalar::kind::number) return "not a number";
        if (!(s.number > 0)) return nullptr;
        const double seconds = plan_.times == format::epoch_ms ? s.number / 1000 : s.number;
        if (seconds > 9'000'000'000.0) return "out of range"; // a time has 64 bits of nanoseconds
        using whole = std::chrono::duration<std::int64_t, std::micro>;
        to = timestamp(std::chrono::duration_cast<timestamp::duration>(
            whole(static_cast<std::int64_t>(std::llround(seconds * 1e6)))));
        return nullptr;
    }

    const answer_plan& plan_;
    const found_values& values_;
    std::optional<timestamp> now_;
    status& to_;
    job_id id_{};
    bool has_state_ = false;
    std::list<std::string> spelled_{}; ///< words that were numbers
    std::optional<std::string> error_{};
    std::optional<error_class> class_{};
    std::optional<error_class> acceptor_error_{};
    std::optional<double> fraction_{};
    std::optional<double> percent_{};
    std::optional<double> done_{};
    std::optional<double> left_{};
    std::optional<double> total_{};
    std::optional<double> rate_{};
    std::optional<double> remaining_{};
    std::optional<progress_unit> unit_{};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_INTERPRET_ANSWER_HPP
