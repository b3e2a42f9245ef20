// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/telltale.hpp>

#include <cstdio>

// A user of the library, with nothing of the library's own build: the umbrella compiles, and its Asio runs.
int main() {
    telltale::net::io_context context;
    bool ran = false;
    telltale::net::post(context, [&] { ran = true; });
    context.run();
    const telltale::error_code ec = telltale::errc::deadline_exceeded;
    std::printf("telltale %s: %s\n", TELLTALE_VERSION_STRING, ec.message().c_str());
    return ran && ec == telltale::condition::timeout ? 0 : 1;
}
