// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DETAIL_IS_ABORTED_HPP
#define TELLTALE_DETAIL_IS_ABORTED_HPP

#include <telltale/asio.hpp>

#include <exception>

namespace telltale::inline TELLTALE_ABI::detail {

/// Whether an operation ended because it was cancelled.
inline bool is_aborted(const error_code& ec) noexcept { return ec == net::error::operation_aborted; }

inline bool is_aborted(const std::exception_ptr& e) noexcept {
    if (!e) return false;
    try {
        std::rethrow_exception(e);
    } catch (const system_error& error) {
        return is_aborted(error.code());
    } catch (...) {
        return false;
    }
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_IS_ABORTED_HPP
