// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_SERVER_IPP
#define TELLTALE_BEAST_DETAIL_HTTP_SERVER_IPP

#include <telltale/beast/detail/http_parser.hpp>
#include <telltale/beast/detail/watchdog.hpp>
#include <telltale/beast/http_server.hpp>

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <ctime>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Whether a path matches the pattern of a route; the decoded values of its {names}.
inline std::optional<http_fields> match_route(std::string_view pattern, std::string_view path) {
    http_fields params;
    const auto take = [](std::string_view& rest) {
        const auto slash = std::min(rest.find('/'), rest.size());
        const auto segment = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        return segment;
    };
    if (pattern.empty() || path.empty() || pattern.front() != '/' || path.front() != '/') return std::nullopt;
    // A slash at the end counts as an empty segment.
    const auto segments = [](std::string_view text) { return std::count(text.begin(), text.end(), '/'); };
    auto more_pattern = segments(pattern);
    auto more_path = segments(path);
    pattern.remove_prefix(1);
    path.remove_prefix(1);
    for (; more_pattern > 0; --more_pattern, --more_path) {
        if (pattern == "{*}") {
            if (more_path > 0) params.emplace_back("*", percent_decode(path));
            return params;
        }
        if (more_path == 0) return std::nullopt;
        const auto expected = take(pattern);
        const auto segment = take(path);
        if (expected.size() > 2 && expected.front() == '{' && expected.back() == '}') {
            if (segment.empty()) return std::nullopt;
            params.emplace_back(std::string(expected.substr(1, expected.size() - 2)), percent_decode(segment));
        } else if (expected != segment) {
            return std::nullopt;
        }
    }
    if (more_path != 0) return std::nullopt;
    return params;
}

