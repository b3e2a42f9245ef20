// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_PROCESS_HPP
#define TELLTALE_RUN_PROCESS_HPP

#include <telltale/asio.hpp>
#include <telltale/run/detail/process_run.hpp>
#include <telltale/run/job_failure.hpp>
#include <telltale/run/process_options.hpp>

#if !defined(_WIN32) // there is none of this on Windows

#include <cstddef>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Runs a program as a process of its own, and completes when it has ended and was reaped.
///
///     telltale::process_options options{.argv = {"tar", "-cf", "backup.tar", "data"}, .working_folder = "/srv"};
///     const telltale::process_result r = co_await telltale::async_run_process(executor, std::move(options));
///     if (!r.succeeded()) std::cerr << describe_end(r) << ": " << r.errors.text;
///
/// However it ended, by any exit code or by a signal, is a result and no error. It starts within the initiation, with all
/// signals at their defaults, none blocked, and no descriptors but 0, 1 and 2 (with glibc before 2.34: and those of this
/// process that are not close-on-exec). No thread and no handler of SIGCHLD is involved: its end is seen by a pidfd, or
/// where there is none by asking every 1 to 50 ms. A program that ignores SIGCHLD, or waits for children that are not its
/// own, takes the result away.
///
/// When the process has ended, children of it that it has left behind go on; their output is read for `linger`.
///
/// @par Completion signature
/// `void(error_code, process_result)`
/// @par Error codes
/// `errc::program_not_found`, `errc::not_executable`, `errc::bad_working_folder`; `errc::invalid_argument`: argv is empty,
/// or a string has a NUL in it, or a name of the environment a '='; what the system says when it is out of descriptors,
/// processes or memory, or the arguments are too long: nothing was started. `no_child_process` of the system: somebody
/// else has reaped it. `operation_aborted`: cancelled; the result says how it ended, and what it had written.
/// @par Per-operation cancellation
/// terminal: SIGTERM, and SIGKILL for what is not gone when `grace` is over, each to the process and, with own_group, to
/// all of its group. It completes when the process was reaped, and the output is at its end or the grace over; then
/// nothing of the group runs any more. If the process has ended by itself, what it ended with is the result.
/// @par Resumes
/// by post, on the handler's associated executor (default: `executor`).
/// @par Tear-down
/// If the execution context is destroyed first, the process and its group are killed and reaped, which takes
/// milliseconds; at most a second if the kernel does not let it go.
template <class Executor, class Token = default_token_t<Executor>>
auto async_run_process(const Executor& executor, process_options options, Token&& token = {}) {
    return detail::async_run_process_by(detail::exit_watch::handle, executor, std::move(options),
                                        std::forward<Token>(token));
}

/// As async_run_process, on the executor of whoever awaits. Throws system_error, with the name of the program or folder
/// in its what().
[[nodiscard]] TELLTALE_DECL net::awaitable<process_result> run_process(process_options options);

/// The last lines of a text: at most `lines` of them, and no more than `bytes`.
TELLTALE_DECL std::string_view last_lines(std::string_view text, std::size_t lines, std::size_t bytes = 2000) noexcept;

/// Throws a job_failure unless the process exited with 0: "exited with 3", and the last five lines of its standard error
/// output. Its class is `resource` where a limit of the system has ended it (SIGKILL, as from want of memory, SIGXCPU,
/// SIGXFSZ), else `unknown`.
TELLTALE_DECL void check_exit(const process_result& result);

/// run_process and check_exit: a process as the work of a job, which fails when it does not exit with 0, and ends when it
/// is cancelled or its time is up.
///
///     auto job = manager.submit({.name = "backup"}, telltale::process_job({.argv = {"tar", "-cf", "backup.tar", "/srv"}}));
///     const telltale::process_result r = co_await job.result();
class process_job {
public:
    explicit process_job(process_options options) : options_(std::move(options)) {}

    template <class JobContext>
    net::awaitable<process_result> operator()(JobContext) const {
        return run(options_); // which another attempt needs again
    }

private:
    TELLTALE_DECL static net::awaitable<process_result> run(process_options options);

    process_options options_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // !_WIN32

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/run/detail/process_run.ipp>
#endif

#endif // TELLTALE_RUN_PROCESS_HPP
