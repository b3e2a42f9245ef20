// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_EXCHANGE_HPP
#define TELLTALE_BEAST_DETAIL_HTTP_EXCHANGE_HPP

#include <telltale/beast/detail/http_connection.hpp>
#include <telltale/beast/detail/http_request_rules.hpp>
#include <telltale/beast/http_credential.hpp>

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// One request: take a kept connection or make one (through a proxy, with TLS), write, read; and so again for a redirect, a
/// new token, or a connection that turned out to be closed.
class http_exchange final : public http_call, public token_waiter, public std::enable_shared_from_this<http_exchange> {
    using duration = std::chrono::steady_clock::duration;

public:
    http_exchange(std::shared_ptr<http_pool_impl> pool, http_request&& request, download_sink&& sink)
        : pool_(std::move(pool)), request_(std::move(request)), sink_(std::move(sink)) {}
    ~http_exchange() {
        if (!done_) return; // not started, or completed
        leave_line();
        if (asking_) request_.credential->forget(*this);
        if (connection_ && connection_->host) --connection_->host->open;
        pool_->forget(*this);
    }

    void cancel() override { complete(net::error::operation_aborted); }

    std::shared_ptr<http_call> copy() const override {
        return std::make_shared<http_exchange>(pool_, http_request(request_), download_sink(sink_));
    }

    void start(completion<http_response> done) override {
        done_ = std::move(done);
        pool_->add(*this);
        if (pool_->closed()) return complete(net::error::operation_aborted);
        const auto url = pool_->urls.read(request_.url);
        if (!url) return complete(errc::malformed_url);
        if (!sendable(request_)) return complete(errc::invalid_argument);
        url_ = *url;
        limit_ = sink_ ? options().download_timeout : options().timeout;
        const auto now = pool_->now();
        deadline_ = end_of_limit(now, limit_);
        pool_->need(deadline_);
        if (request_.credential && request_.credential->can_refresh() && request_.credential->generation() == 0)
            return await_token();
        attempt(now);
    }

    /// Gives up when one of its limits is reached; the next one.
    steady_time check(steady_time now) {
        if (now >= stall_ends_) {
            if (parser_ && parser_->body_size - stall_from_ >= options().stall_bytes) {
                stall_from_ = parser_->body_size;
                stall_ends_ = end_of_limit(now, options().stall_timeout);
            } else {
                complete(errc::deadline_exceeded);
                return watchdog::never;
            }
        }
        const auto at = std::min({deadline_, phase_ends_, stall_ends_});
        if (now < at) return at;
        complete(errc::deadline_exceeded);
        return watchdog::never;
    }

    /// Its turn in the line has come.
    void granted(std::unique_ptr<http_connection> connection) {
        line_ = nullptr;
        connection_ = std::move(connection);
        detour_->anchor->cancel();
    }

    void token_ready(error_code ec) override {
        asking_ = false;
        token_error_ = ec;
        detour_->anchor->cancel();
    }

    std::size_t index = 0; ///< in the pool's list

private:
    friend class http_pool_impl;

    // What a request on a kept connection needs nothing of: without it an exchange is of a size that malloc has at hand.
    struct detour {
        void cancel() {
            if (anchor) anchor->cancel();
            if (resolver) resolver->cancel();
        }

        std::optional<tcp::resolver> resolver{};
        std::optional<net::steady_timer> anchor{};
        std::vector<tcp::endpoint> endpoints{};
        std::size_t next_endpoint = 0;
        std::string redirected{};        ///< the URL that url_ is of, after a redirect
        std::vector<std::string> been{}; ///< before redirects: method and URL
        std::string after_tunnel{};      ///< while a tunnel is made: the request
    };

    detour& rare() {
        if (!detour_) detour_ = std::make_unique<detour>();
        return *detour_;
    }

    const http_client_options& options() const noexcept { return pool_->options; }

