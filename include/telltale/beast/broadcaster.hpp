// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_BROADCASTER_HPP
#define TELLTALE_BEAST_BROADCASTER_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/websocket_hub.hpp>
#include <telltale/board/board.hpp>
#include <telltale/version.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct broadcaster_options {
    /// Limits of the connections. Conflation keeps, of the progress of a job that is still queued for a slow client, only
    /// the newest.
    websocket_hub_options hub{.on_slow = slow_client_policy::conflate};
    /// Whether clients may send commands such as cancel. If not, they are answered with "unsupported".
    bool commands = true;
    /// Decides whether a client may connect; empty: all may. Refused ones get 403.
    std::function<bool(const http_request&)> allow{};
};

namespace detail {

/// What is behind a broadcaster.
class broadcast_service {
public:
    TELLTALE_DECL static std::shared_ptr<broadcast_service> create(net::any_io_executor ex, board& jobs,
                                                                   broadcaster_options options);
    virtual ~broadcast_service() = default;
    virtual void accept(http_upgrade up) = 0;
    virtual std::size_t sessions() const noexcept = 0;
    virtual void close() = 0;
};

} // namespace detail

/// Tells the events of a board to WebSocket clients, as JSON: docs/reference/json.md is the contract.
///
/// A client first gets a snapshot of the jobs that pass its filter, or, when it comes with a cursor that the board's
/// history still reaches, what it has missed; then every event after that, none twice. The filter is in the query of the
/// URL (`?jobs=1,2&kinds=job_failed&cursor=...`) or in a message of the client's. An event is encoded and framed once for
/// all. A client that cannot keep up gets a message "gap" and a fresh snapshot.
///
///     telltale::broadcaster events(executor, board);
///     server.on_upgrade("/ws", events.acceptor());
///
/// @par Thread safety
/// publish(): any thread. All else: on its executor only (an io_context run by one thread, or a strand). The board may be
/// used from any thread, and must outlive the broadcaster.
class broadcaster {
public:
    using executor_type = net::any_io_executor;

    broadcaster(executor_type ex, board& jobs, broadcaster_options options = {})
        : board_(jobs), service_(detail::broadcast_service::create(std::move(ex), jobs, std::move(options))) {}
    broadcaster(const broadcaster&) = delete;
    broadcaster& operator=(const broadcaster&) = delete;

    /// Closes all connections.
    ~broadcaster() { service_->close(); }

    /// Makes a client of an upgrade.
    void accept(http_upgrade up) { service_->accept(std::move(up)); }

    /// For http_server::on_upgrade. May outlive the broadcaster.
    http_upgrade_handler acceptor() {
        return [weak = std::weak_ptr(service_)](http_upgrade up) {
            if (const auto service = weak.lock()) service->accept(std::move(up));
        };
    }

    /// Sends an event of kind "custom" with this JSON value as its "data", in order with the board's events; `job` may
    /// name a job on the board. Any thread.
    void publish(std::string json, std::string_view job = {}) { board_.emit_custom(std::move(json), job); }

    /// Clients that are connected.
    std::size_t sessions() const noexcept { return service_->sessions(); }

    /// Closes all connections and takes no more. Idempotent.
    void close() { service_->close(); }

private:
    board& board_;
    std::shared_ptr<detail::broadcast_service> service_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/beast/detail/broadcaster.ipp>
#endif

#endif // TELLTALE_BEAST_BROADCASTER_HPP
