// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_JSON_PLACE_HPP
#define TELLTALE_JSON_JSON_PLACE_HPP

#include <telltale/version.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What a json_condition asks of a value.
enum class json_test : std::uint8_t {
    is,       ///< its text is one of some
    contains, ///< its text has one of some in it
    absent,   ///< it is not there, or null
    empty,    ///< it is an array or object without anything in it
    above     ///< it is a number greater than a limit
};

/// Something that must hold of one value. Values are compared as text: true and "true", 7 and "7" are the same. Of an
/// array, of an object and of what is absent, `is`, `contains` and `above` do not hold.
struct json_condition {
    std::string at{};              ///< JSON Pointer
    std::vector<std::string> is{}; ///< the texts; for json_test::is and contains
    json_test test = json_test::is;
    double limit = 0; ///< for json_test::above

    friend bool operator==(const json_condition&, const json_condition&) = default;
};

/// Where something stands in an answer. A JSON Pointer (RFC 6901: "/jobs/0/state", "" for all of it) converts to it.
///
///     json_place plain = "/status";
///     json_place of_a_condition = json_place::select("/status/conditions", {{.at = "/status", .is = {"True"}}}, "/type");
///     json_place old_or_new = json_place("/reason_code").or_else("/reasonCode");
struct json_place {
    json_place() = default;
    json_place(std::string to) : pointer(std::move(to)) {}
    json_place(const char* to) : pointer(to) {}

    /// Out of the array at `in`: what stands at `take` in each element for which all the conditions hold (their
    /// pointers, and `take`, begin at the element).
    static json_place select(std::string in, std::vector<json_condition> where, std::string take) {
        json_place p(std::move(in));
        p.where = std::move(where);
        p.take = std::move(take);
        return p;
    }

    /// The same place; where nothing (or null) is there, another one.
    json_place or_else(json_place other) && {
        alternatives.push_back(std::move(other));
        return std::move(*this);
    }

    std::string pointer{};                  ///< to the value; with `take`: to the array
    std::vector<json_condition> where{};    ///< with `take`
    std::optional<std::string> take{};      ///< present: elements are selected
    std::vector<json_place> alternatives{}; ///< looked at in order; have none themselves

    friend bool operator==(const json_place&, const json_place&) = default;
};

/// Absent: the API does not say.
using optional_place = std::optional<json_place>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_JSON_PLACE_HPP
