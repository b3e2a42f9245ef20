// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_PROCESS_OPTIONS_HPP
#define TELLTALE_RUN_PROCESS_OPTIONS_HPP

#include <telltale/version.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

enum class process_stream : std::uint8_t { output, errors }; ///< what the process writes to descriptor 1, and to 2

/// How a process is to be run.
///
/// (Name the options before a co_await: GCC 12 destroys temporaries of aggregate type in a co_await expression twice.)
struct process_options {
    /// The program and its arguments; no shell reads them. A program without a slash is looked for in the PATH of this
    /// process, a relative path is taken from working_folder.
    std::vector<std::string> argv{};
    /// Added to the inherited environment; no value: taken out of it.
    std::map<std::string, std::optional<std::string>> environment{};
    bool inherit_environment = true;        ///< false: the process has `environment` and nothing else
    std::filesystem::path working_folder{}; ///< empty: that of this process
    std::optional<std::string> input{};     ///< what the process reads from its standard input; absent: nothing
    /// How many bytes are kept of each stream: the last so many, and how many were dropped before them. Whatever the
    /// limit, all is read, so that the process is never held up by it.
    std::size_t capture_limit = 1'048'576;
    /// How long after a cancellation (SIGTERM) whatever still runs is killed (SIGKILL). 0 or less: at once.
    std::chrono::steady_clock::duration grace = std::chrono::seconds{5};
    /// How long after the end of the process its output is waited for where somebody else, a daemon that it has left
    /// behind, holds it open. What had been written by then is never lost.
    std::chrono::steady_clock::duration linger = std::chrono::milliseconds{200};
    /// The process begins a process group, and signals are sent to all of it: so its children end with it. A Ctrl-C in
    /// the terminal then does not reach it. false: it stays in the group of this process, and only it gets signals.
    bool own_group = true;
    /// Called with every line of either stream, without its '\n', and with what is left at the end; a line longer than
    /// 64 KiB comes in pieces. One call at a time, on a strand of the executor, the last before the completion. The
    /// text is valid during the call. What it throws first is kept in the result; the process goes on.
    std::function<void(process_stream stream, std::string_view line)> on_output{};
};

/// The end of what a process wrote to a stream.
struct captured_output {
    std::string text{};        ///< the last bytes, at most capture_limit
    std::uint64_t dropped = 0; ///< bytes that were before them

    friend bool operator==(const captured_output&, const captured_output&) = default;
};

/// How a process ended, what it wrote and what it took.
struct process_result {
    std::int64_t pid = 0;             ///< 0: it was never started
    std::optional<int> exit_code{};   ///< 0 to 255; absent: it did not exit by itself
    std::optional<int> term_signal{}; ///< the number of the signal that ended it; absent: it exited by itself
    bool core_dumped = false;
    /// It was cancelled, had not ended when its grace was over, and was sent SIGKILL.
    bool killed = false;
    captured_output output{};                    ///< of its standard output
    captured_output errors{};                    ///< of its standard error output
    std::chrono::duration<double> elapsed{};     ///< from its start until its end was seen
    std::chrono::duration<double> user_time{};   ///< CPU time of it and of the children that it waited for
    std::chrono::duration<double> system_time{}; ///< likewise, in the kernel
    std::uint64_t peak_rss_bytes = 0;            ///< the largest resident set of it or of one such child
    std::exception_ptr on_output_error{};        ///< the first that on_output threw

    /// It exited with 0.
    bool succeeded() const noexcept { return exit_code == 0; }
};

/// "exited with 3", "killed by SIGSEGV (core dumped)": for people.
std::string describe_end(const process_result& result);

namespace detail {

inline std::string signal_name(int number) {
    // As Linux has them on all but a few architectures; the first fifteen, but for 7, are the same everywhere.
    static constexpr std::string_view names[] = {"",     "HUP",  "INT",    "QUIT", "ILL",   "TRAP", "ABRT", "BUS",
                                                 "FPE",  "KILL", "USR1",   "SEGV", "USR2",  "PIPE", "ALRM", "TERM",
                                                 "",     "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",
                                                 "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS"};
    if (number > 0 && static_cast<std::size_t>(number) < std::size(names))
        if (const auto name = names[static_cast<std::size_t>(number)]; !name.empty()) return "SIG" + std::string(name);
    return "signal " + std::to_string(number);
}

} // namespace detail

inline std::string describe_end(const process_result& result) {
    if (result.exit_code) return "exited with " + std::to_string(*result.exit_code);
    if (!result.term_signal) return "was not run";
    return "killed by " + detail::signal_name(*result.term_signal) + (result.core_dumped ? " (core dumped)" : "");
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_PROCESS_OPTIONS_HPP
