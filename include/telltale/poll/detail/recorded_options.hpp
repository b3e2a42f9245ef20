// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_RECORDED_OPTIONS_HPP
#define TELLTALE_POLL_DETAIL_RECORDED_OPTIONS_HPP

#include <telltale/core/backoff.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/core/retry_policy.hpp>
#include <telltale/core/token_bucket.hpp>
#include <telltale/poll/circuit_breaker.hpp>
#include <telltale/poll/poll_budget.hpp>
#include <telltale/poll/poller_options.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace telltale::inline TELLTALE_ABI::detail {

template <class Object, class Options>
concept options_of = std::same_as<std::remove_const_t<Object>, Options>;

template <options_of<breaker_options> Options, class Visit>
void visit_options(Options& o, Visit&& visit) {
    visit("failures", o.failures);
    visit("failure_rate", o.failure_rate);
    visit("window", o.window);
    visit("open_min_ns", o.open.min);
    visit("open_max_ns", o.open.max);
}

template <options_of<rate_limit> Options, class Visit>
void visit_options(Options& o, Visit&& visit) {
    visit("per_second", o.per_second);
    visit("burst", o.burst);
}

template <options_of<budget_options> Options, class Visit>
void visit_options(Options& o, Visit&& visit) {
    visit("max_concurrent", o.max_concurrent);
    visit("rate", o.rate);
}

template <options_of<retry_policy> Options, class Visit>
void visit_options(Options& o, Visit&& visit) {
    visit("classes", o.classes);
    visit("max_retries", o.max_retries);
    visit("delay_min_ns", o.delays.min);
    visit("delay_max_ns", o.delays.max);
}

inline constexpr std::array<std::string_view, 3> recorded_pace_names{"interval", "backoff", "adaptive"};
inline constexpr std::array<std::string_view, 2> recorded_remote_job_names{"leave", "cancel"};

/// The options by which a poller decides, each with its name in a flight log: for who writes and for who reads one. Left
/// out: functions, and what pollers share.
template <options_of<poller_options> Options, class Visit>
void visit_options(Options& o, Visit&& visit) {
    visit("max_concurrent", o.max_concurrent);
    visit("interval_ns", o.interval);
    visit("jitter", o.jitter);
    visit("backoff_min_ns", o.backoff.min);
    visit("backoff_max_ns", o.backoff.max);
    visit("poll_timeout_ns", o.poll_timeout);
    visit("unreachable_after", o.unreachable_after);
    visit("lost_after", o.lost_after);
    visit("lost_grace_ns", o.lost_grace);
    visit("keep_finished", o.keep_finished);
    visit("seed", o.seed);
    visit("unknown_word_alarm_ns", o.unknown_word_alarm);
    visit("batch_window", o.batch_window);
    visit("pace", o.pace, recorded_pace_names);
    visit("min_interval_ns", o.min_interval);
    visit("max_interval_ns", o.max_interval);
    visit("learn_kinds", o.learn_kinds);
    visit("breaker", o.breaker);
    visit("retry", o.retry);
    visit("fail_after_errors", o.fail_after_errors);
    visit("offer_control", o.offer_control);
    visit("source_name", o.source_name);
}

template <options_of<watch_options> Options, class Visit>
void visit_options(Options& o, Visit&& visit) {
    visit("deadline_ns", o.deadline);
    visit("name", o.name);
    visit("kind", o.kind);
    visit("labels", o.labels);
    visit("when_unwatched", o.when_unwatched, recorded_remote_job_names);
}

class options_writer {
public:
    explicit options_writer(json_writer& out) : out_(out) {}

    template <class Value>
    void operator()(std::string_view name, const Value& value) {
        write(name, value);
    }

    template <class Enum, std::size_t N>
    void operator()(std::string_view name, const Enum& value, const std::array<std::string_view, N>& words) {
        out_.member(name, words[static_cast<std::size_t>(value)]);
    }

private:
    template <class Value>
        requires std::is_arithmetic_v<Value>
    void write(std::string_view name, Value value) { out_.member(name, value); }
    void write(std::string_view name, std::chrono::nanoseconds value) { out_.member(name, value.count()); }
    void write(std::string_view name, const std::string& value) { out_.member(name, value); }
    void write(std::string_view name, const label_map& labels) {
        out_.key(name).begin_object();
        for (const auto& [key, value] : labels) out_.member(key, value);
        out_.end_object();
    }
    void write(std::string_view name, error_class_set classes) {
        out_.key(name).begin_array();
        for (std::size_t i = 0; i < error_class_names.size(); ++i)
            if (classes.contains(static_cast<error_class>(i))) out_.value(error_class_names[i]);
        out_.end_array();
    }
    template <class Value>
        requires requires(Value& v, options_writer& w) { visit_options(v, w); }
    void write(std::string_view name, const Value& value) {
        out_.key(name).begin_object();
        visit_options(value, *this);
        out_.end_object();
    }
    // What is absent may not be so by default.
    template <class Value>
    void write(std::string_view name, const std::optional<Value>& value) {
        if (value)
            write(name, *value);
        else
            out_.key(name).null();
    }

    json_writer& out_;
};

template <class Options>
void write_options(json_writer& out, const Options& options) {
    out.begin_object();
    visit_options(options, options_writer(out));
    out.end_object();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_RECORDED_OPTIONS_HPP
