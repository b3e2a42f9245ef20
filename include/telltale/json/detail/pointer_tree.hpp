// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_POINTER_TREE_HPP
#define TELLTALE_JSON_DETAIL_POINTER_TREE_HPP

#include <telltale/error.hpp>
#include <telltale/json/json_place.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

[[noreturn]] inline void throw_malformed_profile(std::string_view place, std::string_view why) {
    throw system_error(make_error_code(errc::malformed_profile),
                       std::string(place.empty() ? "the profile" : place) + ": " + std::string(why));
}

/// A token of a JSON Pointer, escaped.
inline std::string escape_token(std::string_view token) {
    std::string out;
    for (const char c : token) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return out;
}

/// The tokens of a JSON Pointer (RFC 6901), or nothing if it is not one.
inline std::optional<std::vector<std::string>> pointer_tokens(std::string_view pointer) {
    std::vector<std::string> tokens;
    if (pointer.empty()) return tokens;
    if (pointer.front() != '/') return std::nullopt;
    for (std::size_t i = 0; i < pointer.size(); ++i) {
        if (pointer[i] == '/') {
            tokens.emplace_back();
        } else if (pointer[i] == '~') {
            ++i;
            if (i == pointer.size() || (pointer[i] != '0' && pointer[i] != '1')) return std::nullopt;
            tokens.back() += pointer[i] == '0' ? '~' : '/';
        } else {
            tokens.back() += pointer[i];
        }
    }
    return tokens;
}

/// Throws where a text is no JSON Pointer.
inline void check_pointer(std::string_view pointer, std::string_view place) {
    if (pointer_tokens(pointer)) return;
    std::string why = "\"" + std::string(pointer) + "\" is not a JSON Pointer (RFC 6901)";
    const std::string other = "/" + std::string(pointer);
    if (pointer.front() != '/' && pointer_tokens(other)) why += "; did you mean \"" + other + "\"?";
    throw_malformed_profile(place, why);
}

/// Names one of the values that are taken out of an answer.
using slot_index = std::size_t;

struct selection;

/// All places that are looked at, as a tree, so that one pass over an answer finds them.
struct pointer_node {
    enum class role : std::uint8_t { plain, labels, jobs };

    std::string token{};
    std::optional<std::size_t> index{}; ///< of the token in an array
    std::string pointer{};              ///< to this place
    std::optional<slot_index> slot{};   ///< where its value goes
    role what = role::plain;
    bool words = false;     ///< the elements of an array go into the slot, too
    bool emptiness = false; ///< somebody asks whether there is nothing in it
    std::vector<pointer_node> children{};
    std::shared_ptr<selection> selected{}; ///< null: no elements are; not changed once the tree is made

    bool is_named(std::string_view key) const noexcept {
        // Most keys differ in these already.
        if (key.size() != token.size() || (!key.empty() && key.front() != token.front())) return false;
        return key == token;
    }

    inline pointer_node& descend(std::string_view target, std::string_view place);

private:
    inline pointer_node& child(const std::string& t);
};

/// A json_condition whose value is in a slot.
struct slot_condition {
    slot_index at = 0;
    json_condition what{};
};

/// Out of each element for which the conditions hold, one value into a slot.
struct pick {
    std::vector<slot_condition> where{}; ///< slots of the element
    slot_index take = 0;                 ///< a slot of the element
    slot_index to = 0;
    json_place from{}; ///< as the profile has it: equal ones are one
};

/// What is looked at within each element of an array.
struct selection {
    pointer_node element{};
    std::size_t slots = 0;
    std::vector<pick> picks{};
};

inline pointer_node& pointer_node::descend(std::string_view target, std::string_view place) {
    check_pointer(target, place);
    const auto tokens = pointer_tokens(target);
    pointer_node* node = this;
    for (const auto& t : *tokens) node = &node->child(t);
    return *node;
}

inline pointer_node& pointer_node::child(const std::string& t) {
    const auto found =
        std::find_if(children.begin(), children.end(), [&](const pointer_node& n) { return n.token == t; });
    if (found != children.end()) return *found;
    pointer_node n;
    n.token = t;
    n.pointer = pointer + '/' + escape_token(t);
    std::size_t i = 0;
    const auto [end, ec] = std::from_chars(t.data(), t.data() + t.size(), i);
    if (ec == std::errc{} && end == t.data() + t.size() && (t == "0" || t.front() != '0')) n.index = i;
    children.push_back(std::move(n));
    return children.back();
}

/// A value of an answer may come from any of several slots: the first in which there is something.
struct slot_choice {
    struct option {
        slot_index slot = 0;
        bool selected = false; ///< several elements may have been taken
    };
    option first{};
    std::vector<option> others{};
    bool some = false;

