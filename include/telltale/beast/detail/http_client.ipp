// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_CLIENT_IPP
#define TELLTALE_BEAST_DETAIL_HTTP_CLIENT_IPP

#include <telltale/beast/detail/http_connection.hpp>
#include <telltale/beast/detail/http_exchange.hpp>
#include <telltale/beast/http_client.hpp>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

TELLTALE_DECL std::shared_ptr<http_pool> http_pool::create(net::any_io_executor ex, http_client_options options) {
    return std::make_shared<http_pool_impl>(std::move(ex), std::move(options));
}

inline std::shared_ptr<http_call> http_pool_impl::prepare(http_request&& request, download_sink&& sink) {
    return std::make_shared<http_exchange>(shared_from_this(), std::move(request), std::move(sink));
}

inline void http_pool_impl::close() {
    closed_ = true;
    while (!exchanges_.empty()) exchanges_.back()->shared_from_this()->cancel();
    hosts_.clear();
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
    for (std::size_t i = exchanges_.size(); i-- > 0;) {
        if (i >= exchanges_.size()) continue; // one that ended may have taken others with it
        next = std::min(next, exchanges_[i]->shared_from_this()->check(now));
    }
    drop_old(now);
    return next;
}

inline const http_proxy* http_pool_impl::proxy_for(const http_url& url, error_code& ec) {
    const std::string& text = url.secure ? options.proxy.https : options.proxy.http;
    if (text.empty()) return nullptr;
    const auto& none = options.proxy.no_proxy;
    if (std::any_of(none.begin(), none.end(), [&](const std::string& entry) { return bypasses(entry, url); }))
        return nullptr;
    auto& proxy = url.secure ? https_proxy_ : http_proxy_;
    if (!proxy) proxy = parse_proxy(text);
    if (proxy) return &*proxy;
    ec = errc::malformed_url;
    return nullptr;
}

inline net::ssl::context* http_pool_impl::tls(error_code& ec) {
    if (!tls_) tls_ = make_tls_context(options.tls, ec);
    return tls_.get();
}

inline std::unique_ptr<http_connection> http_pool_impl::open(http_host& h) {
    auto connection = std::make_unique<http_connection>(executor, h);
    ++h.open;
    return connection;
}

inline std::unique_ptr<http_connection> http_pool_impl::take(http_exchange& e, const std::string& key, bool check_all,
                                                             steady_time now) {
    const auto [entry, is_new] = hosts_.try_emplace(key);
    http_host& h = entry->second;
    if (is_new) h.key = &entry->first;
    const auto oldest = now - options.idle_timeout;
    const auto trusted = now - std::chrono::milliseconds(100);
    while (!h.idle.empty()) {
        auto connection = std::move(h.idle.back());
        h.idle.pop_back();
        --idle_count_;
        const bool young = connection->idle_since > oldest;
        if (young && ((!check_all && connection->idle_since > trusted) || connection->usable())) return connection;
        --h.open;
    }
    if (h.line.empty() && h.open < std::max<std::size_t>(1, options.max_connections_per_host)) return open(h);
    e.line_ = &h;
    e.place_ = h.line.insert(h.line.end(), &e);
    return nullptr;
}

inline void http_pool_impl::keep(std::unique_ptr<http_connection> connection) {
    http_host& h = *connection->host;
    connection->used = true;
    if (!h.line.empty() && !closed_) {
        auto& next = *h.line.front();
        h.line.pop_front();
        return next.granted(std::move(connection));
    }
    connection->idle_since = watchdog_.now();
    if (idle_count_ >= options.max_idle) drop_old(connection->idle_since);
    if (closed_ || h.idle.size() >= options.max_idle_per_host || idle_count_ >= options.max_idle)
        return give_up(*connection);
    h.idle.push_back(std::move(connection));
    ++idle_count_;
}

inline void http_pool_impl::give_up(http_connection& connection) {
    http_host* const h = std::exchange(connection.host, nullptr);
    if (!h) return;
    --h->open;
    if (closed_) return;
    if (!h->line.empty()) {
        auto& next = *h->line.front();
        h->line.pop_front();
        next.granted(open(*h));
    } else if (h->open == 0) {
        hosts_.erase(*h->key);
    }
}

inline void http_pool_impl::drop_old(steady_time now) {
    for (auto i = hosts_.begin(); i != hosts_.end();) {
        auto& h = i->second;
        const auto last = std::find_if(h.idle.begin(), h.idle.end(),
                                       [&](const auto& c) { return now - c->idle_since < options.idle_timeout; });
        const auto old = static_cast<std::size_t>(last - h.idle.begin());
        idle_count_ -= old;
        h.open -= old;
        h.idle.erase(h.idle.begin(), last);
        i = h.open == 0 && h.line.empty() ? hosts_.erase(i) : std::next(i);
    }
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_HTTP_CLIENT_IPP
