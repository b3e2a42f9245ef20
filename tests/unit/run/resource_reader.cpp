// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/resource_reader.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if defined(__linux__)

#include <stdlib.h> // mkdtemp
#include <unistd.h>

namespace {

using telltale::resource_reader;
using telltale::resource_reading;

/// A folder with files as Linux has them, until the test ends.
class system_files {
public:
    system_files() {
        std::string name = std::filesystem::temp_directory_path() / "telltale-XXXXXX";
        REQUIRE(::mkdtemp(name.data()));
        root_ = name;
    }
    system_files(const system_files&) = delete;
    ~system_files() { std::filesystem::remove_all(root_); }

    system_files& put(std::string_view path, std::string_view text) {
        const auto file = root_ / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
        return *this;
    }

    std::string root() const { return root_; }

private:
    std::filesystem::path root_;
};

constexpr std::string_view v2_mount =
    "24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw\n"
    "30 24 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

// Of a container without a cgroup namespace: the mounts show the container's own cgroup only.
constexpr std::string_view v1_container_mounts =
    "701 690 0:28 /docker/5a1f /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:13 - cgroup cgroup rw,cpu,cpuacct\n"
    "705 690 0:35 /docker/5a1f /sys/fs/cgroup/memory ro,nosuid master:17 - cgroup cgroup rw,memory\n"
    "706 690 0:36 /docker/5a1f /sys/fs/cgroup/cpuset ro,nosuid master:18 - cgroup cgroup rw,cpuset\n";

resource_reading read(const system_files& files) { return resource_reader(files.root())(); }

} // namespace

