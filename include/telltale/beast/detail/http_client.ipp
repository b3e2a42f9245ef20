// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_CLIENT_IPP
#define TELLTALE_BEAST_DETAIL_HTTP_CLIENT_IPP

#include <telltale/beast/detail/bridge_error.hpp>
#include <telltale/beast/detail/http_parser.hpp>
#include <telltale/beast/detail/tcp.hpp>
#include <telltale/beast/detail/url.hpp>
#include <telltale/beast/detail/watchdog.hpp>
#include <telltale/beast/http_client.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What an error of Beast's parser is called here.
inline error_code http_error(const boost::system::error_code& ec) {
    using boost::beast::http::error;
    if (ec == error::body_limit || ec == error::header_limit || ec == error::buffer_overflow)
        return errc::body_too_large;
    if (ec == error::partial_message || ec == error::end_of_stream) return net::error::eof;
    return errc::malformed_http;
}

struct http_connection {
    explicit http_connection(const net::any_io_executor& ex) : socket(ex) {}

    void close() noexcept {
        error_code ignored;
        socket.close(ignored);
    }

    /// Whether a kept connection is still open and silent.
    bool usable() {
        char byte = 0;
        error_code ec;
        socket.receive(net::buffer(&byte, 1), net::socket_base::message_peek, ec);
        return ec == net::error::would_block || ec == net::error::try_again;
    }

    tcp::socket socket;
    receive_buffer in;
    std::string key; ///< host:port
    steady_time idle_since{};
};

class http_exchange;

class http_pool_impl final : public http_pool, public std::enable_shared_from_this<http_pool_impl> {
public:
    http_pool_impl(net::any_io_executor ex, http_client_options o)
        : executor(std::move(ex)),
          options(std::move(o)),
          watchdog_(executor, std::chrono::milliseconds(5), [this](steady_time now) { return look(now); }) {}

    std::shared_ptr<cancellable> start(http_request request, completion<http_response> done) override;
    void close() override;
    std::size_t idle() const noexcept override { return idle_count_; }

    /// With `check_all` even a connection that was used just now is looked at.
    std::unique_ptr<http_connection> take(const std::string& key, bool check_all);
    void keep(std::unique_ptr<http_connection> connection);
    void add(http_exchange& e);
    void forget(http_exchange& e);
    void remove(http_exchange& e);
    void need(steady_time deadline) { watchdog_.need(deadline); }
    steady_time now() const { return watchdog_.now(); }

    const net::any_io_executor executor;
    const http_client_options options;

private:
    using connections = std::vector<std::unique_ptr<http_connection>>;

    inline steady_time look(steady_time now);
    void drop_old(steady_time now);

    std::vector<http_exchange*> exchanges_;
    std::unordered_map<std::string, connections> idle_; ///< the latest used at the end
    std::size_t idle_count_ = 0;
    bool resting_ = true; ///< a check whether the watchdog may rest is posted, or it rests
    watchdog watchdog_;
};

/// One request: connect or take a kept connection, write, read, complete.
class http_exchange final : public cancellable, public std::enable_shared_from_this<http_exchange> {
public:
    http_exchange(std::shared_ptr<http_pool_impl> pool, completion<http_response> done)
        : pool_(std::move(pool)), done_(std::move(done)) {}
    ~http_exchange() {
        if (pool_) pool_->forget(*this);
    }

    void cancel() override { complete(net::error::operation_aborted); }

    void start(http_request request) {
        auto url = parse_http_url(request.url);
        if (!url) return complete(errc::malformed_url);
        if (!sendable(request)) return complete(errc::invalid_argument);
        method_ = request.method;
        write_head(request, *url);
        url_ = std::move(*url);
        deadline_ = pool_->now() + pool_->options.timeout;
        pool_->need(deadline_);
        // A request that may be sent again needs no look at a connection that was in use a moment ago.
        connection_ = pool_->take(key(), !idempotent());
        reused_ = connection_ != nullptr;
        reused_ ? send() : connect();
    }

    /// Gives up when its deadline is over; the deadline.
    steady_time check(steady_time now) {
        const auto at = std::min(deadline_, connect_deadline_);
        if (now < at) return at;
        complete(errc::deadline_exceeded);
        return watchdog::never;
    }

    std::size_t index = 0; ///< in the pool's list

private:
    std::string key() const { return url_.host + '|' + url_.port; }

    bool idempotent() const noexcept {
        return method_ == "GET" || method_ == "HEAD" || method_ == "PUT" || method_ == "DELETE" ||
               method_ == "OPTIONS" || method_ == "TRACE";
    }

    static bool sendable(const http_request& r) {
        return is_token(r.method) && std::all_of(r.headers.begin(), r.headers.end(), [](const auto& h) {
                   return is_token(h.first) && is_field_value(h.second);
               });
    }

