// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_PROCESS_RUN_IPP
#define TELLTALE_RUN_DETAIL_PROCESS_RUN_IPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/run/detail/process_output.hpp>
#include <telltale/run/detail/process_run.hpp>
#include <telltale/run/detail/process_spawn.hpp>
#include <telltale/run/job_failure.hpp>
#include <telltale/run/process.hpp>
#include <telltale/run/process_options.hpp>
#include <telltale/sync/timer.hpp>

#if !defined(_WIN32)

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

/// A process from its start to its end, and the operation that waits for it.
///
///     runs ──▶ has exited (a zombie: its number and its group are still ours) ──▶ is reaped, told
///
/// Between the last two its output is read to the end. What is not told when this is destroyed, because the execution
/// context is, is killed and reaped. All members but start() run on the strand.
class process_run final : public std::enable_shared_from_this<process_run> {
    using duration = std::chrono::steady_clock::duration;

public:
    process_run(const net::any_io_executor& executor, process_options options, exit_watch watch)
        : home_(net::make_strand(executor)),
          options_(std::move(options)),
          watch_(watch),
          handle_(home_),
          poll_timer_(home_),
          streams_{stream(home_, options_.capture_limit, process_stream::output),
                   stream(home_, options_.capture_limit, process_stream::errors)} {}
    process_run(const process_run&) = delete;
    process_run& operator=(const process_run&) = delete;

    ~process_run() {
        if (waiting_) waiting_->destroy();
        if (is_ours_) abandon();
    }

    /// Owns `operation` from here on.
    void start(waiter<process_result>& operation) {
        waiting_ = &operation;
        started_ = steady_now(home_);
        error_code ec;
        spawned_process child = spawn_process(options_, watch_, ec);
        if (ec) {
            complete(ec);
            return;
        }
        result_.pid = pid_ = child.pid;
        is_ours_ = true;
        net::post(home_, [self = shared_from_this(), child = std::move(child)]() mutable { self->begin(child); });
    }

    /// To be called on any thread.
    static void ask_to_end(const std::weak_ptr<process_run>& weak) {
        if (const auto self = weak.lock()) net::post(self->home_, [self] { self->terminate(); });
    }

private:
    struct stream {
        stream(const net::any_io_executor& executor, std::size_t limit, process_stream n)
            : descriptor(executor), kept(limit), name(n) {}

        net::posix::stream_descriptor descriptor;
        output_tail kept;
        line_splitter lines;
        process_stream name;
    };

    static constexpr auto shortest_pause = std::chrono::milliseconds{1};
    static constexpr auto longest_pause = std::chrono::milliseconds{50};
    // So much is read before others get their turn; the pipe of a system that allows it to be larger is rare.
    static constexpr std::size_t at_once = 1'048'576;

    void begin(spawned_process& child) {
        attach(streams_[0].descriptor, child.output);
        attach(streams_[1].descriptor, child.errors);
        if (child.handle) {
            error_code ec;
            handle_.assign(child.handle.get(), ec);
            if (!ec) child.handle.release(); // else the process is asked for
        }
        if (failure_) send(SIGKILL);
        for (auto& s : streams_)
            if (s.descriptor.is_open()) read(s);
        watch();
    }

    void attach(net::posix::stream_descriptor& descriptor, unique_fd& fd) {
        error_code ec;
        descriptor.assign(fd.get(), ec);
        if (!ec) fd.release();
        if (!ec) descriptor.native_non_blocking(true, ec);
        if (!ec) return;
        failure_ = ec;
        descriptor.close(ec);
    }

    // ---- output

    void read(stream& s) {
        s.descriptor.async_wait(net::posix::stream_descriptor::wait_read,
                                [self = shared_from_this(), &s](const error_code& ec) {
                                    if (self->over_) return;
                                    if (!ec && self->take(s))
                                        self->read(s);
                                    else
                                        self->end_of(s);
                                });
    }

    /// Reads what is there. False: the stream has ended.
    bool take(stream& s) {
        std::array<char, 16'384> buffer; // NOLINT: filled by read
        for (std::size_t budget = at_once; budget >= buffer.size(); budget -= buffer.size()) {
            const ::ssize_t n = ::read(s.descriptor.native_handle(), buffer.data(), buffer.size());
            if (n == 0) return false;
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
            const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
            s.kept.append(bytes);
            if (options_.on_output) s.lines.append(bytes, teller{*this, s.name});
        }
        return true;
    }

