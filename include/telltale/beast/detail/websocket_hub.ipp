// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_WEBSOCKET_HUB_IPP
#define TELLTALE_BEAST_DETAIL_WEBSOCKET_HUB_IPP

#include <telltale/beast/detail/outbox_layer.hpp>
#include <telltale/beast/detail/watchdog.hpp>
#include <telltale/beast/websocket_hub.hpp>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <algorithm>
#include <mutex>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

class hub_session;

class hub_impl final : public hub_service, public std::enable_shared_from_this<hub_impl> {
public:
    hub_impl(net::any_io_executor ex, websocket_hub_options o, websocket_hub_hooks h)
        : executor(std::move(ex)),
          options(o),
          hooks(std::move(h)),
          watchdog_(executor, std::chrono::milliseconds(20), [this](steady_time now) { return look(now); }) {}

    void accept(http_upgrade up) override;
    bool publish(frame message) override;
    void for_each(const std::function<void(websocket_session&)>& f) override;
    std::size_t sessions() const noexcept override { return open_; }
    void close() override;

    void add(hub_session& s);
    void forget(hub_session& s) noexcept;
    void opened() noexcept { ++open_; }
    void need(steady_time at) { watchdog_.need(at); }
    steady_time now() const { return watchdog_.now(); }
    /// Flush this session when the turn is over.
    void flush_later(std::shared_ptr<hub_session> s);

    const net::any_io_executor executor;
    const websocket_hub_options options;
    websocket_hub_hooks hooks; ///< empty once closed

private:
    // What is published is taken up when some turns of the loop brought no more, or a full write's worth is there: the
    // more frames a write gathers, the less each costs.
    static constexpr int quiet_turns = 3;

    void take_up(std::size_t seen, int quiet);
    steady_time look(steady_time now);

    std::vector<hub_session*> sessions_;
    std::size_t open_ = 0;
    std::vector<std::shared_ptr<hub_session>> dirty_;
    std::mutex mutex_; ///< of what follows
    std::vector<frame> inbox_;
    std::size_t inbox_bytes_ = 0;
    bool taking_up_ = false;

    watchdog watchdog_; ///< last: its timer first to go
};

/// One connection: Beast shakes hands, reads, answers pings and closes; all that is written goes through the outbox.
class hub_session final : public websocket_session, public std::enable_shared_from_this<hub_session> {
    using stream = boost::beast::websocket::stream<outbox_layer, false>;
    using boost_error = boost::system::error_code;

public:
    hub_session(std::shared_ptr<hub_impl> hub, http_upgrade up)
        : hub_(std::move(hub)),
          request_(std::move(up.request)),
          out_(std::make_shared<outbox>(std::move(up.socket), hub_->options.max_queued_bytes)),
          stream_(out_),
          heard_at_(hub_->now()) {
        hub_->add(*this);
    }
    ~hub_session() override { end(); }

    void start() {
        namespace http = boost::beast::http;
        http::request<http::empty_body> upgrade;
        upgrade.method(http::verb::get);
        upgrade.target(request_.url);
        upgrade.version(11);
        for (const auto& [name, value] : request_.headers) upgrade.insert(name, value);
        deadline_ = heard_at_ + hub_->options.handshake_timeout;
        hub_->need(deadline_);
        stream_.read_message_max(hub_->options.max_message_size);
        stream_.control_callback([this](boost::beast::websocket::frame_type kind, boost::beast::string_view) {
            if (kind == boost::beast::websocket::frame_type::close) peer_closes();
        });
        stream_.async_accept(upgrade, [self = shared_from_this()](boost_error ec) { self->accepted(ec); });
    }

    void send(frame message) override {
        if (enqueue(std::move(message)) && !std::exchange(flush_posted_, true)) hub_->flush_later(shared_from_this());
    }