    void write_head(http_request& r, const http_url& url) {
        out_.reserve(256 + url.target.size() + r.body.size());
        out_.append(r.method).append(" ").append(url.target).append(" HTTP/1.1\r\n");
        const auto field = [&](std::string_view name, std::string_view value) {
            out_.append(name).append(": ").append(value).append("\r\n");
        };
        if (!find_field(r.headers, "Host")) field("Host", url.authority);
        if (!pool_->options.user_agent.empty() && !find_field(r.headers, "User-Agent"))
            field("User-Agent", pool_->options.user_agent);
        for (const auto& [name, value] : r.headers)
            if (!iequals(name, "Content-Length") && !iequals(name, "Transfer-Encoding")) field(name, value);
        if (!r.body.empty() || r.method == "POST" || r.method == "PUT" || r.method == "PATCH")
            field("Content-Length", std::to_string(r.body.size()));
        out_.append("\r\n").append(r.body);
    }

    void connect() {
        connection_ = std::make_unique<http_connection>(pool_->executor);
        connection_->key = key();
        connect_deadline_ = pool_->now() + pool_->options.connect_timeout;
        pool_->need(connect_deadline_);
        error_code ec;
        const auto address = net::ip::make_address(url_.host, ec);
        if (!ec) {
            endpoints_ = {tcp::endpoint(address, static_cast<unsigned short>(std::stoul(url_.port)))};
            return connect_next(net::error::host_not_found);
        }
        resolver_.emplace(pool_->executor);
        resolver_->async_resolve(url_.host, url_.port,
                                 [self = shared_from_this()](error_code e, const tcp::resolver::results_type& found) {
                                     self->resolved(e, found);
                                 });
    }

    void resolved(error_code ec, const tcp::resolver::results_type& found) {
        if (!done_) return;
        if (ec) return complete(ec);
        for (const auto& entry : found) endpoints_.push_back(entry.endpoint());
        connect_next(net::error::host_not_found);
    }

    void connect_next(error_code last_error) {
        if (next_endpoint_ == endpoints_.size()) return complete(last_error);
        connection_->close();
        connection_->socket.async_connect(endpoints_[next_endpoint_++], [self = shared_from_this()](error_code ec) {
            if (!self->done_) return;
            if (ec) return self->connect_next(ec);
            self->connected();
        });
    }

    void connected() {
        connect_deadline_ = watchdog::never;
        error_code ignored;
        connection_->socket.set_option(tcp::no_delay(true), ignored);
        connection_->socket.non_blocking(true, ignored);
        send();
    }

    // Most requests fit into the socket's buffer: then a write costs no turn of the loop.
    void send() {
        while (sent_ < out_.size()) {
            error_code ec;
            sent_ += connection_->socket.write_some(net::buffer(out_.data() + sent_, out_.size() - sent_), ec);
            if (ec == net::error::would_block || ec == net::error::try_again) {
                connection_->socket.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code e) {
                    if (!self->done_) return;
                    if (e) return self->broken(e);
                    self->send();
                });
                return;
            }
            if (ec) {
                // The server may have answered, such as 413, before it closed.
                write_error_ = ec;
                break;
            }
        }
        begin_answer();
        receive();
    }

    void begin_answer() {
        parser_.emplace();
        parser_->header_limit(
            static_cast<std::uint32_t>(std::min<std::size_t>(pool_->options.header_limit, 1U << 30U)));
        parser_->body_limit(pool_->options.body_limit);
        parser_->skip(method_ == "HEAD");
    }

    void receive() {
        connection_->socket.async_read_some(connection_->in.prepare(),
                                            [self = shared_from_this()](error_code ec, std::size_t n) {
                                                if (self->done_) self->received(ec, n);
                                            });
    }

    void received(error_code ec, std::size_t n) {
        boost::system::error_code parse_error;
        if (n > 0) {
            answered_ = true;
            connection_->in.commit(n);
        }
        if (ec) {
            if (ec != net::error::eof || !answered_) return broken(write_error_ ? write_error_ : ec);
            if (parser_->got_some()) parser_->put_eof(parse_error);
            if (parse_error || !parser_->is_done()) return complete(net::error::eof);
            return succeed(false);
        }
        for (;;) {
            const bool complete_answer = connection_->in.parse(*parser_, false, parse_error);
            if (parse_error) return complete(http_error(parse_error));
            if (!complete_answer) return receive();
            if (parser_->status >= 200 || parser_->status == 101) break;
            begin_answer(); // 100 Continue and its like come before the answer
        }
        succeed(parser_->keep_alive() && connection_->in.empty() && !write_error_ && parser_->status != 101);
    }

    void broken(error_code ec) {
        if (!reused_ || answered_ || !idempotent()) return complete(ec);
        reused_ = false;
        sent_ = 0;
        write_error_ = {};
        retire();
        connect();
    }

    void succeed(bool keep) {
        http_response answer;
        answer.status = parser_->status;
        answer.headers = std::move(parser_->fields);
        answer.body = std::move(parser_->body);
        if (keep) pool_->keep(std::move(connection_));
        complete({}, std::move(answer));
    }

    void complete(error_code ec, http_response answer = {}) {
        if (!done_) return;
        auto done = std::move(done_);
        retire();
        if (resolver_) resolver_->cancel();
        std::exchange(pool_, nullptr)->remove(*this);
        done(ec, std::move(answer));
    }

    // The connection lives on until this goes, so that its buffer outlives a read under way.
    void retire() {
        if (!connection_) return;
        connection_->close();
        retired_ = std::move(connection_);
    }

    std::shared_ptr<http_pool_impl> pool_;
    completion<http_response> done_;
    http_url url_;
    std::string method_;
    std::string out_; ///< the request as it is on the wire
    std::size_t sent_ = 0;
    std::unique_ptr<http_connection> connection_;
    std::unique_ptr<http_connection> retired_;
    std::optional<http_parser<false>> parser_;
    std::optional<tcp::resolver> resolver_;
    std::vector<tcp::endpoint> endpoints_;
    std::size_t next_endpoint_ = 0;
    steady_time deadline_ = watchdog::never;
    steady_time connect_deadline_ = watchdog::never;
    error_code write_error_;
    bool reused_ = false;
    bool answered_ = false;
};

