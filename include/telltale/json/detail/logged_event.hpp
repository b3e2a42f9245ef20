// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_LOGGED_EVENT_HPP
#define TELLTALE_JSON_DETAIL_LOGGED_EVENT_HPP

#include <telltale/core/cursor.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/json/detail/log_line_parser.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// From JSON what core/json.hpp wrote.

namespace telltale::inline TELLTALE_ABI::detail {

/// Of a job that was recorded: knows what the job's own control knew, and can do none of it.
class recorded_control final : public job_control {
public:
    explicit recorded_control(std::vector<job_command> commands) : commands_(std::move(commands)) {}
    bool supports(job_command c) const noexcept override {
        return std::find(commands_.begin(), commands_.end(), c) != commands_.end();
    }
    command_result request(job_command) override { return command_result::refused; }

private:
    std::vector<job_command> commands_;
};

/// The JSON text of a member of the object that `text` is, or nothing. `text` must be JSON.
inline std::string_view raw_member(std::string_view text, std::string_view wanted) {
    std::size_t i = 0;
    const auto skip_blanks = [&] {
        while (i < text.size() && std::string_view(" \t\n\r").find(text[i]) != std::string_view::npos) ++i;
    };
    const auto skip_string = [&] {
        for (++i; text[i] != '"'; ++i)
            if (text[i] == '\\') ++i;
        ++i;
    };
    skip_blanks();
    ++i; // {
    for (;;) {
        skip_blanks();
        const std::size_t key = i;
        skip_string();
        const bool found = text.substr(key + 1, i - key - 2) == wanted;
        skip_blanks();
        ++i; // :
        skip_blanks();
        const std::size_t value = i;
        std::size_t end = i;
        for (std::size_t depth = 0; depth > 0 || (text[i] != ',' && text[i] != '}');) {
            if (text[i] == '"') {
                skip_string();
            } else {
                if (text[i] == '{' || text[i] == '[') ++depth;
                if (text[i] == '}' || text[i] == ']') --depth;
                ++i;
            }
            if (std::string_view(" \t\n\r").find(text[i - 1]) == std::string_view::npos) end = i;
        }
        if (found) return text.substr(value, end - value);
        if (text[i] == '}') return {};
        ++i; // ,
    }
}

class logged_event_parser : log_line_parser {
public:
    /// Throws log_line_fault.
    delivery<event> parse(std::string_view line) {
        const auto message = parse_line(line, "type");
        const auto type = get<std::string_view>(message, "type");
        delivery<event> d;
        d.at = required(parse_cursor(get<std::string_view>(message, "cursor")), "cursor");
        if (type == "gap") {
            d.lost = find<std::uint64_t>(message, "lost");
            return d;
        }
        if (type != "event") bad(errc::wrong_type, "type");
        event e;
        e.kind = required(parse_event_kind(get<std::string_view>(message, "kind")), "kind");
        e.time = required(parse_rfc3339(get<std::string_view>(message, "time")), "time");
        if (const auto j = find<object>(message, "job")) e.job = std::make_shared<const job>(read_job(*j));
        e.data = raw_member(line, "data");
        d.event = std::make_shared<const event>(std::move(e));
        return d;
    }

private:
    static std::shared_ptr<const std::vector<job_step>> read_steps(const simdjson::dom::array& array) {
        auto steps = std::make_shared<std::vector<job_step>>();
        for (const auto element : array) {
            const auto o = as<object>(element, "steps");
            job_step s;
            s.name = text(o, "name");
            s.state = required(parse_job_state(get<std::string_view>(o, "state")), "state");
            if (const auto p = find<object>(o, "progress")) s.progress = read_progress(*p);
            s.started = time(o, "started_at");
            s.finished = time(o, "finished_at");
            steps->push_back(std::move(s));
        }
        return steps;
    }

    static job read_job(const object& o) {
        job j;
        j.id = get<std::string_view>(o, "id");
        j.name = text(o, "name");
        j.kind = text(o, "kind");
        j.state = required(parse_job_state(get<std::string_view>(o, "state")), "state");
        if (!has(o, "attempt")) bad(errc::missing_field, "attempt");
        j.attempt = *small_number(o, "attempt");
        j.word = text(o, "word");
        if (const auto p = find<object>(o, "progress")) j.progress = read_progress(*p);
        j.queue_position = small_number(o, "queue_position");
        j.labels = read_labels(o);
        j.message = text(o, "message");
        if (const auto steps = find<simdjson::dom::array>(o, "steps")) j.steps = read_steps(*steps);
        if (const auto approval = find<object>(o, "approval"))
            j.approval = approval_request{text(*approval, "what"), time(*approval, "until")};
        j.created = time(o, "created_at");
        j.queued = time(o, "queued_at");
        j.started = time(o, "started_at");
        j.finished = time(o, "finished_at");
        j.observed = time(o, "observed_at");
        j.error = read_error(o);
        if (const auto health = find<object>(o, "health"))
            j.health = {required(parse_watch_state(get<std::string_view>(*health, "state")), "state"),
                        time(*health, "since"), text(*health, "error")};
        if (const auto names = find<simdjson::dom::array>(o, "commands")) {
            std::vector<job_command> commands;
            for (const auto name : *names)
                commands.push_back(required(parse_job_command(as<std::string_view>(name, "commands")), "commands"));
            j.control = std::make_shared<recorded_control>(std::move(commands));
        }
        return j;
    }
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_LOGGED_EVENT_HPP
