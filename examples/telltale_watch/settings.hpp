// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_WATCH_SETTINGS_HPP
#define TELLTALE_WATCH_SETTINGS_HPP

#include <telltale/beast/http_message.hpp>
#include <telltale/core/job.hpp>
#include <telltale/json/profile.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace watch {

/// The command line is wrong: exit status 2.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What the user wants, checked.
struct settings {
    telltale::profile api{};
    bool from_flags = false; ///< the profile is made of flags alone: only the words in --done and --word are known
    std::string url{};
    std::vector<telltale::job_id> ids{};
    bool all = false;

    std::optional<std::chrono::nanoseconds> timeout{};
    std::chrono::nanoseconds interval = std::chrono::seconds{15};
    std::chrono::nanoseconds give_up = std::chrono::minutes{2};
    std::size_t max_concurrent = 10;
    bool adaptive = false;

    telltale::http_fields headers{};
    std::vector<std::string> secrets{}; ///< must not be in a record
    std::string ca_file{};
    bool insecure = false;
    std::string proxy{}; ///< empty: by the environment; "none"

    bool json = false;
    bool explain = false;
    bool cancel = false;
    std::string record{};
};

/// Parses the command line. Absent: there is nothing to watch, and the program ends with `status`. Throws usage_error.
std::optional<settings> parse(int argc, char** argv, int& status);

} // namespace watch

#endif // TELLTALE_WATCH_SETTINGS_HPP
