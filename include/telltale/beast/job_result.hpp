// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_JOB_RESULT_HPP
#define TELLTALE_BEAST_JOB_RESULT_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/http_status_source.hpp>
#include <telltale/core/csv_parser.hpp>
#include <telltale/core/job.hpp>
#include <telltale/json/json_row.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

enum class result_format : std::uint8_t {
    automatic, ///< by Content-Type, or else the ending of the path; raw, if neither is known
    raw,       ///< bytes; none is looked at
    json,      ///< an array of rows, or one value
    ndjson,    ///< JSON in lines
    csv
};

TELLTALE_DECL std::string_view to_string(result_format f) noexcept;

/// How to read a result.
struct result_options {
    result_format format = result_format::automatic;
    std::uint64_t max_bytes = std::uint64_t{1} << 30U; ///< of the result, unpacked
    csv_options csv{};                                 ///< with a Content-Type of tab-separated values: with tabs
    std::string rows{};      ///< json: pointer (RFC 6901) to the array of rows; "": the result is the array, or one row
    json_row_options json{}; ///< also of ndjson
    bool unpack = true;      ///< false: gzip is not asked for, and what is gzip all the same is taken as raw
    bool check = true; ///< into a file: the format, too, so that what is broken never has the name; and rows count
};

/// Whom to give a result to, piece by piece; what is passed lives during the call only. False: no more is wanted. A result
/// of a format for which there is no function is errc::wrong_type.
struct result_reader {
    std::function<bool(const csv_row&)> csv{};
    on_json_row json{}; ///< also of ndjson
    std::function<bool(std::string_view)> raw{};
};

/// What a result was.
struct result_summary {
    result_format format = result_format::raw; ///< never automatic
    std::string content_type{};                ///< as the API says
    std::uint64_t rows = 0;                    ///< without a header; raw: 0
    std::uint64_t ragged_rows = 0;             ///< csv: of these, with more or fewer fields than the first row
    std::uint64_t bytes = 0;                   ///< unpacked
    std::uint64_t bytes_encoded = 0;           ///< as they came
    bool whole = true;                         ///< false: no more was wanted
    std::chrono::nanoseconds duration{};       ///< from the request to the last byte
};

/// "1200 rows, 48.3 KB (9.1 KB packed), csv, in 0.21 s"
TELLTALE_DECL std::string to_string(const result_summary& s);

/// Fetches the result of a job, as its profile says, row by row in bounded memory.
///
///     telltale::result_reader read{.csv = [&](const telltale::csv_row& row) { return insert(row.fields); }};
///     const auto summary = co_await telltale::fetch_result(api, "42", read);
///
/// The job is not touched, whatever becomes of this; it can be done again, and then begins anew. A body that is gzip, by
/// Content-Encoding or by its first bytes (a .gz file), is unpacked on the way.
///
/// @par Errors
/// system_error, whose text names the job and the place: what http_client::async_download gives; `errc::http_status`: not
/// 2xx; `errc::invalid_argument`: the profile has no result; `errc::body_too_large`: over max_bytes, or a row over its
/// limit; `errc::malformed_csv`; `errc::malformed_json`, `errc::truncated_json`, `errc::missing_field`, `errc::wrong_type`;
/// `errc::malformed_gzip`, `errc::truncated_gzip`, `errc::malformed_http`: a Content-Encoding that was not asked for. And
/// whatever the functions of the reader throw.
/// @par Cancellation
/// as http_client::async_download.
/// @par Thread safety
/// as http_status_source, which must outlive this. The functions are called on the client's executor.
[[nodiscard]] TELLTALE_DECL net::awaitable<result_summary> fetch_result(http_status_source& api, job_id id,
                                                                        result_reader read, result_options options);
[[nodiscard]] TELLTALE_DECL net::awaitable<result_summary> fetch_result(http_status_source& api, job_id id,
                                                                        result_reader read);

/// Fetches the result of a job into a file, unpacked. It has its name only once it is whole, on the disk and, unless
/// `check` is false, of its format: until then it is written under another name in the same folder, and what was there
/// before stays. After an error nothing is left. Writing blocks the executor, mostly for no longer than a copy takes; the
/// end, until the disk has it.
///
/// Errors also: the system's.
[[nodiscard]] TELLTALE_DECL net::awaitable<result_summary> fetch_result(http_status_source& api, job_id id,
                                                                        std::filesystem::path file,
                                                                        result_options options);
[[nodiscard]] TELLTALE_DECL net::awaitable<result_summary> fetch_result(http_status_source& api, job_id id,
                                                                        std::filesystem::path file);

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/beast/detail/job_result.ipp>
#endif

#endif // TELLTALE_BEAST_JOB_RESULT_HPP
