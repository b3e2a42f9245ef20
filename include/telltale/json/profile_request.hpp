// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_PROFILE_REQUEST_HPP
#define TELLTALE_JSON_PROFILE_REQUEST_HPP

#include <telltale/json/json_place.hpp>
#include <telltale/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Names and values, in the order in which they are sent.
using profile_headers = std::vector<std::pair<std::string, std::string>>;

/// How to ask for something of one job. `{id}` stands for its id: percent-encoded in the URL, as JSON in the body.
///
/// The body is JSON with places for the id in its strings: "{id}" and "job {id}" have it as text; a string that is just
/// "{#id}" becomes the id as a number.
struct profile_request {
    std::string method{}; ///< empty: GET, or POST with a body; for cancel and retry POST
    std::string url{};    ///< path below the base URL, with {id} in it or in the body
    std::string body{};   ///< empty: none
    profile_headers headers{};
    optional_place new_id{}; ///< of retry: where the answer has the id of the new attempt; absent: it stays
};

/// How to ask for all jobs.
struct profile_list {
    std::string url{};
    std::string jobs{};    ///< pointer to the array; "": the answer is the array
    json_place id = "/id"; ///< within each element; a string or an integer
    std::string method{};  ///< empty: GET, or POST with a body
    std::string body{};    ///< empty: none
    profile_headers headers{};
};

/// How to ask for many jobs at once. `{ids}` in the URL stands for their ids, percent-encoded and separated; in the body
/// a string that is just "{ids}" becomes the array of them, "{#ids}" that of them as numbers. With neither, the answer
/// must have all jobs, not a page of them: an id that is not in the answer is a job that is not there.
struct profile_many {
    std::string url{};
    std::string jobs{};          ///< pointer to the array; "": the answer is the array
    json_place id = "/id";       ///< within each element; a string or an integer
    std::size_t limit = 100;     ///< the most ids of one request, 1 to 100'000
    std::string separator = ","; ///< between ids in the URL, as it stands: "&id=" for /jobs?id={ids}
    std::string method{};        ///< empty: GET, or POST with a body
    std::string body{};          ///< empty: none
    profile_headers headers{};
};

/// A request of a profile, ready but for the base URL and the credential.
struct expanded_request {
    std::string method{};
    std::string url{}; ///< path and query, to be put behind the base URL
    std::string body{};
    profile_headers headers{}; ///< with Content-Type if there is a body
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_PROFILE_REQUEST_HPP
