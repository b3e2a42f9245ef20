// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_JOB_FAILURE_HPP
#define TELLTALE_RUN_JOB_FAILURE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/error.hpp>

#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

namespace telltale::inline TELLTALE_ABI {

/// What a job throws to say itself what kind of thing went wrong.
class job_failure : public std::runtime_error {
public:
    job_failure(error_class kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

    error_class kind() const noexcept { return kind_; }

private:
    error_class kind_;
};

/// The class that an error code belongs to, as far as it can be told.
inline error_class classify(const error_code& ec) {
    if (ec == condition::timeout) return error_class::timeout;
    if (ec == condition::transient || ec == net::error::host_not_found) return error_class::network;
    if (ec == net::error::access_denied || ec == net::error::no_permission) return error_class::permission;
    if (ec == net::error::no_memory || ec == net::error::no_descriptors || ec == net::error::no_buffer_space)
        return error_class::resource;
    if (ec.category() == telltale_category()) {
        const auto e = static_cast<errc>(ec.value());
        if (e == errc::not_executable) return error_class::permission;
        if (e == errc::program_not_found || e == errc::bad_working_folder) return error_class::unknown;
        return e == errc::too_many_connections || e == errc::slow_client ? error_class::resource : error_class::api;
    }
    const std::error_code standard = ec;
    if (standard == std::errc::permission_denied || standard == std::errc::operation_not_permitted)
        return error_class::permission;
    if (standard == std::errc::timed_out) return error_class::timeout;
    if (standard == std::errc::no_space_on_device || standard == std::errc::too_many_files_open ||
        standard == std::errc::not_enough_memory)
        return error_class::resource;
    return error_class::unknown;
}

/// What an exception says of why a job failed: its class and its message. Null is not an exception.
inline job_error describe_error(const std::exception_ptr& e) {
    try {
        std::rethrow_exception(e);
    } catch (const job_failure& error) {
        return {error.kind(), error.what()};
    } catch (const system_error& error) {
        return {classify(error.code()), error.what()};
#if defined(TELLTALE_USE_BOOST_ASIO)
    } catch (const std::system_error& error) {
        return {classify(error.code()), error.what()};
#endif
    } catch (const std::bad_alloc& error) {
        return {error_class::resource, error.what()};
    } catch (const std::exception& error) {
        return {error_class::unknown, error.what()};
    } catch (...) {
        return {error_class::unknown, "an exception that is not a std::exception"};
    }
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_FAILURE_HPP
