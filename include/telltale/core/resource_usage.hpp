// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_RESOURCE_USAGE_HPP
#define TELLTALE_CORE_RESOURCE_USAGE_HPP

#include <telltale/core/json_writer.hpp>
#include <telltale/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace telltale::inline TELLTALE_ABI {

/// What the system says of a process at one moment. What it does not say is absent, never zero.
struct resource_reading {
    std::optional<std::chrono::nanoseconds> cpu_user{};   ///< of all threads, since the process began
    std::optional<std::chrono::nanoseconds> cpu_system{}; ///< the same, in the kernel
    std::optional<double> cpu_limit_cores{};              ///< how many cores the process may use; 0.5 is half of one
    std::optional<std::uint64_t> memory_bytes{};          ///< resident
    std::optional<std::uint64_t> memory_peak_bytes{};     ///< the most there ever was, as the system counts it
    std::optional<std::uint64_t> memory_limit_bytes{};
    std::optional<std::uint64_t> disk_read_bytes{};    ///< from storage, since the process began
    std::optional<std::uint64_t> disk_written_bytes{}; ///< to storage, likewise

    friend bool operator==(const resource_reading&, const resource_reading&) = default;
};

/// What a process has used while it was looked at. What is not known is absent, never zero.
struct resource_usage {
    std::chrono::duration<double> elapsed{}; ///< from the first reading to the last
    std::uint64_t samples = 0;               ///< readings

    std::optional<double> cpu_percent{};                     ///< lately, of one core: two busy threads are 200
    std::optional<double> cpu_mean_percent{};                ///< since the first reading
    std::optional<std::chrono::duration<double>> cpu_user{}; ///< since the first reading, as the next
    std::optional<std::chrono::duration<double>> cpu_system{};
    std::optional<double> cpu_limit_cores{};

    std::optional<std::uint64_t> memory_bytes{};
    std::optional<double> memory_mean_bytes{}; ///< over time
    /// The most since the first reading; also what was there between two readings, if it was more than ever before.
    std::optional<std::uint64_t> memory_peak_bytes{};
    std::optional<std::uint64_t> memory_limit_bytes{};

    std::optional<std::uint64_t> disk_read_bytes{}; ///< since the first reading, as the next
    std::optional<std::uint64_t> disk_written_bytes{};
    std::optional<double> disk_read_bytes_per_s{}; ///< lately
    std::optional<double> disk_written_bytes_per_s{};

    /// The CPU time since the first reading, in and out of the kernel.
    constexpr std::optional<std::chrono::duration<double>> cpu_time() const noexcept {
        if (!cpu_user || !cpu_system) return std::nullopt;
        return *cpu_user + *cpu_system;
    }

    /// CPU lately, in percent of what the process may use.
    constexpr std::optional<double> cpu_percent_of_limit() const noexcept {
        if (!cpu_percent || !cpu_limit_cores || !(*cpu_limit_cores > 0)) return std::nullopt;
        return *cpu_percent / *cpu_limit_cores;
    }

    /// Memory in percent of what the process may use.
    constexpr std::optional<double> memory_percent_of_limit() const noexcept {
        if (!memory_bytes || !memory_limit_bytes || *memory_limit_bytes == 0) return std::nullopt;
        return 100.0 * static_cast<double>(*memory_bytes) / static_cast<double>(*memory_limit_bytes);
    }

    friend bool operator==(const resource_usage&, const resource_usage&) = default;
};

/// Makes figures of readings: a value, stepped with the time passed in; allocates nothing.
class resource_statistics {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// What is said of "lately" is about no less than this: readings that come sooner after another do not change it.
    static constexpr std::chrono::milliseconds window{100};

    /// One more reading. Of a time before the last one it is taken to be of the same time.
    void add(const resource_reading& r, time_point now) noexcept {
        if (usage_.samples++ == 0) first_at_ = last_at_ = base_at_ = now;
        now = std::max(now, last_at_);
        usage_.elapsed = now - first_at_;
        add_memory(r, now);
        usage_.cpu_limit_cores = r.cpu_limit_cores;
        usage_.cpu_user = since(first_.cpu_user, r.cpu_user);
        usage_.cpu_system = since(first_.cpu_system, r.cpu_system);
        usage_.disk_read_bytes = since(first_.disk_read_bytes, r.disk_read_bytes);
        usage_.disk_written_bytes = since(first_.disk_written_bytes, r.disk_written_bytes);
        if (const auto used = usage_.cpu_time(); used && usage_.elapsed.count() > 0)
            usage_.cpu_mean_percent = 100 * *used / usage_.elapsed;
        if (usage_.samples == 1) base_ = r;
        if (now - base_at_ >= window) look_back(r, now - base_at_, now);
        last_ = r;
        last_at_ = now;
    }

