// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_ERROR_RULES_HPP
#define TELLTALE_CORE_ERROR_RULES_HPP

#include <telltale/core/detail/text_match.hpp>
#include <telltale/core/job.hpp>
#include <telltale/version.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What is known of an error.
struct error_evidence {
    unsigned http_status = 0;   ///< 0: there is none
    std::string_view code{};    ///< the API's own name or number for it
    std::string_view message{}; ///< for people
};

/// How the text of a rule is looked for in a message. Upper and lower case, and blank, `_` and `-`, are the same.
enum class text_rule : std::uint8_t {
    contains,  ///< anywhere
    whole_word ///< not as a part of a longer word
};

/// All that is given must be so; a rule that gives nothing is always so.
struct error_rule {
    error_class kind = error_class::unknown;
    unsigned status_from = 0; ///< 0: whatever the HTTP status
    unsigned status_to = 0;   ///< inclusive; 0: only status_from
    std::string_view code{};  ///< found anywhere in the code; empty: whatever the code
    std::string_view text{};  ///< found in the message; empty: whatever the message
    text_rule how = text_rule::contains;

    constexpr bool holds(const error_evidence& e) const noexcept {
        if (status_from != 0) {
            const unsigned to = status_to != 0 ? status_to : status_from;
            if (e.http_status < status_from || e.http_status > to) return false;
        }
        return (code.empty() || detail::text_contains(e.code, code, false)) &&
               (text.empty() || detail::text_contains(e.message, text, how == text_rule::whole_word));
    }
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/core/detail/default_error_rules.hpp>

namespace telltale::inline TELLTALE_ABI {

/// Finds the class of an error by ordered rules, of which the first that holds decides. A value.
///
///     error_rules rules;
///     rules.prepend({.kind = error_class::resource, .text = "no slot free"});
///     error_class c = rules.classify({.http_status = 500, .message = "No slot free"});
///
/// The defaults (detail/default_error_rules.hpp; docs/guide/errors_and_retries.md) know the HTTP statuses, the codes of
/// gRPC and of the large clouds, and the words that people use. They are asked last.
class error_rules {
public:
    error_rules() = default;

    /// Only these, in this order, and the defaults after them.
    explicit error_rules(const std::vector<error_rule>& rules) {
        for (const auto& r : rules) own_.emplace_back(r);
    }

    /// Goes before all others. Copies the texts.
    void prepend(const error_rule& rule) { own_.insert(own_.begin(), owned(rule)); }

    /// Without the defaults what no rule knows is unknown.
    void use_defaults(bool yes) noexcept { defaults_ = yes; }

    error_class classify(const error_evidence& e) const noexcept;

private:
    struct owned {
        explicit owned(const error_rule& r) : rule(r), code(r.code), text(r.text) {}

        error_rule rule; // its texts are not used
        std::string code;
        std::string text;
    };

    std::vector<owned> own_;
    bool defaults_ = true;
};

/// By the default rules alone.
constexpr error_class classify(const error_evidence& e) noexcept {
    for (const auto& rule : detail::default_error_rules)
        if (rule.holds(e)) return rule.kind;
    return error_class::unknown;
}

inline error_class error_rules::classify(const error_evidence& e) const noexcept {
    for (const auto& o : own_) {
        error_rule rule = o.rule;
        rule.code = o.code;
        rule.text = o.text;
        if (rule.holds(e)) return rule.kind;
    }
    return defaults_ ? telltale::classify(e) : error_class::unknown;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_ERROR_RULES_HPP
