// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLL_FAILURE_HPP
#define TELLTALE_POLL_DETAIL_POLL_FAILURE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/flight_entry.hpp>
#include <telltale/poll/poll_error.hpp>

#include <exception>

namespace telltale::inline TELLTALE_ABI::detail {

/// The class of an error of which nothing but its code is known.
inline error_class class_of(const error_code& ec) noexcept {
    if (ec == condition::timeout) return error_class::timeout;
    return ec == condition::transient ? error_class::network : error_class::unknown;
}

/// What is known of a request that has thrown.
inline flight_failure failure_of(const std::exception_ptr& thrown) {
    flight_failure f;
    try {
        std::rethrow_exception(thrown);
    } catch (const poll_error& e) {
        f.code = e.code();
        f.kind = e.kind();
        f.http_status = e.http_status();
        f.hint = e.hint();
        f.text = e.what();
    } catch (const system_error& e) {
        f.code = e.code();
        f.kind = class_of(e.code());
        f.text = e.what();
    } catch (const std::exception& e) {
        f.text = e.what();
    } catch (...) {
        f.text = "an exception of an unknown type";
    }
    return f;
}

inline flight_failure failure_of(errc e) {
    const auto ec = make_error_code(e);
    flight_failure f;
    f.code = ec;
    f.kind = class_of(ec);
    f.text = system_error(ec).what();
    return f;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_POLL_FAILURE_HPP
