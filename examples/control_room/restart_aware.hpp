// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef CONTROL_ROOM_RESTART_AWARE_HPP
#define CONTROL_ROOM_RESTART_AWARE_HPP

#include <telltale/asio.hpp>
#include <telltale/poll/status_source.hpp>

#include <cstdint>
#include <map>
#include <utility>

namespace control_room {

namespace net = telltale::net;

/// Asks another source, and notices when the worker was started again: it gives its jobs the same ids then, but they were
/// created later. That is a new attempt, not a job that runs backwards.
template <telltale::status_source Source>
class restart_aware {
public:
    explicit restart_aware(Source source) : source_(std::move(source)) {}

    net::awaitable<telltale::status> poll(telltale::job_id id) {
        telltale::status now = co_await source_.poll(id);
        if (!now.found || !now.created) co_return now;
        life& last = lives_.try_emplace(id, life{*now.created, 0}).first->second;
        if (*now.created > std::exchange(last.created, *now.created)) ++last.restarts;
        now.attempt = now.attempt.value_or(1) + last.restarts;
        co_return now;
    }

private:
    struct life {
        telltale::timestamp created;
        std::uint32_t restarts;
    };

    Source source_;
    std::map<telltale::job_id, life> lives_;
};

} // namespace control_room

#endif // CONTROL_ROOM_RESTART_AWARE_HPP
