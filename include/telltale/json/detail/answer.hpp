// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_ANSWER_HPP
#define TELLTALE_JSON_DETAIL_ANSWER_HPP

#include <telltale/core/job.hpp>
#include <telltale/json/detail/pointer_tree.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// A value out of an answer. The text lives as long as the answer.
struct scalar {
    enum class kind : std::uint8_t { absent, text, number, boolean, empty, array, object };
    kind what = kind::absent; ///< empty: an array or object that is
    bool yes = false;
    bool negative = false;
    bool whole = false; ///< the number is a whole one, not negative, of 64 bits
    std::string_view text{};
    double number = 0;
    std::uint64_t integer = 0; ///< if it is whole

    bool is_word() const noexcept { return what == kind::text || what == kind::number || what == kind::boolean; }

    /// As text; of a string, number or boolean.
    std::string word() const {
        if (what == kind::text) return std::string(text);
        if (what == kind::boolean) return yes ? "true" : "false";
        if (what != kind::number) return {};
        if (whole) return std::to_string(integer);
        char digits[32];
        return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
    }

    bool holds(const json_condition& c) const {
        switch (c.test) {
        case json_test::absent: return what == kind::absent;
        case json_test::empty: return what == kind::empty;
        case json_test::above: return what == kind::number && number > c.limit;
        case json_test::is:
        case json_test::contains: break;
        }
        if (what == kind::text) return matches(c, text);
        return is_word() && matches(c, word());
    }

private:
    static bool matches(const json_condition& c, std::string_view word) {
        return std::any_of(c.is.begin(), c.is.end(), [&](const std::string& wanted) {
            return c.test == json_test::is ? word == wanted : word.find(wanted) != std::string_view::npos;
        });
    }
};

/// The values that one pass found.
struct found_values {
    std::vector<scalar> slots{};
    std::vector<std::pair<slot_index, scalar>> more{}; ///< of arrays, and of further elements
    std::optional<label_map> labels{};

    void reset(std::size_t count) {
        slots.resize(count);
        for (auto& s : slots) s.what = scalar::kind::absent;
        more.clear();
        labels.reset();
    }

    /// The first goes into the slot, the others behind it.
    void add(slot_index slot, const scalar& value) {
        if (slots[slot].what == scalar::kind::absent)
            slots[slot] = value;
        else
            more.emplace_back(slot, value);
    }

    bool hold(const std::vector<slot_condition>& all) const {
        return std::all_of(all.begin(), all.end(), [&](const slot_condition& c) { return slots[c.at].holds(c.what); });
    }

    /// The first option where there is something; null: none.
    const slot_choice::option* choose(const slot_choice& from) const {
        if (from.empty()) return nullptr;
        if (is_there(from.first.slot)) return &from.first;
        for (const auto& o : from.others)
            if (is_there(o.slot)) return &o;
        return nullptr;
    }

private:
    bool is_there(slot_index slot) const {
        const auto what = slots[slot].what;
        return what != scalar::kind::absent && what != scalar::kind::empty;
    }
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_ANSWER_HPP
