// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_PROFILE_READER_HPP
#define TELLTALE_JSON_DETAIL_PROFILE_READER_HPP

// Included by profile.hpp, after the profile.

#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/json/detail/answer.hpp>
#include <telltale/json/detail/pointer_tree.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// How many letters must be changed, put in or left out.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t corner = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            corner = above;
        }
    }
    return row.back();
}

/// "; did you mean x?", or nothing.
inline std::string suggestion(std::string_view word, std::span<const std::string_view> known) {
    if (word.size() > 64) return {};
    std::string_view best;
    std::size_t least = 1 + std::max<std::size_t>(word.size() / 3, word.size() < 3 ? 1 : 2);
    for (const auto k : known) {
        if (const auto d = edit_distance(word, k); d < least) {
            least = d;
            best = k;
        }
    }
    return best.empty() ? std::string() : "; did you mean " + std::string(best) + "?";
}

/// Reads one JSON value of a profile; knows its place.
class profile_reader {
public:
    using element = simdjson::dom::element;

    profile_reader(element value, std::string place) : value_(value), place_(std::move(place)) {}

    const std::string& place() const noexcept { return place_; }
    bool is_string() const noexcept { return value_.is_string(); }
    bool is_array() const noexcept { return value_.is_array(); }
    bool is_object() const noexcept { return value_.is_object(); }
    bool is_null() const noexcept { return value_.is_null(); }
    bool is_number() const noexcept { return value_.is_number(); }

    [[noreturn]] void fail(std::string_view why) const { throw_malformed_profile(place_, why); }

    std::string string() const {
        std::string_view text;
        if (value_.get(text) != simdjson::SUCCESS) fail("is not a string");
        return std::string(text);
    }

    std::uint64_t integer(std::uint64_t least, std::uint64_t most, std::string_view what) const {
        std::uint64_t n = 0;
        if (value_.get(n) != simdjson::SUCCESS || n < least || n > most) fail(what);
        return n;
    }

    double number() const {
        double n = 0;
        if (value_.get(n) != simdjson::SUCCESS) fail("is not a number");
        return n;
    }

    /// A value that is compared as text.
    std::string text() const {
        if (is_string()) return string();
        if (!is_number() && !value_.is_bool()) fail("is neither text, number nor boolean");
        scalar s;
        s.what = value_.is_bool() ? scalar::kind::boolean : scalar::kind::number;
        if (value_.is_bool()) {
            s.yes = static_cast<bool>(value_);
        } else {
            s.whole = value_.get(s.integer) == simdjson::SUCCESS;
            s.number = number();
        }
        return s.word();
    }

    /// The value's JSON text, without white space.
    std::string json() const { return simdjson::minify(value_); }

    job_state state() const {
        const auto word = string();
        if (const auto known = parse_job_state(word)) return *known;
        fail("\"" + word + "\" is not a state" + suggestion(word, job_state_names));
    }

    telltale::error_class error_class() const {
        const auto word = string();
        if (const auto known = parse_error_class(word)) return *known;
        fail("\"" + word + "\" is not an error class" + suggestion(word, error_class_names));
    }

    /// Calls f(key, reader) for each member, which has its name once.
    template <class Function>
    void members(Function f) const {
        simdjson::dom::object object;
        if (value_.get(object) != simdjson::SUCCESS) fail("is not an object");
        std::vector<std::string_view> names;
        for (const auto member : object) {
            const profile_reader r(member.value, place_ + '/' + escape_token(member.key));
            names.push_back(member.key);
            f(member.key, r);
        }
        std::sort(names.begin(), names.end());
        const auto twice = std::adjacent_find(names.begin(), names.end());
        if (twice != names.end()) throw_malformed_profile(place_ + '/' + escape_token(*twice), "is there twice");
    }

    /// Calls f(reader) for each element.
    template <class Function>
    void elements(Function f) const {
        simdjson::dom::array array;
        if (value_.get(array) != simdjson::SUCCESS) fail("is not an array");
        std::size_t i = 0;
        for (const element e : array) f(profile_reader(e, place_ + '/' + std::to_string(i++)));
    }

    /// Calls f(reader) for each element, or for the value itself if it is no array.
    template <class Function>
    void one_or_more(Function f) const {
        if (is_array())
            elements(f);
        else
            f(*this);
    }

    template <class T>
    struct named_member {
        std::string_view name;
        T& to;
    };

    /// Reads an object whose members are these; all may be missing.
    template <class... T>
    void object(named_member<T>... all) const {
        members([&](std::string_view key, const profile_reader& m) {
            const bool known = ((key == all.name && (m.to(all.to), true)) || ...);
            if (known) return;
            const std::string_view names[]{all.name...};
            m.fail("there is no such member" + suggestion(key, names));
        });
    }

    // What a member is read into says how.

