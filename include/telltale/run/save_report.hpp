// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_SAVE_REPORT_HPP
#define TELLTALE_RUN_SAVE_REPORT_HPP

#include <telltale/asio.hpp>
#include <telltale/core/execution_report.hpp>
#include <telltale/error.hpp>

#include <filesystem>

namespace telltale::inline TELLTALE_ABI {

/// Writes the report as JSON, with a line break at its end, so that whoever reads the file sees all of it or what was
/// there before, also after a crash: into a file beside it, which is on the disk before it takes the name.
///
/// A new file has the permissions that the process gives to new files; one that exists keeps its own. A symbolic link
/// stays, and what it leads to is replaced. What is not a file, a pipe or a terminal or /dev/stdout, is simply written to. The folder
/// must exist. Nothing is left behind after an error, which is the system's.
///
/// It blocks until the disk has it, tens of milliseconds: a coroutine that must not be late posts this to a thread pool.
///
/// @par Thread safety
/// From any thread; of two at once on one file, one is the last.
TELLTALE_DECL void save_report(const execution_report& report, const std::filesystem::path& path, error_code& ec);

/// The same; throws system_error with the path in its message.
TELLTALE_DECL void save_report(const execution_report& report, const std::filesystem::path& path);

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/run/detail/save_report.ipp>
#endif

#endif // TELLTALE_RUN_SAVE_REPORT_HPP