    /// As send, without a flush. Whether there is something to flush.
    bool enqueue(frame message) {
        if (!open_ || closing_) return false;
        if (missing_) return ++*missing_, false;
        auto result = out_->push(message);
        if (result == outbox::push_result::full && hub_->options.on_slow == slow_client_policy::conflate) {
            out_->conflate();
            // Half of it must have become free, or the next ones would have to look through the queue again.
            if (out_->queued_bytes() <= hub_->options.max_queued_bytes / 2) result = out_->push(message);
        }
        if (result == outbox::push_result::full) be_slow();
        return result == outbox::push_result::queued;
    }

    void flush() {
        flush_posted_ = false;
        out_->flush();
    }

    void close(std::uint16_t code, std::string reason) override {
        if (!hub_ || closing_) return;
        if (!open_) return out_->close();
        begin_closing();
        boost::beast::websocket::close_reason why(static_cast<boost::beast::websocket::close_code>(code));
        reason.resize(std::min<std::size_t>(reason.size(), 123));
        why.reason = boost::beast::string_view(reason);
        stream_.async_close(why, [self = shared_from_this()](boost_error) {});
    }

    const http_request& request() const noexcept override { return request_; }
    std::size_t queued_bytes() const noexcept override { return out_->queued_bytes(); }
    bool is_open() const noexcept { return open_ && !closing_; }

    /// Leaves the hub and closes the socket.
    void end() {
        if (!hub_) return;
        const auto hub = std::exchange(hub_, nullptr);
        hub->forget(*this);
        out_->on_drained(nullptr);
        out_->close();
    }

    bool counted() const noexcept { return open_; }

    /// Pings, and gives up when a deadline is over. When to look again.
    steady_time check(steady_time now) {
        if (stream_.next_layer().heard()) heard_at_ = now;
        if (open_ && !closing_) {
            deadline_ = heard_at_ + hub_->options.idle_timeout;
            if (now >= ping_at_) {
                static const frame ping = make_frame(frame_kind::ping, {});
                out_->push_control(ping);
                out_->flush();
                ping_at_ = now + hub_->options.ping_interval;
            }
        }
        if (now < deadline_) return open_ && !closing_ ? std::min(deadline_, ping_at_) : deadline_;
        out_->close(); // ends the read, and that the session
        deadline_ = watchdog::never;
        return deadline_;
    }

    std::size_t index = 0; ///< in the hub's list

private:
    void accepted(boost_error ec) {
        if (!hub_) return;
        if (ec) return end();
        out_->open();
        open_ = true;
        hub_->opened();
        heard_at_ = hub_->now();
        ping_at_ = heard_at_ + hub_->options.ping_interval;
        deadline_ = heard_at_ + hub_->options.idle_timeout;
        hub_->need(std::min(ping_at_, deadline_));
        if (hub_->hooks.on_open) hub_->hooks.on_open(*this);
        read();
    }

    void read() {
        stream_.async_read(in_, [self = shared_from_this()](boost_error ec, std::size_t) { self->got(ec); });
    }

    void got(boost_error ec) {
        if (!hub_) return;
        if (ec) {
            const auto hub = hub_;
            end();
            if (hub->hooks.on_close) hub->hooks.on_close(*this);
            return;
        }
        if (hub_->hooks.on_message && !closing_) {
            const auto data = in_.data();
            hub_->hooks.on_message(*this, {static_cast<const char*>(data.data()), data.size()}, stream_.got_text());
        }
        in_.clear();
        if (hub_) read();
    }

    void be_slow() {
        const auto dropped = out_->drop() + 1;
        if (hub_->options.on_slow == slow_client_policy::close) return close(1013, "too slow");
        missing_ = dropped;
        out_->on_drained([weak = weak_from_this()] {
            const auto self = weak.lock();
            if (!self || !self->hub_) return;
            const auto lost = *std::exchange(self->missing_, std::nullopt);
            if (self->is_open() && self->hub_->hooks.on_gap) self->hub_->hooks.on_gap(*self, lost);
        });
        if (out_->empty() && !std::exchange(flush_posted_, true)) hub_->flush_later(shared_from_this());
    }

    void peer_closes() {
        out_->drop();
        begin_closing();
    }

