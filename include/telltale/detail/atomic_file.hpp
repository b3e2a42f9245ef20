// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DETAIL_ATOMIC_FILE_HPP
#define TELLTALE_DETAIL_ATOMIC_FILE_HPP

#include <telltale/asio.hpp>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <optional>
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

/// A name in the same folder that nobody else takes at the same time.
inline std::filesystem::path part_of(const std::filesystem::path& target) {
    static std::atomic<unsigned> counter{0};
    std::filesystem::path part = target;
    part += "." + std::to_string(::getpid()) + "-" + std::to_string(++counter) + ".part";
    return part;
}

/// A file whose content stands under its name only once it is whole: until commit() it is written under another name in
/// the same folder, and without one that is removed. A file that is there keeps its content, owner and permissions until
/// then. What cannot be replaced (a pipe, a terminal) is written to as it is.
class part_file {
public:
    explicit part_file(const std::filesystem::path& path) : target_(target_of(path)) {
        struct ::stat former {};
        const bool exists = ::stat(target_.c_str(), &former) == 0;
        if (!exists && errno != ENOENT) {
            failed_ = last_error();
            return;
        }
        in_place_ = is_open_already(target_) || (exists && !S_ISREG(former.st_mode));
        if (!in_place_) part_ = part_of(target_);
        in_place_ ? file_.emplace(target_.native(), O_APPEND, 0)
                  : file_.emplace(part_.native(), O_CREAT | O_EXCL, 0666);
        failed_ = file_->error();
        created_ = !in_place_ && !failed_;
        if (created_ && exists) file_->be_like(former);
    }
    part_file(const part_file&) = delete;
    part_file& operator=(const part_file&) = delete;
    ~part_file() { discard(); }

    /// What went wrong so far; then nothing more is written.
    error_code error() const noexcept { return failed_ ? failed_ : file_->error(); }

    void write(std::string_view content) noexcept {
        if (!failed_) file_->write(content);
    }

    /// The content is whole. After an error the file that was there is as it was.
    error_code commit() {
        if (!failed_) {
            if (!in_place_) file_->sync();
            file_->close();
            failed_ = file_->error();
        }
        if (!failed_ && created_ && ::rename(part_.c_str(), target_.c_str()) != 0) failed_ = last_error();
        if (failed_) {
            discard();
        } else if (std::exchange(created_, false)) {
            sync_folder(target_);
        }
        return failed_;
    }

private:
    void discard() noexcept {
        if (std::exchange(created_, false)) ::unlink(part_.c_str());
    }

    std::filesystem::path target_;
    std::filesystem::path part_;
    std::optional<output_file> file_;
    error_code failed_{};
    bool in_place_ = false;
    bool created_ = false;
};

#else

class part_file {
public:
    explicit part_file(const std::filesystem::path& path) : target_(target_of(path)), part_(target_) {
        part_ += ".part";
        file_.open(part_, std::ios::binary | std::ios::trunc);
    }
    part_file(const part_file&) = delete;
    part_file& operator=(const part_file&) = delete;
    ~part_file() { discard(); }

    error_code error() const { return file_ ? error_code() : from_std(std::make_error_code(std::errc::io_error)); }

    void write(std::string_view content) { file_.write(content.data(), static_cast<std::streamsize>(content.size())); }

    error_code commit() {
        file_.close();
        error_code failed = error();
        std::error_code ec;
        if (!failed) std::filesystem::rename(part_, target_, ec);
        if (ec) failed = from_std(ec);
        if (!failed) committed_ = true;
        return failed;
    }

private:
    void discard() {
        std::error_code ignored;
        file_.close();
        if (!committed_) std::filesystem::remove(part_, ignored);
    }

    std::filesystem::path target_;
    std::filesystem::path part_;
    std::ofstream file_;
    bool committed_ = false;
};

#endif

inline error_code write_file_atomically(const std::filesystem::path& path, std::string_view content) {
    part_file file(path);
    file.write(content);
    return file.commit();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_ATOMIC_FILE_HPP
