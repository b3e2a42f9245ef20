// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// What the kernel alone costs: epoll and a loop over the subscribers, with no queue, no framework and no care.
//
//   ws_floor PORT send      one send() per client and message
//   ws_floor PORT gather    all messages that one read from the publisher gave, at most 64, in one writev() per client

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

struct connection {
    std::string input;
    bool is_open = false;
    bool is_publisher = false;
};

void send_whole(int socket, std::string_view data) {
    if (send(socket, data.data(), data.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(data.size())) fail("short send");
}

std::string accept_key(const std::string& request) {
    const std::size_t at = request.find("Sec-WebSocket-Key: ");
    if (at == std::string::npos) fail("no key");
    const std::string salted = request.substr(at + 19, 24) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char digest[SHA_DIGEST_LENGTH];
    unsigned char text[32];
    SHA1(reinterpret_cast<const unsigned char*>(salted.data()), salted.size(), digest);
    EVP_EncodeBlock(text, digest, sizeof digest);
    return reinterpret_cast<char*>(text);
}

/// Takes whole frames out of a client's input, as frames of the server.
std::vector<std::string> take_frames(std::string& input) {
    std::vector<std::string> frames;
    std::size_t at = 0;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[at + i]); };
    while (input.size() - at >= 8) {
        std::size_t length = byte(1) & 127U;
        std::size_t header = 2;
        if (length == 126) {
            length = static_cast<std::size_t>(byte(2)) << 8U | byte(3);
            header = 4;
        }
        const std::size_t whole = header + 4 + length;
        if (input.size() - at < whole) break;
        if ((byte(0) & 15U) == 1) {
            std::string frame(1, '\x81');
            if (length < 126) {
                frame += static_cast<char>(length);
            } else {
                frame += '\x7e';
                frame += static_cast<char>(length >> 8U);
                frame += static_cast<char>(length);
            }
            for (std::size_t i = 0; i < length; ++i)
                frame += static_cast<char>(byte(header + 4 + i) ^ byte(header + (i & 3U)));
            frames.push_back(std::move(frame));
        }
        at += whole;
    }
    input.erase(0, at);
    return frames;
}

class server {
public:
    server(int port, bool gather) : gather_(gather), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
        setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on_, sizeof on_);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
        if (listen(listener_, 4096) != 0) fail("listen");
        watch(listener_);
    }

    void run() {
        for (;;) {
            epoll_event events[1024];
            const int n = epoll_wait(epoll_, events, 1024, -1);
            for (int i = 0; i < n; ++i) {
                if (events[i].data.fd == listener_)
                    accept_one();
                else
                    read_from(events[i].data.fd);
            }
        }
    }

private:
    void watch(int descriptor) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.fd = descriptor;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &e);
    }

    void accept_one() {
        const int s = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
        if (s < 0) return;
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on_, sizeof on_);
        connections_[s] = {};
        watch(s);
    }

    void read_from(int s) {
        static char buffer[1 << 18];
        connection& c = connections_[s];
        const ssize_t n = recv(s, buffer, sizeof buffer, 0);
        if (n <= 0) {
            std::erase(subscribers_, s);
            connections_.erase(s);
            close(s);
            return;
        }
        c.input.append(buffer, static_cast<std::size_t>(n));
        if (!c.is_open && !open(s, c)) return;
        const auto frames = take_frames(c.input);
        if (c.is_publisher) publish(frames);
    }

    bool open(int s, connection& c) {
        const std::size_t end = c.input.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        send_whole(s, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: " +
                          accept_key(c.input) + "\r\n\r\n");
        c.is_publisher = c.input.compare(4, 4, "/pub") == 0;
        c.input.erase(0, end + 4);
        c.input.shrink_to_fit();
        c.is_open = true;
        if (!c.is_publisher) subscribers_.push_back(s);
        return true;
    }

    void publish(const std::vector<std::string>& frames) {
        if (!gather_) {
            for (const auto& f : frames)
                for (const int s : subscribers_) send_whole(s, f);
            return;
        }
        for (std::size_t first = 0; first < frames.size(); first += 64) {
            iovec parts[64];
            const std::size_t n = std::min<std::size_t>(64, frames.size() - first);
            std::size_t total = 0;
            for (std::size_t i = 0; i < n; ++i) {
                const std::string& f = frames[first + i];
                parts[i] = {const_cast<char*>(f.data()), f.size()};
                total += f.size();
            }
            for (const int s : subscribers_)
                if (writev(s, parts, static_cast<int>(n)) != static_cast<ssize_t>(total)) fail("short writev");
        }
    }

    const int on_ = 1;
    bool gather_;
    int epoll_ = epoll_create1(0);
    int listener_;
    std::unordered_map<int, connection> connections_;
    std::vector<int> subscribers_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    server(std::atoi(argv[1]), std::string_view(argv[2]) == "gather").run();
}