    const resource_usage& usage() const noexcept { return usage_; }

private:
    template <class T>
    static std::optional<T> since(std::optional<T>& first, const std::optional<T>& now) noexcept {
        if (!now) return std::nullopt;
        if (!first) first = now; // it was not known before
        return *now > *first ? *now - *first : T{};
    }

    // Counters that only rise.
    template <class T>
    static std::optional<double> rate(const std::optional<T>& from, const std::optional<T>& to,
                                      std::chrono::duration<double> time) noexcept {
        if (!from || !to || *to < *from) return std::nullopt;
        if constexpr (std::is_integral_v<T>)
            return static_cast<double>(*to - *from) / time.count();
        else
            return std::chrono::duration<double>(*to - *from) / time;
    }

    void look_back(const resource_reading& r, std::chrono::duration<double> time, time_point now) noexcept {
        const auto user = rate(base_.cpu_user, r.cpu_user, time);
        const auto system = rate(base_.cpu_system, r.cpu_system, time);
        usage_.cpu_percent.reset();
        if (user && system) usage_.cpu_percent = 100 * (*user + *system);
        usage_.disk_read_bytes_per_s = rate(base_.disk_read_bytes, r.disk_read_bytes, time);
        usage_.disk_written_bytes_per_s = rate(base_.disk_written_bytes, r.disk_written_bytes, time);
        base_ = r;
        base_at_ = now;
    }

    void add_memory(const resource_reading& r, time_point now) noexcept {
        usage_.memory_bytes = r.memory_bytes;
        usage_.memory_limit_bytes = r.memory_limit_bytes;
        if (!first_.memory_peak_bytes) first_.memory_peak_bytes = r.memory_peak_bytes;
        if (r.memory_bytes) usage_.memory_peak_bytes = std::max(usage_.memory_peak_bytes.value_or(0), *r.memory_bytes);
        // The system's peak is of the whole life of the process: it tells of this part of it only once it has risen.
        if (r.memory_peak_bytes && *r.memory_peak_bytes > *first_.memory_peak_bytes)
            usage_.memory_peak_bytes = std::max(usage_.memory_peak_bytes.value_or(0), *r.memory_peak_bytes);
        if (!r.memory_bytes) return;
        const auto bytes = static_cast<double>(*r.memory_bytes);
        if (last_.memory_bytes) {
            const std::chrono::duration<double> time = now - last_at_;
            memory_area_ += (bytes + static_cast<double>(*last_.memory_bytes)) / 2 * time.count();
            memory_time_ += time.count();
        }
        usage_.memory_mean_bytes = memory_time_ > 0 ? memory_area_ / memory_time_ : bytes;
    }

    resource_usage usage_{};
    resource_reading first_{}; // of each figure the first that was known
    resource_reading base_{};  // where "lately" begins
    resource_reading last_{};
    time_point first_at_{};
    time_point base_at_{};
    time_point last_at_{};
    double memory_area_ = 0; // byte seconds
    double memory_time_ = 0; // seconds
};

/// {"elapsed_s":2.5,"samples":3,"cpu_percent":62.4,…}: see docs/reference/report.md.
inline void write_json(json_writer& out, const resource_usage& u) {
    const auto member = [&out](std::string_view name, const auto& value) {
        if (value) out.member(name, *value);
    };
    const auto seconds = [&out](std::string_view name, const auto& value) {
        if (value) out.member(name, value->count());
    };
    out.begin_object().member("elapsed_s", u.elapsed.count()).member("samples", u.samples);
    member("cpu_percent", u.cpu_percent);
    member("cpu_mean_percent", u.cpu_mean_percent);
    member("cpu_percent_of_limit", u.cpu_percent_of_limit());
    member("cpu_limit_cores", u.cpu_limit_cores);
    seconds("cpu_user_s", u.cpu_user);
    seconds("cpu_system_s", u.cpu_system);
    member("memory_bytes", u.memory_bytes);
    member("memory_mean_bytes", u.memory_mean_bytes);
    member("memory_peak_bytes", u.memory_peak_bytes);
    member("memory_limit_bytes", u.memory_limit_bytes);
    member("memory_percent_of_limit", u.memory_percent_of_limit());
    member("disk_read_bytes", u.disk_read_bytes);
    member("disk_written_bytes", u.disk_written_bytes);
    member("disk_read_bytes_per_s", u.disk_read_bytes_per_s);
    member("disk_written_bytes_per_s", u.disk_written_bytes_per_s);
    out.end_object();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_RESOURCE_USAGE_HPP