inline std::string http_date() {
    char text[40];
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

inline http_response error_response(unsigned status) {
    const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    return make_response(status, "text/plain; charset=utf-8", std::string(reason.data(), reason.size()) + "\n");
}

class http_session;

class http_service_impl final : public http_service, public std::enable_shared_from_this<http_service_impl> {
public:
    struct route_type {
        std::string method;
        std::string pattern;
        std::shared_ptr<const http_handler> handler;
    };

    http_service_impl(net::any_io_executor ex, http_server_options o)
        : executor(std::move(ex)),
          options(o),
          acceptor_(executor),
          watchdog_(executor, std::chrono::milliseconds(10), [this](steady_time now) { return look(now); }) {}

    void listen(const tcp::endpoint& at, error_code& ec) override;
    tcp::endpoint local_endpoint() const override {
        error_code ignored;
        return acceptor_.local_endpoint(ignored);
    }
    void route(std::string method, std::string pattern, http_handler handler) override {
        routes_.push_back(
            {std::move(method), std::move(pattern), std::make_shared<const http_handler>(std::move(handler))});
    }
    void on_upgrade(std::string path, http_upgrade_handler handler) override {
        upgrades_[std::move(path)] = std::make_shared<const http_upgrade_handler>(std::move(handler));
    }
    void stop() override;
    std::size_t connections() const noexcept override { return sessions_.size(); }

    void need(steady_time at) { watchdog_.need(at); }
    steady_time now() const { return watchdog_.now(); }
    void add(http_session& s);
    void forget(http_session& s) noexcept;
    std::shared_ptr<const http_upgrade_handler> find_upgrade(std::string_view path) const {
        const auto found = upgrades_.find(path);
        return found == upgrades_.end() ? nullptr : found->second;
    }

    /// The handler for a request, whose params it sets; or null and the status to answer with.
    std::shared_ptr<const http_handler> find_route(http_request& request, unsigned& status, std::string& allow) const;

    const net::any_io_executor executor;
    const http_server_options options;

private:
    void accept();
    void accepted(error_code ec, tcp::socket socket);
    steady_time look(steady_time now);

    tcp::acceptor acceptor_;
    std::vector<route_type> routes_;
    std::map<std::string, std::shared_ptr<const http_upgrade_handler>, std::less<>> upgrades_;
    std::vector<http_session*> sessions_;
    steady_time accept_again_ = watchdog::never;
    watchdog watchdog_;
};

/// One connection: read a request, answer it, again.
class http_session final : public std::enable_shared_from_this<http_session> {
public:
    http_session(std::shared_ptr<http_service_impl> service, tcp::socket socket)
        : service_(std::move(service)), socket_(std::move(socket)) {
        service_->add(*this);
    }
    ~http_session() { close(); }

    void start() {
        error_code ignored;
        socket_.non_blocking(true, ignored);
        socket_.set_option(tcp::no_delay(true), ignored);
        next_request();
        deadline(service_->options.header_timeout);
        receive();
    }

    /// Answers 503 and closes.
    void refuse() {
        error_code ignored;
        socket_.non_blocking(true, ignored);
        reject(503);
    }

    void close() {
        if (!service_) return;
        deadline_ = watchdog::never;
        error_code ignored;
        socket_.close(ignored);
        std::exchange(service_, nullptr)->forget(*this);
        abort_handler_.emit(net::cancellation_type::terminal);
    }

    /// Acts when its deadline is over; the deadline.
    steady_time check(steady_time now) {
        if (now < deadline_) return deadline_;
        if (state_ == state::header && begun_) {
            reject(408);
            return deadline_;
        }
        close();
        return watchdog::never;
    }

    std::size_t index = 0; ///< in the service's list

private:
    enum class state { header, body, handling, writing, lingering };

    void deadline(std::chrono::milliseconds after) {
        deadline_ = service_->now() + after;
        service_->need(deadline_);
    }

    void next_request() {
        parser_.emplace();
        parser_->header_limit(
            static_cast<std::uint32_t>(std::min<std::size_t>(service_->options.header_limit, 1U << 30U)));
        parser_->body_limit(service_->options.body_limit);
        state_ = state::header;
        begun_ = false;
    }

    void receive() {
        reading_ = true;
        socket_.async_read_some(in_.prepare(), [self = shared_from_this()](error_code ec, std::size_t n) {
            self->reading_ = false;
            if (self->service_) self->received(ec, n);
        });
    }

    void received(error_code ec, std::size_t n) {
        if (state_ == state::handling || state_ == state::writing) return;
        if (ec) return close();
        if (state_ == state::lingering) return linger();
        in_.commit(n);
        parse();
    }

    void parse() {
        boost::system::error_code ec;
        if (state_ == state::header) {
            if (!begun_ && !in_.empty()) {
                begun_ = true;
                deadline(service_->options.header_timeout);
            }
            const bool complete = in_.parse(*parser_, true, ec);
            if (ec) return reject_parse(ec);
            if (!complete) return receive();
            if (!start_body()) return;
        }
        const bool complete = in_.parse(*parser_, false, ec) || parser_->is_done();
        if (ec) return reject_parse(ec);
        if (!complete) return receive();
        handle();
    }

    bool start_body() {
        state_ = state::body;
        deadline(service_->options.body_timeout);
        const auto* const expect = find_field(parser_->fields, "Expect");
        if (!expect || parser_->is_done()) return true;
        if (!iequals(*expect, "100-continue")) return reject(417), false;
        if (in_.empty()) {
            // Fits into the socket's buffer: nothing else is being written.
            constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            error_code ec;
            socket_.write_some(net::buffer(go_on.data(), go_on.size()), ec);
            if (ec) return close(), false;
        }
        return true;
    }

    void reject_parse(const boost::system::error_code& ec) {
        using boost::beast::http::error;
        reject(ec == error::body_limit     ? 413U
               : ec == error::header_limit ? 431U
               : ec == error::bad_version  ? 505U
                                           : 400U);
    }

    /// Answers a request that is not read to its end, and closes.
    void reject(unsigned status) {
        keep_alive_ = false;
        unread_ = true;
        respond(error_response(status));
    }

    void handle() {
        state_ = state::handling;
        deadline_ = watchdog::never;
        keep_alive_ = parser_->keep_alive();
        old_version_ = parser_->version < 11;
        http_request request;
        request.method = std::move(parser_->method);
        request.url = std::move(parser_->target);
        request.headers = std::move(parser_->fields);
        request.body = std::move(parser_->body);
        head_ = request.method == "HEAD";
        if (request.url.empty() ||
            (request.url.front() != '/' && request.url != "*" && request.url.find("://") == std::string::npos))
            return reject(400);
        if (!old_version_ && !find_field(request.headers, "Host")) return reject(400);
        if (upgrade(request)) return;
        unsigned status = 404;
        std::string allow;
        const auto handler = service_->find_route(request, status, allow);
        if (!handler) {
            auto response = error_response(status);
            if (!allow.empty()) response.headers.emplace_back("Allow", allow);
            return respond(std::move(response));
        }
        net::co_spawn(service_->executor, run(handler, std::move(request)),
                      net::bind_cancellation_slot(abort_handler_.slot(),
                                                  [self = shared_from_this()](std::exception_ptr e, http_response r) {
                                                      if (!self->service_) return;
                                                      self->respond(e ? error_response(500) : std::move(r));
                                                  }));
    }

    static net::awaitable<http_response> run(std::shared_ptr<const http_handler> handler, http_request request) {
        co_return co_await (*handler)(std::move(request));
    }

    bool upgrade(http_request& request) {
        const auto* const connection = find_field(request.headers, "Connection");
        const auto* const protocol = find_field(request.headers, "Upgrade");
        if (request.method != "GET" || !connection || !protocol || !list_has(*connection, "upgrade") ||
            !list_has(*protocol, "websocket"))
            return false;
        const auto handler = service_->find_upgrade(request.path());
        if (!handler) return false;
        if (!in_.empty()) return reject(400), true; // it must wait for our answer
        http_upgrade up{std::move(request), std::move(socket_)};
        close();
        (*handler)(std::move(up));
        return true;
    }

    void respond(http_response response) {
        for (const auto& [name, value] : response.headers)
            if (!is_token(name) || !is_field_value(value)) {
                response = error_response(500);
                break;
            }
        if (response.status < 200 || response.status > 599) response = error_response(500);
        state_ = state::writing;
        write_head(response);
        body_ = std::move(response.body);
        if (head_ || response.status == 204 || response.status == 304) body_.clear();
        written_ = 0;
        deadline(service_->options.write_timeout);
        write();
    }

    void write_head(const http_response& r) {
        const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(r.status));
        out_.clear();
        out_.append("HTTP/1.1 ").append(std::to_string(r.status)).append(" ");
        out_.append(reason.data(), reason.size()).append("\r\n");
        for (const auto& [name, value] : r.headers) {
            if (iequals(name, "Content-Length") || iequals(name, "Transfer-Encoding")) continue;
            if (iequals(name, "Connection")) {
                if (list_has(value, "close")) keep_alive_ = false;
                continue;
            }
            out_.append(name).append(": ").append(value).append("\r\n");
        }
        if (!find_field(r.headers, "Date")) out_.append("Date: ").append(http_date()).append("\r\n");
        if (r.status != 204 && r.status != 304)
            out_.append("Content-Length: ").append(std::to_string(r.body.size())).append("\r\n");
        if (!keep_alive_)
            out_.append("Connection: close\r\n");
        else if (old_version_)
            out_.append("Connection: keep-alive\r\n");
        out_.append("\r\n");
    }

    void write() {
        while (written_ < out_.size() + body_.size()) {
            std::array<net::const_buffer, 2> rest{net::buffer(out_), net::buffer(body_)};
            auto skip = written_;
            for (auto& b : rest) {
                const auto n = std::min(skip, b.size());
                b += n;
                skip -= n;
            }
            error_code ec;
            written_ += socket_.write_some(rest, ec);
            if (ec == net::error::would_block || ec == net::error::try_again) {
                socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code e) {
                    if (!self->service_) return;
                    if (e) return self->close();
                    self->write();
                });
                return;
            }
            if (ec) return close();
        }
        body_.clear();
        if (!keep_alive_) {
            if (!unread_) return close();
            // Closing with bytes unread would reset the connection, and the client might never see the answer.
            state_ = state::lingering;
            error_code ignored;
            socket_.shutdown(tcp::socket::shutdown_send, ignored);
            deadline(std::chrono::milliseconds(2000));
            return linger();
        }
        next_request();
        deadline(service_->options.idle_timeout);
        if (in_.empty()) return receive();
        net::post(service_->executor, [self = shared_from_this()] {
            if (self->service_) self->parse();
        });
    }

    void linger() {
        if (reading_) return; // goes on when that read is done
        in_ = {};
        receive();
    }

    std::shared_ptr<http_service_impl> service_; ///< null once closed
    tcp::socket socket_;
    receive_buffer in_;
    std::optional<http_parser<true>> parser_;
    std::string out_;
    std::string body_;
    std::size_t written_ = 0;
    steady_time deadline_ = watchdog::never;
    net::cancellation_signal abort_handler_;
    state state_ = state::header;
    bool reading_ = false;
    bool begun_ = false; ///< a byte of the request has come
    bool keep_alive_ = false;
    bool old_version_ = false;
    bool head_ = false;
    bool unread_ = false;
};

