// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_FRAME_HPP
#define TELLTALE_BEAST_FRAME_HPP

#include <telltale/version.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// One WebSocket message of a server, framed (RFC 6455: unmasked, whole) and ready for any number of connections.
struct frame_bytes {
    std::string bytes; ///< header and payload
    std::string key;   ///< with slow_client_policy::conflate only the newest of a key is kept; empty: all are
};

/// Shared and immutable: encoded once, sent to all.
using frame = std::shared_ptr<const frame_bytes>;

enum class frame_kind : std::uint8_t { text = 1, binary = 2, ping = 9, pong = 10 };

inline frame make_frame(frame_kind kind, std::string_view payload, std::string key = {}) {
    auto f = std::make_shared<frame_bytes>();
    auto& out = f->bytes;
    const std::uint64_t size = payload.size();
    out.reserve(payload.size() + 10);
    out += static_cast<char>(0x80U | static_cast<unsigned>(kind));
    const auto length = [&](int bytes) {
        for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((size >> (8 * i)) & 0xFFU);
    };
    if (size < 126) {
        length(1);
    } else if (size <= 0xFFFF) {
        out += static_cast<char>(126);
        length(2);
    } else {
        out += static_cast<char>(127);
        length(8);
    }
    out.append(payload);
    f->key = std::move(key);
    return f;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_FRAME_HPP
