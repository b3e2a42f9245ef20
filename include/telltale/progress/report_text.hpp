// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_REPORT_TEXT_HPP
#define TELLTALE_PROGRESS_REPORT_TEXT_HPP

#include <telltale/core/execution_report.hpp>

#include <cstddef>
#include <cstdio>
#include <string>

namespace telltale::inline TELLTALE_ABI {

struct report_text_options {
    bool unicode = true;       ///< bars, rules and marks of Unicode, and names in their own script; else ASCII
    std::size_t width = 80;    ///< columns; longer lines are cut. At least 40.
    std::size_t max_jobs = 20; ///< lines for jobs; of more, those that failed come first, and the rest is counted
};

/// For this file: Unicode where the locale has UTF-8, and as wide as its terminal (or COLUMNS), but at most 80.
TELLTALE_DECL report_text_options report_text_options_for(std::FILE* out);

/// How the execution stands, as a block of lines: progress, jobs, data, time, resources, and the jobs that run.
///
/// What is not known has no line. No colours and no control codes, whatever the names of jobs hold. Ends with a line
/// break.
TELLTALE_DECL std::string render_progress(const execution_report& r, report_text_options options = {});

/// How the execution went: jobs, data, performance, resources, and a line for each job with what became of it, how long
/// it took and its throughput. Otherwise as render_progress.
TELLTALE_DECL std::string render_summary(const execution_report& r, report_text_options options = {});

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/progress/detail/report_lines.ipp>
#endif

#endif // TELLTALE_PROGRESS_REPORT_TEXT_HPP
