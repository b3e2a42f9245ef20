// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_BRIDGE_ERROR_HPP
#define TELLTALE_BEAST_DETAIL_BRIDGE_ERROR_HPP

#include <telltale/asio.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

namespace telltale::inline TELLTALE_ABI::bridge {

#if defined(TELLTALE_USE_BOOST_ASIO)

inline const error_code& to_boost(const error_code& ec) noexcept { return ec; }
inline const error_code& to_net(const error_code& ec) noexcept { return ec; }

#else

/// The same error in Boost's categories. Standalone Asio keeps errno in a category of its own, so that a code that is not
/// converted compares unequal to everything.
inline boost::system::error_code to_boost(const error_code& ec) noexcept {
    if (!ec) return {};
    const auto& from = ec.category();
    if (from == net::error::get_system_category() || from == std::system_category())
        return {ec.value(), boost::system::system_category()};
    if (from == std::generic_category()) return {ec.value(), boost::system::generic_category()};
    if (from == net::error::get_misc_category()) return {ec.value(), boost::asio::error::get_misc_category()};
    if (from == net::error::get_netdb_category()) return {ec.value(), boost::asio::error::get_netdb_category()};
    if (from == net::error::get_addrinfo_category()) return {ec.value(), boost::asio::error::get_addrinfo_category()};
    return ec;
}

/// The same error in the categories of telltale::net; Beast's own categories become views of themselves.
inline error_code to_net(const boost::system::error_code& ec) noexcept {
    if (!ec) return {};
    const auto& from = ec.category();
    if (from == boost::system::system_category()) return {ec.value(), net::error::get_system_category()};
    if (from == boost::asio::error::get_misc_category()) return {ec.value(), net::error::get_misc_category()};
    if (from == boost::asio::error::get_netdb_category()) return {ec.value(), net::error::get_netdb_category()};
    if (from == boost::asio::error::get_addrinfo_category()) return {ec.value(), net::error::get_addrinfo_category()};
    return ec;
}

#endif

} // namespace telltale::inline TELLTALE_ABI::bridge

#endif // TELLTALE_BEAST_DETAIL_BRIDGE_ERROR_HPP
