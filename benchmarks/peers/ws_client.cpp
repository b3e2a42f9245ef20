// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// The client that measures WebSocket fan-out servers as black boxes: N subscribers and one publisher, one thread, epoll.
// Text messages of the publisher (path /pub) must reach every subscriber (path /sub), in order.
//
//   flood  message k + window is published as soon as every subscriber has message k, so nothing need ever be dropped
//   paced  a fixed rate; latency is the time of arrival minus the time at which the message should have been published
//
// Frames are compared byte for byte while warming up, by length and number while measuring. Server CPU is the process CPU
// clock of --pid, all threads. Prints one line of JSON.

#include "process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using u64 = std::uint64_t;
constexpr u64 second = 1'000'000'000;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "ws_client: %s (errno %d: %s)\n", what, errno, std::strerror(errno));
    std::exit(1);
}

struct options {
    int port = 9001;
    int subscribers = 100;
    pid_t pid = 0;
    u64 window = 64;        // messages
    std::size_t size = 256; // bytes of a message, at least 200
    double seconds = 2.5;
    double warm_up = 0.6; // seconds
    double rate = 100;    // messages per second, when paced
    bool paced = false;
};

options parse_options(int argc, char** argv) {
    options o;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view name = argv[i];
        const std::string value = argv[i + 1];
        if (name == "--port")
            o.port = std::stoi(value);
        else if (name == "--n")
            o.subscribers = std::stoi(value);
        else if (name == "--pid")
            o.pid = std::stoi(value);
        else if (name == "--window")
            o.window = std::stoul(value);
        else if (name == "--size")
            o.size = std::stoul(value);
        else if (name == "--secs")
            o.seconds = std::stod(value);
        else if (name == "--warm")
            o.warm_up = std::stod(value);
        else if (name == "--rate")
            o.rate = std::stod(value);
        else if (name == "--mode")
            o.paced = value == "paced";
        else
            fail("unknown option");
    }
    return o;
}

std::string payload(u64 number, std::size_t size) {
    char text[256];
    std::snprintf(text, sizeof text,
                  R"({"type":"progress","id":"%012llu","job":"job-000123","pct":42.5,"state":"running","msg":")",
                  static_cast<unsigned long long>(number));
    std::string result = text;
    while (result.size() + 2 < size) result += static_cast<char>('a' + result.size() % 26);
    return result + "\"}";
}

// A client's frame, masked with the key 0.
std::string masked_frame(unsigned char opcode, std::string_view data) {
    std::string frame(1, static_cast<char>(0x80 | opcode));
    if (data.size() < 126) {
        frame += static_cast<char>(0x80 | data.size());
    } else {
        frame += static_cast<char>(0x80 | 126);
        frame += static_cast<char>(data.size() >> 8);
        frame += static_cast<char>(data.size());
    }
    frame.append(4, '\0');
    frame += data;
    return frame;
}

void send_all(int socket, std::string_view data) {
    while (!data.empty()) {
        const ssize_t n = send(socket, data.data(), data.size(), MSG_NOSIGNAL);
        if (n > 0)
            data.remove_prefix(static_cast<std::size_t>(n));
        else if (errno == EAGAIN)
            usleep(100);
        else
            fail("send");
    }
}

int dial(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int tries = 0; tries < 300; ++tries) {
        const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
            const int on = 1;
            setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return s;
        }
        close(s);
        usleep(20'000);
    }
    fail("connect");
}

struct connection {
    int socket = -1;
    u64 received = 0;        // messages
    std::size_t missing = 0; // bytes of a frame whose beginning was read
    bool missing_is_message = false;
    std::string unparsed; // less than a frame header, or an incomplete control frame

    void open(int port, const std::string& path) {
        socket = dial(port);
        send_all(socket, "GET " + path + " HTTP/1.1\r\nHost: localhost:" + std::to_string(port) +
                             "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
                             "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
        std::size_t end = 0;
        while ((end = unparsed.find("\r\n\r\n")) == std::string::npos) {
            char part[4096];
            const ssize_t n = read(socket, part, sizeof part);
            if (n <= 0) fail("no answer to the handshake");
            unparsed.append(part, static_cast<std::size_t>(n));
        }
        if (unparsed.compare(0, 12, "HTTP/1.1 101") != 0) fail("the server refused the handshake");
        if (unparsed.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == std::string::npos) fail("wrong accept key");
        unparsed.erase(0, end + 4);
        fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
    }
};

class measurement {
public:
    explicit measurement(const options& o)
        : options_(o), reached_(ring), published_at_(ring), period_(static_cast<u64>(1e9 / o.rate)) {}

