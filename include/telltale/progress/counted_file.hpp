// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_COUNTED_FILE_HPP
#define TELLTALE_PROGRESS_COUNTED_FILE_HPP

#include <telltale/progress/counted_range.hpp>
#include <telltale/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <memory>
#include <streambuf>
#include <system_error>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Reads from another buffer in blocks, and counts the bytes of each when the reader has gone past them; at the latest
/// when it is destroyed. Cannot seek. Refers to both.
///
///     telltale::counted_streambuf buffer(*std::cin.rdbuf(), tracker);
///     std::istream in(&buffer);
template <progress_counter Counter>
class counted_streambuf : public std::streambuf {
public:
    /// `block`: bytes, 1 or more.
    counted_streambuf(std::streambuf& source, Counter& counter, std::size_t block = 65'536)
        : source_(&source), counter_(std::addressof(counter)), block_(std::max<std::size_t>(block, 1)) {}

    counted_streambuf(const counted_streambuf&) = delete;
    counted_streambuf& operator=(const counted_streambuf&) = delete;

    ~counted_streambuf() override { count(); }

protected:
    int_type underflow() override {
        count();
        const std::streamsize n = source_->sgetn(block_.data(), static_cast<std::streamsize>(block_.size()));
        setg(block_.data(), block_.data(), block_.data() + std::max<std::streamsize>(n, 0));
        return n > 0 ? traits_type::to_int_type(*gptr()) : traits_type::eof();
    }

    /// What is wanted in large pieces does not go through the block.
    std::streamsize xsgetn(char* to, std::streamsize wanted) override {
        const std::streamsize there = std::min<std::streamsize>(egptr() - gptr(), wanted);
        std::copy_n(gptr(), there, to);
        setg(eback(), gptr() + there, egptr());
        count();
        if (there == wanted) return there;
        const std::streamsize n = source_->sgetn(to + there, wanted - there);
        if (n > 0) counter_->advance(static_cast<std::uint64_t>(n));
        return there + std::max<std::streamsize>(n, 0);
    }

    int sync() override {
        count();
        return 0;
    }

private:
    void count() {
        if (const auto read = gptr() - eback(); read > 0) counter_->advance(static_cast<std::uint64_t>(read));
        setg(gptr(), gptr(), egptr());
    }

    std::streambuf* source_;
    Counter* counter_;
    std::vector<char> block_;
};

/// A file that is read from the beginning to the end, as a std::istream; its bytes are counted as they are read, and its size
/// is the total of a counter that can be told one. One that cannot be opened is in the state `failbit`, and counts nothing.
///
///     telltale::progress_tracker tracker(executor, {.unit = telltale::progress_unit::bytes});
///     telltale::counted_file in(path, tracker);
///     for (std::string line; std::getline(in, line);) work(line);
template <progress_counter Counter>
class counted_file : public std::istream {
public:
    counted_file(const std::filesystem::path& path, Counter& counter, std::size_t block = 65'536)
        : std::istream(nullptr), buffer_(file_, counter, block) {
        rdbuf(&buffer_); // which makes the stream good
        if (!file_.open(path, std::ios::in | std::ios::binary)) {
            setstate(std::ios::failbit);
            return;
        }
        std::error_code unknown;
        const auto size = std::filesystem::file_size(path, unknown);
        if constexpr (requires { counter.set_total(std::uint64_t{}); })
            if (!unknown) counter.set_total(counter.done() + static_cast<std::uint64_t>(size));
    }

private:
    std::filebuf file_;
    counted_streambuf<Counter> buffer_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_COUNTED_FILE_HPP
