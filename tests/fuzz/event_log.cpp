// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Any text as a log of events: each line is an event or one of the errors that event_log_reader names; and what was read is
// written, read and written again as the same text.

#include <telltale/event/event_log.hpp>
#include <telltale/json/event_log_reader.hpp>

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
    telltale::event_log_reader reader(in, {.max_line = 4096});
    telltale::event_log_writer writer(out);
    for (;;) {
        try {
            const auto d = reader.next();
            if (!d) break;
            writer.write(*d);
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
