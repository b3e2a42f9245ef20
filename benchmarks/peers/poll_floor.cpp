// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What the kernel alone costs a poller: epoll, one send() and one recv() per poll, and a search for the state.
//
//   poll_floor http://127.0.0.1:PORT/PATH K C    K polls, C at once

#include "process.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

int main(int argc, char** argv) {
    if (argc < 4) return 2;
    const std::string url = argv[1];
    const auto colon = url.find(':', 7);
    const auto slash = url.find('/', colon);
    const std::string request = "GET " + url.substr(slash) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    const long polls = std::atol(argv[2]);
    const int at_once = std::atoi(argv[3]);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1, slash - colon - 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    long sent = 0;
    const auto ask = [&](int s) {
        ++sent;
        if (send(s, request.data(), request.size(), MSG_NOSIGNAL) < 0) std::abort();
    };
    const int epoll = epoll_create1(0);
    const process::poller_report report;
    for (int i = 0; i < at_once; ++i) {
        const int on = 1;
        const int s = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            std::perror("connect");
            return 1;
        }
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.fd = s;
        epoll_ctl(epoll, EPOLL_CTL_ADD, s, &e);
        ask(s);
    }
    long done = 0;
    while (done < polls) {
        epoll_event events[256];
        const int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; ++i) {
            char answer[8192];
            const ssize_t size = recv(events[i].data.fd, answer, sizeof answer - 1, 0);
            if (size <= 0) return 1;
            answer[size] = 0;
            if (!std::strstr(answer, R"("state":"running")")) std::abort();
            ++done;
            if (sent < polls) ask(events[i].data.fd);
        }
    }
    report.print(done);
}
