// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_SAVE_REPORT_IPP
#define TELLTALE_RUN_DETAIL_SAVE_REPORT_IPP

#include <telltale/core/json.hpp>
#include <telltale/detail/atomic_file.hpp>
#include <telltale/run/save_report.hpp>

#include <filesystem>

namespace telltale::inline TELLTALE_ABI {

TELLTALE_DECL void save_report(const execution_report& report, const std::filesystem::path& path, error_code& ec) {
    ec = detail::write_file_atomically(path, to_json(report) += '\n');
}

TELLTALE_DECL void save_report(const execution_report& report, const std::filesystem::path& path) {
    error_code ec;
    save_report(report, path, ec);
    if (ec) throw system_error(ec, "cannot write " + path.string());
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_DETAIL_SAVE_REPORT_IPP
