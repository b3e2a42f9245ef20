// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_PROC_FILES_HPP
#define TELLTALE_RUN_DETAIL_PROC_FILES_HPP

#include <telltale/version.hpp>

#if defined(__linux__)

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What Linux says in files: proc(5), cgroups(7). Files stay open and are read again from the beginning.

namespace telltale::inline TELLTALE_ABI::detail {

inline std::optional<std::uint64_t> parse_count(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end == text.data()) return std::nullopt;
    return value;
}

/// The next word of a text in which words stand between spaces and ends of lines; empty: there is no more.
inline std::string_view next_word(std::string_view& text) noexcept {
    const auto begin = text.find_first_not_of(" \t\n");
    if (begin == std::string_view::npos) return text = {};
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
    text.remove_prefix(word.size());
    return word;
}

inline std::string_view next_line(std::string_view& text) noexcept {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    return line;
}

/// What stands behind a name at the beginning of a line: of "VmHWM:\t 1024 kB" the "1024 kB".
inline std::optional<std::string_view> field(std::string_view text, std::string_view name) noexcept {
    while (!text.empty()) {
        std::string_view line = next_line(text);
        if (!line.starts_with(name)) continue;
        line.remove_prefix(name.size());
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        return line;
    }
    return std::nullopt;
}

inline std::optional<std::uint64_t> count_field(std::string_view text, std::string_view name) noexcept {
    const auto value = field(text, name);
    return value ? parse_count(*value) : std::nullopt;
}

/// A file that stays open. Not there, or not to be read: nothing is known.
class kept_file {
public:
    explicit kept_file(const std::string& path) noexcept : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    kept_file(kept_file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    kept_file& operator=(kept_file&&) = delete;
    ~kept_file() {
        if (is_open()) ::close(descriptor_);
    }

    bool is_open() const noexcept { return descriptor_ >= 0; }

    /// As much as there is room for; empty: nothing is known.
    template <std::size_t N>
    std::string_view read(std::array<char, N>& room) const noexcept {
        if (!is_open()) return {};
        const auto n = ::pread(descriptor_, room.data(), room.size(), 0);
        return {room.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
    }

    /// All of it, a piece at a time.
    std::string read_all() const {
        std::string text;
        std::array<char, 4096> room{};
        while (is_open() && text.size() < (1U << 20U)) {
            const auto n = ::pread(descriptor_, room.data(), room.size(), static_cast<off_t>(text.size()));
            if (n <= 0) break;
            text.append(room.data(), static_cast<std::size_t>(n));
        }
        return text;
    }

private:
    int descriptor_;
};

/// "0-3,8" is five.
inline std::optional<double> count_cpus(std::string_view list) noexcept {
    double n = 0;
    while (!list.empty()) {
        const std::string_view part = list.substr(0, list.find(','));
        list.remove_prefix(std::min(part.size() + 1, list.size()));
        const auto dash = part.find('-');
        const auto first = parse_count(part);
        const auto last = dash == std::string_view::npos ? first : parse_count(part.substr(dash + 1));
        if (!first || !last || *last < *first) return std::nullopt;
        n += static_cast<double>(*last - *first + 1);
    }
    return n > 0 ? std::optional(n) : std::nullopt;
}

/// The tighter of two limits.
template <class T>
void tighten(std::optional<T>& limit, const std::optional<T>& other) noexcept {
    if (other && (!limit || *other < *limit)) limit = other;
}

/// The limits of the cgroups that a process is in: of its own, and of all above it that can be seen.
class cgroup_limits {
public:
    /// `root`: where proc/ and sys/ are; ends with a slash.
    explicit cgroup_limits(const std::string& root) {
        const std::string groups = kept_file(root + "proc/self/cgroup").read_all();
        const std::string mounts = kept_file(root + "proc/self/mountinfo").read_all();
        for (std::string_view rest = mounts; !rest.empty();) add_mount(next_line(rest), groups, root);
    }

    std::optional<std::uint64_t> memory_bytes() const noexcept {
        std::optional<std::uint64_t> limit;
        for (const auto& file : memory_) {
            std::array<char, 64> room{};
            const auto bytes = parse_count(file.read(room)); // "max" is none
            if (bytes && *bytes < no_limit_v1) tighten(limit, bytes);
        }
        return limit;
    }

    std::optional<double> cpu_cores() const noexcept {
        std::optional<double> limit;
        for (const auto& file : cpu_v2_) { // "50000 100000", "max 100000"
            std::array<char, 64> room{};
            std::string_view text = file.read(room);
            const auto quota = parse_count(next_word(text));
            tighten(limit, cores(quota, parse_count(next_word(text))));
        }
        for (const auto& [quota, period] : cpu_v1_) { // "-1" is none
            std::array<char, 64> room{};
            const auto q = parse_count(quota.read(room));
            tighten(limit, cores(q, parse_count(period.read(room))));
        }
        return limit;
    }

private:
    /// The kernel says "no limit" with the largest number of whole pages.
    static constexpr std::uint64_t no_limit_v1 = std::uint64_t{1} << 62U;

    static std::optional<double> cores(std::optional<std::uint64_t> quota,
                                       std::optional<std::uint64_t> period) noexcept {
        if (!quota || !period || *period == 0 || *quota == 0) return std::nullopt;
        return static_cast<double>(*quota) / static_cast<double>(*period);
    }

    /// Spaces in paths are "\040".
    static std::string unescaped(std::string_view text) {
        std::string result;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '\\' && i + 3 < text.size()) {
                unsigned code = 0;
                const auto end = text.data() + i + 4;
                if (std::from_chars(text.data() + i + 1, end, code, 8).ptr == end) {
                    result += static_cast<char>(code);
                    i += 3;
                    continue;
                }
            }
            result += text[i];
        }
        return result;
    }

