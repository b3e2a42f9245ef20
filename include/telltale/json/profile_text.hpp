// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_PROFILE_TEXT_HPP
#define TELLTALE_JSON_PROFILE_TEXT_HPP

#include <telltale/json/detail/write_profile.hpp>
#include <telltale/json/profile.hpp>

#include <string>

namespace telltale::inline TELLTALE_ABI {

/// A profile as JSON text, without white space: `parse_profile` makes the same profile of it. What is as by default is left
/// out. The bodies of requests are copied as they are. The profile is not validated.
inline std::string to_json(const profile& p) {
    std::string text;
    detail::profile_writer(text).write(p);
    return text;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_PROFILE_TEXT_HPP
