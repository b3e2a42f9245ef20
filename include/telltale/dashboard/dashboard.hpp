// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DASHBOARD_DASHBOARD_HPP
#define TELLTALE_DASHBOARD_DASHBOARD_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/broadcaster.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/board/board.hpp>
#include <telltale/dashboard/access.hpp>
#include <telltale/dashboard/board_api.hpp>
#include <telltale/dashboard/detail/static_page.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct dashboard_options {
    /// An IP address of this machine. Anything but the loopback interface lets whoever can reach it see all jobs and send
    /// commands: put a proxy before it that asks who they are.
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080; ///< 0: a free one
    access_rules access{};     ///< which web sites may use it
    http_server_options server{};
    broadcaster_options broadcast{};
};

/// A page that shows the jobs of a board live, with what it needs: the REST API and the WebSocket.
///
///     telltale::dashboard dashboard(board, {.port = 8080});
///     dashboard.listen();
///     std::cout << "see " << dashboard.url() << '\n';
///
/// It serves the page at /, the API of add_board_api under /api, and the messages of broadcaster at /ws. Pages of other
/// web sites can neither send commands nor listen (access_rules). The board must outlive it.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe; use it on its executor only (an io_context run by one thread, or a
/// strand). The board may be used from any thread all the same.
class dashboard {
public:
    using executor_type = net::any_io_executor;

    /// On the executor of the board.
    explicit dashboard(board& b, dashboard_options options = {}) : dashboard(b.get_executor(), b, std::move(options)) {}

    dashboard(executor_type executor, board& b, dashboard_options options = {})
        : executor_(std::move(executor)),
          options_(std::move(options)),
          access_(std::make_shared<const access_rules>(options_.access)),
          server_(executor_, options_.server),
          broadcaster_(executor_, b, detail::guarded(options_.broadcast, access_)) {
        detail::add_page(server_, access_);
        add_board_api(server_, b, {.prefix = "/api", .access = options_.access});
        server_.on_upgrade("/ws", broadcaster_.acceptor());
    }

    dashboard(const dashboard&) = delete;
    dashboard& operator=(const dashboard&) = delete;

    executor_type get_executor() const noexcept { return executor_; }

    /// Begins to serve. Errors: `net::error::address_in_use`; what else the system says of the address;
    /// `net::error::invalid_argument`: it is not an IP address.
    void listen(error_code& ec) {
        const auto address = net::ip::make_address(options_.address, ec);
        if (!ec) server_.listen({address, options_.port}, ec);
    }

    /// As above; throws system_error that names address and port.
    void listen() {
        error_code ec;
        listen(ec);
        if (ec) throw system_error(ec, "cannot listen on " + options_.address + ":" + std::to_string(options_.port));
    }

    /// Where it listens.
    tcp::endpoint local_endpoint() const { return server_.local_endpoint(); }

    /// Where a browser on this machine finds it: "http://127.0.0.1:8080/".
    std::string url() const {
        const auto at = local_endpoint();
        const auto host = at.address().is_v6() ? '[' + at.address().to_string() + ']' : at.address().to_string();
        return "http://" + host + ':' + std::to_string(at.port()) + '/';
    }

    /// For routes of one's own, before listen(). Ask `options.access` in them too.
    http_server& server() noexcept { return server_; }

    /// Stops listening and closes all connections. The board goes on. Idempotent.
    void stop() {
        server_.stop();
        broadcaster_.close();
    }

private:
    executor_type executor_;
    dashboard_options options_;
    std::shared_ptr<const access_rules> access_;
    http_server server_;
    broadcaster broadcaster_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_DASHBOARD_DASHBOARD_HPP
