// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SRC_CORE_HPP
#define TELLTALE_SRC_CORE_HPP

// The half of src.hpp that needs only Asio: all that a program needs which uses nothing of beast/ and dashboard/.
#if !defined(TELLTALE_SEPARATE_COMPILATION)
#error "telltale/src_core.hpp is for programs that define TELLTALE_SEPARATE_COMPILATION"
#endif

#include <telltale/board/detail/board.ipp>
#include <telltale/board/detail/show_jobs.ipp>
#include <telltale/core/detail/execution_report.ipp>
#include <telltale/poll/detail/poller_answers.ipp>
#include <telltale/poll/detail/poller_commands.ipp>
#include <telltale/poll/detail/poller_explain.ipp>
#include <telltale/poll/detail/poller_polls.ipp>
#include <telltale/poll/detail/poller_watches.ipp>
#include <telltale/progress/detail/bar_writer.ipp>
#include <telltale/progress/detail/report_lines.ipp>
#include <telltale/run/detail/manager_impl.ipp>
#include <telltale/run/detail/process_run.ipp>
#include <telltale/run/detail/save_report.ipp>

#endif // TELLTALE_SRC_CORE_HPP
