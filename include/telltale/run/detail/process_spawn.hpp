// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_PROCESS_SPAWN_HPP
#define TELLTALE_RUN_DETAIL_PROCESS_SPAWN_HPP

#include <telltale/asio.hpp>
#include <telltale/error.hpp>
#include <telltale/run/detail/process_run.hpp>
#include <telltale/run/process_options.hpp>

#if !defined(_WIN32)

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/types.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <sys/syscall.h>
#else
#include <cstdlib>
#endif

// How a process begins. posix_spawn does not copy this process (vfork), returns what exec said instead of a child that
// exits with 127, and is safe while other threads run. Every descriptor is made close-on-exec in the call that opens it,
// so processes that are started by other threads at the same time do not inherit it.

namespace telltale::inline TELLTALE_ABI::detail {

inline error_code errno_code(int value) noexcept { return {value, net::error::get_system_category()}; }

/// Owns a descriptor.
class unique_fd {
public:
    unique_fd() noexcept = default;
    explicit unique_fd(int fd) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        unique_fd former(std::exchange(fd_, other.release()));
        return *this;
    }
    ~unique_fd() {
        if (fd_ >= 0) ::close(fd_);
    }

    explicit operator bool() const noexcept { return fd_ >= 0; }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

/// Of a descriptor just opened. In a program that has closed one of its standard streams a new descriptor may be 0, 1 or
/// 2, to which others write, and which are those of the child.
inline unique_fd above_standard(unique_fd fd, error_code& ec) noexcept {
    if (fd && fd.get() <= STDERR_FILENO) fd = unique_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!fd) ec = errno_code(errno);
    return fd;
}

struct pipe_ends {
    unique_fd read;
    unique_fd write;
};

inline pipe_ends make_pipe(error_code& ec) noexcept {
    int fds[2] = {-1, -1};
#if defined(__APPLE__)
    const bool made = ::pipe(fds) == 0;
    for (const int fd : fds)
        if (made) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
#else
    const bool made = ::pipe2(fds, O_CLOEXEC) == 0;
#endif
    if (!made) ec = errno_code(errno);
    unique_fd read(fds[0]);
    unique_fd write(fds[1]);
    if (ec) return {};
    read = above_standard(std::move(read), ec);
    if (!ec) write = above_standard(std::move(write), ec);
    return {std::move(read), std::move(write)};
}

/// A file without a name that holds `input`. Not a pipe: what a process does not read is in nobody's way, there is nothing
/// to be written while it runs, and so no SIGPIPE when it ends early.
inline unique_fd make_input(std::string_view input, error_code& ec) noexcept {
#if defined(__linux__)
    unique_fd file(::memfd_create("telltale-input", MFD_CLOEXEC));
#else
    char name[] = "/tmp/telltale-input-XXXXXX";
    unique_fd file(::mkostemp(name, O_CLOEXEC));
    if (file) ::unlink(name);
#endif
    file = above_standard(std::move(file), ec);
    while (!ec && !input.empty()) {
        const ::ssize_t n = ::write(file.get(), input.data(), input.size());
        if (n >= 0)
            input.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            ec = errno_code(errno);
    }
    if (!ec && ::lseek(file.get(), 0, SEEK_SET) != 0) ec = errno_code(errno);
    return file;
}

/// Opens a folder in order to go there, which needs the permission to search it: hence the dot.
inline unique_fd open_folder(const std::string& folder, error_code& ec) {
#if defined(O_PATH)
    constexpr int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
#else
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
#endif
    unique_fd fd(::open((folder + "/.").c_str(), flags));
    return above_standard(std::move(fd), ec);
}

/// Strings as exec takes them. Refers to what it was given.
class c_strings {
public:
    void reserve(std::size_t n) { pointers_.reserve(n + 1); }
    void add(const char* s) { pointers_.push_back(const_cast<char*>(s)); }
    char* const* get() {
        pointers_.push_back(nullptr);
        return pointers_.data();
    }

private:
    std::vector<char*> pointers_;
};

inline bool has_nul(std::string_view s) noexcept { return s.find('\0') != s.npos; }

inline bool are_valid(const process_options& options) noexcept {
    if (options.argv.empty() || options.argv.front().empty()) return false;
    for (const auto& argument : options.argv)
        if (has_nul(argument)) return false;
    for (const auto& [name, value] : options.environment)
        if (name.empty() || name.find('=') != name.npos || has_nul(name) || (value && has_nul(*value))) return false;
    return !has_nul(options.working_folder.native());
}

