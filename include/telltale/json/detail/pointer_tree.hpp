// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_POINTER_TREE_HPP
#define TELLTALE_JSON_DETAIL_POINTER_TREE_HPP

// Included by profile.hpp, after the profile.

#include <telltale/core/progress.hpp>
#include <telltale/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What stands at a place in an answer.
enum class field : std::uint8_t {
    state,
    fraction,
    percent,
    done,
    total,
    unit,
    rate,
    remaining,
    queue_position,
    message,
    name,
    kind,
    labels,
    error_class,
    error_message,
    attempt,
    created,
    queued,
    started,
    finished,
    id,
    list
};

[[noreturn]] inline void throw_malformed_profile(std::string_view place, std::string_view why) {
    throw system_error(make_error_code(errc::malformed_profile),
                       std::string(place.empty() ? "the profile" : place) + ": " + std::string(why));
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

/// All places that a profile names, as a tree, so that one pass over an answer finds them.
struct pointer_node {
    std::string token{};
    std::optional<std::size_t> index{}; ///< of the token in an array
    std::string pointer{};              ///< to this place
    std::vector<field> fields{};        ///< what stands here
    std::vector<pointer_node> children{};

    void add(const std::string& target, field f, std::string_view place) {
        const auto tokens = pointer_tokens(target);
        if (!tokens) throw_malformed_profile(place, "\"" + target + "\" is not a JSON Pointer (RFC 6901)");
        pointer_node* node = this;
        for (const auto& t : *tokens) node = &node->child(t);
        node->fields.push_back(f);
    }

    void add(const profile::pointer& target, field f, std::string_view place) {
        if (target) add(*target, f, place);
    }

private:
    pointer_node& child(const std::string& t) {
        const auto found =
            std::find_if(children.begin(), children.end(), [&](const pointer_node& n) { return n.token == t; });
        if (found != children.end()) return *found;
        pointer_node n;
        n.token = t;
        n.pointer = pointer + '/';
        for (const char c : t) n.pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
        std::size_t i = 0;
        const auto [end, ec] = std::from_chars(t.data(), t.data() + t.size(), i);
        if (ec == std::errc{} && end == t.data() + t.size() && (t == "0" || t.front() != '0')) n.index = i;
        children.push_back(std::move(n));
        return children.back();
    }
};

/// The places of one job; throws malformed_profile.
inline pointer_node job_places(const profile& p) {
    pointer_node root;
    const auto& f = p.fields;
    root.add(f.state, field::state, "/fields/state");
    root.add(f.progress.fraction, field::fraction, "/fields/progress/fraction");
    root.add(f.progress.percent, field::percent, "/fields/progress/percent");
    root.add(f.progress.done, field::done, "/fields/progress/done");
    root.add(f.progress.total, field::total, "/fields/progress/total");
    root.add(f.progress.rate, field::rate, "/fields/progress/rate");
    root.add(f.progress.remaining, field::remaining, "/fields/progress/remaining");
    if (f.progress.unit.starts_with('/'))
        root.add(f.progress.unit, field::unit, "/fields/progress/unit");
    else if (!parse_progress_unit(f.progress.unit))
        throw_malformed_profile("/fields/progress/unit",
                                "\"" + f.progress.unit + "\" is neither a unit nor a JSON Pointer");
    root.add(f.queue_position, field::queue_position, "/fields/queue_position");
    root.add(f.message, field::message, "/fields/message");
    root.add(f.name, field::name, "/fields/name");
    root.add(f.kind, field::kind, "/fields/kind");
    root.add(f.labels, field::labels, "/fields/labels");
    root.add(f.error_class, field::error_class, "/fields/error/class");
    root.add(f.error_message, field::error_message, "/fields/error/message");
    root.add(f.attempt, field::attempt, "/fields/attempt");
    root.add(f.times.created, field::created, "/fields/times/created");
    root.add(f.times.queued, field::queued, "/fields/times/queued");
    root.add(f.times.started, field::started, "/fields/times/started");
    root.add(f.times.finished, field::finished, "/fields/times/finished");
    return root;
}

/// Places within labels, or within a list, are theirs.
inline void check_containers(const pointer_node& n, std::string_view place) {
    const bool container =
        std::any_of(n.fields.begin(), n.fields.end(), [](field f) { return f == field::labels || f == field::list; });
    if (container && (n.fields.size() > 1 || !n.children.empty()))
        throw_malformed_profile(place, "another field is at or below \"" + n.pointer + "\"");
    for (const auto& c : n.children) check_containers(c, place);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_POINTER_TREE_HPP