    void end_of(stream& s) {
        close(s);
        if (streams_[0].descriptor.is_open() || streams_[1].descriptor.is_open()) return;
        if (exited_) {
            finish();
            return;
        }
        pause_ = shortest_pause; // it is about to end: who asks looks at once
        poll_timer_.cancel();
    }

    void close(stream& s) {
        if (options_.on_output) s.lines.finish(teller{*this, s.name});
        error_code ignored;
        s.descriptor.close(ignored);
    }

    struct teller {
        void operator()(std::string_view line) const {
            try {
                self.options_.on_output(name, line);
            } catch (...) {
                if (!self.result_.on_output_error) self.result_.on_output_error = std::current_exception();
            }
        }
        process_run& self;
        process_stream name;
    };

    // ---- its end

    void watch() {
        const auto on_look = [self = shared_from_this()](const error_code& ec) {
            if (self->over_ || self->exited_) return;
            error_code ignored;
            if (ec) self->handle_.close(ignored); // asked for from now on
            self->look();
        };
        if (handle_.is_open()) {
            handle_.async_wait(net::posix::stream_descriptor::wait_read, on_look);
            return;
        }
        // Not in the time of the context, for a process lives in the real one.
        poll_timer_.expires_after(pause_);
        poll_timer_.async_wait(on_look);
        pause_ = std::min<duration>(2 * pause_, longest_pause);
    }

    void look() {
        if (!has_exited()) {
            watch();
            return;
        }
        note_exit();
        if (!streams_[0].descriptor.is_open() && !streams_[1].descriptor.is_open())
            finish();
        else if (!asked_ || result_.killed)
            await_output();
        // else what is left of its group has the rest of the grace
    }

    /// Leaves the zombie: as long as it is there its number is nobody else's, nor is that of its group.
    bool has_exited() {
        for (;;) {
            ::siginfo_t info{};
            if (::waitid(P_PID, static_cast<::id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0)
                return info.si_pid != 0;
            if (errno == EINTR) continue;
            is_ours_ = false; // this program ignores SIGCHLD, or waits for any child: nobody knows how it ended
            failure_ = errno_code(errno);
            return true;
        }
    }

    void note_exit() {
        exited_ = true;
        result_.elapsed = steady_now(home_) - started_;
    }

    void await_output() {
        after(options_.linger, [](process_run& self) { self.finish(); });
    }

    void finish() {
        over_ = true;
        for (auto& s : streams_) {
            if (!s.descriptor.is_open()) continue;
            take(s);
            close(s);
        }
        error_code ignored;
        handle_.close(ignored);
        poll_timer_.cancel();
        timer_.reset();
        options_.on_output = nullptr;
        if (asked_) send(SIGKILL); // what is left of its group
        reap();
        for (auto& s : streams_) (s.name == process_stream::output ? result_.output : result_.errors) = s.kept.take();
        complete(failure_ ? failure_ : asked_ ? error_code(net::error::operation_aborted) : error_code{});
    }

    void reap() {
        int status = 0;
        ::rusage usage{};
        ::pid_t reaped = 0;
        do {
            if (is_ours_) reaped = ::wait4(pid_, &status, 0, &usage); // does not wait: it is a zombie
        } while (reaped < 0 && errno == EINTR);
        if (is_ours_ && reaped != pid_) failure_ = errno_code(errno);
        is_ours_ = false;
        if (reaped != pid_) return;
        if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) {
            result_.term_signal = WTERMSIG(status);
            result_.core_dumped = WCOREDUMP(status);
        }
        const auto time = [](const ::timeval& t) {
            return std::chrono::seconds{t.tv_sec} + std::chrono::microseconds{t.tv_usec};
        };
        result_.user_time = time(usage.ru_utime);
        result_.system_time = time(usage.ru_stime);
#if defined(__APPLE__)
        constexpr std::uint64_t unit = 1;
#else
        constexpr std::uint64_t unit = 1024;
#endif
        result_.peak_rss_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * unit;
    }

    void complete(const error_code& ec) {
        auto* const operation = std::exchange(waiting_, nullptr);
        operation->complete(ec, std::move(result_));
    }

    // ---- cancellation

