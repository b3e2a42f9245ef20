// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/save_report.hpp>

#include <telltale/core/json.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h> // mkdtemp
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using telltale::save_report;
namespace fs = std::filesystem;

class temporary_folder {
public:
    temporary_folder() {
        std::string name = fs::temp_directory_path() / "telltale-XXXXXX";
        REQUIRE(::mkdtemp(name.data()));
        path_ = name;
    }
    temporary_folder(const temporary_folder&) = delete;
    ~temporary_folder() { fs::remove_all(path_); }

    fs::path operator/(const std::string& name) const { return path_ / name; }
    const fs::path& path() const { return path_; }
    std::ptrdiff_t files() const { return std::distance(fs::directory_iterator(path_), fs::directory_iterator()); }

private:
    fs::path path_;
};

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

void put(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

/// A report that is as many bytes long, and says which it is.
telltale::execution_report report_of(std::size_t jobs, const std::string& name = "x") {
    std::vector<std::shared_ptr<const telltale::job>> all;
    for (std::size_t i = 0; i < jobs; ++i) {
        auto j = std::make_shared<telltale::job>();
        j->id = std::to_string(i);
        j->name = name;
        all.push_back(std::move(j));
    }
    return make_report(all, {.now = telltale::timestamp{}});
}

telltale::error_code error_of(const fs::path& path) {
    telltale::error_code ec;
    save_report(report_of(1), path, ec);
    return ec;
}

::mode_t mode_of(const fs::path& path) {
    struct ::stat s {};
    REQUIRE(::stat(path.c_str(), &s) == 0);
    return s.st_mode & 07777;
}

/// No file of this process may become longer, as on a disk that is full.
class full_disk {
public:
    explicit full_disk(::rlim_t bytes) {
        former_handler_ = ::signal(SIGXFSZ, SIG_IGN);
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &former_) == 0);
        ::rlimit limit = former_;
        limit.rlim_cur = bytes;
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    full_disk(const full_disk&) = delete;
    ~full_disk() {
        ::setrlimit(RLIMIT_FSIZE, &former_);
        ::signal(SIGXFSZ, former_handler_);
    }

private:
    ::rlimit former_{};
    void (*former_handler_)(int);
};

} // namespace

TEST_CASE("a new file: all of the report, the usual permissions, and nothing beside it") {
    const temporary_folder folder;
    const auto former = ::umask(027);
    save_report(report_of(2), folder / "report.json");
    ::umask(former);
    CHECK(content_of(folder / "report.json") == to_json(report_of(2)) + "\n");
    CHECK(mode_of(folder / "report.json") == 0640);
    CHECK(folder.files() == 1);
}