TELLTALE_DECL std::shared_ptr<http_service> http_service::create(net::any_io_executor ex, http_server_options options) {
    return std::make_shared<http_service_impl>(std::move(ex), options);
}

inline void http_service_impl::listen(const tcp::endpoint& at, error_code& ec) {
    tcp::acceptor fresh(executor);
    const auto ok = [&ec] { return !ec; };
    fresh.open(at.protocol(), ec);
    if (ok()) fresh.set_option(net::socket_base::reuse_address(true), ec);
    if (ok()) fresh.bind(at, ec);
    if (ok()) fresh.listen(net::socket_base::max_listen_connections, ec);
    if (!ok()) return;
    acceptor_ = std::move(fresh);
    accept();
}

inline void http_service_impl::accept() {
    acceptor_.async_accept([weak = weak_from_this()](error_code ec, tcp::socket socket) {
        if (const auto self = weak.lock()) self->accepted(ec, std::move(socket));
    });
}

inline void http_service_impl::accepted(error_code ec, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (!ec) {
        const auto session = std::make_shared<http_session>(shared_from_this(), std::move(socket));
        sessions_.size() > options.max_connections ? session->refuse() : session->start();
    } else if (ec == net::error::no_descriptors || ec == net::error::no_memory || ec == net::error::no_buffer_space) {
        accept_again_ = watchdog_.now() + std::chrono::milliseconds(100);
        need(accept_again_);
        return;
    } else if (ec == net::error::operation_aborted || ec == net::error::bad_descriptor) {
        return;
    }
    accept();
}

