// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_DETAIL_DEFAULT_ERROR_RULES_HPP
#define TELLTALE_CORE_DETAIL_DEFAULT_ERROR_RULES_HPP

// Included by error_rules.hpp, after the rule.

#include <telltale/core/error_rules.hpp>

#include <array>

namespace telltale::inline TELLTALE_ABI::detail {

/// Codes are the most exact, then statuses, then words; the rest of the statuses is last.
inline constexpr std::array default_error_rules{
    // Codes: gRPC's (https://grpc.io/docs/guides/status-codes/) in the spelling of Google's APIs, those of AWS, Azure,
    // OAuth (RFC 6749, RFC 6750), OpenAI and IBM Quantum.
    error_rule{.kind = error_class::timeout, .code = "deadline_exceeded"},
    error_rule{.kind = error_class::timeout, .code = "timeout"},
    error_rule{.kind = error_class::timeout, .code = "timed_out"},
    error_rule{.kind = error_class::timeout, .code = "timedout"},
    error_rule{.kind = error_class::resource, .code = "resource_exhausted"},
    error_rule{.kind = error_class::resource, .code = "throttl"},
    error_rule{.kind = error_class::resource, .code = "too_many_requests"},
    error_rule{.kind = error_class::resource, .code = "toomanyrequests"},
    error_rule{.kind = error_class::resource, .code = "rate_limit"},
    error_rule{.kind = error_class::resource, .code = "ratelimit"},
    error_rule{.kind = error_class::resource, .code = "limit_exceeded"},
    error_rule{.kind = error_class::resource, .code = "limitexceeded"},
    error_rule{.kind = error_class::resource, .code = "quota"},
    error_rule{.kind = error_class::resource, .code = "out_of_memory"},
    error_rule{.kind = error_class::authentication, .code = "unauthenticated"},
    error_rule{.kind = error_class::authentication, .code = "authentication"},
    error_rule{.kind = error_class::authentication, .code = "invalid_token"},
    error_rule{.kind = error_class::authentication, .code = "invalid_grant"},
    error_rule{.kind = error_class::authentication, .code = "invalid_client"},
    error_rule{.kind = error_class::authentication, .code = "invalid_api_key"},
    error_rule{.kind = error_class::authentication, .code = "expiredtoken"},
    error_rule{.kind = error_class::authentication, .code = "unrecognizedclient"},
    error_rule{.kind = error_class::permission, .code = "permission"},
    error_rule{.kind = error_class::permission, .code = "access_denied"},
    error_rule{.kind = error_class::permission, .code = "accessdenied"},
    error_rule{.kind = error_class::permission, .code = "insufficient_scope"},
    error_rule{.kind = error_class::permission, .code = "forbidden"},
    error_rule{.kind = error_class::query, .code = "invalid_argument"},
    error_rule{.kind = error_class::query, .code = "invalid_request"},
    error_rule{.kind = error_class::query, .code = "validation"},
    error_rule{.kind = error_class::query, .code = "syntax"},
    error_rule{.kind = error_class::api, .code = "unavailable"},
    error_rule{.kind = error_class::api, .code = "internal"},

    // Statuses that say one thing (RFC 9110, RFC 6585; 52x: of proxies).
    error_rule{.kind = error_class::authentication, .status_from = 401},
    error_rule{.kind = error_class::authentication, .status_from = 407},
    error_rule{.kind = error_class::resource, .status_from = 402},
    error_rule{.kind = error_class::resource, .status_from = 429},
    error_rule{.kind = error_class::resource, .status_from = 507},
    error_rule{.kind = error_class::timeout, .status_from = 408},
    error_rule{.kind = error_class::timeout, .status_from = 504},
    error_rule{.kind = error_class::timeout, .status_from = 522},
    error_rule{.kind = error_class::timeout, .status_from = 524},
    // GitHub and Google say 403 for it too.
    error_rule{.kind = error_class::resource, .status_from = 403, .text = "rate limit"},
    error_rule{.kind = error_class::resource, .status_from = 403, .text = "quota"},
    error_rule{.kind = error_class::permission, .status_from = 403},
    error_rule{.kind = error_class::permission, .status_from = 451},
    error_rule{.kind = error_class::api, .status_from = 500, .status_to = 599},

    // Words.
    error_rule{.kind = error_class::timeout, .text = "timeout"},
    error_rule{.kind = error_class::timeout, .text = "time out", .how = text_rule::whole_word},
    error_rule{.kind = error_class::timeout, .text = "timed out"},
    error_rule{.kind = error_class::timeout, .text = "deadline exceeded"},
    error_rule{.kind = error_class::timeout, .text = "time limit"},
    error_rule{.kind = error_class::query, .text = "syntax"}, // of which unexpected tokens are an example
    error_rule{.kind = error_class::query, .text = "unexpected token"},
    error_rule{.kind = error_class::authentication, .text = "authentication"},
    error_rule{.kind = error_class::authentication, .text = "unauthenticated"},
    error_rule{.kind = error_class::authentication, .text = "unauthorized"},
    error_rule{.kind = error_class::authentication, .text = "credential"},
    error_rule{.kind = error_class::authentication, .text = "certificate"},
    error_rule{.kind = error_class::authentication, .text = "token", .how = text_rule::whole_word},
    error_rule{.kind = error_class::authentication, .text = "tokens", .how = text_rule::whole_word},
    error_rule{.kind = error_class::permission, .text = "permission"},
    error_rule{.kind = error_class::permission, .text = "forbidden"},
    error_rule{.kind = error_class::permission, .text = "access denied"},
    error_rule{.kind = error_class::permission, .text = "not authorized"},
    error_rule{.kind = error_class::resource, .text = "rate limit"},
    error_rule{.kind = error_class::resource, .text = "quota"},
    error_rule{.kind = error_class::resource, .text = "too many requests"},
    error_rule{.kind = error_class::resource, .text = "out of memory"},
    error_rule{.kind = error_class::resource, .text = "oom", .how = text_rule::whole_word},
    error_rule{.kind = error_class::resource, .text = "oomkilled"},
    error_rule{.kind = error_class::resource, .text = "disk full"},
    error_rule{.kind = error_class::resource, .text = "no space left"},
    error_rule{.kind = error_class::resource, .text = "exhausted"},
    error_rule{.kind = error_class::resource, .text = "limit exceeded"},
    error_rule{.kind = error_class::query, .text = "query", .how = text_rule::whole_word},
    error_rule{.kind = error_class::query, .text = "queries", .how = text_rule::whole_word},
    error_rule{.kind = error_class::query, .text = "invalid argument"},
    error_rule{.kind = error_class::network, .text = "network"},
    error_rule{.kind = error_class::network, .text = "connection"},
    error_rule{.kind = error_class::network, .text = "unreachable"},
    error_rule{.kind = error_class::network, .text = "host not found"},
    error_rule{.kind = error_class::network, .text = "dns", .how = text_rule::whole_word},
    error_rule{.kind = error_class::network, .text = "end of file"},
    error_rule{.kind = error_class::network, .text = "broken pipe"},
    error_rule{.kind = error_class::api, .text = "internal server error"},
    error_rule{.kind = error_class::api, .text = "service unavailable"},
    error_rule{.kind = error_class::api, .text = "bad gateway"},
    error_rule{.kind = error_class::api, .text = "api", .how = text_rule::whole_word},

    // What is left of the statuses.
    error_rule{.kind = error_class::query, .status_from = 400},
    error_rule{.kind = error_class::query, .status_from = 422},
    error_rule{.kind = error_class::api, .status_from = 300, .status_to = 499},
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_CORE_DETAIL_DEFAULT_ERROR_RULES_HPP
