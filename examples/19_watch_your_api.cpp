// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// Watches the runs of an API that telltale has never seen, and fetches what they left. The API is in here, too.

#include <telltale/asio.hpp>
#include <telltale/beast/http_client.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/beast/http_status_source.hpp>
#include <telltale/beast/job_result.hpp>
#include <telltale/board/board.hpp>
#include <telltale/json/profile.hpp>
#include <telltale/poll/status_poller.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <utility>

namespace net = telltale::net;
using namespace std::chrono_literals;

// What telltale-watch --profile reads, too.
constexpr auto my_api = R"(
{
  "name": "my API",
  "job": "/v1/runs/{id}",
  "result": {"url": "/v1/runs/{id}/result"},
  "fields": {
    "state": "/status",
    "progress": {"percent": "/percent"},
    "error": {"message": "/why"}
  },
  "words": {"waiting": "queued", "busy": "running", "ok": "succeeded", "bad": "failed"}
}
)";

// The API: each time that somebody looks, a run is 40 % further.
class my_server {
public:
    explicit my_server(const net::any_io_executor& executor) : server_(executor) {
        server_.route("GET", "/v1/runs/{id}", [this](telltale::http_request r) { return run(std::move(r)); });
        server_.route("GET", "/v1/runs/{id}/result", result);
        server_.listen({net::ip::address_v4::loopback(), 0});
    }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.local_endpoint().port()); }
    void stop() { server_.stop(); }

private:
    net::awaitable<telltale::http_response> run(telltale::http_request r) {
        const std::string id(r.param("id"));
        const int percent = std::min(100, 40 * looks_[id]++);
        std::string status = percent == 0 ? "waiting" : percent < 100 ? "busy" : id == "18" ? "bad" : "ok";
        std::string body =
            R"({"id": )" + id + R"(, "status": ")" + status + R"(", "percent": )" + std::to_string(percent);
        if (status == "bad") body += R"(, "why": "no paper")";
        co_return telltale::json_response(200, body + "}");
    }

    static net::awaitable<telltale::http_response> result(telltale::http_request) {
        co_return telltale::make_response(200, "text/csv", "page,words\r\n1,350\r\n2,\"1,024\"\r\n");
    }

    telltale::http_server server_;
    std::map<std::string, int> looks_;
};

net::awaitable<void> watch(my_server& server) {
    const auto executor = co_await net::this_coro::executor;
    telltale::http_client client(executor);
    telltale::http_status_source api(client, server.url(), telltale::parse_profile(my_api));
    telltale::board board(executor);
    telltale::status_poller poller(executor, api, board.sink(), {.interval = 10ms});

    for (const char* id : {"17", "18"}) poller.watch(id);
    for (const char* id : {"17", "18"}) {
        const telltale::job last = co_await poller.async_wait(id);
        std::cout << id << ": " << to_string(last.state);
        if (last.error) std::cout << ", " << last.error->message;
        std::cout << '\n';
        if (last.state != telltale::job_state::succeeded) continue;

        telltale::result_reader read;
        read.csv = [](const telltale::csv_row& row) {
            std::cout << "  " << row.fields[0] << " | " << row.fields[1] << '\n';
            return true;
        };
        const auto summary = co_await telltale::fetch_result(api, id, std::move(read));
        std::cout << "  " << summary.rows << " rows\n";
    }
    server.stop();
}

int main() {
    net::io_context context(1);
    my_server server(context.get_executor());
    net::co_spawn(context, watch(server), [](std::exception_ptr e) {
        if (e) std::rethrow_exception(e);
    });
    context.run();
}
