// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_ACCEPTORS_HPP
#define TELLTALE_CORE_ACCEPTORS_HPP

#include <telltale/core/job_state.hpp>

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Maps an API's own words to states. Words are open: one that is not here gives nothing, and it is the caller's duty
/// to keep it raw and to tell of it, never to take it for the end of the job.
class acceptors {
public:
    acceptors() = default;

    /// Words are compared exactly, upper and lower case apart.
    acceptors(std::initializer_list<std::pair<const std::string, job_state>> words) : words_(words) {}

    void add(std::string word, job_state state) { words_.insert_or_assign(std::move(word), state); }

    std::optional<job_state> find(std::string_view word) const {
        const auto found = words_.find(word);
        if (found == words_.end()) return std::nullopt;
        return found->second;
    }

    bool empty() const noexcept { return words_.empty(); }

    /// The states' own names: what telltale's API says.
    static acceptors own_words() {
        acceptors result;
        for (std::size_t i = 0; i < job_state_count; ++i) {
            const auto state = static_cast<job_state>(i);
            result.add(std::string(to_string(state)), state);
        }
        return result;
    }

private:
    std::map<std::string, job_state, std::less<>> words_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_ACCEPTORS_HPP