    void run() {
        const int probe = dial(options_.port);
        usleep(200'000);
        const long memory_empty = process::memory_kb(options_.pid);
        close(probe);

        publisher_.open(options_.port, "/pub");
        subscribers_.resize(static_cast<std::size_t>(options_.subscribers));
        for (auto& s : subscribers_) s.open(options_.port, "/sub");
        timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
        for (std::size_t i = 0; i < subscribers_.size(); ++i) watch(subscribers_[i].socket, i);
        watch(publisher_.socket, publisher_tag);
        watch(timer_, timer_tag);
        usleep(700'000);
        const long memory_idle = process::memory_kb(options_.pid);

        phase(options_.warm_up);
        compare_ = false;
        reads_ = delivered_ = 0;
        memory_peak_ = 0;
        measure_latency_ = options_.paced;
        const u64 first = published_;
        const u64 server_cpu = process::cpu_of(options_.pid);
        const u64 own_cpu = process::cpu();
        const u64 begin = process::now();
        phase(options_.seconds);
        const double wall = static_cast<double>(process::now() - begin) / 1e9;
        const double server_us = static_cast<double>(process::cpu_of(options_.pid) - server_cpu) / 1e3;
        const double own_us = static_cast<double>(process::cpu() - own_cpu) / 1e3;

        const u64 messages = published_ - first;
        const double delivered = std::max(1.0, static_cast<double>(delivered_));
        std::sort(latency_us_.begin(), latency_us_.end());
        const auto percentile = [this](std::size_t p) {
            return latency_us_.empty() ? 0 : latency_us_[latency_us_.size() * p / 100];
        };
        std::printf("{\"msgs\":%llu,\"delivered\":%llu,\"lost\":%lld,\"bad\":%llu,\"compared\":%llu,\"wall_s\":%.3f,"
                    "\"deliv_per_s\":%.0f,\"srv_cpu_us_per_deliv\":%.4f,\"cli_cpu_us_per_deliv\":%.4f,"
                    "\"frames_per_read\":%.2f,\"p50_us\":%u,\"p99_us\":%u,"
                    "\"rss_empty_kb\":%ld,\"rss_idle_kb\":%ld,\"rss_peak_kb\":%ld}\n",
                    static_cast<unsigned long long>(messages), static_cast<unsigned long long>(delivered_),
                    static_cast<long long>(messages * subscribers_.size()) - static_cast<long long>(delivered_),
                    static_cast<unsigned long long>(bad_), static_cast<unsigned long long>(compared_), wall,
                    delivered / wall, server_us / delivered, own_us / delivered,
                    delivered / std::max(1.0, static_cast<double>(reads_)), percentile(50), percentile(99),
                    memory_empty, memory_idle, memory_peak_);
    }

private:
    static constexpr std::size_t ring = 1 << 16; // more than are ever under way
    static constexpr u64 publisher_tag = u64{1} << 32;
    static constexpr u64 timer_tag = u64{2} << 32;

    void watch(int descriptor, u64 tag) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.u64 = tag;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &e) != 0) fail("epoll_ctl");
    }

    void publish(u64 time) {
        published_at_[published_ % ring] = time;
        outbox_ += masked_frame(1, payload(published_, options_.size));
        ++published_;
    }

    void flush() {
        while (sent_ < outbox_.size()) {
            const ssize_t n = send(publisher_.socket, outbox_.data() + sent_, outbox_.size() - sent_, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) return;
            if (n < 0) fail("send of the publisher");
            sent_ += static_cast<std::size_t>(n);
        }
        outbox_.clear();
        sent_ = 0;
    }

    void message_arrived(connection& c) {
        const u64 number = c.received++;
        ++delivered_;
        if (measure_latency_) {
            const u64 due = published_at_[number % ring];
            const u64 us = arrival_ > due ? (arrival_ - due) / 1000 : 0;
            latency_us_.push_back(static_cast<std::uint32_t>(std::min<u64>(us, 0xffffffffU)));
        }
        if (++reached_[number % ring] != subscribers_.size()) return;
        while (complete_ < published_ && reached_[complete_ % ring] == subscribers_.size())
            reached_[complete_++ % ring] = 0;
    }

    void check(const connection& c, bool final, const unsigned char* data, std::size_t length, bool whole) {
        if (length != options_.size || !final) ++bad_;
        if (!compare_ || !whole) return;
        ++compared_;
        const std::string expected = payload(c.received, options_.size);
        if (length != expected.size() || std::memcmp(expected.data(), data, length) != 0) ++bad_;
    }

