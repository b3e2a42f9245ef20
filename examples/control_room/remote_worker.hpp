// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef CONTROL_ROOM_REMOTE_WORKER_HPP
#define CONTROL_ROOM_REMOTE_WORKER_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/http_client.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/poll/status_source.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace control_room {

namespace net = telltale::net;

/// Sends a command for one job to the worker's API. The board hands it to the page, to the API and to WebSocket clients:
/// all of them cancel through here.
class remote_control final : public telltale::job_control {
public:
    remote_control(telltale::http_client& client, telltale::job_sink sink, std::string worker, telltale::job_id id)
        : client_(client), sink_(std::move(sink)), worker_(std::move(worker)), id_(std::move(id)) {}

    bool supports(telltale::job_command command) const noexcept override {
        return command == telltale::job_command::cancel;
    }

    /// Accepted means sent. That the job was cancelled is seen by the next poll; that it was not, said by its message.
    telltale::command_result request(telltale::job_command command) override {
        if (!supports(command)) return telltale::command_result::unsupported;
        net::co_spawn(client_.get_executor(), send(client_, sink_, worker_, id_), net::detached);
        return telltale::command_result::accepted;
    }

private:
    static net::awaitable<void> send(telltale::http_client& client, telltale::job_sink sink, std::string worker,
                                     telltale::job_id id) {
        telltale::http_request request;
        request.method = "POST";
        request.url = worker + "/jobs/" + id + "/cancel";
        const auto [ec, answer] = co_await client.async_request(std::move(request), telltale::as_result);
        if (!ec && answer.status == 202) co_return;
        if (ec == net::error::operation_aborted) co_return;
        telltale::job_report report;
        report.id = std::move(id);
        report.by = telltale::reporter::observer;
        report.message =
            "could not be cancelled: " + (ec ? ec.message() : "the worker answered " + std::to_string(answer.status));
        sink(std::move(report));
    }

    telltale::http_client& client_;
    telltale::job_sink sink_;
    std::string worker_;
    telltale::job_id id_;
};

/// Asks another source, and notices when the worker was started again: it gives its jobs the same ids then, but they were
/// created later. That is a new attempt, not a job that runs backwards.
template <telltale::status_source Source>
class restart_aware {
public:
    explicit restart_aware(Source source) : source_(std::move(source)) {}

    net::awaitable<telltale::status> poll(const telltale::job_id& id) {
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

#endif // CONTROL_ROOM_REMOTE_WORKER_HPP
