// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_COUNTED_STREAM_HPP
#define TELLTALE_PROGRESS_COUNTED_STREAM_HPP

#include <telltale/asio.hpp>
#include <telltale/progress/counted_range.hpp>
#include <telltale/progress/detail/counting_handler.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What to count of a counted_stream.
enum class counted_direction : std::uint8_t { read, written, both };

/// A stream of Asio whose bytes are counted as its operations complete. Stands wherever the stream does: with async_read,
/// async_write, read_until, or inside an SSL stream. `Stream` is a stream, or a reference to one; the counter is referred to, and
/// must be there until all operations have completed.
///
///     telltale::counted_stream<tcp::socket&, telltale::progress_tracker> body(socket, tracker);
///     co_await net::async_read(body, net::buffer(data), net::use_awaitable);
///
/// @par Thread safety
/// As the stream. The counter is advanced wherever operations complete.
template <class Stream, progress_counter Counter>
class counted_stream {
public:
    using next_layer_type = std::remove_reference_t<Stream>;
    using lowest_layer_type = typename next_layer_type::lowest_layer_type;
    using executor_type = typename next_layer_type::executor_type;

    explicit counted_stream(Stream stream, Counter& counter, counted_direction counts = counted_direction::read)
        : stream_(std::forward<Stream>(stream)), counter_(std::addressof(counter)), counts_(counts) {}

    executor_type get_executor() noexcept { return stream_.get_executor(); }
    next_layer_type& next_layer() noexcept { return stream_; }
    const next_layer_type& next_layer() const noexcept { return stream_; }
    lowest_layer_type& lowest_layer() { return stream_.lowest_layer(); }
    const lowest_layer_type& lowest_layer() const { return stream_.lowest_layer(); }

    /// As the stream's own. What was read is counted also if there was an error after it.
    template <class Buffers>
    std::size_t read_some(const Buffers& buffers, error_code& ec) {
        const std::size_t n = stream_.read_some(buffers, ec);
        count(n, counted_direction::written);
        return n;
    }

    template <class Buffers>
    std::size_t write_some(const Buffers& buffers, error_code& ec) {
        const std::size_t n = stream_.write_some(buffers, ec);
        count(n, counted_direction::read);
        return n;
    }

    /// As the stream's own, with its signature, errors and cancellation. The bytes are counted just before the handler is
    /// called, where it is called.
    template <class Buffers, class Token = default_token_t<executor_type>>
    auto async_read_some(const Buffers& buffers, Token&& token = {}) {
        return net::async_initiate<Token, void(error_code, std::size_t)>(
            detail::counting_initiation<next_layer_type, Counter, true>{
                &stream_, counts_ == counted_direction::written ? nullptr : counter_},
            token, buffers);
    }

    template <class Buffers, class Token = default_token_t<executor_type>>
    auto async_write_some(const Buffers& buffers, Token&& token = {}) {
        return net::async_initiate<Token, void(error_code, std::size_t)>(
            detail::counting_initiation<next_layer_type, Counter, false>{
                &stream_, counts_ == counted_direction::read ? nullptr : counter_},
            token, buffers);
    }

private:
    void count(std::size_t n, counted_direction not_if) {
        if (n > 0 && counts_ != not_if) counter_->advance(n);
    }

    Stream stream_;
    Counter* counter_;
    counted_direction counts_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_COUNTED_STREAM_HPP
