// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_STATUS_PARSER_HPP
#define TELLTALE_JSON_STATUS_PARSER_HPP

#include <telltale/core/job.hpp>
#include <telltale/error.hpp>
#include <telltale/json/detail/answer_reader.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/poll/status_source.hpp>

#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A job of a list, and how it is.
struct listed_job {
    job_id id{};
    status now{};
};

/// Reads the answers of a job API as its profile says: each in one pass, on demand; what the profile does not name is
/// skipped, and is not checked beyond its brackets and strings. Memory is used again from one answer to the next.
/// Nothing that is returned refers to the answer.
///
/// All errors are thrown as system_error; the text says where: "at /progress/done: ...", or "at byte 17: ...".
/// `errc::truncated_json`: the answer ends early, or is empty; `errc::malformed_json`: it is not JSON;
/// `errc::missing_field`: no state, or no id or array in a list; `errc::wrong_type`: a value that the profile names is
/// of another type, or out of the range of its field.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class status_parser {
public:
    /// Throws `errc::malformed_profile`.
    explicit status_parser(const profile& p) : reader_((validate(p), p)) {}

    /// Reads what an API answered about one job. The body is padded in place: a string with room for 64 bytes
    /// more is not copied.
    status parse(std::string body) { return std::move(reader_.read_job(body).now); }

    /// Reads a list of jobs. `errc::invalid_argument`: the profile has none.
    std::vector<listed_job> parse_list(std::string body) {
        std::vector<listed_job> jobs;
        for (auto& a : reader_.read_list(body)) jobs.push_back({std::move(a.id), std::move(a.now)});
        return jobs;
    }

private:
    detail::answer_reader reader_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_STATUS_PARSER_HPP