    // Into memory that is used again and again.
    const std::string& key(std::string& k) const {
        k.clear();
        if (url_.secure || !proxy_) k.append(url_.host).append(1, '|').append(url_.port);
        if (url_.secure) k += "|tls";
        if (proxy_) k.append("|by|").append(proxy_->host).append("|").append(proxy_->port);
        return k;
    }

    // The request as it goes to where url_ leads.
    void attempt(steady_time now) {
        error_code ec;
        proxy_ = pool_->proxy_for(url_, ec);
        if (ec) return complete(ec);
        if (request_.credential) generation_ = request_.credential->generation();
        write_request(out_, request_, url_, proxy_, options());
        sent_ = 0;
        answered_ = tunnelling_ = false;
        write_error_ = {};
        phase_ends_ = stall_ends_ = watchdog::never;
        // A request that may be sent again needs no look at a connection that was in use a moment ago.
        connection_ = pool_->take(*this, key(pool_->key_memory), !is_idempotent(request_), now);
        if (!connection_) return hold(&http_exchange::proceed);
        proceed();
    }

    void proceed() {
        reused_ = connection_->used;
        reused_ ? send() : connect();
    }

    // While it waits for something that is not the network, this alone keeps it, and lets the context destroy it.
    void hold(void (http_exchange::*next)()) {
        rare().anchor.emplace(pool_->executor, steady_time::max());
        detour_->anchor->async_wait([self = shared_from_this(), next](error_code) {
            if (self->done_) (self.get()->*next)();
        });
    }

    void await_token() {
        asking_ = true;
        hold(&http_exchange::token_arrived);
        request_.credential->ask(pool_->executor, *this);
    }

    void token_arrived() {
        if (token_error_) return complete(token_error_);
        attempt(pool_->now());
    }

    // A limit of what begins now; what is not shorter than the whole needs no look at the clock.
    void begin_phase(duration limit) {
        phase_ends_ = limit < limit_ ? end_of_limit(pool_->now(), limit) : watchdog::never;
        pool_->need(phase_ends_);
    }

    void connect() {
        begin_phase(options().connect_timeout);
        const std::string host(proxy_ ? std::string_view(proxy_->host) : url_.host);
        const std::string port(proxy_ ? std::string_view(proxy_->port) : url_.port);
        auto& way = rare();
        way.endpoints.clear();
        way.next_endpoint = 0;
        error_code ec;
        const auto address = net::ip::make_address(host, ec);
        if (!ec) {
            way.endpoints = {tcp::endpoint(address, static_cast<unsigned short>(std::stoul(port)))};
            return connect_next(net::error::host_not_found);
        }
        way.resolver.emplace(pool_->executor);
        way.resolver->async_resolve(
            host, port, [self = shared_from_this()](error_code e, const tcp::resolver::results_type& found) {
                self->resolved(e, found);
            });
    }

    void resolved(error_code ec, const tcp::resolver::results_type& found) {
        if (!done_) return;
        if (ec) return complete(ec);
        for (const auto& entry : found) detour_->endpoints.push_back(entry.endpoint());
        connect_next(net::error::host_not_found);
    }

    void connect_next(error_code last_error) {
        auto& way = *detour_;
        if (way.next_endpoint == way.endpoints.size()) return complete(last_error);
        connection_->close();
        connection_->socket.async_connect(way.endpoints[way.next_endpoint++],
                                          [self = shared_from_this()](error_code ec) {
                                              if (!self->done_) return;
                                              if (ec) return self->connect_next(ec);
                                              self->connected();
                                          });
    }

    void connected() {
        error_code ignored;
        connection_->socket.set_option(tcp::no_delay(true), ignored);
        connection_->socket.non_blocking(true, ignored);
        if (!url_.secure) return send();
        if (!proxy_) return handshake();
        tunnelling_ = true;
        std::string to(url_.host);
        if (to.find(':') != std::string::npos) to = '[' + to + ']';
        to.append(":").append(url_.port);
        std::swap(out_, detour_->after_tunnel);
        out_ = "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n";
        if (!proxy_->authorization.empty())
            out_.append("Proxy-Authorization: ").append(proxy_->authorization).append("\r\n");
        out_ += "\r\n";
        send();
    }