    bool empty() const noexcept { return !some; }

    void add(option o) {
        if (some)
            others.push_back(o);
        else
            first = o;
        some = true;
    }
};

/// The tree of places, and which value goes where.
class place_table {
public:
    /// `base` stands before every pointer.
    explicit place_table(std::string base = {}) : base_(std::move(base)) {}

    const pointer_node& root() const noexcept { return root_; }
    std::size_t slots() const noexcept { return pointers_.size(); }

    /// What stands in a slot, for people.
    const std::string& pointer(slot_index slot) const { return pointers_[slot]; }

    void set_base(std::string base) { base_ = std::move(base); }

    void set_role(std::string_view target, pointer_node::role what, std::string_view place) {
        node(target, place).what = what;
    }

    slot_choice add(const json_place& p, std::string_view place, bool words = false) {
        slot_choice choice;
        add_option(choice, p, place, words);
        const std::string name(place);
        for (std::size_t i = 0; i < p.alternatives.size(); ++i) {
            const auto at = name + "/any/" + std::to_string(i + 1);
            if (!p.alternatives[i].alternatives.empty())
                throw_malformed_profile(at, "is a choice within a choice of places");
            add_option(choice, p.alternatives[i], at, words);
        }
        return choice;
    }

    std::vector<slot_condition> add(const std::vector<json_condition>& where, std::string_view place) {
        std::vector<slot_condition> result;
        for (const auto& c : where) {
            const std::string at = std::string(place) + '/' + escape_token(c.at);
            check_condition(c, at);
            auto& n = node(c.at, at);
            n.emptiness = n.emptiness || c.test == json_test::empty;
            result.push_back({slot_of(n), c});
        }
        return result;
    }

    /// Throws where two places cannot be looked at both.
    void check(std::string_view place) const { check(root_, place); }

private:
    static void check_condition(const json_condition& c, std::string_view place) {
        const bool texts = c.test == json_test::is || c.test == json_test::contains;
        if (texts && c.is.empty()) throw_malformed_profile(place, "has no value to compare with");
        if (!texts && !c.is.empty()) throw_malformed_profile(place, "has a value to compare with, and another test");
    }

    pointer_node& node(std::string_view target, std::string_view place) {
        check_pointer(target, place);
        return root_.descend(base_ + std::string(target), place);
    }

    slot_index slot_of(pointer_node& n) {
        if (!n.slot) {
            n.slot = pointers_.size();
            pointers_.push_back(n.pointer);
        }
        return *n.slot;
    }

    void add_option(slot_choice& choice, const json_place& p, std::string_view place, bool words) {
        if (!p.take) {
            if (!p.where.empty()) throw_malformed_profile(place, "has conditions, but does not say what to take");
            auto& n = node(p.pointer, place);
            n.words = n.words || words;
            choice.add({slot_of(n), false});
            return;
        }
        const std::string name(place);
        auto& n = node(p.pointer, name + "/in");
        if (!n.selected) n.selected = std::make_shared<selection>();
        auto& s = *n.selected;
        for (const auto& known : s.picks) {
            if (known.from.where != p.where || known.from.take != p.take) continue;
            choice.add({known.to, true});
            return;
        }
        // The places within an element are a table of their own.
        place_table inner;
        inner.root_ = std::move(s.element);
        inner.pointers_.resize(s.slots);
        pick one;
        one.where = inner.add(p.where, name + "/where");
        auto& taken = inner.node(*p.take, name + "/take");
        taken.words = true;
        one.take = inner.slot_of(taken);
        inner.check(place);
        s.element = std::move(inner.root_);
        s.slots = inner.pointers_.size();
        one.to = pointers_.size();
        one.from = p;
        pointers_.push_back(n.pointer + "/*" + *p.take);
        s.picks.push_back(std::move(one));
        choice.add({s.picks.back().to, true});
    }

    static void check(const pointer_node& n, std::string_view place) {
        const bool below = !n.children.empty() || n.selected;
        if (n.what == pointer_node::role::labels && (below || n.slot))
            throw_malformed_profile(place, "another field is at or below \"" + n.pointer + "\"");
        if (n.what == pointer_node::role::jobs && below)
            throw_malformed_profile(place, "another place is below \"" + n.pointer + "\"");
        if (n.selected && !n.children.empty())
            throw_malformed_profile(place,
                                    "another place is below \"" + n.pointer + "\", of which elements are selected");
        for (const auto& c : n.children) check(c, place);
    }

    std::string base_;
    pointer_node root_{};
    std::vector<std::string> pointers_{};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_POINTER_TREE_HPP