/// `storage`: of what is not this process's own.
inline void make_environment(const process_options& options, std::vector<std::string>& storage,
                             c_strings& environment) {
    for (char** entry = options.inherit_environment ? ::environ : nullptr; entry && *entry; ++entry) {
        const std::string_view text(*entry);
        if (!options.environment.contains(std::string(text.substr(0, text.find('='))))) environment.add(*entry);
    }
    storage.reserve(options.environment.size()); // so that none moves
    for (const auto& [name, value] : options.environment)
        if (value) environment.add(storage.emplace_back(name + '=' + *value).c_str());
}

/// What posix_spawn is told, with the errors of all the calls that it takes in one.
class spawn_plan {
public:
    spawn_plan() : error_(::posix_spawn_file_actions_init(&actions_)) { check(::posix_spawnattr_init(&attributes_)); }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;
    ~spawn_plan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    void go_to(const unique_fd& folder) {
        if (folder) check(::posix_spawn_file_actions_addfchdir_np(&actions_, folder.get()));
    }
    void connect(const unique_fd& from, int to) {
        check(::posix_spawn_file_actions_adddup2(&actions_, from.get(), to));
    }
    void connect_to_nothing(int to) {
        check(::posix_spawn_file_actions_addopen(&actions_, to, "/dev/null", O_RDONLY, 0));
    }
    /// Whatever this process has open without close-on-exec, as Asio's sockets are, is not the child's.
    void close_others() {
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
        check(::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1));
#endif
#endif
    }
    /// No signal is blocked or ignored, whatever this process or thread does.
    void reset_signals(bool own_group) {
        ::sigset_t none;
        ::sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        check(::posix_spawnattr_setsigmask(&attributes_, &none));
        check(::posix_spawnattr_setsigdefault(&attributes_, &all));
        const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (own_group ? POSIX_SPAWN_SETPGROUP : 0);
        check(::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)));
    }

    /// An errno, or 0.
    int spawn(::pid_t& pid, char* const* argv, char* const* environment) {
        return error_ ? error_ : ::posix_spawnp(&pid, argv[0], &actions_, &attributes_, argv, environment);
    }

    int error() const noexcept { return error_; }

private:
    void check(int error) noexcept {
        if (!error_) error_ = error;
    }

    ::posix_spawn_file_actions_t actions_;
    ::posix_spawnattr_t attributes_;
    int error_;
};

inline error_code spawn_error(int error) noexcept {
    switch (error) {
    case 0: return {};
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG: return errc::program_not_found;
    case EACCES:
    case EPERM:
    case EISDIR:
    case ENOEXEC: return errc::not_executable;
    default: return errno_code(error);
    }
}

struct spawned_process {
    ::pid_t pid = 0;
    unique_fd output;
    unique_fd errors;
    unique_fd handle; ///< a pidfd, readable when the process has ended; none: there is no such thing here
};

inline unique_fd open_handle([[maybe_unused]] ::pid_t pid) noexcept {
#if defined(SYS_pidfd_open)
    error_code ignored;
    return above_standard(unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), ignored); // close-on-exec
#else
    return {};
#endif
}

inline spawned_process spawn_process(const process_options& options, exit_watch watch, error_code& ec) {
    if (!are_valid(options)) {
        ec = errc::invalid_argument;
        return {};
    }
    spawned_process child;
    unique_fd folder;
    if (!options.working_folder.empty()) {
        folder = open_folder(options.working_folder.native(), ec);
        if (ec) {
            if (ec != net::error::no_descriptors) ec = errc::bad_working_folder;
            return {};
        }
    }
    pipe_ends output = make_pipe(ec);
    pipe_ends errors = ec ? pipe_ends{} : make_pipe(ec);
    unique_fd input;
    if (!ec && options.input) input = make_input(*options.input, ec);
    if (ec) return {};

    spawn_plan plan;
    plan.go_to(folder);
    if (input)
        plan.connect(input, STDIN_FILENO);
    else
        plan.connect_to_nothing(STDIN_FILENO);
    plan.connect(output.write, STDOUT_FILENO);
    plan.connect(errors.write, STDERR_FILENO);
    plan.close_others();
    plan.reset_signals(options.own_group);

    c_strings argv;
    argv.reserve(options.argv.size());
    for (const auto& argument : options.argv) argv.add(argument.c_str());
    std::vector<std::string> storage;
    c_strings environment;
    make_environment(options, storage, environment);
    ec = plan.error() ? errno_code(plan.error()) : spawn_error(plan.spawn(child.pid, argv.get(), environment.get()));
    if (ec) return {};
    child.output = std::move(output.read);
    child.errors = std::move(errors.read);
    if (watch == exit_watch::handle) child.handle = open_handle(child.pid);
    return child;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // !_WIN32

#endif // TELLTALE_RUN_DETAIL_PROCESS_SPAWN_HPP
