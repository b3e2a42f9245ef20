// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_STATUS_PARSER_HPP
#define TELLTALE_JSON_STATUS_PARSER_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/time.hpp>
#include <telltale/error.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/poll/status_source.hpp>

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A job of a list, and how it is.
struct listed_job {
    job_id id{};
    status now{};
};

/// What an API says of a request that it did not fulfil. Empty: it does not say.
struct api_refusal {
    std::string code{};
    std::string message{};
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/json/detail/profile_answers.hpp>

namespace telltale::inline TELLTALE_ABI {

/// Reads the answers of a job API as its profile says: each in one pass, on demand; what the profile does not name is
/// skipped, and is not checked beyond its brackets and strings. Memory is used again from one answer to the next.
/// Nothing that is returned refers to the answer.
///
/// All errors are thrown as system_error; the text says where: "at /progress/done: ...", or "at byte 17: ...".
/// `errc::truncated_json`: the answer ends early, or is empty; `errc::malformed_json`: it is not JSON;
/// `errc::missing_field`: no state, or no id or array in a list; `errc::wrong_type`: a value that the profile names is
/// of another type, or out of the range of its field.
///
/// Bodies are padded in place: a string with room for 64 bytes more is not copied. `now` is when the answer came; without
/// it a hint that is a point in time is not taken.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class status_parser {
public:
    /// Throws `errc::malformed_profile`.
    explicit status_parser(const profile& p) : answers_((validate(p), p)) {}

    /// What an answer of 2xx says about one job; not_found() if that is what the profile's rules make of it.
    status parse(std::string body, std::optional<timestamp> now = {}) { return answers_.job(body, now); }

    /// What an answer of 2xx to profile::many says about these jobs, in their order: not_found() for those that are not in
    /// it. Of a job whose part cannot be read status::unreadable says why. Jobs that were not asked for are skipped. `errc::invalid_argument`: the profile has no such request.
    std::vector<status> parse_many(std::string body, std::span<const job_id> ids, std::optional<timestamp> now = {}) {
        return answers_.many(body, ids, now);
    }

    /// Reads a list of jobs. `errc::invalid_argument`: the profile has none.
    std::vector<listed_job> parse_list(std::string body, std::optional<timestamp> now = {}) {
        return answers_.list(body, now);
    }

    /// Whether an answer says "no such job". Never throws what parse does: a body that is not JSON fulfils no condition.
    bool is_not_found(unsigned http_status, std::string body) { return answers_.is_not_found(http_status, body); }

    /// The API's code and message in the body of an answer that is not one of 2xx. Of a body that is not JSON nothing.
    api_refusal error_of(std::string body) { return answers_.error_of(body); }

    /// The id of the new attempt in the answer to profile::retry; `id` if the profile says that it stays.
    job_id parse_retry(std::string body, job_id id) { return answers_.retried(body, std::move(id)); }

private:
    detail::profile_answers answers_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_STATUS_PARSER_HPP
