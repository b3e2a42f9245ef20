// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_PROFILE_HPP
#define TELLTALE_JSON_PROFILE_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/error.hpp>
#include <telltale/json/json_place.hpp>
#include <telltale/json/profile_request.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Jobs or parts of one by state, added up; those that are absent are 0.
struct profile_counts {
    std::vector<json_place> done{}; ///< succeeded, failed: what is behind
    std::vector<json_place> left{}; ///< waiting, active: what is ahead. Empty: `total` says it
};

/// One of `fraction`, `percent`, `done` and `counts` says how far a job is. All are numbers.
struct profile_progress {
    optional_place fraction{}; ///< 0 to 1
    optional_place percent{};  ///< 0 to 100
    optional_place done{};
    optional_place total{};
    std::string unit = "items"; ///< of done and total: a unit's name, or a pointer to where one stands
    optional_place rate{};      ///< units per second
    optional_place remaining{}; ///< seconds
    profile_counts counts{};
};

/// How an API writes times. As a number, 0 and less are "not known".
enum class profile_time_format : std::uint8_t {
    rfc3339,  ///< with a zone
    epoch_s,  ///< a number
    epoch_ms, ///< a number
    iso8601   ///< as rfc3339; without a zone it is UTC, and seconds may be missing
};

/// Places of times. `finished` is taken of a job that is over, `started` not of one that waits to be run.
struct profile_times {
    profile_time_format format = profile_time_format::rfc3339;
    optional_place created{};
    optional_place queued{};
    optional_place started{};
    optional_place finished{};
};

/// When to ask again: one of these. Gives status::hint.interval.
struct profile_hint {
    optional_place seconds{}; ///< a number
    optional_place time{};    ///< in the format of the times
};

/// Where in an answer things stand.
struct profile_fields {
    json_place state{};      ///< a string, number or boolean: its text is the word; or an array: the word, then flags
    json_place at{};         ///< in an answer about one job: where it stands. A pointer; all the others are below it
    optional_place second{}; ///< a second word
    optional_place flags{};  ///< a text, or an array of them
    optional_place reason{}; ///< why the job is in its state
    profile_progress progress{};
    optional_place queue_position{}; ///< an integer, 1 is next
    optional_place message{};
    optional_place name{};
    optional_place kind{};
    std::optional<std::string> labels{};     ///< pointer to an object of strings, numbers or booleans
    optional_place error_class{};            ///< a name of an error_class; another string is error_class::unknown
    std::vector<json_place> error_code{};    ///< goes before the message
    std::vector<json_place> error_message{}; ///< joined by ": "
    optional_place attempt{};                ///< an integer that counts from 1; 0: not known
    optional_place retries{};                ///< or an integer that counts from 0
    profile_times times{};
    profile_hint hint{};
};

/// A word, or one of several.
struct profile_words : std::vector<std::string> {
    using std::vector<std::string>::vector;
    profile_words(const char* word) : std::vector<std::string>{word} {}
    profile_words(std::string word) { push_back(std::move(word)); }
};

/// What words, and what else is in the answer, say of the state. What is empty is not asked.
struct profile_acceptor {
    profile_words word{};                 ///< the word is one of these
    job_state state = job_state::pending; ///< then this is the state
    profile_words second{};               ///< the second word is one of these
    profile_words flag{};                 ///< at least one flag is one of these
    std::vector<json_condition> where{};  ///< from the job on
    bool no_word = false;                 ///< there is no word
    bool no_second = false;               ///< there is no second word
    std::optional<error_class> error{};   ///< of the job's error, where its place does not say
};

/// What says "no such job": an HTTP status, conditions on the body, or both.
struct profile_not_found {
    unsigned status = 0;                 ///< 0: any of 2xx
    std::vector<json_condition> where{}; ///< from the whole answer on

    friend bool operator==(const profile_not_found& rule, unsigned code) {
        return rule.status == code && rule.where.empty();
    }
};

/// Where the body of a refused request has its code and its message, whose texts are joined by ": ". Empty: the usual
/// places.
struct profile_errors {
    std::vector<json_place> code{};
    std::vector<json_place> message{};
};

