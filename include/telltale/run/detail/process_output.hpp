// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_PROCESS_OUTPUT_HPP
#define TELLTALE_RUN_DETAIL_PROCESS_OUTPUT_HPP

#include <telltale/run/process_options.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Keeps the last bytes of a stream, in no more memory than their limit.
class output_tail {
public:
    explicit output_tail(std::size_t limit) noexcept : limit_(limit) {}

    void append(std::string_view bytes) {
        if (bytes.size() > limit_) {
            dropped_ += bytes.size() - limit_;
            bytes.remove_prefix(bytes.size() - limit_);
        }
        const std::size_t room = std::min(limit_ - kept_.size(), bytes.size());
        kept_.append(bytes.substr(0, room));
        bytes.remove_prefix(room);
        dropped_ += bytes.size();
        while (!bytes.empty()) { // full: over the oldest, which begin at oldest_
            const std::size_t n = std::min(bytes.size(), limit_ - oldest_);
            bytes.copy(kept_.data() + oldest_, n);
            bytes.remove_prefix(n);
            oldest_ = (oldest_ + n) % limit_;
        }
    }

    captured_output take() {
        std::rotate(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(oldest_), kept_.end());
        oldest_ = 0;
        return {std::move(kept_), std::exchange(dropped_, 0)};
    }

private:
    std::size_t limit_;
    std::string kept_;
    std::size_t oldest_ = 0;
    std::uint64_t dropped_ = 0;
};

/// Cuts a stream into lines; calls `tell(line)`.
class line_splitter {
public:
    static constexpr std::size_t longest = 65'536;

    template <class Tell>
    void append(std::string_view bytes, const Tell& tell) {
        for (;;) {
            const std::size_t end = bytes.find('\n');
            const std::size_t room = longest - begun_.size();
            const std::size_t n = std::min({end, room, bytes.size()});
            if (end == n) { // a whole line
                if (begun_.empty()) {
                    tell(bytes.substr(0, n));
                } else {
                    begun_.append(bytes.substr(0, n));
                    tell_begun(tell);
                }
                bytes.remove_prefix(n + 1);
                continue;
            }
            begun_.append(bytes.substr(0, n));
            bytes.remove_prefix(n);
            if (bytes.empty()) return;
            tell_begun(tell);
        }
    }

    /// Tells the line that has no end.
    template <class Tell>
    void finish(const Tell& tell) {
        if (!begun_.empty()) tell_begun(tell);
    }

private:
    template <class Tell>
    void tell_begun(const Tell& tell) {
        tell(std::string_view(begun_));
        begun_.clear();
    }

    std::string begun_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_PROCESS_OUTPUT_HPP
