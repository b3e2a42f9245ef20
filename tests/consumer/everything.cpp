// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_client.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/telltale.hpp>

#include <cstdio>

// A user of telltale::json and telltale::beast: what they bring with them is found, compiled and linked.
int main() {
    bool refused = false;
    try {
        telltale::parse_profile("{\"");
    } catch (const telltale::system_error& error) {
        refused = true;
        std::printf("%s\n", error.what());
    }
    telltale::net::io_context context;
    telltale::http_client client(context.get_executor());
    return refused ? 0 : 1;
}
