// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_BROADCASTER_IPP
#define TELLTALE_BEAST_DETAIL_BROADCASTER_IPP

#include <telltale/beast/broadcaster.hpp>
#include <telltale/core/json.hpp>
#include <telltale/json/client_message.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

class broadcast_impl final : public broadcast_service, public std::enable_shared_from_this<broadcast_impl> {
    /// What is kept for a client.
    struct reader {
        filter wanted;
        cursor seen; ///< it has every event up to here
        bool ready = false;
    };

public:
    broadcast_impl(net::any_io_executor ex, board& jobs, broadcaster_options options)
        : executor_(ex),
          board_(jobs),
          options_(std::move(options)),
          events_(jobs.subscribe_on(ex)),
          hub_(std::in_place, ex, options_.hub, hooks()) {}

    void start() {
        events_->async_receive([weak = weak_from_this()](error_code ec, delivery<event> first) {
            const auto self = weak.lock();
            if (!self || !self->events_ || ec) return;
            self->tell(first);
            // All that is there, but for a limit so that others get their turn; the hub writes it in one go.
            for (int i = 1; i < 256; ++i) {
                const auto next = self->events_->try_receive();
                if (!next) break;
                self->tell(*next);
            }
            self->start();
        });
    }

    void accept(http_upgrade up) override {
        if (!hub_) return;
        if (options_.allow && !options_.allow(up.request)) {
            constexpr std::string_view refusal =
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            error_code ignored;
            up.socket.non_blocking(true, ignored);
            up.socket.write_some(net::buffer(refusal.data(), refusal.size()), ignored);
            return;
        }
        hub_->accept(std::move(up));
    }

    std::size_t sessions() const noexcept override { return hub_ ? hub_->sessions() : 0; }

    void close() override {
        events_.reset();
        hub_.reset();
    }

private:
    websocket_hub_hooks hooks() {
        websocket_hub_hooks h;
        h.on_open = [this](websocket_session& s) { opened(s); };
        h.on_message = [this](websocket_session& s, std::string_view text, bool is_text) { said(s, text, is_text); };
        h.on_gap = [this](websocket_session& s, std::uint64_t lost) {
            gap(s, lost);
            snapshot(s, false);
        };
        return h;
    }

    static reader& of(websocket_session& s) { return *static_cast<reader*>(s.context.get()); }

    static void send(websocket_session& s, const std::string& json) { s.send(make_frame(frame_kind::text, json)); }

    /// One event for all: encoded when the first wants it.
    void tell(const delivery<event>& d) {
        frame encoded;
        hub_->for_each([&](websocket_session& s) {
            if (!s.context) return;
            auto& r = of(s);
            if (d.is_gap()) {
                gap(s, d.lost);
                return snapshot(s, false);
            }
            if (!r.ready || d.at.offset <= r.seen.offset) return;
            r.seen = d.at;
            if (!r.wanted.matches(*d)) return;
            if (!encoded) encoded = make_frame(frame_kind::text, to_json(d.at, *d), std::string(conflation_key(*d)));
            s.send(encoded);
        });
    }

    void opened(websocket_session& s) {
        s.context = std::make_shared<reader>();
        filter wanted;
        const auto list = [](const std::optional<std::string>& text) {
            std::vector<std::string> items;
            for (std::string_view rest = text ? std::string_view(*text) : std::string_view(); !rest.empty();) {
                const auto comma = std::min(rest.find(','), rest.size());
                if (comma > 0) items.emplace_back(rest.substr(0, comma));
                rest.remove_prefix(std::min(comma + 1, rest.size()));
            }
            return items;
        };
        if (!set_filter(s, list(s.request().query("jobs")), list(s.request().query("kinds")))) return;
        begin(s, s.request().query("cursor"));
    }

