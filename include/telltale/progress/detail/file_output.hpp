// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_FILE_OUTPUT_HPP
#define TELLTALE_PROGRESS_DETAIL_FILE_OUTPUT_HPP

#include <telltale/version.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#if defined(__unix__) || defined(__APPLE__)
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <unistd.h>
#define TELLTALE_HAS_FILE_DESCRIPTORS 1
#endif

namespace telltale::inline TELLTALE_ABI::detail {

/// Writes text whole and in order to a file. Bars are not worth a program's life: when nobody reads any more (a closed
/// pipe, a terminal that is gone) there is no signal and no error, and nothing more is written. Where the file does not
/// block and is full, as a terminal is that shares its mode with a standard input of Asio's, the rest waits for the next
/// time.
class file_output {
public:
    explicit file_output(std::FILE* file) noexcept : file_(file) {}

    /// Nobody will ever read what is written.
    bool is_broken() const noexcept { return broken_; }

    /// The last text is not through yet.
    bool is_full() {
        if (!rest_.empty()) send(0);
        return !rest_.empty();
    }

    /// With `patience`, waits so long while the file takes nothing; what does not go then is written with the next.
    void write(std::string_view text, int patience_ms) {
        if (broken_ || rest_.size() > most_kept) return;
        rest_ += text;
        send(patience_ms);
    }

private:
    static constexpr std::size_t most_kept = 1 << 20;

#if defined(TELLTALE_HAS_FILE_DESCRIPTORS)
    /// Keeps the calling thread free of the SIGPIPE of its own writes; leaves one alone that was there before.
    class no_sigpipe {
    public:
        no_sigpipe() noexcept {
            sigset_t pending{};
            sigemptyset(&pipe_);
            sigaddset(&pipe_, SIGPIPE);
            ::sigpending(&pending);
            was_pending_ = sigismember(&pending, SIGPIPE) == 1;
            ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
        }
        no_sigpipe(const no_sigpipe&) = delete;
        no_sigpipe& operator=(const no_sigpipe&) = delete;
        ~no_sigpipe() {
            sigset_t pending{};
            int signal = 0;
            ::sigpending(&pending);
            if (!was_pending_ && sigismember(&pending, SIGPIPE) == 1) ::sigwait(&pipe_, &signal);
            ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        }

    private:
        sigset_t pipe_{};
        sigset_t before_{};
        bool was_pending_ = false;
    };

    void send(int patience_ms) {
        const no_sigpipe guard;
        std::fflush(file_); // what the program has written by itself comes first
        const int fd = ::fileno(file_);
        std::size_t sent = 0;
        while (sent < rest_.size()) {
            const auto n = ::write(fd, rest_.data() + sent, rest_.size() - sent);
            if (n > 0) {
                sent += static_cast<std::size_t>(n);
            } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
                pollfd ready{fd, POLLOUT, 0};
                if (patience_ms == 0 || ::poll(&ready, 1, patience_ms) == 0) break;
            } else if (n == 0 || errno != EINTR) {
                broken_ = true;
                sent = rest_.size();
            }
        }
        rest_.erase(0, sent);
    }
#else
    void send(int) {
        broken_ = std::fwrite(rest_.data(), 1, rest_.size(), file_) != rest_.size() || std::fflush(file_) != 0;
        rest_.clear();
    }
#endif

    std::FILE* file_;
    std::string rest_;
    bool broken_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_FILE_OUTPUT_HPP
