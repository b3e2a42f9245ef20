// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_ERROR_HPP
#define TELLTALE_ERROR_HPP

#include <telltale/asio.hpp>

#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What can go wrong in telltale itself. Cancellation is never one of these: it is always net::error::operation_aborted.
enum class errc {
    deadline_exceeded = 1, ///< the time given to the wait is over; says nothing about the job
    closed,                ///< the object was closed by its owner: there is nothing more to wait for
    fell_behind,           ///< a subscription lost events and was asked to end rather than go on
    unknown_job,           ///< no job has this id
    duplicate_job,         ///< a job with this id exists already
    invalid_argument,      ///< an option or argument is out of its documented range
    malformed_json,        ///< the body is not JSON
    truncated_json,        ///< the body ends in the middle of a JSON value
    missing_field,         ///< the JSON has no value at the place that the profile names
    wrong_type,            ///< the JSON has a value of another type than the profile says
    malformed_profile,     ///< the description of a job API is wrong
    body_too_large,        ///< the answer is larger than its limit
    http_status,           ///< the server answered with a status that is not a success
    malformed_url,         ///< the URL is not one, or of a scheme that is not supported
    too_many_connections,  ///< the limit of connections is reached
    slow_client,           ///< a client could not keep up and its policy is to be closed
    malformed_http,        ///< the peer does not speak HTTP/1.x
    program_not_found,     ///< the program to run, or the interpreter that its first line names, is not there
    not_executable,        ///< the program to run is there, but may not be run or is none
    bad_working_folder,    ///< the folder in which to run a program is not one, or may not be gone to
    job_cancelled,         ///< the job has no result, for it was cancelled
    job_timed_out,         ///< the job has no result, for it exceeded its time limit
    malformed_checkpoint,  ///< the bytes are no checkpoint, one of something else, or damaged
    truncated_checkpoint,  ///< the bytes end before the checkpoint does
    checkpoint_version,    ///< the checkpoint was written by another version of telltale
    too_many_redirects,    ///< the answer is a redirect, and the limit of redirects is reached
    redirect_loop,         ///< a redirect leads to where the request has been already
    insecure_redirect,     ///< a redirect leads from https to http
    proxy_refused,         ///< the proxy would not connect to the server
    no_token,              ///< the provider of the token has none
    malformed_csv,         ///< the text is not CSV as RFC 4180 has it
    malformed_gzip,        ///< the bytes are not gzip, or damaged
    truncated_gzip,        ///< the bytes end before the gzip stream does
    unsupported_command,   ///< the source of this job cannot do that to it
    command_refused,       ///< the source of this job would not do that to it now
    recorded_error         ///< read from a log: an error of a category that is not known here
};

/// Groups that a caller tests for: `if (ec == condition::timeout)`.
enum class condition {
    cancelled = 1, ///< operation_aborted
    timeout,       ///< deadline_exceeded, or a time-out of the transport
    transient,     ///< trying the same again may succeed: time-outs, refused or broken connections
    untrusted      ///< TLS: the server's certificate was refused
};

namespace detail {

class category_impl final : public error_category {
public:
    const char* name() const noexcept override { return "telltale"; }
    std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
        case errc::deadline_exceeded: return "the time given to this wait is over";
        case errc::closed: return "closed";
        case errc::fell_behind: return "the subscription fell behind and lost events";
        case errc::unknown_job: return "no job has this id";
        case errc::duplicate_job: return "a job with this id exists already";
        case errc::invalid_argument: return "invalid argument";
        case errc::malformed_json: return "malformed JSON";
        case errc::truncated_json: return "JSON ends too early";
        case errc::missing_field: return "a field that the profile names is missing";
        case errc::wrong_type: return "a field has another type than the profile says";
        case errc::malformed_profile: return "malformed profile of a job API";
        case errc::body_too_large: return "the answer is larger than its limit";
        case errc::http_status: return "the server answered with an error status";
        case errc::malformed_url: return "malformed URL";
        case errc::too_many_connections: return "too many connections";
        case errc::slow_client: return "the client did not keep up";
        case errc::malformed_http: return "malformed HTTP message";
        case errc::program_not_found: return "the program was not found";
        case errc::not_executable: return "the program may not be run, or is none";
        case errc::bad_working_folder: return "the working folder is not there, or may not be gone to";
        case errc::job_cancelled: return "the job was cancelled";
        case errc::job_timed_out: return "the job exceeded its time limit";
        case errc::malformed_checkpoint: return "not a checkpoint, or a damaged one";
        case errc::truncated_checkpoint: return "the checkpoint ends too early";
        case errc::checkpoint_version: return "a checkpoint of another version";
        case errc::too_many_redirects: return "too many redirects";
        case errc::redirect_loop: return "the redirects lead in a circle";
        case errc::insecure_redirect: return "a redirect from https to http";
        case errc::proxy_refused: return "the proxy would not connect";
        case errc::no_token: return "the provider of the token has none";
        case errc::malformed_csv: return "malformed CSV";
        case errc::malformed_gzip: return "not gzip, or damaged";
        case errc::truncated_gzip: return "gzip ends too early";
        case errc::unsupported_command: return "the source of this job cannot do that";
        case errc::command_refused: return "the source of this job would not do that";
        case errc::recorded_error: return "an error of another program, read from a log";
        }
        return "unknown telltale error";
    }
};

class condition_category_impl final : public error_category {
public:
    const char* name() const noexcept override { return "telltale.condition"; }
    std::string message(int value) const override {
        switch (static_cast<condition>(value)) {
        case condition::cancelled: return "cancelled";
        case condition::timeout: return "timed out";
        case condition::transient: return "may succeed when tried again";
        case condition::untrusted: return "the server's certificate was refused";
        }
        return "unknown telltale condition";
    }
    bool equivalent(const error_code& ec, int value) const noexcept override;
};

} // namespace detail

/// The category of errc, named "telltale".
inline const error_category& telltale_category() noexcept {
    static const detail::category_impl instance;
    return instance;
}

/// The category of condition, named "telltale.condition".
inline const error_category& condition_category() noexcept {
    static const detail::condition_category_impl instance;
    return instance;
}

inline error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), telltale_category()}; }

inline sys::error_condition make_error_condition(condition c) noexcept {
    return {static_cast<int>(c), condition_category()};
}

} // namespace telltale::inline TELLTALE_ABI

template <>
struct telltale::sys::is_error_code_enum<telltale::errc> : std::true_type {};
template <>
struct telltale::sys::is_error_condition_enum<telltale::condition> : std::true_type {};

namespace telltale::inline TELLTALE_ABI::detail {

inline bool condition_category_impl::equivalent(const error_code& ec, int value) const noexcept {
    const bool timeout = ec == errc::deadline_exceeded || ec == net::error::timed_out;
    switch (static_cast<condition>(value)) {
    case condition::cancelled: return ec == net::error::operation_aborted;
    case condition::timeout: return timeout;
    case condition::transient:
        return timeout || ec == net::error::connection_refused || ec == net::error::connection_reset ||
               ec == net::error::connection_aborted || ec == net::error::broken_pipe || ec == net::error::eof ||
               ec == net::error::host_unreachable || ec == net::error::network_unreachable ||
               ec == net::error::network_down || ec == net::error::host_not_found_try_again;
    case condition::untrusted: break; // the category of those errors knows
    }
    return false;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_ERROR_HPP
