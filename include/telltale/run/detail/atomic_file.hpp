// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_ATOMIC_FILE_HPP
#define TELLTALE_RUN_DETAIL_ATOMIC_FILE_HPP

#include <telltale/asio.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#define TELLTALE_DETAIL_POSIX_FILES 1
#else
#include <fstream>
#endif

namespace telltale::inline TELLTALE_ABI::detail {

/// The error of the other library as ours: the numbers are the same.
inline error_code from_std(const std::error_code& ec) {
    return ec ? error_code(ec.value(), sys::system_category()) : error_code();
}

/// /dev/stdout and its like lead to what is open already, and that may be a file: it is to be written to, not replaced.
inline bool is_open_already(const std::filesystem::path& path) {
    const auto folder = path.parent_path();
    return folder == "/dev" || folder == "/dev/fd" || folder.generic_string().starts_with("/proc/");
}

/// Where a file is really written to: through symbolic links, also one that leads to no file yet.
inline std::filesystem::path target_of(const std::filesystem::path& path) {
    std::error_code ignored;
    std::filesystem::path target = path;
    for (int links = 0; links < 40 && !is_open_already(target); ++links) {
        if (!std::filesystem::is_symlink(target, ignored)) break;
        const auto to = std::filesystem::read_symlink(target, ignored);
        if (to.empty()) break;
        target = to.is_absolute() ? to : target.parent_path() / to;
    }
    return target;
}

#if defined(TELLTALE_DETAIL_POSIX_FILES)

inline error_code last_error() { return {errno, sys::system_category()}; }

/// A file that is being written.
class output_file {
public:
    output_file(const std::string& path, int flags, ::mode_t mode) noexcept
        : descriptor_(::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC, mode)) {
        if (descriptor_ < 0) failed_ = last_error();
    }
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;
    ~output_file() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    error_code error() const noexcept { return failed_; }

    /// The owner and the permissions of the file that it will replace; the owner only if that may be.
    void be_like(const struct ::stat& former) noexcept {
        [[maybe_unused]] const int owner = ::fchown(descriptor_, former.st_uid, former.st_gid);
        if (::fchmod(descriptor_, former.st_mode & 0777) != 0) fail();
    }

    void write(std::string_view content) noexcept {
        while (!failed_ && !content.empty()) {
            const auto n = ::write(descriptor_, content.data(), content.size());
            if (n > 0)
                content.remove_prefix(static_cast<std::size_t>(n));
            else if (n == 0 || errno != EINTR)
                fail();
        }
    }

    /// Waits until it is on the disk, where the file system can say so.
    void sync() noexcept {
        if (!failed_ && ::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) fail();
    }

    /// Some file systems tell only now that there was no room.
    void close() noexcept {
        if (!failed_ && ::close(std::exchange(descriptor_, -1)) != 0) fail();
    }

private:
    void fail() noexcept { failed_ = last_error(); }

    int descriptor_;
    error_code failed_{};
};

/// So that the new name is still there after a power cut. Not every file system can.
inline void sync_folder(const std::filesystem::path& file) noexcept {
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    [[maybe_unused]] const int synced = ::fsync(descriptor);
    ::close(descriptor);
}

inline error_code write_in_place(const std::filesystem::path& path, std::string_view content) {
    output_file file(path.native(), O_APPEND, 0);
    file.write(content);
    file.close();
    return file.error();
}

/// A name in the same folder that nobody else takes at the same time.
inline std::filesystem::path part_of(const std::filesystem::path& target) {
    static std::atomic<unsigned> counter{0};
    std::filesystem::path part = target;
    part += "." + std::to_string(::getpid()) + "-" + std::to_string(++counter) + ".part";
    return part;
}

inline error_code write_file_atomically(const std::filesystem::path& path, std::string_view content) {
    const auto target = target_of(path);
    struct ::stat former {};
    const bool exists = ::stat(target.c_str(), &former) == 0;
    if (!exists && errno != ENOENT) return last_error();
    if (is_open_already(target) || (exists && !S_ISREG(former.st_mode))) // a pipe, a terminal
        return write_in_place(target, content);
    const auto part = part_of(target);
    output_file file(part.native(), O_CREAT | O_EXCL, 0666);
    if (file.error()) return file.error();
    if (exists) file.be_like(former);
    file.write(content);
    file.sync();
    file.close();
    error_code ec = file.error();
    if (!ec && ::rename(part.c_str(), target.c_str()) != 0) ec = last_error();
    if (ec)
        ::unlink(part.c_str());
    else
        sync_folder(target);
    return ec;
}

#else

inline error_code write_file_atomically(const std::filesystem::path& path, std::string_view content) {
    const auto target = target_of(path);
    auto part = target;
    part += ".part";
    std::error_code ec;
    {
        std::ofstream file(part, std::ios::binary | std::ios::trunc);
        file.write(content.data(), static_cast<std::streamsize>(content.size()));
        file.close();
        if (!file) ec = std::make_error_code(std::errc::io_error);
    }
    if (!ec) std::filesystem::rename(part, target, ec);
    std::error_code ignored;
    if (ec) std::filesystem::remove(part, ignored);
    return from_std(ec);
}

#endif

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_ATOMIC_FILE_HPP