    /// Returns how many bytes were dealt with.
    std::size_t parse(connection& c, const unsigned char* p, std::size_t n) {
        std::size_t i = 0;
        if (c.missing > 0) {
            i = std::min(c.missing, n);
            c.missing -= i;
            if (c.missing > 0) return n;
            if (c.missing_is_message) message_arrived(c);
        }
        while (n - i >= 2) {
            const unsigned opcode = p[i] & 15U;
            std::size_t length = p[i + 1] & 127U;
            std::size_t header = 2;
            if (p[i + 1] & 0x80U) fail("a masked frame from the server");
            if (length == 127) fail("a frame beyond 64 KiB from the server");
            if (length == 126) {
                if (n - i < 4) break;
                length = static_cast<std::size_t>(p[i + 2]) << 8U | p[i + 3];
                header = 4;
            }
            const bool whole = n - i >= header + length;
            if (&c != &publisher_ && opcode <= 2 && length > 125) {
                check(c, (p[i] & 0x80U) != 0, p + i + header, length, whole);
                if (!whole) {
                    c.missing = length - (n - i - header);
                    c.missing_is_message = true;
                    return n;
                }
                message_arrived(c);
            } else {
                if (!whole) break;
                if (opcode == 8) fail("the server sent a close frame");
                const std::string_view data(reinterpret_cast<const char*>(p) + i + header, length);
                if (opcode == 9)
                    send_all(c.socket, masked_frame(10, data));
                else if (opcode != 10)
                    ++bad_;
            }
            i += header + length;
        }
        return i;
    }

    void read_from(connection& c) {
        static unsigned char buffer[1 << 18];
        const std::size_t old = c.unparsed.size();
        std::memcpy(buffer, c.unparsed.data(), old);
        const ssize_t n = recv(c.socket, buffer + old, sizeof buffer - old, 0);
        if (n == 0) fail("the server closed a connection");
        if (n < 0 && errno == EAGAIN) return;
        if (n < 0) fail("recv");
        ++reads_;
        arrival_ = process::now();
        const std::size_t size = old + static_cast<std::size_t>(n);
        const std::size_t done = parse(c, buffer, size);
        c.unparsed.assign(reinterpret_cast<char*>(buffer) + done, size - done);
    }

    void set_timer(u64 first, u64 period) {
        const auto parts = [](u64 ns) {
            return timespec{static_cast<time_t>(ns / second), static_cast<long>(ns % second)};
        };
        const itimerspec when{parts(period), parts(first)};
        timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr);
    }

    void tick(u64 end) {
        u64 times = 0;
        if (read(timer_, &times, sizeof times) != sizeof times || process::now() >= end) return;
        for (; times > 0; --times) {
            if (published_ - complete_ < ring - 1000) publish(next_);
            next_ += period_;
        }
    }

    void phase(double seconds) {
        const u64 begin = process::now();
        const u64 end = begin + static_cast<u64>(seconds * 1e9);
        u64 looked = begin;
        if (options_.paced) {
            next_ = begin + period_;
            set_timer(next_, period_);
        }
        for (;;) {
            const u64 now = process::now();
            if (now >= end && complete_ == published_ && outbox_.empty()) break;
            if (now > end + 15 * second) break; // the rest is lost
            if (now < end && !options_.paced)
                while (published_ - complete_ < options_.window) publish(now);
            flush();
            if (now - looked > second / 5) {
                looked = now;
                memory_peak_ = std::max(memory_peak_, process::memory_kb(options_.pid));
            }
            epoll_event events[1024];
            const int n = epoll_wait(epoll_, events, 1024, 50);
            for (int i = 0; i < n; ++i) {
                const u64 tag = events[i].data.u64;
                if (tag == publisher_tag)
                    read_from(publisher_);
                else if (tag == timer_tag)
                    tick(end);
                else
                    read_from(subscribers_[tag]);
            }
        }
        set_timer(0, 0);
    }

    options options_;
    int epoll_ = epoll_create1(0);
    int timer_ = -1;
    connection publisher_;
    std::vector<connection> subscribers_;
    std::string outbox_;
    std::size_t sent_ = 0; // of the outbox

    u64 published_ = 0;
    u64 complete_ = 0;                 // every subscriber has all messages before this
    std::vector<std::size_t> reached_; // how many subscribers have a message
    std::vector<u64> published_at_;
    u64 period_;
    u64 next_ = 0; // when the next message is due

    bool compare_ = true;
    bool measure_latency_ = false;
    u64 arrival_ = 0;
    std::vector<std::uint32_t> latency_us_;
    u64 delivered_ = 0;
    u64 reads_ = 0;
    u64 bad_ = 0;
    u64 compared_ = 0;
    long memory_peak_ = 0;
};

} // namespace

int main(int argc, char** argv) { measurement(parse_options(argc, argv)).run(); }
