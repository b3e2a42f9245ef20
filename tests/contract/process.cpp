// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/process.hpp>

#if !defined(_WIN32)

#include "operation.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace telltale_test::contract::process_rows {

using namespace telltale;

/// Lines for processes to read, one each.
class fifo {
public:
    fifo() {
        std::string folder = "/tmp/telltale-contract-XXXXXX";
        if (!::mkdtemp(folder.data())) throw std::bad_alloc();
        path = folder + "/lines";
        ::mkfifo(path.c_str(), 0600);
        fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC); // for reading too: so nobody waits for the other side
    }
    fifo(const fifo&) = delete;
    fifo& operator=(const fifo&) = delete;
    ~fifo() {
        ::close(fd_);
        ::unlink(path.c_str());
        ::rmdir(path.substr(0, path.rfind('/')).c_str());
    }

    void put() const { [[maybe_unused]] const auto written = ::write(fd_, "x\n", 2); }

    std::string path;

private:
    int fd_ = -1;
};

template <class Executor = net::any_io_executor>
struct run_process {
    static about row() {
        return {.name = "async_run_process",
                .value = "exited with 3",
                .no_object = "a process belongs to nobody but its operation",
                .only_terminal = "a process that was sent a signal is not as if nothing had happened",
                .sockets = "processes run in real time",
                .once = "a process that was cancelled may have read its line"};
    }
    using signature = void(error_code, process_result);

    explicit run_process(const Executor& e) : executor(e) {}

    template <class... Token>
    auto start(Token&&... token) {
        process_options options{.argv = {"/bin/sh", "-c", "read line <$0; exit 3", lines->path}};
        options.on_output = [keep = lines](process_stream, std::string_view) {}; // what is ready stays ready
        return async_run_process(executor, std::move(options), std::forward<Token>(token)...);
    }
    void ready() { lines->put(); }
    static std::string show(const process_result& r) { return describe_end(r); }

    Executor executor;
    std::shared_ptr<fifo> lines = std::make_shared<fifo>();
};
TELLTALE_CONTRACT_BASIC(run_process);

} // namespace telltale_test::contract::process_rows

#endif // !_WIN32