/// A job API described by data: where to ask, where in the answer things stand, and what its words mean. As an
/// aggregate or as JSON text (parse_profile); both say the same: docs/reference/profile.md.
///
/// URLs are paths below the API's base URL. Only the state has to be there: any other place that is absent in an answer,
/// or null, is simply not known; with a value of a wrong type it is errc::wrong_type.
///
///     telltale::profile api;
///     api.job.url = "/v1/runs/{id}";
///     api.fields.state = "/status";
///     api.fields.progress.percent = "/progress";
///     api.words = {{"RUNNING", job_state::running}, {{"COMPLETED", "DONE"}, job_state::succeeded}};
struct profile {
    using request = profile_request;
    using job_list = profile_list;
    using time_format = profile_time_format;

    std::string name{};        ///< of the API, for people
    profile_request job{};     ///< one job
    profile_headers headers{}; ///< of every request
    std::optional<profile_many> many{};
    std::optional<profile_list> list{};
    std::optional<profile_request> cancel{};
    std::optional<profile_request> retry{};
    std::optional<profile_request> result{};
    profile_fields fields{};
    std::vector<profile_acceptor> words{}; ///< the first that matches; a word that none does is an unknown one
    std::vector<std::string> no_reason{};  ///< texts that mean nothing, as a reason or a message of an error: "None"
    std::vector<std::string> never_runs{}; ///< reasons by which a job that waits will never run; "X*": that begin so
    std::vector<profile_not_found> not_found{profile_not_found{404}};
    profile_errors errors{};
};

/// Checks a description: throws system_error(errc::malformed_profile) whose text names the place ("/fields/state:
/// ...").
inline void validate(const profile& p);

/// Reads a profile from JSON, and validates it:
///
///     {"name": "my API",
///      "job": "/v1/runs/{id}",
///      "many": {"url": "/v1/runs?ids={ids}", "limit": 50, "jobs": "/items", "id": "/run_id"},
///      "cancel": {"url": "/v1/runs/{id}/cancel", "body": {"why": "telltale"}},
///      "fields": {"state": "/status", "second": "/verdict",
///                 "progress": {"done": "/rows/read", "total": "/rows/all"},
///                 "times": {"format": "epoch_ms", "started": "/t1", "finished": "/t2"}},
///      "words": [{"word": "OVER", "second": "GOOD", "state": "succeeded"},
///                {"word": "OVER", "state": "failed"},
///                {"word": ["RUNNING", "STARTING"], "state": "running"}],
///      "not_found": [404, {"status": 500, "where": {"/errors/0/code": 2017}}]}
///
/// Throws system_error(errc::malformed_profile); the text names the place, or the line and column where the text is not
/// JSON. Members that are not known are errors too.
inline profile parse_profile(std::string_view json_text);

/// @{
/// A request of a profile, with the ids in it; its URL begins with `base_url`. `errc::invalid_argument`: the profile has
/// no such request, there are more ids than its limit, or an id that goes into the body as a number is none.
inline expanded_request job_request(const profile& p, std::string_view id, std::string_view base_url = {});
inline expanded_request many_request(const profile& p, std::span<const job_id> ids, std::string_view base_url = {});
inline expanded_request list_request(const profile& p, std::string_view base_url = {});
inline expanded_request cancel_request(const profile& p, std::string_view id, std::string_view base_url = {});
inline expanded_request retry_request(const profile& p, std::string_view id, std::string_view base_url = {});
inline expanded_request result_request(const profile& p, std::string_view id, std::string_view base_url = {});
/// @}

/// A URL of a profile for one job: `base_url`, and `url` with `{id}` replaced by the id, percent-encoded but for what
/// RFC 3986 calls unreserved.
inline std::string expand_url(std::string_view url, std::string_view id, std::string_view base_url = {});

/// The API of telltale's own control room and workers.
inline profile telltale_profile();

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/json/detail/expand_request.hpp>
#include <telltale/json/detail/parse_profile.hpp>
#include <telltale/json/detail/validate_profile.hpp>

#endif // TELLTALE_JSON_PROFILE_HPP
