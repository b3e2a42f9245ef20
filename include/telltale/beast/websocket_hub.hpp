// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_WEBSOCKET_HUB_HPP
#define TELLTALE_BEAST_WEBSOCKET_HUB_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/frame.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/version.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What becomes of a client for which more is queued than its bound.
enum class slow_client_policy : std::uint8_t {
    conflate, ///< of frames with the same key only the newest is kept; if that is not enough, as gap
    gap,      ///< what is queued is dropped; when it reads again, websocket_hub_hooks::on_gap says how many it missed
    close     ///< what is queued is dropped and the connection closed with code 1013
};

/// Limits of a websocket_hub. Sizes are in bytes; a duration must be positive.
struct websocket_hub_options {
    std::size_t max_sessions = 1024;               ///< one more is refused with 503
    std::size_t max_queued_bytes = 1U << 20U;      ///< per session; one message is taken whatever its size
    std::size_t max_message_size = 64U << 10U;     ///< of what a client sends; larger: closed with code 1009
    std::size_t max_unpublished_bytes = 8U << 20U; ///< published from other threads, not yet taken up by the loop
    slow_client_policy on_slow = slow_client_policy::gap;
    std::chrono::milliseconds handshake_timeout{10000};
    std::chrono::milliseconds ping_interval{25000};
    std::chrono::milliseconds idle_timeout{60000}; ///< nothing heard, not even a pong; more than ping_interval
    std::chrono::milliseconds close_timeout{5000}; ///< for the closing handshake
};

/// One WebSocket connection of a hub. Used on the hub's executor only.
class websocket_session {
public:
    virtual ~websocket_session() = default;
    /// Queues a message; it is written when this turn of the loop is over.
    virtual void send(frame message) = 0;
    /// Starts the closing handshake, after what is queued. `reason`: at most 123 bytes of UTF-8.
    virtual void close(std::uint16_t code = 1000, std::string reason = {}) = 0;
    /// The request that asked for the upgrade.
    virtual const http_request& request() const noexcept = 0;
    virtual std::size_t queued_bytes() const noexcept = 0;

    std::shared_ptr<void> context; ///< for whoever set the hooks
};

/// What a hub tells its owner, on its executor. All may be empty.
struct websocket_hub_hooks {
    std::function<void(websocket_session&)> on_open{};
    std::function<void(websocket_session&, std::string_view message, bool is_text)> on_message{};
    std::function<void(websocket_session&)> on_close{};
    /// A slow client has taken what was left, and misses `lost` messages before whatever is sent next.
    std::function<void(websocket_session&, std::uint64_t lost)> on_gap{};
};

namespace detail {

/// What is behind a websocket_hub.
class hub_service {
public:
    TELLTALE_DECL static std::shared_ptr<hub_service> create(net::any_io_executor ex, websocket_hub_options options,
                                                             websocket_hub_hooks hooks);
    virtual ~hub_service() = default;
    virtual void accept(http_upgrade up) = 0;
    virtual bool publish(frame message) = 0;
    virtual void for_each(const std::function<void(websocket_session&)>& f) = 0;
    virtual std::size_t sessions() const noexcept = 0;
    virtual void close() = 0;
};

} // namespace detail

/// Many WebSocket connections, and one message for all of them: framed once, its bytes shared, what is queued for a
/// connection written in one go per turn of the loop. Pings, time-outs and limits included. Knows nothing of jobs; see
/// broadcaster.
///
///     telltale::websocket_hub hub(executor);
///     server.on_upgrade("/ws", hub.acceptor());
///     hub.publish("hello");
///
/// @par Thread safety
/// publish(): any thread. All else: on its executor only (an io_context run by one thread, or a strand).
class websocket_hub {
public:
    using executor_type = net::any_io_executor;

    explicit websocket_hub(executor_type ex, websocket_hub_options options = {}, websocket_hub_hooks hooks = {})
        : service_(detail::hub_service::create(std::move(ex), options, std::move(hooks))) {}
    websocket_hub(const websocket_hub&) = delete;
    websocket_hub& operator=(const websocket_hub&) = delete;

    /// Closes all sockets; no hook is called any more.
    ~websocket_hub() { service_->close(); }

    /// Makes a session of an upgrade.
    void accept(http_upgrade up) { service_->accept(std::move(up)); }

    /// For http_server::on_upgrade. May outlive the hub.
    http_upgrade_handler acceptor() {
        return [weak = std::weak_ptr(service_)](http_upgrade up) {
            if (const auto hub = weak.lock()) hub->accept(std::move(up));
        };
    }

    /// Sends a text message to every session, in order. Any thread. False: dropped, because the loop is behind by more
    /// than max_unpublished_bytes.
    bool publish(std::string_view text) { return publish(make_frame(frame_kind::text, text)); }
    bool publish(frame message) { return service_->publish(std::move(message)); }

    /// Calls f for each open session.
    void for_each(const std::function<void(websocket_session&)>& f) { service_->for_each(f); }

    /// Open sessions.
    std::size_t sessions() const noexcept { return service_->sessions(); }

private:
    std::shared_ptr<detail::hub_service> service_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/beast/detail/websocket_hub.ipp>
#endif

#endif // TELLTALE_BEAST_WEBSOCKET_HUB_HPP
