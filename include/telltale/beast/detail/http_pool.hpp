// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_POOL_HPP
#define TELLTALE_BEAST_DETAIL_HTTP_POOL_HPP

#include <telltale/beast/http_message.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/version.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {
struct http_client_options;

/// Takes the body of an answer in pieces, in order. Called on the client's executor; must not throw. An error ends the
/// download, which then fails with it.
using body_sink = std::function<error_code(std::string_view part)>;

/// A body_sink that is told first what is coming. Both must not throw.
struct download_sink {
    /// May be empty. Given status and headers of the 2xx answer, once, before the first part; not if the body is empty. An
    /// error ends the download, which then fails with it.
    std::function<error_code(const http_response& head)> on_head{};
    body_sink on_body{};

    explicit operator bool() const noexcept { return static_cast<bool>(on_body); }
};

} // namespace telltale::inline TELLTALE_ABI

namespace telltale::inline TELLTALE_ABI::detail {

/// The completion of an operation that has one owner: called once, or destroyed without a call.
template <class... Values>
class completion {
    struct destroyer {
        void operator()(waiter<Values...>* w) const noexcept { w->destroy(); }
    };

public:
    completion() = default;
    explicit completion(waiter<Values...>& w) noexcept : waiter_(&w) {}
    explicit operator bool() const noexcept { return waiter_ != nullptr; }
    void operator()(error_code ec, Values... values) { waiter_.release()->complete(ec, std::move(values)...); }

private:
    std::unique_ptr<waiter<Values...>, destroyer> waiter_;
};

/// Something under way that can be stopped. cancel() may come too late, which does nothing.
class cancellable {
public:
    virtual void cancel() = 0;

protected:
    ~cancellable() = default;
};

struct cancel_relay {
    std::weak_ptr<cancellable> target;
    void operator()(net::cancellation_type type) const {
        if (type == net::cancellation_type::none) return;
        if (const auto t = target.lock()) t->cancel();
    }
};

/// A request: nothing happens before start().
class http_call : public cancellable {
public:
    /// Once. Completes, never within the call.
    virtual void start(completion<http_response> done) = 0;
    /// The same once more, before it is started.
    virtual std::shared_ptr<http_call> copy() const = 0;

protected:
    ~http_call() = default;
};

/// A request on its way through initiations, which move much and may be copied.
class prepared_http_call {
public:
    explicit prepared_http_call(std::shared_ptr<http_call> call) noexcept : call_(std::move(call)) {}
    prepared_http_call(const prepared_http_call& other) : call_(other.call_->copy()) {}
    prepared_http_call(prepared_http_call&&) noexcept = default;
    prepared_http_call& operator=(const prepared_http_call&) = delete;
    prepared_http_call& operator=(prepared_http_call&&) = delete;
    ~prepared_http_call() = default;

    std::shared_ptr<http_call> take() && noexcept { return std::move(call_); }

private:
    std::shared_ptr<http_call> call_;
};

/// The connections of an http_client.
class http_pool {
public:
    TELLTALE_DECL static std::shared_ptr<http_pool> create(net::any_io_executor ex, http_client_options options);
    virtual ~http_pool() = default;

    /// With a sink it is a download.
    virtual std::shared_ptr<http_call> prepare(http_request&& request, download_sink&& sink) = 0;
    /// Aborts all requests, closes all connections.
    virtual void close() = 0;
    virtual std::size_t idle() const noexcept = 0;
};

template <class Handler>
void start_http_request(prepared_http_call&& prepared, Handler&& handler, const net::any_io_executor& ex) {
    using op_type = waiter_of<std::decay_t<Handler>, net::any_io_executor, http_response>;
    auto& op = op_type::create(std::forward<Handler>(handler), ex);
    auto slot = op.cancellation_slot();
    const auto call = std::move(prepared).take();
    call->start(completion<http_response>(op));
    if (slot.is_connected()) slot.template emplace<cancel_relay>(cancel_relay{call});
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_HTTP_POOL_HPP
