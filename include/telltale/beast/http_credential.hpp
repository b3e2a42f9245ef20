// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_HTTP_CREDENTIAL_HPP
#define TELLTALE_BEAST_HTTP_CREDENTIAL_HPP

#include <telltale/asio.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Gives the bearer token; `refresh`: the last one that it gave was refused (401), a new one is needed. To fail is to throw.
using token_provider = std::function<net::awaitable<std::string>(bool refresh)>;

class http_credential;

/// "Authorization: Basic ...".
inline std::shared_ptr<http_credential> basic_credential(std::string_view user, std::string_view password);

/// "Authorization: Bearer <token>".
inline std::shared_ptr<http_credential> bearer_credential(std::string_view token);

/// "Authorization: Bearer <token>", with a token that is asked for when it is first needed, used for all requests, and
/// asked for again when an answer is 401; that request is then sent once more. Requests that need a token at the same time
/// wait for the same one.
inline std::shared_ptr<http_credential> bearer_credential(token_provider provider);

/// Any header: "X-API-Key: ...".
inline std::shared_ptr<http_credential> header_credential(std::string name, std::string value);

namespace detail {

/// Who waits for a token.
class token_waiter {
public:
    virtual void token_ready(error_code ec) = 0;

protected:
    ~token_waiter() = default;
};

} // namespace detail

/// Who one is, to an API: what http_request::credential is. Any number of requests and clients share one; that is also
/// what a rate limit counts by. It is sent to the host of the request only, never on to another by a redirect.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe: for clients on one executor. Without a provider: safe.
class http_credential : public std::enable_shared_from_this<http_credential> {
public:
    http_credential(std::string header, std::string value) : header_(std::move(header)), value_(std::move(value)) {}
    explicit http_credential(token_provider provider) : header_("Authorization"), provider_(std::move(provider)) {}
    http_credential(const http_credential&) = delete;
    http_credential& operator=(const http_credential&) = delete;

    const std::string& header() const noexcept { return header_; }
    /// Of the header: a secret. Empty before the first token is there.
    const std::string& value() const noexcept { return value_; }

    // What the client does with it.
    bool can_refresh() const noexcept { return provider_ != nullptr; }
    /// Counts the tokens that there were.
    std::uint64_t generation() const noexcept { return generation_; }
    /// Asks for a token, on `executor`, or joins who asks already. The waiter stays until it is told or leaves.
    inline void ask(const net::any_io_executor& executor, detail::token_waiter& waiter);
    /// The last one who leaves stops the asking.
    inline void leave(detail::token_waiter& waiter);
    /// As leave(), when all goes down.
    inline void forget(detail::token_waiter& waiter) noexcept;

private:
    static inline net::awaitable<void> fetch(std::shared_ptr<http_credential> self, net::any_io_executor executor);
    inline void start(const net::any_io_executor& executor);

    std::string header_;
    std::string value_{};
    token_provider provider_{};
    std::uint64_t generation_ = 0;
    std::vector<detail::token_waiter*> waiting_{};
    net::cancellation_signal stop_{};
    bool asking_ = false;
    bool stopped_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/beast/detail/http_credential.hpp>

#endif // TELLTALE_BEAST_HTTP_CREDENTIAL_HPP