    void terminate() {
        if (over_ || asked_) return;
        if (exited_ || has_exited()) { // too late: it has ended by itself
            if (!exited_) note_exit();
            finish();
            return;
        }
        asked_ = true;
        if (options_.grace <= duration::zero()) {
            kill();
            return;
        }
        send(SIGTERM);
        send(SIGCONT); // to one that was stopped, too
        after(options_.grace, [](process_run& self) { self.kill(); });
    }

    void kill() {
        result_.killed = !exited_;
        send(SIGKILL);
        if (exited_) await_output();
    }

    /// Only to what was not reaped: its number is not yet given to another.
    void send(int signal) noexcept {
        if (is_ours_) ::kill(options_.own_group ? -pid_ : pid_, signal);
    }

    template <class Then>
    void after(duration d, Then then) {
        if (!timer_) timer_.emplace(home_);
        timer_->expires_after(d);
        timer_->async_wait([self = shared_from_this(), then](const error_code& ec) {
            if (!ec && !self->over_) then(*self);
        });
    }

    /// Nobody waits any more: kills it, and does not leave a zombie. SIGKILL needs a moment; a process that the kernel
    /// does not let go for a second is left behind.
    void abandon() noexcept {
        if (!exited_ || asked_) send(SIGKILL);
        for (int tries = 0; tries < 1000; ++tries) {
            const ::pid_t reaped = ::waitpid(pid_, nullptr, WNOHANG);
            if (reaped == pid_ || (reaped < 0 && errno != EINTR)) return;
            ::poll(nullptr, 0, 1);
        }
    }

    const net::any_io_executor home_;
    process_options options_;
    const exit_watch watch_;
    waiter<process_result>* waiting_ = nullptr;
    process_result result_;
    error_code failure_;
    ::pid_t pid_ = 0;
    std::chrono::steady_clock::time_point started_{};

    net::posix::stream_descriptor handle_;
    net::steady_timer poll_timer_;
    std::array<stream, 2> streams_;
    std::optional<timer> timer_;
    duration pause_ = shortest_pause;

    bool is_ours_ = false; // it was started, and not reaped
    bool exited_ = false;  // it is a zombie, or was reaped
    bool asked_ = false;   // to end
    bool over_ = false;
};

TELLTALE_DECL std::shared_ptr<process_run> make_process_run(const net::any_io_executor& executor,
                                                            process_options options, exit_watch watch) {
    return std::make_shared<process_run>(executor, std::move(options), watch);
}

TELLTALE_DECL void start_process_run(process_run& run, waiter<process_result>& operation) { run.start(operation); }

TELLTALE_DECL void process_cancel::operator()(net::cancellation_type type) const {
    if ((type & net::cancellation_type::terminal) != net::cancellation_type::none) process_run::ask_to_end(run);
}

} // namespace detail

TELLTALE_DECL net::awaitable<process_result> run_process(process_options options) {
    const auto executor = co_await net::this_coro::executor;
    std::string program = options.argv.empty() ? std::string() : options.argv.front();
    std::string folder = options.working_folder.string();
    auto [ec, result] = co_await async_run_process(executor, std::move(options), as_result);
    if (ec == errc::bad_working_folder) throw system_error(ec, folder);
    if (ec) throw system_error(ec, program);
    co_return std::move(result);
}

TELLTALE_DECL std::string_view last_lines(std::string_view text, std::size_t lines, std::size_t bytes) noexcept {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    std::size_t begin = text.size();
    while (begin > 0 && text.size() - begin < bytes && (text[begin - 1] != '\n' || --lines > 0)) --begin;
    return text.substr(begin);
}

TELLTALE_DECL void check_exit(const process_result& result) {
    if (result.succeeded()) return;
    std::string message = describe_end(result);
    if (const auto said = last_lines(result.errors.text, 5); !said.empty()) message.append(": ").append(said);
    const int signal = result.term_signal.value_or(0);
    const bool limit = signal == SIGKILL || signal == SIGXCPU || signal == SIGXFSZ;
    throw job_failure(limit ? error_class::resource : error_class::unknown, message);
}

TELLTALE_DECL net::awaitable<process_result> process_job::run(process_options options) {
    process_result result = co_await run_process(std::move(options));
    check_exit(result);
    co_return std::move(result);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // !_WIN32

#endif // TELLTALE_RUN_DETAIL_PROCESS_RUN_IPP