inline steady_time http_service_impl::look(steady_time now) {
    const auto keep_alive = shared_from_this();
    auto next = watchdog::never;
    for (std::size_t i = sessions_.size(); i-- > 0;) {
        // A session that a check closes is replaced by the last one, which was checked already.
        const auto session = sessions_[i]->weak_from_this().lock();
        if (session) next = std::min(next, session->check(now));
        i = std::min(i, sessions_.size());
    }
    if (now >= accept_again_) {
        accept_again_ = watchdog::never;
        if (acceptor_.is_open()) accept();
    }
    return std::min(next, accept_again_);
}

inline void http_service_impl::stop() {
    error_code ignored;
    acceptor_.close(ignored);
    while (!sessions_.empty()) {
        const auto session = sessions_.back()->weak_from_this().lock();
        session ? session->close() : sessions_.pop_back();
    }
    watchdog_.rest();
}

inline void http_service_impl::add(http_session& s) {
    s.index = sessions_.size();
    sessions_.push_back(&s);
}

inline void http_service_impl::forget(http_session& s) noexcept {
    sessions_.back()->index = s.index;
    std::swap(sessions_[s.index], sessions_.back());
    sessions_.pop_back();
}

inline std::shared_ptr<const http_handler> http_service_impl::find_route(http_request& request, unsigned& status,
                                                                         std::string& allow) const {
    std::shared_ptr<const http_handler> get;
    http_fields get_params;
    for (const auto& r : routes_) {
        auto params = match_route(r.pattern, request.path());
        if (!params) continue;
        if (r.method == request.method || r.method == "*") {
            request.params = std::move(*params);
            return r.handler;
        }
        if (r.method == "GET" && request.method == "HEAD" && !get) {
            get = r.handler;
            get_params = std::move(*params);
        }
        if (allow.find(r.method) == std::string::npos) allow.append(allow.empty() ? "" : ", ").append(r.method);
    }
    if (get) {
        request.params = std::move(get_params);
    } else if (!allow.empty()) {
        status = 405;
    }
    return get;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_HTTP_SERVER_IPP
