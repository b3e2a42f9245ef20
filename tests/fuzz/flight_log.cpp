// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Any text as a flight log: each line is an entry or one of the errors that flight_log_reader names; and what was read is
// written, read and written again as the same text.

#include <telltale/json/flight_log.hpp>
#include <telltale/poll/flight_recorder.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

namespace {

std::string rewritten(const std::string& text, bool must_be_good) {
    using telltale::errc;
    std::istringstream in(text);
    std::ostringstream out;
    telltale::flight_log_reader reader(in, {.max_line = 4096});
    const telltale::flight_recorder recorder(out, {.keep = 0});
    for (;;) {
        try {
            const auto e = reader.next();
            if (!e) break;
            recorder(*e);
        } catch (const telltale::system_error& e) {
            const auto ec = e.code();
            if (must_be_good || (ec != errc::malformed_json && ec != errc::truncated_json &&
                                 ec != errc::missing_field && ec != errc::wrong_type && ec != errc::body_too_large))
                std::abort();
        }
    }
    if (must_be_good && reader.torn()) std::abort();
    return out.str();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string once = rewritten(std::string(reinterpret_cast<const char*>(data), size), false);
    if (once.size() < 4096 && rewritten(once, true) != once) std::abort();
    return 0;
}