    void begin_closing() {
        if (!hub_) return;
        closing_ = true;
        deadline_ = hub_->now() + hub_->options.close_timeout;
        hub_->need(deadline_);
    }

    std::shared_ptr<hub_impl> hub_; ///< null once ended
    http_request request_;
    std::shared_ptr<outbox> out_;
    stream stream_;
    boost::beast::flat_buffer in_;
    std::optional<std::uint64_t> missing_; ///< slow: messages that it will not get
    steady_time heard_at_;
    steady_time ping_at_ = watchdog::never;
    steady_time deadline_ = watchdog::never;
    bool open_ = false;
    bool closing_ = false;
    bool flush_posted_ = false;
};

TELLTALE_DECL std::shared_ptr<hub_service> hub_service::create(net::any_io_executor ex, websocket_hub_options options,
                                                               websocket_hub_hooks hooks) {
    return std::make_shared<hub_impl>(std::move(ex), options, std::move(hooks));
}

inline void hub_impl::accept(http_upgrade up) {
    if (sessions_.size() >= options.max_sessions) {
        constexpr std::string_view refusal =
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        error_code ignored;
        up.socket.non_blocking(true, ignored);
        up.socket.write_some(net::buffer(refusal.data(), refusal.size()), ignored);
        return;
    }
    std::make_shared<hub_session>(shared_from_this(), std::move(up))->start();
}

inline bool hub_impl::publish(frame message) {
    {
        const std::lock_guard lock(mutex_);
        if (inbox_bytes_ > 0 && inbox_bytes_ + message->bytes.size() > options.max_unpublished_bytes) return false;
        inbox_bytes_ += message->bytes.size();
        inbox_.push_back(std::move(message));
        if (std::exchange(taking_up_, true)) return true;
    }
    net::post(executor, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->take_up(0, 0);
    });
    return true;
}

inline void hub_impl::take_up(std::size_t seen, int quiet) {
    std::vector<frame> messages;
    {
        const std::lock_guard lock(mutex_);
        quiet = inbox_.size() == seen ? quiet + 1 : 0;
        seen = inbox_.size();
        if (quiet >= quiet_turns || seen >= outbox::max_gather) {
            messages.swap(inbox_);
            inbox_bytes_ = 0;
            taking_up_ = false;
        }
    }
    if (messages.empty()) {
        net::post(executor, [weak = weak_from_this(), seen, quiet] {
            if (const auto self = weak.lock()) self->take_up(seen, quiet);
        });
        return;
    }
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
        auto& s = *sessions_[i];
        for (const auto& m : messages) s.enqueue(m);
        s.flush();
    }
}

inline void hub_impl::flush_later(std::shared_ptr<hub_session> s) {
    dirty_.push_back(std::move(s));
    if (dirty_.size() > 1) return;
    net::post(executor, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        const auto dirty = std::exchange(self->dirty_, {});
        for (const auto& session : dirty) session->flush();
    });
}

inline void hub_impl::for_each(const std::function<void(websocket_session&)>& f) {
    for (std::size_t i = 0; i < sessions_.size(); ++i)
        if (sessions_[i]->is_open()) f(*sessions_[i]);
}

inline void hub_impl::close() {
    hooks = {};
    while (!sessions_.empty()) {
        const auto session = sessions_.back()->weak_from_this().lock();
        session ? session->end() : sessions_.pop_back();
    }
    dirty_.clear();
    watchdog_.rest();
}

inline void hub_impl::add(hub_session& s) {
    s.index = sessions_.size();
    sessions_.push_back(&s);
}

inline void hub_impl::forget(hub_session& s) noexcept {
    if (s.counted()) --open_;
    sessions_.back()->index = s.index;
    std::swap(sessions_[s.index], sessions_.back());
    sessions_.pop_back();
}

inline steady_time hub_impl::look(steady_time now) {
    auto next = watchdog::never;
    for (auto* const s : sessions_) next = std::min(next, s->check(now));
    return next;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_WEBSOCKET_HUB_IPP
