// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_FLIGHT_LINE_HPP
#define TELLTALE_JSON_DETAIL_FLIGHT_LINE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/retry_policy.hpp>
#include <telltale/error.hpp>
#include <telltale/json/detail/log_line_parser.hpp>
#include <telltale/poll/flight_recorder.hpp>
#include <telltale/poll/poller_options.hpp>

#include <simdjson.h>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

// From JSON what poll/flight_recorder.hpp wrote.

namespace telltale::inline TELLTALE_ABI::detail {

/// The category that has this name, of those that errors of this library and of Asio are of; null: none.
inline const error_category* find_category(std::string_view name) {
    const auto& asio = error_code(net::error::connection_reset).category(); // "asio.system" without Boost
    if (name == "asio.system") return &asio;
    const error_category* const known[]{&telltale_category(),
                                        &sys::system_category(),
                                        &sys::generic_category(),
                                        &net::error::get_misc_category(),
                                        &net::error::get_netdb_category(),
                                        &net::error::get_addrinfo_category()};
    for (const auto* category : known)
        if (category->name() == name) return category;
    return nullptr;
}

class flight_line_parser : log_line_parser {
public:
    /// Throws log_line_fault.
    flight_entry parse(std::string_view line) {
        const auto o = parse_line(line, "kind");
        flight_entry e;
        e.kind = required(parse_flight_kind(get<std::string_view>(o, "kind")), "kind");
        e.at = required(parse_rfc3339(get<std::string_view>(o, "at")), "at");
        e.id = text(o, "job");
        e.seed = find<std::uint64_t>(o, "seed").value_or(0);
        e.steady = duration(o, "steady_ns").value_or(e.steady);
        e.batch_limit = find<std::uint64_t>(o, "batch_limit").value_or(0);
        e.can_cancel = find<bool>(o, "can_cancel").value_or(false);
        e.can_retry = find<bool>(o, "can_retry").value_or(false);
        e.options = read_options<poller_options>(o, "options");
        if (const auto b = read_options<budget_options>(o, "budget")) e.budget = *b;
        if (e.budget && e.budget->rate && !e.budget->rate->valid()) bad(errc::wrong_type, "rate");
        e.watch = read_options<watch_options>(o, "watch");
        e.poll = find<std::uint64_t>(o, "poll").value_or(0);
        if (const auto ids = find<simdjson::dom::array>(o, "jobs"))
            for (const auto id : *ids) e.ids.emplace_back(as<std::string_view>(id, "jobs"));
        e.took = duration(o, "took_ns").value_or(e.took);
        if (const auto answer = find<object>(o, "answer")) e.answer = read_status(*answer);
        if (const auto failure = find<object>(o, "failure")) e.failure = read_failure(*failure);
        e.next = duration(o, "next_ns");
        e.reason = word(o, "reason", parse_poll_reason);
        e.waits = word(o, "waits", parse_poll_wait).value_or(poll_wait::nothing);
        e.state = word(o, "state", parse_job_state);
        e.word = text(o, "word");
        e.health = word(o, "health", parse_watch_state);
        e.retry_as = text(o, "retry_as");
        e.attempt = small_number(o, "attempt").value_or(0);
        e.command = word(o, "command", parse_command_result);
        if (const auto end = find<object>(o, "end")) e.end = read_code(*end);
        return e;
    }

private:
    template <class Value>
    static std::optional<Value> word(const object& o, std::string_view name,
                                     std::optional<Value> (*parse)(std::string_view)) {
        const auto written = find<std::string_view>(o, name);
        if (!written) return std::nullopt;
        return required(parse(*written), name);
    }

    static std::optional<command_result> parse_command_result(std::string_view name) {
        for (std::size_t i = 0; i < command_result_names.size(); ++i)
            if (command_result_names[i] == name) return static_cast<command_result>(i);
        return std::nullopt;
    }

    static std::optional<std::chrono::nanoseconds> duration(const object& o, std::string_view name) {
        const auto ns = find<std::int64_t>(o, name);
        if (!ns) return std::nullopt;
        return std::chrono::nanoseconds(*ns);
    }

    static std::optional<std::string> some_text(const object& o, std::string_view name) {
        const auto written = find<std::string_view>(o, name);
        if (!written) return std::nullopt;
        return std::string(*written);
    }

