// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_GZIP_HPP
#define TELLTALE_BEAST_GZIP_HPP

#include <telltale/error.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct gzip_options {
    std::uint64_t max_output = std::numeric_limits<std::uint64_t>::max(); ///< in bytes
};

/// Unpacks gzip (RFC 1952) from pieces of any size, in bounded memory: what comes out is given in pieces of at most 32 KiB,
/// and never more than max_output in all, however small what came in.
///
/// Members one after the other give what they hold, one after the other; zeros after the last are skipped.
///
/// Errors are thrown as system_error whose text names the byte ("at byte 17: ..."): `errc::malformed_gzip` (also a checksum
/// or a length that does not fit, and bytes after the end), `errc::truncated_gzip`, `errc::body_too_large`. After one, or
/// after an exception of the function, use it no more.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class gzip_inflater {
public:
    /// Given what comes out. False: no more is wanted.
    using on_bytes = std::function<bool(std::string_view)>;

    explicit gzip_inflater(on_bytes told, gzip_options options = {}) : told_(std::move(told)), options_(options) {
        constexpr int window_of_gzip = 15 + 16; // the largest window, and only gzip
        if (::inflateInit2(&stream_, window_of_gzip) != Z_OK) throw std::bad_alloc();
    }
    gzip_inflater(const gzip_inflater&) = delete;
    gzip_inflater& operator=(const gzip_inflater&) = delete;
    ~gzip_inflater() { ::inflateEnd(&stream_); }

    /// Takes the next piece. False: no more is wanted, and what is left of the piece was not looked at.
    bool push(std::string_view piece) {
        while (!piece.empty() && !stopped_) {
            const std::size_t n = at_end_of_member_ ? between_members(piece) : inflate_some(piece);
            in_ += n;
            piece.remove_prefix(n);
        }
        return !stopped_;
    }

    /// That was all. False: no more was wanted.
    bool finish() const {
        if (!stopped_ && !at_end_of_member_) fail(errc::truncated_gzip, in_);
        return !stopped_;
    }

    /// Bytes taken, and given.
    std::uint64_t bytes_in() const noexcept { return in_; }
    std::uint64_t bytes_out() const noexcept { return out_; }

private:
    [[noreturn]] static void fail(errc why, std::uint64_t offset) {
        throw system_error(make_error_code(why), "at byte " + std::to_string(offset + 1));
    }

    std::size_t between_members(std::string_view piece) {
        const std::size_t zeros = std::min(piece.find_first_not_of('\0'), piece.size());
        padded_ = padded_ || zeros > 0;
        if (zeros == piece.size()) return zeros;
        if (padded_ || piece[zeros] != '\x1F') fail(errc::malformed_gzip, in_ + zeros);
        ::inflateReset(&stream_);
        at_end_of_member_ = false;
        return 0;
    }

    /// How many bytes of the piece were used.
    std::size_t inflate_some(std::string_view piece) {
        const std::size_t size = std::min<std::size_t>(piece.size(), std::size_t{1} << 30U);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data())); // which zlib does not change
        stream_.avail_in = static_cast<uInt>(size);
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
            stream_.avail_out = static_cast<uInt>(buffer_.size());
            const int result = ::inflate(&stream_, Z_NO_FLUSH);
            if (result == Z_MEM_ERROR) throw std::bad_alloc();
            if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
                fail(errc::malformed_gzip, in_ + size - stream_.avail_in);
            at_end_of_member_ = result == Z_STREAM_END;
            give(buffer_.size() - stream_.avail_out, in_ + size - stream_.avail_in);
        } while (!at_end_of_member_ && !stopped_ && (stream_.avail_in != 0 || stream_.avail_out == 0));
        return size - stream_.avail_in;
    }

    void give(std::size_t n, std::uint64_t offset) {
        if (n == 0) return;
        if (n > options_.max_output - out_) fail(errc::body_too_large, offset);
        out_ += n;
        stopped_ = !told_(std::string_view(buffer_.data(), n));
    }

    on_bytes told_;
    gzip_options options_;
    ::z_stream stream_{};
    std::array<char, std::size_t{32} << 10U> buffer_;
    std::uint64_t in_ = 0;
    std::uint64_t out_ = 0;
    bool at_end_of_member_ = false;
    bool padded_ = false;
    bool stopped_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_GZIP_HPP
