// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_PROFILE_HPP
#define TELLTALE_JSON_PROFILE_HPP

#include <telltale/core/acceptors.hpp>
#include <telltale/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A JSON Pointer (RFC 6901); absent: the API does not say.
using json_pointer = std::optional<std::string>;

/// How to ask for something of one job.
struct profile_request {
    std::string method = "POST";
    std::string url{}; ///< with {id}
};

/// How to ask for all jobs.
struct profile_list {
    std::string url{};
    std::string jobs{};     ///< pointer to the array; "": the answer is the array
    std::string id = "/id"; ///< pointer to the id within each element; a string or an integer
};

/// One of `fraction`, `percent` and `done` says how far a job is. All are numbers.
struct profile_progress {
    json_pointer fraction{}; ///< 0 to 1
    json_pointer percent{};  ///< 0 to 100
    json_pointer done{};
    json_pointer total{};
    std::string unit = "items"; ///< of done and total: a unit's name, or a pointer to where one stands
    json_pointer rate{};        ///< units per second
    json_pointer remaining{};   ///< seconds
};

/// How an API writes times. As a number, 0 and less are "not known".
enum class profile_time_format : std::uint8_t { rfc3339, epoch_s, epoch_ms };

/// Pointers to times.
struct profile_times {
    profile_time_format format = profile_time_format::rfc3339;
    json_pointer created{};
    json_pointer queued{};
    json_pointer started{};
    json_pointer finished{};
};

/// Where in an answer things stand.
struct profile_fields {
    std::string state{}; ///< a string, number or boolean: its text is the word
    profile_progress progress{};
    json_pointer queue_position{}; ///< an integer, 1 is next
    json_pointer message{};
    json_pointer name{};
    json_pointer kind{};
    json_pointer labels{};      ///< an object of strings, numbers or booleans
    json_pointer error_class{}; ///< a name of an error_class; another string is error_class::unknown
    json_pointer error_message{};
    json_pointer attempt{}; ///< an integer that counts from 1; 0: not known
    profile_times times{};
};

/// A job API described by data: where to ask, where in the answer things stand, and what its words mean. As an
/// aggregate or as JSON text (parse_profile); both say the same.
///
/// URLs are paths below the API's base URL; `{id}` stands for the id of a job, percent-encoded. A place in an answer is
/// a JSON Pointer (RFC 6901: "/jobs/0/state", "" for the whole answer). Only the state has to be there: any other place
/// that is absent in an answer, or null, is simply not known; with a value of a wrong type it is errc::wrong_type.
///
///     telltale::profile api;
///     api.job = "/v1/runs/{id}";
///     api.fields.state = "/status";
///     api.fields.progress.percent = "/progress";
///     api.words = {{"RUNNING", job_state::running}, {"COMPLETED", job_state::succeeded}};
struct profile {
    using pointer = json_pointer;
    using request = profile_request;
    using job_list = profile_list;
    using time_format = profile_time_format;

    std::string name{}; ///< of the API, for people
    std::string job{};  ///< URL of one job, with {id}
    std::optional<job_list> list{};
    std::optional<request> cancel{};
    std::optional<request> result{};
    profile_fields fields{};
    acceptors words{};                     ///< words to states; exact. Any other word is an unknown one
    std::vector<unsigned> not_found{404U}; ///< the HTTP statuses that say "no such job"
};

/// Checks a description: throws system_error(errc::malformed_profile) whose text names the place ("/fields/state:
/// ...").
inline void validate(const profile& p);

/// Reads a profile from JSON, and validates it:
///
///     {"name": "my API",
///      "job": "/v1/runs/{id}",
///      "list": {"url": "/v1/runs", "jobs": "/items", "id": "/run_id"},
///      "cancel": {"method": "POST", "url": "/v1/runs/{id}/cancel"},
///      "result": {"method": "GET", "url": "/v1/runs/{id}/result"},
///      "fields": {"state": "/status",
///                 "progress": {"done": "/rows/read", "total": "/rows/all", "unit": "items"},
///                 "queue_position": "/ahead", "message": "/info", "name": "/title", "kind": "/type",
///                 "labels": "/tags",
///                 "error": {"class": "/error/type", "message": "/error/text"}, "attempt": "/try",
///                 "times": {"format": "epoch_ms", "created": "/t0", "started": "/t1", "finished": "/t2"}},
///      "words": {"RUNNING": "running", "COMPLETED": "succeeded", "FAILED": "failed"},
///      "not_found": [404, 410]}
///
/// Only "job", "fields" with "state", and "words" are required. Throws system_error(errc::malformed_profile); the text
/// names the place, or the line and column where the text is not JSON. Members that are not known are errors too.
inline profile parse_profile(std::string_view json_text);

/// A URL of a profile for one job: `{id}` replaced by the id, percent-encoded but for what RFC 3986 calls unreserved.
inline std::string expand_url(std::string_view url, std::string_view id);

/// The API of telltale's own control room and workers.
inline profile telltale_profile();

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/json/detail/parse_profile.hpp>

#endif // TELLTALE_JSON_PROFILE_HPP
