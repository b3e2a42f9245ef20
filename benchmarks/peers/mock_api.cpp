// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The job API that pollers are measured against: epoll, keep-alive, one answer of 306 bytes of JSON for every request,
// at once. Its progress is another one each time.
//
//   mock_api PORT

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>

namespace {

const std::string body =
    R"({"id":"job-000123","state":"running","progress":42.5,"eta_s":118,"stage":"transcode",)"
    R"("created_at":"2026-01-02T03:04:05Z","updated_at":"2026-01-02T03:05:06Z","owner":"team-a","attempt":1,)"
    R"("result":null,"links":{"self":"/jobs/job-000123","cancel":"/jobs/job-000123/cancel"},)"
    R"("tags":["batch","nightly"]})";

std::string answer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
    body;

/// 10.0 to 99.9
void change_progress() {
    static const std::size_t at = answer.find("42.5");
    static unsigned tenths = 100;
    tenths = tenths < 999 ? tenths + 1 : 100;
    answer[at] = static_cast<char>('0' + tenths / 100);
    answer[at + 1] = static_cast<char>('0' + tenths / 10 % 10);
    answer[at + 3] = static_cast<char>('0' + tenths % 10);
}

void watch(int epoll, int descriptor) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.fd = descriptor;
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &e);
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const int on = 1;
    const int epoll = epoll_create1(0);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 4096) != 0) {
        std::perror("bind");
        return 1;
    }
    watch(epoll, listener);
    std::unordered_map<int, std::string> inputs;
    for (;;) {
        epoll_event events[512];
        const int count = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < count; ++i) {
            const int s = events[i].data.fd;
            if (s == listener) {
                const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                if (accepted < 0) continue;
                setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                inputs[accepted].clear();
                watch(epoll, accepted);
                continue;
            }
            static char buffer[65536];
            const ssize_t n = recv(s, buffer, sizeof buffer, 0);
            if (n <= 0) {
                inputs.erase(s);
                close(s);
                continue;
            }
            std::string& input = inputs[s];
            input.append(buffer, static_cast<std::size_t>(n));
            std::size_t done = 0;
            for (std::size_t end = 0; (end = input.find("\r\n\r\n", done)) != std::string::npos; done = end + 4) {
                change_progress();
                if (send(s, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
            }
            input.erase(0, done);
        }
    }
}
