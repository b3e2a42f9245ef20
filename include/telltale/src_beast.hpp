// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SRC_BEAST_HPP
#define TELLTALE_SRC_BEAST_HPP

// The half of src.hpp that needs what beast/ needs.
#if !defined(TELLTALE_SEPARATE_COMPILATION)
#error "telltale/src_beast.hpp is for programs that define TELLTALE_SEPARATE_COMPILATION"
#endif

#include <telltale/beast/detail/broadcaster.ipp>
#include <telltale/beast/detail/http_client.ipp>
#include <telltale/beast/detail/http_server.ipp>
#include <telltale/beast/detail/http_status_source.ipp>
#include <telltale/beast/detail/job_result.ipp>
#include <telltale/beast/detail/websocket_hub.ipp>

#endif // TELLTALE_SRC_BEAST_HPP
