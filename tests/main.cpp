// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The main of every test executable, compiled once. Catch2 3 ignores the macro.
#define CATCH_CONFIG_RUNNER
#include "catch.hpp"

// A run without tests, and a test without an assertion, are failures.
int main(int argc, char** argv) {
    Catch::Session session;
    if (const int bad = session.applyCommandLine(argc, argv); bad != 0) return bad;
#if CATCH_VERSION_MAJOR >= 3
    session.configData().warnings = Catch::WarnAbout::NoAssertions; // to run no test is an error already
#else
    if (Catch::getRegistryHub().getTestCaseRegistry().getAllTests().empty()) {
        Catch::cerr() << argv[0] << " has no test case\n";
        return 1;
    }
    session.configData().warnings =
        static_cast<Catch::WarnAbout::What>(Catch::WarnAbout::NoAssertions | Catch::WarnAbout::NoTests);
#endif
    return session.run();
}
