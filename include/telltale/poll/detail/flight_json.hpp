// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_FLIGHT_JSON_HPP
#define TELLTALE_POLL_DETAIL_FLIGHT_JSON_HPP

#include <telltale/core/json.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/core/time.hpp>
#include <telltale/poll/detail/recorded_options.hpp>
#include <telltale/poll/flight_entry.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// Durations are whole nanoseconds, times have nanoseconds: what is read is what was written.

namespace telltale::inline TELLTALE_ABI {

namespace detail {

/// An object of which members that say nothing are left out.
class sparse_json {
public:
    explicit sparse_json(json_writer& out) : out_(out) { out_.begin_object(); }
    sparse_json(const sparse_json&) = delete;
    sparse_json& operator=(const sparse_json&) = delete;

    void end() { out_.end_object(); }

    json_writer& key(std::string_view name) { return out_.key(name); }

    void text(std::string_view name, std::string_view value) {
        if (!value.empty()) out_.member(name, value);
    }
    void some_text(std::string_view name, const std::optional<std::string>& value) {
        if (value) out_.member(name, *value);
    }
    template <class Number>
    void number(std::string_view name, const std::optional<Number>& value) {
        if (value) out_.member(name, *value);
    }
    template <class Number>
    void number(std::string_view name, Number value) {
        if (value != Number{}) out_.member(name, value);
    }
    void flag(std::string_view name, bool value) {
        if (value) out_.member(name, true);
    }
    void time(std::string_view name, const std::optional<timestamp>& value) {
        if (value) out_.member(name, to_rfc3339(*value, 9));
    }
    void duration(std::string_view name, const std::optional<std::chrono::nanoseconds>& value) {
        if (value) out_.member(name, value->count());
    }
    template <class Word>
    void word(std::string_view name, const std::optional<Word>& value) {
        if (value) out_.member(name, to_string(*value));
    }
    void labels(const label_map& labels) {
        key("labels").begin_object();
        for (const auto& [name, value] : labels) out_.member(name, value);
        out_.end_object();
    }

private:
    json_writer& out_;
};

inline void write_hint(json_writer& out, const poll_hint& h) {
    sparse_json o(out);
    o.duration("retry_after_ns", h.retry_after);
    o.duration("interval_ns", h.interval);
    o.number("left", h.left);
    o.duration("window_ns", h.window);
    o.end();
}

inline void write_status(json_writer& out, const status& s) {
    sparse_json o(out);
    o.flag("not_found", !s.found);
    o.word("state", s.state);
    o.text("word", s.word);
    o.text("reason", s.reason);
    o.flag("never_runs", s.never_runs);
    o.flag("unchanged", s.unchanged);
    if (s.hint != poll_hint{}) write_hint(o.key("hint"), s.hint);
    if (s.progress) write_json(o.key("progress"), *s.progress);
    o.number("queue_position", s.queue_position);
    o.some_text("message", s.message);
    if (s.error) {
        sparse_json e(o.key("error"));
        e.word("class", std::optional(s.error->kind));
        e.text("message", s.error->message);
        e.end();
    }
    o.some_text("name", s.name);
    o.some_text("kind", s.kind);
    if (s.labels) o.labels(*s.labels);
    o.number("attempt", s.attempt);
    o.time("created_at", s.created);
    o.time("queued_at", s.queued);
    o.time("started_at", s.started);
    o.time("finished_at", s.finished);
    o.end();
}

inline void write_code(json_writer& out, const error_code& ec) {
    out.begin_object().member("category", ec.category().name()).member("value", ec.value()).end_object();
}

inline void write_failure(json_writer& out, const flight_failure& f) {
    sparse_json o(out);
    o.word("class", std::optional(f.kind));
    o.number("http_status", f.http_status);
    if (f.code) write_code(o.key("code"), f.code);
    if (f.hint != poll_hint{}) write_hint(o.key("hint"), f.hint);
    o.text("message", f.text);
    o.end();
}

} // namespace detail

/// One line of a flight log, without the line break (docs/guide/explain.md).
inline void write_json(json_writer& out, const flight_entry& e) {
    detail::sparse_json o(out);
    o.time("at", e.at);
    o.word("kind", std::optional(e.kind));
    o.text("job", e.id);
    if (e.kind == flight_kind::poller_started) o.key("seed").value(e.seed);
    o.number("steady_ns", e.steady.count());
    o.number("batch_limit", e.batch_limit);
    o.flag("can_cancel", e.can_cancel);
    o.flag("can_retry", e.can_retry);
    if (e.options) detail::write_options(o.key("options"), *e.options);
    if (e.budget) detail::write_options(o.key("budget"), *e.budget);
    if (e.watch) detail::write_options(o.key("watch"), *e.watch);
    o.number("poll", e.poll);
    if (!e.ids.empty()) {
        o.key("jobs").begin_array();
        for (const auto& id : e.ids) out.value(id);
        out.end_array();
    }
    o.number("took_ns", e.took.count());
    if (e.answer) detail::write_status(o.key("answer"), *e.answer);
    if (e.failure) detail::write_failure(o.key("failure"), *e.failure);
    o.duration("next_ns", e.next);
    o.word("reason", e.reason);
    if (e.waits != poll_wait::nothing) o.word("waits", std::optional(e.waits));
    o.word("state", e.state);
    o.text("word", e.word);
    o.word("health", e.health);
    o.text("retry_as", e.retry_as);
    o.number("attempt", e.attempt);
    o.word("command", e.command);
    if (e.end) detail::write_code(o.key("end"), e.end);
    o.end();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_DETAIL_FLIGHT_JSON_HPP
