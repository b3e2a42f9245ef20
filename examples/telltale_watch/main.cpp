// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// telltale-watch: waits for the jobs of any job API, and says how they ended.

#include "settings.hpp"
#include "watch.hpp"

#include <exception>
#include <iostream>

int main(int argc, char** argv) {
    try {
        int status = watch::all_succeeded;
        const auto settings = watch::parse(argc, argv, status);
        return settings ? watch::run(*settings) : status;
    } catch (const watch::usage_error& e) {
        std::cerr << "telltale-watch: " << e.what() << "\nSee telltale-watch --help.\n";
        return watch::wrong_usage;
    } catch (const std::exception& e) {
        std::cerr << "telltale-watch: " << e.what() << '\n';
        return watch::unreachable_or_lost;
    }
}
