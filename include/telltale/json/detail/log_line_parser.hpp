// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_LOG_LINE_PARSER_HPP
#define TELLTALE_JSON_DETAIL_LOG_LINE_PARSER_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>
#include <telltale/error.hpp>
#include <telltale/json/detail/json_fault.hpp>
#include <telltale/json/detail/rfc3339.hpp>

#include <simdjson.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// What is wrong with a line, and where in it.
struct log_line_fault {
    errc why;
    std::string where;
};

/// What the parsers of logs share: one object in a line, and its members by name and type. Throws log_line_fault.
class log_line_parser {
protected:
    using element = simdjson::dom::element;
    using object = simdjson::dom::object;

    /// The object that the line is; lives until the next. A line that is none lacks `wanted`.
    object parse_line(std::string_view line, std::string_view wanted) {
        element root;
        if (parser_.parse(line.data(), line.size()).get(root) != simdjson::SUCCESS) {
            const json_fault fault = find_fault(line);
            throw log_line_fault{fault.what == json_fault::kind::truncated ? errc::truncated_json
                                                                           : errc::malformed_json,
                                 "byte " + std::to_string(fault.offset + 1)};
        }
        return as<object>(root, wanted);
    }

    [[noreturn]] static void bad(errc why, std::string_view where) {
        throw log_line_fault{why, "\"" + std::string(where) + "\""};
    }

    template <class T>
    static T required(std::optional<T> value, std::string_view where) {
        if (!value) bad(errc::wrong_type, where);
        return *std::move(value);
    }

    template <class T>
    static T as(element value, std::string_view where) {
        T result;
        if (value.get(result) != simdjson::SUCCESS) bad(errc::wrong_type, where);
        return result;
    }

    static bool has(const object& o, std::string_view name) {
        element value;
        return o.at_key(name).get(value) == simdjson::SUCCESS;
    }

    /// Nothing if there is no such member; throws if it is of another type.
    template <class T>
    static std::optional<T> find(const object& o, std::string_view name) {
        element value;
        if (o.at_key(name).get(value) != simdjson::SUCCESS) return std::nullopt;
        return as<T>(value, name);
    }

    template <class T>
    static T get(const object& o, std::string_view name) {
        element value;
        if (o.at_key(name).get(value) != simdjson::SUCCESS) bad(errc::missing_field, name);
        return as<T>(value, name);
    }

    static std::string text(const object& o, std::string_view name) {
        return std::string(find<std::string_view>(o, name).value_or(std::string_view{}));
    }

    static std::optional<timestamp> time(const object& o, std::string_view name) {
        const auto written = find<std::string_view>(o, name);
        if (!written) return std::nullopt;
        return required(parse_rfc3339(*written), name);
    }

    // null is what the writer makes of a number that is not finite.
    static std::optional<double> number(const object& o, std::string_view name) {
        element value;
        if (o.at_key(name).get(value) != simdjson::SUCCESS) return std::nullopt;
        if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
        return as<double>(value, name);
    }

    static std::optional<std::uint32_t> small_number(const object& o, std::string_view name) {
        const auto value = find<std::uint64_t>(o, name);
        if (!value) return std::nullopt;
        if (*value > std::numeric_limits<std::uint32_t>::max()) bad(errc::wrong_type, name);
        return static_cast<std::uint32_t>(*value);
    }

    static progress read_progress(const object& o) {
        progress p;
        const auto done = number(o, "done");
        if (!done) bad(errc::missing_field, "done");
        p.done = *done;
        p.total = number(o, "total");
        p.unit = required(parse_progress_unit(get<std::string_view>(o, "unit")), "unit");
        p.rate = number(o, "rate");
        const auto seconds = [&o](std::string_view name) -> std::optional<std::chrono::duration<double>> {
            if (const auto n = number(o, name)) return std::chrono::duration<double>(*n);
            return std::nullopt;
        };
        p.remaining = seconds("remaining_s");
        p.remaining_low = seconds("remaining_low_s");
        p.remaining_high = seconds("remaining_high_s");
        return p;
    }

    static std::optional<job_error> read_error(const object& o) {
        const auto error = find<object>(o, "error");
        if (!error) return std::nullopt;
        return job_error{required(parse_error_class(get<std::string_view>(*error, "class")), "class"),
                         text(*error, "message")};
    }

    static label_map read_labels(const object& o) {
        label_map labels;
        if (const auto found = find<object>(o, "labels"))
            for (const auto& [name, value] : *found) labels[std::string(name)] = as<std::string_view>(value, "labels");
        return labels;
    }

private:
    simdjson::dom::parser parser_{};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_LOG_LINE_PARSER_HPP