    static poll_hint read_hint(const object& parent) {
        poll_hint h;
        const auto o = find<object>(parent, "hint");
        if (!o) return h;
        h.retry_after = duration(*o, "retry_after_ns");
        h.interval = duration(*o, "interval_ns");
        h.left = find<std::uint64_t>(*o, "left");
        h.window = duration(*o, "window_ns");
        return h;
    }

    static status read_status(const object& o) {
        status s;
        s.found = !find<bool>(o, "not_found").value_or(false);
        s.state = word(o, "state", parse_job_state);
        s.word = text(o, "word");
        s.reason = text(o, "reason");
        s.never_runs = find<bool>(o, "never_runs").value_or(false);
        s.unchanged = find<bool>(o, "unchanged").value_or(false);
        s.hint = read_hint(o);
        if (const auto p = find<object>(o, "progress")) s.progress = read_progress(*p);
        s.queue_position = small_number(o, "queue_position");
        s.message = some_text(o, "message");
        s.error = read_error(o);
        s.name = some_text(o, "name");
        s.kind = some_text(o, "kind");
        if (has(o, "labels")) s.labels = read_labels(o);
        s.attempt = small_number(o, "attempt");
        s.created = time(o, "created_at");
        s.queued = time(o, "queued_at");
        s.started = time(o, "started_at");
        s.finished = time(o, "finished_at");
        return s;
    }

    /// A code of a category that nobody here knows becomes errc::recorded_error.
    static error_code read_code(const object& o) {
        const auto value = get<std::int64_t>(o, "value");
        if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
            bad(errc::wrong_type, "value");
        const auto* const category = find_category(get<std::string_view>(o, "category"));
        if (category == nullptr) return errc::recorded_error;
        return {static_cast<int>(value), *category};
    }

    static flight_failure read_failure(const object& o) {
        flight_failure f;
        f.kind = required(parse_error_class(get<std::string_view>(o, "class")), "class");
        f.http_status = small_number(o, "http_status").value_or(0);
        if (const auto code = find<object>(o, "code")) f.code = read_code(*code);
        f.hint = read_hint(o);
        f.text = text(o, "message");
        return f;
    }

    /// An option that is not there keeps its default.
    class options_reader {
    public:
        explicit options_reader(object from) : from_(from) {}

        template <class Value>
        void operator()(std::string_view name, Value& value) {
            if (has(from_, name)) read(name, value);
        }

        template <class Enum, std::size_t N>
        void operator()(std::string_view name, Enum& value, const std::array<std::string_view, N>& words) {
            const auto written = find<std::string_view>(from_, name);
            if (!written) return;
            std::size_t i = 0;
            while (i < N && words[i] != *written) ++i;
            if (i == N) bad(errc::wrong_type, name);
            value = static_cast<Enum>(i);
        }

    private:
        template <std::unsigned_integral Value>
        void read(std::string_view name, Value& value) {
            const auto written = get<std::uint64_t>(from_, name);
            if (written > std::numeric_limits<Value>::max()) bad(errc::wrong_type, name);
            value = static_cast<Value>(written);
        }
        void read(std::string_view name, bool& value) { value = get<bool>(from_, name); }
        void read(std::string_view name, double& value) { value = *number(from_, name); }
        void read(std::string_view name, std::chrono::nanoseconds& value) { value = *duration(from_, name); }
        void read(std::string_view name, std::string& value) { value = text(from_, name); }
        void read(std::string_view, label_map& value) { value = read_labels(from_); }
        void read(std::string_view name, error_class_set& value) {
            value = {};
            for (const auto c : get<simdjson::dom::array>(from_, name))
                value.insert(required(parse_error_class(as<std::string_view>(c, name)), name));
        }
        template <class Value>
            requires requires(Value& v, options_reader& r) { visit_options(v, r); }
        void read(std::string_view name, Value& value) {
            visit_options(value, options_reader(get<object>(from_, name)));
        }
        template <class Value>
        void read(std::string_view name, std::optional<Value>& value) {
            value.reset();
            element written;
            if (from_.at_key(name).get(written) == simdjson::SUCCESS && !written.is_null()) read(name, value.emplace());
        }

        object from_;
    };

    template <class Options>
    static std::shared_ptr<const Options> read_options(const object& parent, std::string_view name) {
        const auto o = find<object>(parent, name);
        if (!o) return nullptr;
        auto options = std::make_shared<Options>();
        visit_options(*options, options_reader(*o));
        return options;
    }
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_FLIGHT_LINE_HPP