    void to(std::string& s) const { s = string(); }
    void to(std::optional<std::string>& s) const { s = string(); }
    void to(job_state& s) const { s = state(); }
    void to(std::optional<telltale::error_class>& c) const { c = error_class(); }
    void to(std::optional<job_state>& s) const { s = state(); }

    void to(std::vector<std::string>& all) const {
        elements([&](const profile_reader& e) { all.push_back(e.string()); });
    }

    void to(profile_headers& headers) const {
        members([&](std::string_view key, const profile_reader& m) { headers.emplace_back(key, m.string()); });
    }

    void to(json_place& p) const {
        if (!is_object()) {
            if (!is_string()) fail("is neither a JSON Pointer nor an object that selects");
            p = json_place(string());
            return;
        }
        bool any = false;
        members([&](std::string_view key, const profile_reader&) { any = any || key == "any"; });
        if (any) return to_choice(p);
        std::optional<std::string> in;
        p = json_place::select({}, {}, {});
        object(named_member<std::optional<std::string>>{"in", in},
               named_member<std::vector<json_condition>>{"where", p.where},
               named_member<std::optional<std::string>>{"take", p.take});
        if (!in) throw_malformed_profile(place_ + "/in", "is missing");
        p.pointer = *in;
    }

    void to(optional_place& p) const { to(p.emplace()); }

    void to(std::vector<json_place>& all) const {
        one_or_more([&](const profile_reader& e) { e.to(all.emplace_back()); });
    }

    void to(std::vector<json_condition>& all) const {
        members([&](std::string_view key, const profile_reader& m) {
            auto& c = all.emplace_back();
            c.at = key;
            m.to(c);
        });
    }

    void to(profile_time_format& format) const {
        static constexpr std::string_view names[]{"rfc3339", "epoch_s", "epoch_ms", "iso8601"};
        const auto word = string();
        const auto* const found = std::find(std::begin(names), std::end(names), word);
        if (found == std::end(names)) fail("is not rfc3339, iso8601, epoch_s or epoch_ms" + suggestion(word, names));
        format = static_cast<profile_time_format>(found - std::begin(names));
    }

    void to(profile_counts& c) const {
        object(named_member<std::vector<json_place>>{"done", c.done},
               named_member<std::vector<json_place>>{"left", c.left});
    }

    void to(profile_progress& p) const {
        object(named_member<optional_place>{"fraction", p.fraction}, named_member<optional_place>{"percent", p.percent},
               named_member<optional_place>{"done", p.done}, named_member<optional_place>{"total", p.total},
               named_member<std::string>{"unit", p.unit}, named_member<optional_place>{"rate", p.rate},
               named_member<optional_place>{"remaining", p.remaining},
               named_member<profile_counts>{"counts", p.counts});
    }

    void to(profile_times& t) const {
        object(named_member<profile_time_format>{"format", t.format},
               named_member<optional_place>{"created", t.created}, named_member<optional_place>{"queued", t.queued},
               named_member<optional_place>{"started", t.started},
               named_member<optional_place>{"finished", t.finished});
    }

    void to(profile_hint& h) const {
        object(named_member<optional_place>{"seconds", h.seconds}, named_member<optional_place>{"time", h.time});
    }

    void to(profile_errors& e) const {
        object(named_member<std::vector<json_place>>{"code", e.code},
               named_member<std::vector<json_place>>{"message", e.message});
    }

private:
    void to_choice(json_place& p) const {
        std::vector<json_place> all;
        object(named_member<std::vector<json_place>>{"any", all});
        if (all.empty()) throw_malformed_profile(place_ + "/any", "is empty");
        p = std::move(all.front());
        if (!p.alternatives.empty())
            throw_malformed_profile(place_ + "/any/0", "is a choice within a choice of places");
        p.alternatives.assign(std::make_move_iterator(all.begin() + 1), std::make_move_iterator(all.end()));
    }

    void to(json_condition& c) const {
        if (is_null()) {
            c.test = json_test::absent;
        } else if (is_object()) {
            bool above = false;
            members([&](std::string_view key, const profile_reader& m) {
                if (key == "above") {
                    c.test = json_test::above;
                    c.limit = m.number();
                    above = true;
                } else if (key == "contains") {
                    c.test = json_test::contains;
                    m.one_or_more([&](const profile_reader& e) { c.is.push_back(e.string()); });
                    if (c.is.empty()) m.fail("is empty");
                } else {
                    static constexpr std::string_view names[]{"above", "contains"};
                    m.fail("there is no such test" + suggestion(key, names));
                }
            });
            if (above == !c.is.empty()) fail("is not one test");
        } else {
            one_or_more([&](const profile_reader& e) { c.is.push_back(e.text()); });
            if (c.is.empty()) c.test = json_test::empty;
        }
    }

    element value_;
    std::string place_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_PROFILE_READER_HPP
