// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_CREDENTIAL_HPP
#define TELLTALE_BEAST_DETAIL_HTTP_CREDENTIAL_HPP

#include <telltale/beast/detail/proxy.hpp>
#include <telltale/beast/http_credential.hpp>
#include <telltale/error.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

inline std::shared_ptr<http_credential> basic_credential(std::string_view user, std::string_view password) {
    return header_credential("Authorization", detail::basic_authorization(user, password));
}

inline std::shared_ptr<http_credential> bearer_credential(std::string_view token) {
    return header_credential("Authorization", "Bearer " + std::string(token));
}

inline std::shared_ptr<http_credential> bearer_credential(token_provider provider) {
    return std::make_shared<http_credential>(std::move(provider));
}

inline std::shared_ptr<http_credential> header_credential(std::string name, std::string value) {
    return std::make_shared<http_credential>(std::move(name), std::move(value));
}

void http_credential::ask(const net::any_io_executor& executor, detail::token_waiter& waiter) {
    waiting_.push_back(&waiter);
    if (!asking_) start(executor);
}

void http_credential::leave(detail::token_waiter& waiter) {
    forget(waiter);
    if (!asking_ || stopped_ || !waiting_.empty()) return;
    stopped_ = true;
    stop_.emit(net::cancellation_type::terminal);
}

void http_credential::forget(detail::token_waiter& waiter) noexcept {
    waiting_.erase(std::remove(waiting_.begin(), waiting_.end(), &waiter), waiting_.end());
}

void http_credential::start(const net::any_io_executor& executor) {
    asking_ = true;
    stopped_ = false;
    net::co_spawn(executor, fetch(shared_from_this(), executor),
                  net::bind_cancellation_slot(stop_.slot(), net::detached));
}

net::awaitable<void> http_credential::fetch(std::shared_ptr<http_credential> self, net::any_io_executor executor) {
    // Also where the context goes down in the middle: the credential may be used on another one.
    struct ending {
        http_credential& of;
        ~ending() { of.asking_ = false; }
    };
    error_code ec;
    std::string token;
    {
        const ending at_end{*self};
        try {
            token = co_await self->provider_(self->generation_ > 0);
            if (token.empty() || !detail::is_field_value(token)) ec = errc::no_token;
        } catch (const system_error& e) {
            ec = e.code();
        } catch (...) {
            ec = errc::no_token;
        }
    }
    // For those who wait it is no cancellation.
    if (ec == net::error::operation_aborted) ec = errc::no_token;
    if (!ec) {
        self->value_ = "Bearer " + token;
        ++self->generation_;
    } else if (self->stopped_ && !self->waiting_.empty()) {
        self->start(executor); // for those who came after the last had left
        co_return;
    }
    for (auto* const w : std::exchange(self->waiting_, {})) w->token_ready(ec);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_DETAIL_HTTP_CREDENTIAL_HPP
