// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_EXPLANATION_TEXT_HPP
#define TELLTALE_POLL_DETAIL_EXPLANATION_TEXT_HPP

#include <telltale/error.hpp>
#include <telltale/poll/detail/plain_text.hpp>
#include <telltale/poll/explanation.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

class explanation_text {
public:
    explanation_text(const explanation& e, timestamp now) : e_(e), now_(now) {}

    std::string text() && {
        about_job();
        text_ += '.';
        if (e_.over && e_.state && is_terminal(*e_.state)) return std::move(text_);
        about_answers();
        about_next_poll();
        text_ += '.';
        return std::move(text_);
    }

private:
    std::string ago(timestamp t) const { return plain_duration(now_ - t); }

    // Rounded up to seconds: what is to come is not there sooner than it says.
    std::string until(timestamp t) const {
        const auto left = t - now_;
        if (left <= std::chrono::seconds{1}) return plain_duration(left);
        return plain_duration(std::chrono::ceil<std::chrono::seconds>(left));
    }

    std::string since(timestamp t) const { return " since " + plain_time(t, now_) + " (" + ago(t) + ')'; }

    std::string api() const { return e_.source.empty() ? "its API" : plain_text(e_.source); }

    static std::string_view state_text(job_state s) {
        return s == job_state::timed_out ? std::string_view("timed out") : to_string(s);
    }

    static bool same_word(std::string_view a, std::string_view b) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
        if (a.size() != b.size()) return false;
        for (std::size_t i = 0; i < a.size(); ++i)
            if (lower(a[i]) != lower(b[i])) return false;
        return true;
    }

    void about_job() {
        text_ = "job " + plain_text(e_.id);
        if (!e_.name.empty() && e_.name != e_.id) text_ += " (" + plain_text(e_.name) + ')';
        if (e_.state)
            about_state(*e_.state);
        else if (e_.last_answer)
            text_ += " is in a state that is not known";
        else
            text_ += " has not been seen yet" + (e_.watched_since ? ", watched" + since(*e_.watched_since) : "");
        if (!e_.unknown_word.empty()) {
            text_ += "; " + api() + " says " + plain_text(e_.unknown_word) + ", a word that is not known";
            if (e_.unknown_since) text_ += ", for " + ago(*e_.unknown_since);
        }
        if (e_.stuck.why == stuck_reason::longer_than_expected)
            text_ += "; it is stuck: jobs of its kind do not take longer than " + plain_duration(e_.stuck.limit);
        else if (e_.stuck && e_.stuck.why != stuck_reason::never_runs)
            text_ += "; it is stuck: the limit is " + plain_duration(e_.stuck.limit);
        if (e_.cancel_requested) text_ += "; asked to cancel " + ago(*e_.cancel_requested) + " ago";
        if (e_.retry_at) text_ += "; it is started again in " + until(*e_.retry_at);
    }

    void about_state(job_state s) {
        const bool terminal = is_terminal(s);
        const bool has = s == job_state::succeeded || s == job_state::failed || s == job_state::timed_out;
        text_ += terminal ? has ? " has " : " was " : " is ";
        text_ += state_text(s);
        if (!e_.word.empty() && e_.unknown_word.empty() && !same_word(e_.word, to_string(s)))
            text_ += " (" + plain_text(e_.word) + ')';
        if (e_.attempt > 1) text_ += " in attempt " + std::to_string(e_.attempt);
        if (e_.since && terminal)
            text_ += " at " + plain_time(*e_.since, now_) + " (" + ago(*e_.since) + " ago)";
        else if (e_.since)
            text_ += since(*e_.since);
        if (e_.queue_position && *e_.queue_position != 0 && !terminal)
            text_ += ", at position " + std::to_string(*e_.queue_position) + " of its queue";
        if (const auto percent = e_.progress && !terminal ? e_.progress->percent() : std::nullopt) {
            char number[32];
            std::snprintf(number, sizeof number, ", %.0f %% done", std::floor(*percent));
            text_ += number;
        }
        if (e_.error && terminal && s != job_state::succeeded) {
            text_ += ", class " + std::string(to_string(e_.error->kind));
            if (!e_.error->message.empty()) text_ += ": " + plain_text(e_.error->message);
        }
        if (!e_.reason.empty()) text_ += "; " + api() + " says " + plain_text(e_.reason);
        if (e_.never_runs && !terminal) text_ += e_.reason.empty() ? "; it will never run" : ": it will never run";
    }

    void about_answers() {
        if (e_.health.state == watch_state::ok) {
            if (e_.last_answer)
                text_ += " Last answer " + ago(*e_.last_answer) + " ago; ";
            else
                text_ += ' ';
            return;
        }
        text_ += e_.failures > 1    ? " The last " + std::to_string(e_.failures) + " polls failed"
                 : e_.failures == 1 ? " The last poll failed"
                                    : " The watch is " + std::string(to_string(e_.health.state));
        if (!e_.health.error.empty()) text_ += " (" + plain_text(e_.health.error) + ')';
        if (e_.last_answer)
            text_ += ", the last answer is " + ago(*e_.last_answer) + " old";
        else
            text_ += ", there was no answer yet";
        text_ += "; ";
    }

    void about_next_poll() {
        const bool begins = text_.back() == ' ' && text_[text_.size() - 2] == '.';
        const std::size_t start = text_.size();
        if (e_.over)
            text_ += e_.end == errc::deadline_exceeded ? "the time of its watch is over" : "its watch is over";
        else if (e_.retry_at)
            text_ += "there is no poll until then";
        else if (e_.polling)
            text_ += "a poll is under way";
        else if (e_.waits != poll_wait::nothing)
            about_wait();
        else if (e_.next_poll)
            text_ += "next poll " + (*e_.next_poll <= now_ ? "now" : "in " + until(*e_.next_poll)) + why_then();
        else
            text_ += "there is no next poll";
        if (begins && text_[start] >= 'a') text_[start] = static_cast<char>(text_[start] - 'a' + 'A');
    }

    void about_wait() {
        text_ += "the next poll is due and waits ";
        switch (e_.waits) {
        case poll_wait::nothing: break;
        case poll_wait::permit: text_ += "for others to end, as many as may be are under way"; break;
        case poll_wait::budget: text_ += "for the request budget of its credential"; break;
        case poll_wait::breaker: text_ += "as " + api() + " has failed too often"; break;
        case poll_wait::retry_after: text_ += "as " + api() + " has asked for it"; break;
        }
        if (e_.waits_until && *e_.waits_until > now_) text_ += ", for " + until(*e_.waits_until) + " more";
    }

    std::string why_then() const {
        if (!e_.why_then) return {};
        const std::string interval = e_.interval ? plain_duration(*e_.interval) : "";
        switch (*e_.why_then) {
        case poll_reason::first: return " (the first)";
        case poll_reason::interval: return interval.empty() ? "" : " (interval " + interval + ')';
        case poll_reason::backoff: return interval.empty() ? " (backoff)" : " (backoff " + interval + ')';
        case poll_reason::hint: return " (as " + api() + " has asked for)";
        case poll_reason::predicted_end: return " (by its progress it ends about then)";
        case poll_reason::learned_duration: return " (by how long such jobs take)";
        case poll_reason::last_poll: return " (the last, at the deadline of the watch)";
        case poll_reason::command: return " (after a command)";
        }
        return {};
    }

    const explanation& e_;
    timestamp now_;
    std::string text_{};
};

} // namespace detail

inline std::string to_sentence(const explanation& e, timestamp now) { return detail::explanation_text(e, now).text(); }

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_DETAIL_EXPLANATION_TEXT_HPP
