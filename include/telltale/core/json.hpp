// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_JSON_HPP
#define TELLTALE_CORE_JSON_HPP

#include <telltale/core/cursor.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/core/progress.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

// How values look in JSON, on every wire. What is unknown is left out. docs/reference/json.md is the contract.

namespace telltale::inline TELLTALE_ABI {

/// {"done":1,"total":4,"unit":"bytes","percent":25,"rate":0.5,"remaining_s":6}
inline void write_json(json_writer& out, const progress& p) {
    out.begin_object().member("done", p.done);
    if (p.total) out.member("total", *p.total);
    out.member("unit", to_string(p.unit));
    if (const auto percent = p.percent()) out.member("percent", *percent);
    if (p.rate) out.member("rate", *p.rate);
    if (p.remaining) out.member("remaining_s", p.remaining->count());
    if (p.remaining_low) out.member("remaining_low_s", p.remaining_low->count());
    if (p.remaining_high) out.member("remaining_high_s", p.remaining_high->count());
    out.end_object();
}

/// A job with all that is known of it; times in RFC 3339, with so many digits after the second.
inline void write_json(json_writer& out, const job& j, int time_digits = 3) {
    const auto text = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) out.member(name, value);
    };
    const auto time = [&](std::string_view name, const std::optional<timestamp>& value) {
        if (value) out.member(name, to_rfc3339(*value, time_digits));
    };
    out.begin_object().member("id", j.id);
    text("name", j.name);
    text("kind", j.kind);
    out.member("state", to_string(j.state)).member("attempt", j.attempt);
    text("word", j.word);
    if (j.progress) write_json(out.key("progress"), *j.progress);
    if (j.queue_position) out.member("queue_position", *j.queue_position);
    if (!j.labels.empty()) {
        out.key("labels").begin_object();
        for (const auto& [name, value] : j.labels) out.member(name, value);
        out.end_object();
    }
    text("message", j.message);
    if (j.steps) {
        out.key("steps").begin_array();
        for (const job_step& s : *j.steps) {
            out.begin_object().member("name", s.name).member("state", to_string(s.state));
            if (s.progress) write_json(out.key("progress"), *s.progress);
            time("started_at", s.started);
            time("finished_at", s.finished);
            out.end_object();
        }
        out.end_array();
    }
    if (j.approval) {
        out.key("approval").begin_object().member("what", j.approval->what);
        time("until", j.approval->until);
        out.end_object();
    }
    time("created_at", j.created);
    time("queued_at", j.queued);
    time("started_at", j.started);
    time("finished_at", j.finished);
    time("observed_at", j.observed);
    if (j.error) {
        out.key("error").begin_object().member("class", to_string(j.error->kind));
        out.member("message", j.error->message).end_object();
    }
    if (j.health != watch_health{}) {
        out.key("health").begin_object().member("state", to_string(j.health.state));
        time("since", j.health.since);
        text("error", j.health.error);
        out.end_object();
    }
    if (j.control) {
        out.key("commands").begin_array();
        for (std::size_t i = 0; i < job_command_count; ++i)
            if (const auto c = static_cast<job_command>(i); accepts(j, c)) out.value(to_string(c));
        out.end_array();
    }
    out.end_object();
}

/// {"type":"event","cursor":"1f:17","time":"…","kind":"job_started","job":{…},"data":…}
inline void write_json(json_writer& out, const cursor& at, const event& e, int time_digits = 3) {
    out.begin_object().member("type", "event").member("cursor", to_string(at));
    out.member("time", to_rfc3339(e.time, time_digits)).member("kind", to_string(e.kind));
    if (e.job) write_json(out.key("job"), *e.job, time_digits);
    if (!e.data.empty()) out.key("data").raw(e.data);
    out.end_object();
}

/// The JSON text of a value that has a write_json.
template <class... Values>
std::string to_json(const Values&... values) {
    std::string text;
    json_writer out(text);
    write_json(out, values...);
    return text;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_JSON_HPP
