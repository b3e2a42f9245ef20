// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/counted_file.hpp>

#include "support.hpp"

#include <telltale/progress/progress_tracker.hpp>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <unistd.h>

using namespace telltale;
using namespace telltale_test;

namespace {

struct temporary_file {
    explicit temporary_file(const std::string& content)
        : path(std::filesystem::temp_directory_path() / ("telltale_counted_" + std::to_string(getpid()))) {
        std::ofstream(path, std::ios::binary) << content;
    }
    ~temporary_file() { std::filesystem::remove(path); }
    std::filesystem::path path;
};

} // namespace

TEST_CASE("counted_file: bytes are counted as they are read, the size is the total") {
    virtual_world world;
    const temporary_file file("first\nsecond line\nx\n");
    progress_tracker t(world.executor(), {.unit = progress_unit::bytes});
    {
        counted_file in(file.path, t, 8);
        CHECK(t.sample().total == 20.0);
        CHECK(t.done() == 0);
        std::string line;
        REQUIRE(std::getline(in, line));
        CHECK(line == "first");
        CHECK(t.done() == 0); // the block is not behind us
        REQUIRE(std::getline(in, line));
        CHECK(line == "second line");
        CHECK(t.done() == 16);
        in.sync();
        CHECK(t.done() == 18); // just what was read
        REQUIRE(std::getline(in, line));
        CHECK_FALSE(std::getline(in, line));
        CHECK(t.done() == 20);
    }
    CHECK(t.done() == 20);
    CHECK(t.sample().percent() == 100.0);
}

TEST_CASE("counted_file: in large pieces, and only in part") {
    virtual_world world;
    const std::string content(100'000, 'c');
    const temporary_file file(content);
    progress_tracker t(world.executor(), {.unit = progress_unit::bytes});
    {
        counted_file in(file.path, t, 1000);
        CHECK(in.get() == 'c');
        std::string rest(70'000, '\0');
        REQUIRE(in.read(rest.data(), 70'000));
        CHECK(rest == content.substr(0, 70'000));
        CHECK(t.done() == 70'001);
        CHECK(in.get() == 'c');
    }
    CHECK(t.done() == 70'002);
}

TEST_CASE("counted_file: one that is not there fails, and counts nothing") {
    virtual_world world;
    progress_tracker t(world.executor());
    counted_file in("/nowhere/at/all", t);
    CHECK_FALSE(in);
    std::string line;
    CHECK_FALSE(std::getline(in, line));
    CHECK(t.done() == 0);
    CHECK_FALSE(t.sample().total);
}

TEST_CASE("counted_streambuf: another stream, whose size nobody knows") {
    virtual_world world;
    progress_tracker t(world.executor());
    std::istringstream source("some words, and no end of line");
    counted_streambuf buffer(*source.rdbuf(), t);
    std::istream in(&buffer);
    const std::string all(std::istreambuf_iterator<char>(in), {});
    CHECK(all == source.str());
    CHECK(t.done() == all.size());
}