TEST_CASE("a file that is there is replaced, and keeps its permissions") {
    const temporary_folder folder;
    put(folder / "report.json", std::string(100'000, 'x'));
    REQUIRE(::chmod((folder / "report.json").c_str(), 0604) == 0);
    std::ifstream reader(folder / "report.json"); // whoever has it open goes on reading the former
    save_report(report_of(1), folder / "report.json");
    CHECK(content_of(folder / "report.json") == to_json(report_of(1)) + "\n");
    CHECK(mode_of(folder / "report.json") == 0604);
    CHECK(std::string(std::istreambuf_iterator<char>(reader), {}).size() == 100'000);
    CHECK(folder.files() == 1);
}

TEST_CASE("a disk that becomes full: the former file stays, and nothing is left behind") {
    const temporary_folder folder;
    put(folder / "report.json", "former");
    telltale::error_code ec;
    {
        const full_disk full(10'000);
        save_report(report_of(1000), folder / "report.json", ec);
    }
    CHECK(ec == std::errc::file_too_large);
    CHECK(content_of(folder / "report.json") == "former");
    CHECK(folder.files() == 1);
    ec.clear();
    {
        const full_disk full(10'000);
        save_report(report_of(1000), folder / "new.json", ec);
    }
    CHECK(ec == std::errc::file_too_large);
    CHECK(folder.files() == 1);
}

TEST_CASE("errors are the system's, and say which file") {
    const temporary_folder folder;
    CHECK(error_of(folder / "none/report.json") == std::errc::no_such_file_or_directory);
    CHECK(error_of(folder.path()) == std::errc::is_a_directory);
    put(folder / "file", "");
    CHECK(error_of(folder / "file/report.json") == std::errc::not_a_directory);
    CHECK(error_of("") == std::errc::no_such_file_or_directory);
    CHECK(error_of(folder / std::string(300, 'x')) == std::errc::filename_too_long);
    CHECK(folder.files() == 1);
    try {
        save_report(report_of(1), folder / "none/report.json");
        FAIL("it did not throw");
    } catch (const telltale::system_error& e) {
        CHECK(e.code() == std::errc::no_such_file_or_directory);
        CHECK(std::string(e.what()).find((folder / "none/report.json").string()) != std::string::npos);
    }
}

TEST_CASE("a folder that may not be written to") {
    const temporary_folder folder;
    REQUIRE(::chmod(folder.path().c_str(), 0500) == 0);
    if (::geteuid() == 0) { // who may write everywhere but here
        CHECK(error_of("/proc/telltale.json"));
    } else {
        CHECK(error_of(folder / "report.json") == std::errc::permission_denied);
    }
    REQUIRE(::chmod(folder.path().c_str(), 0700) == 0);
    CHECK(folder.files() == 0);
}

TEST_CASE("a symbolic link stays, and what it leads to is replaced") {
    const temporary_folder folder;
    fs::create_directory(folder / "real");
    put(folder / "real/report.json", "former");
    fs::create_symlink("real/report.json", folder / "link.json");
    fs::create_symlink("real/new.json", folder / "dangling.json");
    fs::create_symlink("loop.json", folder / "loop.json");
    save_report(report_of(1), folder / "link.json");
    save_report(report_of(2), folder / "dangling.json");
    CHECK(fs::is_symlink(folder / "link.json"));
    CHECK(content_of(folder / "real/report.json") == to_json(report_of(1)) + "\n");
    CHECK(content_of(folder / "real/new.json") == to_json(report_of(2)) + "\n");
    CHECK(error_of(folder / "loop.json") == std::errc::too_many_symbolic_link_levels);
    CHECK(folder.files() == 4);
}

TEST_CASE("what is not a file is written to, and still there") {
    const temporary_folder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    const int end = ::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
    REQUIRE(end >= 0);
    save_report(report_of(1), folder / "pipe");
    std::string text(10'000, '\0');
    const auto n = ::read(end, text.data(), text.size());
    ::close(end);
    REQUIRE(n > 0);
    text.resize(static_cast<std::size_t>(n));
    CHECK(text == to_json(report_of(1)) + "\n");
    CHECK(folder.files() == 1);
    if (fs::exists("/dev/full")) {
        CHECK(error_of("/dev/full") == std::errc::no_space_on_device);
        CHECK(fs::is_character_file("/dev/full"));
    }
}

#if defined(__linux__)
TEST_CASE("what is open already, as /dev/stdout is, is written to at its end, also if it is a file") {
    const temporary_folder folder;
    const int file = ::open((folder / "out").c_str(), O_CREAT | O_WRONLY, 0600);
    REQUIRE(file >= 0);
    REQUIRE(::write(file, "before\n", 7) == 7);
    const std::string path = "/proc/self/fd/" + std::to_string(file);
    fs::create_symlink(path, folder / "link");
    save_report(report_of(1), folder / "link");
    save_report(report_of(2), "/dev/fd/" + std::to_string(file));
    ::close(file);
    CHECK(content_of(folder / "out") == "before\n" + to_json(report_of(1)) + "\n" + to_json(report_of(2)) + "\n");
    CHECK(folder.files() == 2);
}
#endif

TEST_CASE("whoever reads while it is written sees all of one report") {
    const temporary_folder folder;
    const std::vector<telltale::execution_report> reports{report_of(300, "a"), report_of(300, "b")};
    const std::string a = to_json(reports[0]) + "\n";
    const std::string b = to_json(reports[1]) + "\n";
    save_report(reports[0], folder / "report.json");
    const auto write = [&](const telltale::execution_report& r) {
        for (int i = 0; i < 20; ++i) save_report(r, folder / "report.json");
    };
    std::thread first([&] { write(reports[0]); });
    std::thread second([&] { write(reports[1]); });
    int whole = 0;
    for (int i = 0; i < 200; ++i) {
        const std::string seen = content_of(folder / "report.json");
        whole += seen == a || seen == b ? 1 : 0;
    }
    first.join();
    second.join();
    CHECK(whole == 200);
    CHECK(folder.files() == 1);
}

#endif