    /// False: there is no such kind, and the connection is being closed.
    bool set_filter(websocket_session& s, std::vector<std::string> jobs, const std::vector<std::string>& kinds) {
        filter wanted;
        wanted.jobs = std::move(jobs);
        for (const auto& name : kinds) {
            const auto kind = parse_event_kind(name);
            if (!kind) return s.close(1008, "unknown kind of event"), false;
            wanted.kinds.push_back(*kind);
        }
        of(s).wanted = std::move(wanted);
        return true;
    }

    /// The first message: what was missed since the cursor, or a snapshot.
    void begin(websocket_session& s, const std::optional<std::string>& from) {
        if (!from) return snapshot(s, false);
        const auto at = parse_cursor(*from);
        if (!at || !resume(s, *at)) snapshot(s, true);
    }

    bool resume(websocket_session& s, const cursor& from) {
        auto& r = of(s);
        const auto now = board_.position();
        if (from.epoch != now.epoch || from.offset > now.offset) return false;
        subscription_options<event> o;
        o.capacity = std::numeric_limits<std::size_t>::max();
        o.from = from;
        auto missed = board_.subscribe_on(executor_, r.wanted, std::move(o));
        auto next = missed.try_receive();
        if (next && next->is_gap()) return false;
        std::string text;
        json_writer out(text);
        out.begin_object().member("type", "resumed").member("cursor", to_string(from)).end_object();
        send(s, text);
        r.seen = from;
        for (; next; next = missed.try_receive()) {
            r.seen = next->at;
            s.send(make_frame(frame_kind::text, to_json(next->at, **next), std::string(conflation_key(**next))));
        }
        // What the filter held back is behind it, too.
        if (now.offset > r.seen.offset) r.seen = now;
        r.ready = true;
        return true;
    }

    void snapshot(websocket_session& s, bool reset) {
        auto& r = of(s);
        auto wanted = r.wanted;
        wanted.kinds.clear(); // says nothing about jobs
        const auto view = board_.watch_on(executor_, std::move(wanted));
        std::string text;
        json_writer out(text);
        out.begin_object().member("type", "snapshot").member("cursor", to_string(view.at));
        out.key("jobs").begin_array();
        for (const auto& j : view.jobs) write_json(out, *j);
        out.end_array();
        if (reset) out.member("reset", true);
        out.end_object();
        r.seen = view.at;
        r.ready = true;
        send(s, text);
    }

    void gap(websocket_session& s, std::optional<std::uint64_t> lost) {
        std::string text;
        json_writer out(text);
        out.begin_object().member("type", "gap").member("cursor", to_string(board_.position()));
        if (lost) out.member("lost", *lost);
        out.end_object();
        send(s, text);
    }

    void said(websocket_session& s, std::string_view text, bool is_text) {
        if (!s.context) return;
        const auto message = is_text ? messages_.parse(text) : std::nullopt;
        if (!message) return s.close(1007, "not a message of this protocol");
        if (message->command) return command(s, *message);
        if (!message->has_filter && !message->cursor) return;
        if (message->has_filter && !set_filter(s, message->jobs, message->kinds)) return;
        begin(s, message->cursor);
    }

    void command(websocket_session& s, const client_message& m) {
        const auto wanted = parse_job_command(*m.command);
        auto result = command_result::unsupported;
        if (wanted && options_.commands) result = board_.request(m.job, *wanted);
        std::string text;
        json_writer out(text);
        out.begin_object().member("type", "reply").member("command", *m.command).member("job", m.job);
        out.member("result", to_string(result)).end_object();
        send(s, text);
    }

    const net::any_io_executor executor_;
    board& board_;
    const broadcaster_options options_;
    std::optional<subscription<event>> events_; ///< null once closed
    std::optional<websocket_hub> hub_;
    client_message_parser messages_;
};

TELLTALE_DECL std::shared_ptr<broadcast_service> broadcast_service::create(net::any_io_executor ex, board& jobs,
                                                                           broadcaster_options options) {
    auto service = std::make_shared<broadcast_impl>(std::move(ex), jobs, std::move(options));
    service->start();
    return service;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_BROADCASTER_IPP
