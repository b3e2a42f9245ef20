// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef CONTROL_ROOM_HASHING_HPP
#define CONTROL_ROOM_HASHING_HPP

#include <telltale/run/job_failure.hpp>

#include <openssl/evp.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Files and their SHA-256: the real work of the worker. Nothing here knows of jobs, but for the failure that they throw.

namespace control_room {

struct file_hash {
    std::string path;
    std::uint64_t bytes = 0;
    std::string sha256; ///< 64 hexadecimal digits
};

/// Keeps all who share it below so many bytes per second. Any thread.
class throttle {
public:
    using clock = std::chrono::steady_clock;

    /// 0: no limit.
    explicit throttle(double bytes_per_second) : rate_(bytes_per_second) {}

    /// Blocks until it is time to go on after `bytes` more.
    void spend(std::size_t bytes) {
        if (rate_ <= 0) return;
        clock::time_point until;
        {
            const std::lock_guard lock(mutex_);
            const std::chrono::duration<double> cost(static_cast<double>(bytes) / rate_);
            next_ = std::max(next_, clock::now()) + std::chrono::duration_cast<clock::duration>(cost);
            until = next_;
        }
        std::this_thread::sleep_until(until);
    }

private:
    double rate_;
    std::mutex mutex_;
    clock::time_point next_{};
};

/// What a job throws when the system refuses a file.
[[noreturn]] inline void fail(const std::string& what, int error) {
    const bool forbidden = error == EACCES || error == EPERM;
    throw telltale::job_failure(forbidden ? telltale::error_class::permission : telltale::error_class::resource,
                                what + ": " + std::strerror(error));
}

class open_file {
public:
    explicit open_file(std::string path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (fd_ < 0) fail("cannot open " + path_, errno);
    }
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() { ::close(fd_); }

    /// 0 at the end.
    std::size_t read(unsigned char* to, std::size_t size) {
        for (;;) {
            const ::ssize_t n = ::read(fd_, to, size);
            if (n >= 0) return static_cast<std::size_t>(n);
            if (errno != EINTR) fail("cannot read " + path_, errno);
        }
    }

private:
    std::string path_;
    int fd_;
};

class sha256 {
public:
    sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
    }

    void update(const unsigned char* data, std::size_t size) { EVP_DigestUpdate(context_.get(), data, size); }

    std::string hex() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned length = 0;
        EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
        std::string text;
        for (unsigned i = 0; i < length; ++i) {
            text += "0123456789abcdef"[digest[i] >> 4U];
            text += "0123456789abcdef"[digest[i] & 15U];
        }
        return text;
    }

private:
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

/// Hashes a file, and calls go_on(bytes) after every block: as soon as that says false it gives up, and gives nothing.
template <class GoOn>
std::optional<file_hash> hash_file(const std::string& path, GoOn go_on) {
    open_file file(path);
    sha256 hash;
    file_hash result{path, 0, {}};
    std::vector<unsigned char> block(std::size_t{256} << 10U);
    while (const std::size_t n = file.read(block.data(), block.size())) {
        hash.update(block.data(), n);
        result.bytes += n;
        if (!go_on(n)) return std::nullopt;
    }
    result.sha256 = hash.hex();
    return result;
}

struct file_list {
    std::vector<std::string> paths;             ///< sorted
    std::optional<std::uint64_t> total_bytes{}; ///< absent: one of them has no size, as a device has not
};

/// The regular files under a folder, links left aside; of anything else than a folder, itself.
inline file_list list_files(const std::filesystem::path& at) {
    namespace fs = std::filesystem;
    if (!fs::is_directory(at)) return {{at.string()}, std::nullopt};
    file_list files;
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(at, fs::directory_options::skip_permission_denied)) {
        if (!entry.is_regular_file() || entry.is_symlink()) continue;
        files.paths.push_back(entry.path().string());
        bytes += entry.file_size();
    }
    std::sort(files.paths.begin(), files.paths.end());
    files.total_bytes = bytes;
    return files;
}

} // namespace control_room

#endif // CONTROL_ROOM_HASHING_HPP