    void tunnelled() {
        if (parser_->status < 200 || parser_->status >= 300) return complete(errc::proxy_refused);
        if (!connection_->in.empty()) return complete(errc::malformed_http); // the server speaks second
        std::swap(out_, detour_->after_tunnel);
        sent_ = 0;
        answered_ = tunnelling_ = false;
        handshake();
    }

    void handshake() {
        begin_phase(options().handshake_timeout);
        error_code ec;
        auto* const context = pool_->tls(ec);
        if (context)
            connection_->tls =
                make_tls_stream(connection_->socket, *context, options().tls, std::string(url_.host), ec);
        if (ec) return complete(ec);
        connection_->tls->async_handshake(net::ssl::stream_base::client, [self = shared_from_this()](error_code e) {
            if (!self->done_) return;
            if (e) return self->complete(handshake_error(*self->connection_->tls, e));
            self->send();
        });
    }

    // The turn of the loop that this takes is worth it: a server that is near has answered by then, and reading at once would
    // be a system call for nothing.
    void send() {
        connection_->write(net::buffer(out_.data() + sent_, out_.size() - sent_),
                           [self = shared_from_this()](error_code ec, std::size_t n) {
                               if (!self->done_) return;
                               self->sent_ += n;
                               // The server may have answered, such as 413, before it closed.
                               self->write_error_ = tls_error(ec);
                               if (ec || self->sent_ == self->out_.size()) return self->begin_receive();
                               self->send();
                           });
    }

    void begin_receive() {
        if (!tunnelling_) begin_phase(options().header_timeout);
        begin_answer();
        receive();
    }