TEST_CASE("memory, its peak, disk and CPUs are in the files of the process") {
    system_files files;
    files.put("proc/self/statm", "765 406 378 5 0 123 0\n")
        .put("proc/self/status", "Name:\tVmHWM: 1\nVmPeak:\t    3060 kB\nVmHWM:\t    1880 kB\nVmRSS:\t    1624 kB\n"
                                 "Cpus_allowed:\tff0f\nCpus_allowed_list:\t0-3,8-15\n")
        .put("proc/self/io", "rchar: 6976\nwchar: 10\nsyscr: 10\nsyscw: 0\nread_bytes: 4096\nwrite_bytes: 12288\n"
                             "cancelled_write_bytes: 8192\n")
        .put("proc/meminfo", "MemTotal:        8000 kB\nMemFree:         100 kB\n");
    const resource_reader reader(files.root());
    const auto r = reader();
    CHECK(r.memory_bytes == 406U * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    CHECK(r.memory_peak_bytes == 1880U * 1024);
    CHECK(r.disk_read_bytes == 4096U);
    CHECK(r.disk_written_bytes == 4096U);
    CHECK(r.cpu_limit_cores == 12.0);
    CHECK(r.memory_limit_bytes == 8000U * 1024);
    // The same file again, from its beginning.
    files.put("proc/self/io", "read_bytes: 5000\nwrite_bytes: 100\ncancelled_write_bytes: 8192\n");
    CHECK(reader().disk_read_bytes == 5000U);
    CHECK(reader().disk_written_bytes == 0U);
}

TEST_CASE("what is missing, empty or garbage is absent") {
    system_files files;
    const auto nothing = read(files);
    CHECK(nothing.cpu_user); // asked of the kernel, not of a file
    CHECK(nothing == resource_reading{.cpu_user = nothing.cpu_user, .cpu_system = nothing.cpu_system});
    files.put("proc/self/statm", "765")
        .put("proc/self/status", "VmHWM: lots\nCpus_allowed_list:\t3-1\n")
        .put("proc/self/io", "")
        .put("proc/meminfo", "MemTotal:\n")
        .put("proc/self/cgroup", "x\n0:\n0::/a\n:::\n")
        .put("proc/self/mountinfo",
             "\n - cgroup2\n1 2 - cgroup2 x\n" + std::string(v2_mount) + "a - cgroup c memory,cpu")
        .put("sys/fs/cgroup/a/memory.max", "a lot\n")
        .put("sys/fs/cgroup/a/cpu.max", "1000\n")
        .put("sys/fs/cgroup/cpu.max", "1000 0\n");
    const auto garbage = read(files);
    CHECK(garbage == resource_reading{.cpu_user = garbage.cpu_user, .cpu_system = garbage.cpu_system});
    for (const std::string_view cpus : {"", "x", "1,", "1,,2", "-", "5-4", "18446744073709551616"})
        CHECK((telltale::detail::count_cpus(cpus).value_or(-1) == (cpus == "1," ? 1.0 : -1.0)));
}

TEST_CASE("version 2: of the cgroup and those above it the tightest limit holds") {
    system_files files;
    files.put("proc/self/mountinfo", v2_mount)
        .put("proc/self/cgroup", "0::/system.slice/run.service/worker\n")
        .put("proc/self/status", "Cpus_allowed_list:\t0-7\n")
        .put("proc/meminfo", "MemTotal: 8388608 kB\n")
        .put("sys/fs/cgroup/system.slice/run.service/worker/memory.max", "max\n")
        .put("sys/fs/cgroup/system.slice/run.service/worker/cpu.max", "400000 100000\n")
        .put("sys/fs/cgroup/system.slice/run.service/memory.max", "1073741824\n")
        .put("sys/fs/cgroup/system.slice/run.service/cpu.max", "max 100000\n")
        .put("sys/fs/cgroup/system.slice/memory.max", "2147483648\n")
        .put("sys/fs/cgroup/system.slice/cpu.max", "75000 50000\n")
        .put("sys/fs/cgroup/other/memory.max", "1\n")
        .put("sys/fs/cgroup/other/cpu.max", "1 100000\n");
    const resource_reader reader(files.root());
    CHECK(reader().memory_limit_bytes == 1073741824U);
    CHECK(reader().cpu_limit_cores == 1.5);
    // Changed while the process runs.
    files.put("sys/fs/cgroup/system.slice/run.service/worker/memory.max", "4096\n")
        .put("sys/fs/cgroup/system.slice/cpu.max", "max 100000\n");
    CHECK(reader().memory_limit_bytes == 4096U);
    CHECK(reader().cpu_limit_cores == 4.0);
    files.put("proc/self/status", "Cpus_allowed_list:\t2\n");
    CHECK(reader().cpu_limit_cores == 1.0); // and may run on one only
}

TEST_CASE("version 2: no limit is the machine's") {
    system_files files;
    files.put("proc/self/mountinfo", v2_mount)
        .put("proc/self/cgroup", "0::/\n") // a container with a cgroup namespace, or none at all
        .put("proc/meminfo", "MemTotal: 1024 kB\n")
        .put("sys/fs/cgroup/memory.max", "max\n")
        .put("sys/fs/cgroup/cpu.max", "max 100000\n");
    CHECK(read(files).memory_limit_bytes == 1048576U);
    CHECK_FALSE(read(files).cpu_limit_cores);
    files.put("sys/fs/cgroup/memory.max", "2097152\n"); // more than there is
    CHECK(read(files).memory_limit_bytes == 1048576U);
    files.put("sys/fs/cgroup/memory.max", "65536\n").put("sys/fs/cgroup/cpu.max", "20000 100000\n");
    CHECK(read(files).memory_limit_bytes == 65536U);
    CHECK(read(files).cpu_limit_cores == 0.2);
}

TEST_CASE("version 1: in a container without a cgroup namespace") {
    system_files files;
    files.put("proc/self/mountinfo", v1_container_mounts)
        .put("proc/self/cgroup", "12:cpuset:/docker/5a1f\n11:memory:/docker/5a1f/inner\n4:cpu,cpuacct:/docker/5a1f\n"
                                 "1:name=systemd:/docker/5a1f\n0::/system.slice/docker.service\n")
        .put("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n")
        .put("sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "9223372036854771712\n")
        .put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n")
        .put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    CHECK(read(files).memory_limit_bytes == 536870912U);
    CHECK(read(files).cpu_limit_cores == 0.5);
    files.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
        .put("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    CHECK_FALSE(read(files).memory_limit_bytes);
    CHECK_FALSE(read(files).cpu_limit_cores);
}

TEST_CASE("version 1 and 2 side by side, as systemd's hybrid has it, with a space in the path") {
    system_files files;
    files
        .put("proc/self/mountinfo", "35 31 0:32 / /sys/fs/c\\040group/memory rw,relatime - cgroup cgroup rw,memory\n"
                                    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n")
        .put("proc/self/cgroup", "4:memory:/my jobs/one\n1:cpu:/\n0::/my jobs/one\n")
        .put("sys/fs/c group/memory/memory.limit_in_bytes", "9223372036854771712\n")
        .put("sys/fs/c group/memory/my jobs/one/memory.limit_in_bytes", "4096000\n")
        .put("sys/fs/cgroup/unified/my jobs/one/cpu.max", "300000 100000\n");
    CHECK(read(files).memory_limit_bytes == 4096000U);
    CHECK(read(files).cpu_limit_cores == 3.0);
}

TEST_CASE("a cgroup of somebody else, or outside of the namespace, says nothing of this process") {
    system_files files;
    files
        .put("proc/self/mountinfo",
             "30 24 0:26 /pod1 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n") // bind-mounted into ours
        .put("proc/self/cgroup", "0::/pod12\n")
        .put("sys/fs/cgroup/memory.max", "1024\n")
        .put("sys/fs/cgroup/2/memory.max", "1024\n");
    CHECK_FALSE(read(files).memory_limit_bytes);
    files.put("proc/self/mountinfo", v2_mount).put("proc/self/cgroup", "0::/../other\n");
    CHECK_FALSE(read(files).memory_limit_bytes);
    files.put("proc/self/cgroup", "0::/pod1\n");
    CHECK(read(files).memory_limit_bytes == 1024U);
}

TEST_CASE("this process, here and now") {
    resource_reader reader;
    const auto before = reader();
    REQUIRE(before.cpu_user);
    REQUIRE(before.memory_bytes);
    CHECK(*before.memory_bytes > 100'000);
    CHECK(*before.memory_peak_bytes > 100'000);
    CHECK(before.cpu_limit_cores.value() > 0);
    CHECK(*before.memory_limit_bytes > *before.memory_bytes);
    {
        constexpr std::size_t size = std::size_t{64} << 20U;
        std::vector<char> memory(size, 'x');
        volatile char* const data = memory.data();
        for (std::size_t i = 0; i < size; i += 4096) data[i] = 'y';
        CHECK(*reader().memory_bytes > *before.memory_bytes + size / 2);
    }
    CHECK(*reader().memory_peak_bytes > *before.memory_bytes + (std::size_t{32} << 20U));
    const auto cpu = [&reader] { return *reader().cpu_user + *reader().cpu_system; };
    const auto used = cpu();
    std::thread([&cpu, used] { // counts, too
        while (cpu() < used + std::chrono::milliseconds(20)) continue;
    })
        .join();
    CHECK(cpu() >= used + std::chrono::milliseconds(20));
    const resource_reader moved(std::move(reader));
    CHECK(moved().memory_bytes);
}

#else

TEST_CASE("where there is no /proc, nothing is known") {
    CHECK(telltale::resource_reader()() == telltale::resource_reading{});
}

#endif
