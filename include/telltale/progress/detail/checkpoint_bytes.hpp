// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_CHECKPOINT_BYTES_HPP
#define TELLTALE_PROGRESS_DETAIL_CHECKPOINT_BYTES_HPP

#include <telltale/asio.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/error.hpp>
#include <telltale/progress/stage_snapshot.hpp>

#include <bit>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

// "tltp", version, kind, length of all as 8 bytes; what it is of; FNV-1a of all before as 8 bytes.

enum class checkpoint_kind : std::uint8_t { tracker = 1, stages = 2 };

inline constexpr std::string_view checkpoint_magic = "tltp";
inline constexpr std::uint8_t checkpoint_version = 1;
inline constexpr std::size_t checkpoint_head = 14;
inline constexpr std::size_t checkpoint_tail = 8;

inline std::uint64_t fnv1a(std::string_view bytes) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
}

class checkpoint_writer {
public:
    explicit checkpoint_writer(checkpoint_kind kind) {
        bytes_ += checkpoint_magic;
        write(checkpoint_version);
        write(static_cast<std::uint8_t>(kind));
        write(std::uint64_t{0}); // the length, when it is known
    }

    template <std::unsigned_integral Integer>
    void write(Integer n) {
        for (std::size_t i = 0; i < sizeof(n); ++i) bytes_ += static_cast<char>(static_cast<std::uint64_t>(n) >> 8 * i);
    }
    void write(double d) { write(std::bit_cast<std::uint64_t>(d)); }
    void write(std::string_view s) {
        write(static_cast<std::uint64_t>(s.size()));
        bytes_ += s;
    }

    void write_count(const progress& p, std::uint64_t count) {
        write(static_cast<std::uint8_t>(p.unit));
        write(static_cast<std::uint8_t>(p.total ? 1 : 0));
        write(p.total ? as_count(*p.total) : std::uint64_t{0});
        write(count);
    }

    void write_stage(const stage_snapshot& s) {
        write(std::string_view(s.name));
        write(std::string_view(s.message));
        write(s.weight);
        write(static_cast<std::uint8_t>(s.state));
        write(s.elapsed.count());
        write_count(s.value, s.count);
        write(static_cast<std::uint64_t>(s.children.size()));
        for (const stage_snapshot& child : s.children) write_stage(child);
    }

    std::string finish() && {
        const std::uint64_t length = bytes_.size() + checkpoint_tail;
        for (std::size_t i = 0; i < 8; ++i) bytes_[checkpoint_head - 8 + i] = static_cast<char>(length >> 8 * i);
        write(fnv1a(bytes_));
        return std::move(bytes_);
    }

private:
    std::string bytes_;
};

/// After the first error all that is read is zero.
class checkpoint_reader {
public:
    checkpoint_reader(std::string_view bytes, checkpoint_kind kind) : rest_(bytes) { open(bytes, kind); }

    template <std::unsigned_integral Integer>
    Integer read() {
        if (rest_.size() < sizeof(Integer)) {
            fail(errc::malformed_checkpoint);
            return 0;
        }
        std::uint64_t result = 0;
        for (std::size_t i = 0; i < sizeof(Integer); ++i)
            result |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << 8 * i;
        rest_.remove_prefix(sizeof(Integer));
        return static_cast<Integer>(result);
    }

    /// Finite, 0 or more.
    double read_number() {
        const auto result = std::bit_cast<double>(read<std::uint64_t>());
        if (std::isfinite(result) && result >= 0) return result;
        fail(errc::malformed_checkpoint);
        return 0;
    }

    std::chrono::duration<double> read_elapsed() { return std::chrono::duration<double>(read_number()); }

    std::string read_string() {
        const auto size = read<std::uint64_t>();
        if (size > rest_.size()) {
            fail(errc::malformed_checkpoint);
            return {};
        }
        std::string result(rest_.substr(0, static_cast<std::size_t>(size)));
        rest_.remove_prefix(static_cast<std::size_t>(size));
        return result;
    }

    /// Of an enumeration with so many values.
    std::uint8_t read_choice(std::size_t values) {
        const auto result = read<std::uint8_t>();
        if (result < values) return result;
        fail(errc::malformed_checkpoint);
        return 0;
    }

    void read_count(progress_unit& unit, std::optional<std::uint64_t>& total, std::uint64_t& done) {
        unit = static_cast<progress_unit>(read_choice(progress_unit_names.size()));
        const bool has_total = read_choice(2) == 1;
        const auto n = read<std::uint64_t>();
        if (has_total) total = n;
        done = read<std::uint64_t>();
    }

    void read_stage(stage_snapshot& s, int depth = 0) {
        if (depth > 1000) return fail(errc::malformed_checkpoint);
        s.name = read_string();
        s.message = read_string();
        s.weight = read_number();
        s.state = static_cast<stage_state>(read_choice(stage_state_names.size()));
        s.elapsed = read_elapsed();
        std::optional<std::uint64_t> total;
        read_count(s.value.unit, total, s.count);
        s.value.done = static_cast<double>(s.count);
        if (total) s.value.total = static_cast<double>(*total);
        for (auto children = read<std::uint64_t>(); children > 0 && !error_; --children)
            read_stage(s.children.emplace_back(), depth + 1);
    }

    /// What was wrong, if anything; all must have been read.
    error_code finish() {
        if (!error_ && !rest_.empty()) fail(errc::malformed_checkpoint);
        return error_;
    }

private:
    void open(std::string_view bytes, checkpoint_kind kind) {
        if (bytes.substr(0, 4) != checkpoint_magic.substr(0, bytes.size())) return fail(errc::malformed_checkpoint);
        if (bytes.size() < 5) return fail(errc::truncated_checkpoint);
        rest_.remove_prefix(4);
        if (read<std::uint8_t>() != checkpoint_version) return fail(errc::checkpoint_version);
        if (bytes.size() < checkpoint_head + checkpoint_tail) return fail(errc::truncated_checkpoint);
        const bool other_kind = read<std::uint8_t>() != static_cast<std::uint8_t>(kind);
        const auto length = read<std::uint64_t>();
        if (other_kind || length < bytes.size()) return fail(errc::malformed_checkpoint);
        if (length > bytes.size()) return fail(errc::truncated_checkpoint);
        rest_ = bytes.substr(bytes.size() - checkpoint_tail);
        if (read<std::uint64_t>() != fnv1a(bytes.substr(0, bytes.size() - checkpoint_tail)))
            return fail(errc::malformed_checkpoint);
        rest_ = bytes.substr(checkpoint_head, bytes.size() - checkpoint_head - checkpoint_tail);
    }

    void fail(errc e) {
        if (!error_) error_ = e;
        rest_ = {};
    }

    std::string_view rest_;
    error_code error_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_CHECKPOINT_BYTES_HPP
