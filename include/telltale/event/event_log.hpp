// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_EVENT_LOG_HPP
#define TELLTALE_EVENT_EVENT_LOG_HPP

#include <telltale/core/cursor.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/core/json.hpp>
#include <telltale/core/json_writer.hpp>
#include <telltale/event/delivery.hpp>

#include <algorithm>
#include <optional>
#include <ostream>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// Records events: one JSON object in a line each, as on the wire (docs/reference/json.md) but with times to the
/// nanosecond, so that event_log_reader (json/) gives back what was written.
///
///     std::ofstream file("events.jsonl", std::ios::app | std::ios::binary);
///     telltale::event_log_writer log(file);
///     for (const auto& d : co_await events.receive_some()) log.write(d);
///     file.flush();
///
/// Exactly, but for what JSON cannot say: bytes that are not UTF-8 become U+FFFD, numbers that are not finite become NaN,
/// a line break between the tokens of `data` becomes a blank; and of a job_control only which commands it knows.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class event_log_writer {
public:
    /// Lines are written to `out`, which must outlive this. Whether and when it is flushed is its owner's to say.
    explicit event_log_writer(std::ostream& out) noexcept : out_(out) {}

    /// One line, written at once. False: the stream has failed.
    bool write(const delivery<event>& d) {
        line_.clear();
        json_writer json(line_);
        if (d.is_gap()) {
            json.begin_object().member("type", "gap").member("cursor", to_string(d.at));
            if (d.lost) json.member("lost", *d.lost);
            json.end_object();
        } else {
            write_json(json, d.at, *d, 9);
            // Only `data` can have them, and there they are white space.
            std::replace_if(
                line_.begin(), line_.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
        }
        line_ += '\n';
        out_.write(line_.data(), static_cast<std::streamsize>(line_.size()));
        return out_.good();
    }

private:
    std::ostream& out_;
    std::string line_; // kept for its memory
};

/// What an observer would report who saw the job as this event shows it: for replay into a board or another job_sink.
/// Nothing for an event without a job, and for one that changed nothing.
inline std::optional<job_report> report_of(const event& e) {
    if (!e.job || e.kind == event_kind::transition_refused || e.kind == event_kind::custom) return std::nullopt;
    const job& j = *e.job;
    job_report r;
    r.id = j.id;
    r.by = reporter::observer;
    r.at = e.time;
    r.state = j.state;
    r.attempt = j.attempt;
    r.word = j.word;
    r.name = j.name;
    r.kind = j.kind;
    r.progress = j.progress;
    r.queue_position = j.queue_position.value_or(0);
    r.labels = j.labels;
    r.message = j.message;
    r.error = j.error;
    if (j.health.since || j.health.state != watch_state::ok) r.health = j.health.state;
    r.health_error = j.health.error;
    r.created = j.created;
    r.queued = j.queued;
    r.started = j.started;
    r.finished = j.finished;
    r.control = j.control;
    return r;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_EVENT_LOG_HPP
