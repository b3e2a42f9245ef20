// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_PACKED_JOB_HPP
#define TELLTALE_POLL_DETAIL_PACKED_JOB_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Some bytes in one block, as small as can be: eight bytes where it is kept.
class packed_bytes {
public:
    packed_bytes() = default;
    explicit packed_bytes(std::string_view bytes) { assign(bytes); }

    std::string_view view() const noexcept {
        if (!block_) return {};
        std::size_t size = 0;
        std::size_t at = 0;
        unsigned shift = 0;
        for (;; shift += 7) {
            const auto byte = static_cast<unsigned char>(block_[at++]);
            size |= static_cast<std::size_t>(byte & 0x7FU) << shift;
            if (byte < 0x80U) break;
        }
        return {block_.get() + at, size};
    }

    void prefetch() const noexcept { __builtin_prefetch(block_.get()); }

    void assign(std::string_view bytes) {
        char head[10];
        std::size_t n = 0;
        std::size_t rest = bytes.size();
        for (; rest >= 0x80U; rest >>= 7U) head[n++] = static_cast<char>((rest & 0x7FU) | 0x80U);
        head[n++] = static_cast<char>(rest);
        if (!block_ || view().size() != bytes.size()) block_.reset(new char[n + bytes.size()]);
        std::memcpy(block_.get(), head, n);
        if (!bytes.empty()) std::memcpy(block_.get() + n, bytes.data(), bytes.size());
    }

private:
    std::unique_ptr<char[]> block_{};
};

class byte_packer {
public:
    /// `memory` is only ever grown.
    explicit byte_packer(std::string& memory) noexcept : memory_(memory) {}

    std::string_view view() const noexcept { return {memory_.data(), used_}; }

    template <class T>
    void put(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        std::memcpy(room(sizeof(T)), &value, sizeof(T));
    }
    void put(std::string_view text) {
        std::size_t rest = text.size();
        for (; rest >= 0x80U; rest >>= 7U) put(static_cast<char>((rest & 0x7FU) | 0x80U));
        put(static_cast<char>(rest));
        if (!text.empty()) std::memcpy(room(text.size()), text.data(), text.size());
    }
    void put(const std::string& text) { put(std::string_view(text)); }

private:
    char* room(std::size_t n) {
        if (memory_.size() - used_ < n) memory_.resize(std::max(memory_.size() * 2, used_ + n));
        char* const at = memory_.data() + used_;
        used_ += n;
        return at;
    }

    std::string& memory_;
    std::size_t used_ = 0;
};

class byte_unpacker {
public:
    explicit byte_unpacker(std::string_view from) noexcept : from_(from) {}

    template <class T>
    T get() noexcept {
        T value;
        std::memcpy(&value, from_.data(), sizeof(T));
        from_.remove_prefix(sizeof(T));
        return value;
    }
    std::string_view text() noexcept {
        std::size_t size = 0;
        for (unsigned shift = 0;; shift += 7) {
            const auto byte = get<unsigned char>();
            size |= static_cast<std::size_t>(byte & 0x7FU) << shift;
            if (byte < 0x80U) break;
        }
        const auto result = from_.substr(0, size);
        from_.remove_prefix(size);
        return result;
    }

private:
    std::string_view from_;
};

/// What a poller keeps of a job besides what the job has.
struct packed_times {
    timestamp watched{}; ///< since when
    timestamp state{};   ///< in this state as far as was seen
};

/// A job as an observer knows it, but for its id, its control and when it was observed, in as few bytes as it has to say:
/// what is absent or empty takes a bit. It has no steps and no approval: a source tells of none.
class packed_job {
public:
    /// `scratch`: memory that is used again and again.
    void pack(const job& j, const packed_times& times, std::string& scratch) {
        byte_packer out(scratch);
        std::uint32_t mask = 0;
        unsigned bit = 0;
        members(j, times.state, [&](const auto& member) {
            if (is_there(member)) mask |= std::uint32_t{1} << bit;
            ++bit;
        });
        out.put(mask);
        out.put(j.state);
        out.put(times.watched);
        members(j, times.state, [&](const auto& member) {
            if (is_there(member)) put(out, member);
        });
        if (out.view() != bytes_.view()) bytes_.assign(out.view());
    }

