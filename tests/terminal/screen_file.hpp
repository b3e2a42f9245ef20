// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_TERMINAL_SCREEN_FILE_HPP
#define TELLTALE_TESTS_TERMINAL_SCREEN_FILE_HPP

#include "catch.hpp"
#include "emulator.hpp"

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include <unistd.h>

namespace telltale_test {

/// A file for bars, and what a terminal of 80 columns would show of it.
class screen_file {
public:
    screen_file() { REQUIRE(file_); }
    screen_file(const screen_file&) = delete;
    screen_file& operator=(const screen_file&) = delete;
    ~screen_file() { std::fclose(file_); }

    std::FILE* get() const noexcept { return file_; }

    /// What was written since the last time.
    std::string written() {
        std::string text(1 << 16, '\0');
        const auto n = ::pread(::fileno(file_), text.data(), text.size(), static_cast<off_t>(read_));
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        read_ += text.size();
        return text;
    }

    std::vector<std::string> screen() {
        terminal_.write(written());
        return terminal_.screen(true);
    }

private:
    std::FILE* file_ = std::tmpfile();
    std::size_t read_ = 0;
    terminal_emulator terminal_{80, 24};
};

} // namespace telltale_test

#endif // TELLTALE_TESTS_TERMINAL_SCREEN_FILE_HPP