    void begin_answer() {
        parser_.emplace();
        parser_->header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(options().header_limit, 1U << 30U)));
        parser_->memory_limit = options().body_limit;
        parser_->body_limit(sink_ ? std::max<std::uint64_t>(options().download_limit, options().body_limit)
                                  : std::uint64_t{options().body_limit});
        parser_->skip(tunnelling_ || request_.method == "HEAD");
        if (sink_) {
            parser_->sink = &sink_;
            parser_->sink_limit = options().download_limit;
        }
        in_body_ = false;
    }

    void receive() {
        connection_->read(sink_ ? 65536 : 4096, [self = shared_from_this()](error_code ec, std::size_t n) {
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
            // Without a goodbye of TLS an end may be somebody's on the way.
            const bool cut = connection_->tls && ec != net::error::eof;
            ec = tls_error(ec);
            if (ec != net::error::eof || !answered_) return broken(write_error_ ? write_error_ : ec);
            if (parser_->got_some()) parser_->put_eof(parse_error);
            if (cut || parse_error || !parser_->is_done()) return complete(net::error::eof);
            return answered(false);
        }
        for (;;) {
            const bool complete_answer = connection_->in.parse(*parser_, false, parse_error);
            if (!done_) return; // the sink has ended it
            if (parse_error) return complete(parser_->sink_error ? parser_->sink_error : http_error(parse_error));
            if (!complete_answer) {
                if (!in_body_ && parser_->is_header_done()) begin_body();
                return receive();
            }
            if (parser_->status >= 200 || parser_->status == 101) break;
            begin_answer(); // 100 Continue and its like come before the answer
        }
        answered(parser_->keep_alive() && connection_->in.empty() && !write_error_ && parser_->status != 101);
    }

    // Most answers come whole, and never get here.
    void begin_body() {
        in_body_ = true;
        if (sink_)
            phase_ends_ = watchdog::never;
        else
            begin_phase(options().body_timeout);
        if (options().stall_timeout >= limit_) return;
        stall_from_ = 0;
        stall_ends_ = end_of_limit(pool_->now(), options().stall_timeout);
        pool_->need(stall_ends_);
    }

    void broken(error_code ec) {
        if (!reused_ || answered_ || !is_idempotent(request_)) return complete(ec);
        reused_ = false;
        sent_ = 0;
        write_error_ = {};
        auto fresh = std::make_unique<http_connection>(pool_->executor, *connection_->host);
        connection_->host = nullptr;
        retire();
        connection_ = std::move(fresh);
        connect();
    }

    void answered(bool keep) {
        if (tunnelling_) return tunnelled();
        if (keep)
            pool_->keep(std::move(connection_));
        else
            retire();
        if (parser_->status == 401 && refresh()) return;
        if (parser_->status >= 300 && parser_->status < 400 && redirect()) return;
        complete({},
                 {.status = parser_->status, .headers = std::move(parser_->fields), .body = std::move(parser_->body)});
    }

    // Whether the request is made once more, with a new token.
    bool refresh() {
        if (refreshed_ || !request_.credential || !request_.credential->can_refresh()) return false;
        refreshed_ = true;
        phase_ends_ = stall_ends_ = watchdog::never;
        if (request_.credential->generation() != generation_)
            attempt(pool_->now());
        else
            await_token();
        return true;
    }

    // Whether the answer was a redirect, which is followed, or refused.
    bool redirect() {
        if (options().max_redirects == 0 || !is_redirect(parser_->status)) return false;
        const auto* const location = find_field(parser_->fields, "Location");
        if (!location || !may_follow(request_, parser_->status, options())) return false;
        if (const auto ec =
                follow(request_, url_, rare().redirected, rare().been, parser_->status, *location, options()))
            complete(ec);
        else
            attempt(pool_->now());
        return true;
    }

    void complete(error_code ec, http_response answer = {}) {
        if (!done_) return;
        auto done = std::move(done_);
        leave_line();
        if (std::exchange(asking_, false)) request_.credential->leave(*this);
        if (detour_) detour_->cancel();
        retire();
        std::exchange(pool_, nullptr)->remove(*this);
        done(ec, std::move(answer));
    }

    void leave_line() noexcept {
        if (line_) std::exchange(line_, nullptr)->line.erase(place_);
    }

    // The connection lives on until this goes, so that its buffer outlives a read under way.
    void retire() {
        if (!connection_) return;
        connection_->close();
        pool_->give_up(*connection_);
        retired_ = std::move(connection_);
    }

    std::shared_ptr<http_pool_impl> pool_;
    completion<http_response> done_;
    http_request request_{};
    http_url url_{}; ///< where it goes at the moment
    download_sink sink_{};
    const http_proxy* proxy_ = nullptr;
    std::string out_{}; ///< what is being sent, as it is on the wire
    std::size_t sent_ = 0;
    std::unique_ptr<http_connection> connection_{};
    std::unique_ptr<http_connection> retired_{};
    std::optional<http_parser<false>> parser_{};
    std::unique_ptr<detour> detour_{};
    http_host* line_ = nullptr; ///< in which it stands
    std::list<http_exchange*>::iterator place_{};
    std::uint64_t generation_ = 0; ///< of the token that was sent
    error_code token_error_{};
    error_code write_error_{};
    duration limit_{};
    steady_time deadline_ = watchdog::never;   ///< of the whole
    steady_time phase_ends_ = watchdog::never; ///< of connecting, the handshake, the header, the body
    steady_time stall_ends_ = watchdog::never;
    std::uint64_t stall_from_ = 0; ///< bytes of the body that there were then
    bool reused_ = false;
    bool answered_ = false;
    bool tunnelling_ = false;
    bool in_body_ = false;
    bool asking_ = false;
    bool refreshed_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_HTTP_EXCHANGE_HPP
