// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLL_ERROR_HPP
#define TELLTALE_POLL_POLL_ERROR_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/poll/status_source.hpp>

#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A failed poll of which more is known than an error code: what a source throws. It says nothing about the job.
class poll_error : public system_error {
public:
    /// `http_status`: of the answer; 0: there was none. `what` must not hold a secret.
    poll_error(error_code ec, const std::string& what, error_class kind, unsigned http_status = 0, poll_hint hint = {})
        : system_error(ec, what), hint_(hint), kind_(kind), http_status_(http_status) {}

    error_class kind() const noexcept { return kind_; }
    unsigned http_status() const noexcept { return http_status_; }
    const poll_hint& hint() const noexcept { return hint_; }

private:
    poll_hint hint_;
    error_class kind_;
    unsigned http_status_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLL_ERROR_HPP