TELLTALE_DECL std::shared_ptr<http_pool> http_pool::create(net::any_io_executor ex, http_client_options options) {
    return std::make_shared<http_pool_impl>(std::move(ex), std::move(options));
}

inline std::shared_ptr<cancellable> http_pool_impl::start(http_request request, completion<http_response> done) {
    auto exchange = std::make_shared<http_exchange>(shared_from_this(), std::move(done));
    add(*exchange);
    exchange->start(std::move(request));
    return exchange;
}

inline void http_pool_impl::close() {
    while (!exchanges_.empty()) exchanges_.back()->shared_from_this()->cancel();
    idle_.clear();
    idle_count_ = 0;
    watchdog_.rest();
}

inline void http_pool_impl::add(http_exchange& e) {
    e.index = exchanges_.size();
    exchanges_.push_back(&e);
}

inline void http_pool_impl::forget(http_exchange& e) {
    exchanges_.back()->index = e.index;
    std::swap(exchanges_[e.index], exchanges_.back());
    exchanges_.pop_back();
}

inline void http_pool_impl::remove(http_exchange& e) {
    forget(e);
    // The timer must not keep the context running when nothing is under way, but the next request is often started by
    // the completion of this one: look again after that.
    if (exchanges_.empty() && resting_) {
        resting_ = false;
        net::post(executor, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (!self) return;
            self->resting_ = true;
            if (self->exchanges_.empty()) self->watchdog_.rest();
        });
    }
}

inline steady_time http_pool_impl::look(steady_time now) {
    const auto keep_alive = shared_from_this();
    auto next = watchdog::never;
    for (std::size_t i = exchanges_.size(); i-- > 0;)
        next = std::min(next, exchanges_[i]->shared_from_this()->check(now));
    drop_old(now);
    return next;
}

inline std::unique_ptr<http_connection> http_pool_impl::take(const std::string& key, bool check_all) {
    const auto found = idle_.find(key);
    if (found == idle_.end()) return nullptr;
    const auto now = watchdog_.now();
    const auto oldest = now - options.idle_timeout;
    const auto trusted = now - std::chrono::milliseconds(100);
    while (!found->second.empty()) {
        auto connection = std::move(found->second.back());
        found->second.pop_back();
        --idle_count_;
        if (connection->idle_since <= oldest) continue;
        if ((!check_all && connection->idle_since > trusted) || connection->usable()) return connection;
    }
    return nullptr;
}

inline void http_pool_impl::keep(std::unique_ptr<http_connection> connection) {
    connection->idle_since = watchdog_.now();
    if (idle_count_ >= options.max_idle) drop_old(connection->idle_since);
    auto& kept = idle_[connection->key];
    if (kept.size() >= options.max_idle_per_host || idle_count_ >= options.max_idle) return;
    kept.push_back(std::move(connection));
    ++idle_count_;
}

inline void http_pool_impl::drop_old(steady_time now) {
    for (auto i = idle_.begin(); i != idle_.end();) {
        auto& kept = i->second;
        const auto last = std::find_if(kept.begin(), kept.end(),
                                       [&](const auto& c) { return now - c->idle_since < options.idle_timeout; });
        idle_count_ -= static_cast<std::size_t>(last - kept.begin());
        kept.erase(kept.begin(), last);
        i = kept.empty() ? idle_.erase(i) : std::next(i);
    }
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_HTTP_CLIENT_IPP
