// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_RESOURCE_READER_HPP
#define TELLTALE_RUN_RESOURCE_READER_HPP

#include <telltale/core/resource_usage.hpp>
#include <telltale/run/detail/proc_files.hpp>
#include <telltale/version.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#if defined(__linux__)
#include <sys/resource.h>
#include <unistd.h>
#endif

namespace telltale::inline TELLTALE_ABI {

#if defined(__linux__)

/// Reads what this process has used, and what it may use.
///
/// CPU is getrusage's. Memory is the resident set (/proc/self/statm) and its peak (VmHWM). Disk is what went to and came
/// from storage (/proc/self/io), not what the page cache has answered. The limits are those of all cgroups that the
/// process is in, version 1 or 2, its own and those above it as far as they can be seen, of which the tightest holds;
/// and no less tight the CPUs that it may run on and the memory of the machine. A limit that is changed while the
/// process runs is seen. What the system does not say, because a file is missing or may not be read, is absent.
///
/// The files are opened once and read anew for each reading, which allocates nothing and takes some ten microseconds. A
/// process that forks and goes on in the child makes a new reader there.
///
/// Where there is no /proc (anything but Linux) nothing is known.
///
/// @par Thread safety
/// Reading: from any thread.
class resource_reader {
public:
    /// `root`: the folder in which proc/ and the mount points of cgroups are looked for; for tests.
    explicit resource_reader(const std::string& root = "/")
        : resource_reader(detail::kept_file(with_slash(root) + "proc/meminfo").read_all(), with_slash(root)) {}

    resource_reading operator()() const noexcept {
        resource_reading r;
        read_cpu(r);
        read_memory(r);
        read_disk(r);
        detail::tighten(r.cpu_limit_cores, limits_.cpu_cores());
        r.memory_limit_bytes = machine_bytes_;
        detail::tighten(r.memory_limit_bytes, limits_.memory_bytes());
        return r;
    }

private:
    resource_reader(const std::string& meminfo, const std::string& root)
        : statm_(root + "proc/self/statm"),
          status_(root + "proc/self/status"),
          io_(root + "proc/self/io"),
          limits_(root),
          machine_bytes_(kibibytes(detail::count_field(meminfo, "MemTotal:"))),
          page_bytes_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {}

    static std::string with_slash(std::string root) {
        if (!root.ends_with('/')) root += '/';
        return root;
    }

    static std::optional<std::uint64_t> kibibytes(std::optional<std::uint64_t> n) noexcept {
        return n ? std::optional(*n * 1024) : std::nullopt;
    }

    static std::chrono::nanoseconds duration_of(const ::timeval& t) noexcept {
        return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
    }

    static void read_cpu(resource_reading& r) noexcept {
        ::rusage usage{};
        if (::getrusage(RUSAGE_SELF, &usage) != 0) return;
        r.cpu_user = duration_of(usage.ru_utime);
        r.cpu_system = duration_of(usage.ru_stime);
    }

    void read_memory(resource_reading& r) const noexcept {
        std::array<char, 256> small{};
        std::string_view pages = statm_.read(small);
        detail::next_word(pages); // the address space
        if (const auto resident = detail::parse_count(detail::next_word(pages)))
            r.memory_bytes = *resident * page_bytes_;
        std::array<char, 8192> room{};
        const std::string_view status = status_.read(room);
        r.memory_peak_bytes = kibibytes(detail::count_field(status, "VmHWM:"));
        if (const auto cpus = detail::field(status, "Cpus_allowed_list:"))
            r.cpu_limit_cores = detail::count_cpus(*cpus);
    }

    void read_disk(resource_reading& r) const noexcept {
        std::array<char, 1024> room{};
        const std::string_view io = io_.read(room);
        r.disk_read_bytes = detail::count_field(io, "read_bytes:");
        r.disk_written_bytes = detail::count_field(io, "write_bytes:");
        // Written to the page cache, and removed before it came to the disk.
        const auto cancelled = detail::count_field(io, "cancelled_write_bytes:");
        if (r.disk_written_bytes && cancelled) *r.disk_written_bytes -= std::min(*cancelled, *r.disk_written_bytes);
    }

    detail::kept_file statm_;
    detail::kept_file status_;
    detail::kept_file io_;
    detail::cgroup_limits limits_;
    std::optional<std::uint64_t> machine_bytes_;
    std::uint64_t page_bytes_;
};

#else

class resource_reader {
public:
    explicit resource_reader(const std::string& = "/") {}
    resource_reading operator()() const noexcept { return {}; }
};

#endif

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_RESOURCE_READER_HPP
