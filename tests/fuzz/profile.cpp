// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Whatever somebody writes into the description of a job API: a profile that is valid, or malformed_profile.

#include <telltale/json/profile.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto p = telltale::parse_profile({reinterpret_cast<const char*>(data), size});
        telltale::validate(p);
    } catch (const telltale::system_error& e) {
        if (e.code() != telltale::errc::malformed_profile) std::abort();
    }
    return 0;
}
