// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_FILTERED_HPP
#define TELLTALE_EVENT_FILTERED_HPP

#include <telltale/core/event.hpp>
#include <telltale/core/filter.hpp>
#include <telltale/event/subscription_options.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Options for what passes a filter, told to the emitter as data: an event costs nothing to the subscriptions of other
/// jobs and kinds, however many there are. `options.keys` and `options.classes` are replaced; `options.filter` must
/// agree, too.
///
///     auto events = emitter.subscribe(executor, telltale::filtered({.jobs = {"42"}}));
inline subscription_options<event> filtered(filter wanted, subscription_options<event> options = {}) {
    options.keys.clear();
    options.classes = 0;
    for (const event_kind k : wanted.kinds) options.classes |= std::uint64_t{1} << static_cast<unsigned>(k);
    wanted.kinds.clear();
    for (auto& id : wanted.jobs) options.keys.push_back({std::move(id), {}});
    wanted.jobs.clear();
    if (options.keys.empty()) {
        // Any of the labels will do to be found by; but without a name it would be taken for a job.
        const auto named = std::find_if(wanted.labels.begin(), wanted.labels.end(),
                                        [](const auto& label) { return !label.first.empty(); });
        if (named != wanted.labels.end()) {
            options.keys.push_back({named->second, named->first});
            wanted.labels.erase(named);
        }
    }
    if (!wanted.labels.empty())
        options.filter = [labels = std::move(wanted), also = std::move(options.filter)](const event& e) {
            return labels.matches(e) && (!also || also(e));
        };
    return options;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_FILTERED_HPP