    static bool has_word(std::string_view list, std::string_view word) noexcept {
        while (!list.empty()) {
            const std::string_view part = list.substr(0, list.find(','));
            if (part == word) return true;
            list.remove_prefix(std::min(part.size() + 1, list.size()));
        }
        return false;
    }

    /// The process's path in the hierarchy with this controller; "": that of version 2.
    static std::optional<std::string> path_in(std::string_view groups, std::string_view controller) {
        while (!groups.empty()) { // "4:memory:/a/b", "0::/a/b"
            const std::string_view line = next_line(groups);
            const auto first = line.find(':');
            const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
            if (second == std::string_view::npos) continue;
            const std::string_view controllers = line.substr(first + 1, second - first - 1);
            if (controller.empty() ? controllers.empty() : has_word(controllers, controller))
                return std::string(line.substr(second + 1));
        }
        return std::nullopt;
    }

    void add_mount(std::string_view line, std::string_view groups, const std::string& root) {
        // "36 31 0:33 /root /mount/point rw,relatime shared:1 - cgroup cgroup rw,memory"
        const auto separator = line.find(" - ");
        if (separator == std::string_view::npos) return;
        std::string_view right = line.substr(separator + 3);
        const std::string_view type = next_word(right);
        if (type != "cgroup" && type != "cgroup2") return;
        next_word(right);
        const std::string_view options = next_word(right);
        for (int i = 0; i < 3; ++i) next_word(line);
        const std::string mounted = unescaped(next_word(line));
        const std::string point = unescaped(next_word(line));
        if (type == "cgroup2") {
            add_levels(mounted, point, path_in(groups, ""), root, "memory.max", "cpu.max");
            return;
        }
        if (has_word(options, "memory"))
            add_levels(mounted, point, path_in(groups, "memory"), root, "memory.limit_in_bytes", "");
        if (has_word(options, "cpu")) add_levels(mounted, point, path_in(groups, "cpu"), root, "", "cpu.cfs_quota_us");
    }

    /// The files of the process's own cgroup, and of those above it up to the mount point.
    void add_levels(std::string_view mounted, std::string_view point, const std::optional<std::string>& path,
                    const std::string& root, const std::string& memory, const std::string& cpu) {
        if (!path || mounted.empty() || point.empty() || path->find("/..") != std::string::npos) return;
        std::string_view below = *path; // the mount point
        if (mounted != "/") {
            if (!below.starts_with(mounted)) return; // somebody else's
            below.remove_prefix(mounted.size());
            if (!below.empty() && below.front() != '/') return;
        }
        const std::string top = root + std::string(point.substr(1));
        while (below.ends_with('/')) below.remove_suffix(1);
        for (;;) {
            const std::string folder = top + std::string(below) + '/';
            if (!memory.empty()) keep(memory_, folder + memory);
            if (cpu == "cpu.max") keep(cpu_v2_, folder + cpu);
            if (cpu == "cpu.cfs_quota_us") {
                kept_file quota(folder + cpu);
                if (quota.is_open()) cpu_v1_.emplace_back(std::move(quota), kept_file(folder + "cpu.cfs_period_us"));
            }
            if (below.empty()) return;
            below = below.substr(0, below.rfind('/'));
        }
    }

    static void keep(std::vector<kept_file>& files, const std::string& path) {
        kept_file file(path);
        if (file.is_open()) files.push_back(std::move(file));
    }

    std::vector<kept_file> memory_;
    std::vector<kept_file> cpu_v2_;
    std::vector<std::pair<kept_file, kept_file>> cpu_v1_; // quota and period
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // __linux__

#endif // TELLTALE_RUN_DETAIL_PROC_FILES_HPP
