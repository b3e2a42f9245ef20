// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_SHIPPED_PROFILES_HPP
#define TELLTALE_JSON_SHIPPED_PROFILES_HPP

#include <telltale/json/detail/shipped_profile_texts.hpp>
#include <telltale/json/profile.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// The names of the profiles that telltale brings, sorted: airflow, aws_batch, databricks, github_actions, gitlab,
/// ibm_quantum, kubernetes, openai_batches, slurm, telltale. What each needs to know (base URL, credential), and what
/// its words mean: docs/reference/shipped_profiles.md.
inline std::span<const std::string_view> shipped_profile_names() noexcept { return detail::shipped_profile_names; }

/// The JSON text of a shipped profile, to be printed and adapted; nothing if there is none of this name.
inline std::optional<std::string_view> shipped_profile_text(std::string_view name) noexcept {
    const auto names = shipped_profile_names();
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return detail::shipped_profile_texts[i];
    return std::nullopt;
}

/// A shipped profile, parsed at each call; nothing if there is none of this name. It is a value: change what your
/// installation has otherwise.
///
///     auto api = *telltale::shipped_profile("slurm");
///     api.headers.emplace_back("X-SLURM-USER-NAME", user);
inline std::optional<profile> shipped_profile(std::string_view name) {
    const auto text = shipped_profile_text(name);
    if (!text) return std::nullopt;
    return parse_profile(*text);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_SHIPPED_PROFILES_HPP