    void prefetch() const noexcept { bytes_.prefetch(); }

    /// Into a job that was made by default.
    void unpack(job& j, packed_times& times) const {
        byte_unpacker in(bytes_.view());
        const auto mask = in.get<std::uint32_t>();
        j.state = in.get<job_state>();
        times.watched = in.get<timestamp>();
        unsigned bit = 0;
        members(j, times.state, [&](auto& member) {
            if ((mask >> bit++ & 1U) != 0) get(in, member);
        });
    }

private:
    template <class T>
    static bool is_there(const T& value) {
        if constexpr (requires { value.empty(); })
            return !value.empty();
        else
            return value != T{};
    }
    static bool is_there(std::uint32_t attempt) { return attempt != 1; }

    template <class T>
    static void put(byte_packer& out, const std::optional<T>& value) {
        put(out, *value);
    }
    template <class T>
    static void put(byte_packer& out, const T& value) {
        out.put(value);
    }
    static void put(byte_packer& out, const job_error& e) {
        out.put(e.kind);
        out.put(e.message);
    }
    static void put(byte_packer& out, const watch_health& h) {
        out.put(h.state);
        out.put(h.since.value_or(timestamp::min()));
        out.put(h.error);
    }
    static void put(byte_packer& out, const label_map& labels) {
        out.put(static_cast<std::uint32_t>(labels.size()));
        for (const auto& [key, value] : labels) {
            out.put(key);
            out.put(value);
        }
    }
    static void put(byte_packer& out, const progress& p) {
        unsigned char mask = 0;
        unsigned bit = 0;
        const auto mark = [&](bool there) {
            mask = static_cast<unsigned char>(mask | (there ? 1U << bit : 0U)), ++bit;
        };
        mark(p.total.has_value());
        mark(p.rate.has_value());
        mark(p.remaining.has_value());
        mark(p.remaining_low.has_value());
        mark(p.remaining_high.has_value());
        out.put(mask);
        out.put(p.unit);
        out.put(p.done);
        if (p.total) out.put(*p.total);
        if (p.rate) out.put(*p.rate);
        for (const auto* d : {&p.remaining, &p.remaining_low, &p.remaining_high})
            if (*d) out.put(**d);
    }

    template <class T>
    static void get(byte_unpacker& in, std::optional<T>& value) {
        get(in, value.emplace());
    }
    template <class T>
    static void get(byte_unpacker& in, T& value) {
        value = in.get<T>();
    }
    static void get(byte_unpacker& in, std::string& text) { text = in.text(); }
    static void get(byte_unpacker& in, job_error& e) {
        e.kind = in.get<error_class>();
        e.message = in.text();
    }
    static void get(byte_unpacker& in, watch_health& h) {
        h.state = in.get<watch_state>();
        h.since = in.get<timestamp>();
        if (*h.since == timestamp::min()) h.since.reset();
        h.error = in.text();
    }
    static void get(byte_unpacker& in, label_map& labels) {
        for (auto n = in.get<std::uint32_t>(); n != 0; --n) {
            std::string key(in.text());
            labels.emplace(std::move(key), in.text());
        }
    }
    static void get(byte_unpacker& in, progress& p) {
        const unsigned mask = in.get<unsigned char>();
        p.unit = in.get<progress_unit>();
        p.done = in.get<double>();
        if ((mask & 1U) != 0) p.total = in.get<double>();
        if ((mask & 2U) != 0) p.rate = in.get<double>();
        unsigned bit = 4;
        for (auto* d : {&p.remaining, &p.remaining_low, &p.remaining_high}) {
            if ((mask & bit) != 0) *d = in.get<std::chrono::duration<double>>();
            bit *= 2;
        }
    }

    // The order in which they are kept.
    template <class Job, class Time, class F>
    static void members(Job& j, Time& state_since, F&& f) {
        f(state_since);
        f(j.word);
        f(j.health);
        f(j.progress);
        f(j.message);
        f(j.started);
        f(j.finished);
        f(j.created);
        f(j.queued);
        f(j.queue_position);
        f(j.name);
        f(j.kind);
        f(j.labels);
        f(j.error);
        f(j.attempt);
    }

    packed_bytes bytes_{};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_PACKED_JOB_HPP
