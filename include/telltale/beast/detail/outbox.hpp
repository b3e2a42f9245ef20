// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_OUTBOX_HPP
#define TELLTALE_BEAST_DETAIL_OUTBOX_HPP

#include <telltale/beast/detail/tcp.hpp>
#include <telltale/beast/frame.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// The one way out of a WebSocket connection: frames of ours, shared with other connections, and what Beast writes,
/// gathered into one write at a time. Frames never interleave; control frames go before queued data; nothing follows a
/// close frame.
///
/// A write is tried at once, without the loop; only a full socket is waited for. So nothing but the queue is kept
/// between writes. Not thread-safe: on the connection's executor only.
class outbox : public std::enable_shared_from_this<outbox> {
    /// A shared frame, or a part of what Beast writes.
    struct entry {
        frame shared;
        std::string_view part;
        bool ends_frame;
        bool ends_write;
        std::string_view bytes() const noexcept { return shared ? std::string_view(shared->bytes) : part; }
    };

    /// A queue that costs nothing while it is empty.
    class lane {
    public:
        bool empty() const noexcept { return first_ == entries_.size(); }
        std::size_t size() const noexcept { return entries_.size() - first_; }
        auto begin() const noexcept { return entries_.begin() + static_cast<std::ptrdiff_t>(first_); }
        auto end() const noexcept { return entries_.end(); }
        const entry& front() const noexcept { return entries_[first_]; }
        const entry& operator[](std::size_t i) const noexcept { return entries_[first_ + i]; }
        void push(entry e) { entries_.push_back(std::move(e)); }
        void pop() noexcept {
            entries_[first_++].shared.reset();
            if (first_ == entries_.size()) {
                entries_.clear();
                first_ = 0;
            } else if (first_ >= 1024 && first_ * 2 > entries_.size()) {
                entries_.erase(entries_.begin(), begin());
                first_ = 0;
            }
        }
        void take(lane& other) {
            for (auto i = other.begin(); i != other.end(); ++i) entries_.push_back(*i);
            other.clear();
        }
        template <class Predicate>
        std::size_t remove_if(Predicate p) {
            const auto old_end = entries_.end();
            const auto new_end = std::remove_if(entries_.begin() + static_cast<std::ptrdiff_t>(first_), old_end, p);
            const auto count = static_cast<std::size_t>(old_end - new_end);
            entries_.erase(new_end, old_end);
            return count;
        }
        void clear() noexcept {
            entries_.clear();
            first_ = 0;
        }

    private:
        std::vector<entry> entries_;
        std::size_t first_ = 0;
    };

public:
    static constexpr std::size_t max_gather = 64; ///< buffers in one write: what Asio passes on

    enum class push_result { queued, full, closed };

    /// An operation of Beast's that waits until its bytes are written.
    class beast_write {
    public:
        virtual ~beast_write() = default;
        /// Posts the handler.
        virtual void complete(error_code ec, std::size_t n) = 0;
    };

    /// `max_bytes`: of data frames that are queued; one frame is taken whatever its size.
    outbox(tcp::socket socket, std::size_t max_bytes) : socket_(std::move(socket)), max_bytes_(max_bytes) {
        error_code ignored;
        socket_.non_blocking(true, ignored);
    }

    tcp::socket& socket() noexcept { return socket_; }

    /// Called when all that was queued has been written, if set; then it is forgotten.
    void on_drained(std::function<void()> f) { drained_ = std::move(f); }

    /// From now on Beast writes WebSocket frames, no longer the answer to the upgrade.
    void open() noexcept { open_ = true; }

    /// Queues a data frame. Nothing is written before flush().
    push_result push(frame f) {
        if (closing_ || failed_) return push_result::closed;
        if (queued_bytes_ > 0 && queued_bytes_ + f->bytes.size() > max_bytes_) return push_result::full;
        queued_bytes_ += f->bytes.size();
        auto& queue = in_message_of_beast() ? held_ : data_;
        queue.push({std::move(f), {}, true, false});
        return push_result::queued;
    }

    /// Queues a control frame before all data.
    void push_control(frame f) {
        if (!closing_ && !failed_) control_.push({std::move(f), {}, true, false});
    }

    /// Forgets the data frames of which no byte was written. How many.
    std::size_t drop() {
        const auto keep_first = offset_ > 0 && !offset_in_control_ && data_.front().shared;
        return remove_if([&, first = keep_first](const entry&) mutable { return !std::exchange(first, false); });
    }

    /// Forgets every data frame after which a newer one of the same key is queued. How many.
    std::size_t conflate() {
        std::vector<const frame_bytes*> order;
        for (const auto* queue : {&data_, &held_})
            for (const auto& e : *queue)
                if (e.shared) order.push_back(e.shared.get());
        std::unordered_set<std::string_view> seen;
        std::unordered_set<const frame_bytes*> old;
        for (auto i = order.rbegin(); i != order.rend(); ++i)
            if (!(*i)->key.empty() && !seen.insert((*i)->key).second) old.insert(*i);
        const auto* const begun = offset_ > 0 && !offset_in_control_ ? data_.front().shared.get() : nullptr;
        return remove_if([&](const entry& e) { return e.shared.get() != begun && old.contains(e.shared.get()); });
    }

    /// Writes what is queued, as far as the socket takes it; goes on when it takes more.
    void flush() {
        if (waiting_ || failed_) return;
        while (write_once()) {}
        if (!waiting_ && !failed_ && empty() && drained_) std::exchange(drained_, nullptr)();
    }

    /// Queues what Beast writes; the memory lives until completion. At most one at a time.
    void write(std::vector<std::string_view> parts, std::unique_ptr<beast_write> done) {
        beast_done_ = std::move(done);
        beast_size_ = 0;
        for (const auto p : parts) beast_size_ += p.size();
        if (failed_ || beast_size_ == 0) return finish_beast(failed_ ? failed_ : error_code{});
        // Beast starts a frame with the whole header in one part.
        const bool control =
            open_ && frame_left_ == 0 && (static_cast<unsigned char>(parts.front().front()) & 0x0FU) > 8;
        auto& queue = control ? control_ : data_;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (open_) track(parts[i]);
            const bool last = i + 1 == parts.size();
            queue.push({nullptr, parts[i], last && frame_left_ == 0, last});
        }
        flush();
    }

    bool empty() const noexcept { return data_.empty() && control_.empty() && held_.empty(); }
    std::size_t queued_bytes() const noexcept { return queued_bytes_; }
    std::size_t writes() const noexcept { return writes_; }

    void close() noexcept {
        error_code ignored;
        socket_.close(ignored);
    }

private:
    /// The buffers of one write, and from which lane each of them is.
    struct batch {
        std::array<net::const_buffer, max_gather> buffers;
        std::array<bool, max_gather> control;
        std::size_t size = 0;
        void add(const entry& e, bool is_control, std::size_t skip) {
            const auto b = e.bytes().substr(skip);
            buffers[size] = net::const_buffer(b.data(), b.size());
            control[size++] = is_control;
        }
        bool full() const noexcept { return size == max_gather; }
    };

    struct view {
        using value_type = net::const_buffer;
        using const_iterator = const net::const_buffer*;
        const_iterator first;
        const_iterator last;
        const_iterator begin() const noexcept { return first; }
        const_iterator end() const noexcept { return last; }
    };

    bool in_message_of_beast() const noexcept { return frame_left_ > 0 || in_message_; }

    template <class Predicate>
    std::size_t remove_if(Predicate predicate) {
        const auto ours = [&](const entry& e) {
            if (!e.shared || !predicate(e)) return false;
            queued_bytes_ -= e.shared->bytes.size();
            return true;
        };
        // In order, and each entry once: the predicates have state.
        std::size_t count = 0;
        for (auto* l : {&data_, &held_}) {
            std::vector<bool> gone;
            for (const auto& e : *l) gone.push_back(ours(e));
            std::size_t i = 0;
            count += l->remove_if([&](const entry&) { return gone[i++]; });
        }
        return count;
    }

    void gather(batch& b) const {
        std::size_t control = 0;
        std::size_t data = 0;
        if (offset_ > 0 && offset_in_control_) {
            b.add(control_[control++], true, offset_);
        } else if (offset_ > 0 || mid_frame_) {
            // A frame has begun: go on to its end.
            for (bool ended = false; !ended && !b.full();) {
                if (data == data_.size()) return;
                ended = data_[data].ends_frame;
                b.add(data_[data], false, data == 0 ? offset_ : 0);
                ++data;
            }
        }
        while (control < control_.size() && !b.full()) b.add(control_[control++], true, 0);
        while (data < data_.size() && !b.full()) b.add(data_[data++], false, 0);
    }

    /// Whether to go on.
    bool write_once() {
        batch b;
        gather(b);
        if (b.size == 0) return false;
        error_code ec;
        ++writes_;
        const auto n = socket_.write_some(view{b.buffers.data(), b.buffers.data() + b.size}, ec);
        if (ec == net::error::would_block || ec == net::error::try_again) {
            waiting_ = true;
            socket_.async_wait(tcp::socket::wait_write, [self = shared_from_this()](error_code e) {
                self->waiting_ = false;
                e ? self->fail(e) : self->flush();
            });
            return false;
        }
        if (ec) return fail(ec), false;
        consume(b, n);
        return true;
    }

    void consume(const batch& b, std::size_t n) {
        for (std::size_t i = 0; i < b.size; ++i) {
            const auto rest = b.buffers[i].size();
            if (n < rest) {
                if (n > 0) {
                    // Only the first buffer can have begun before.
                    offset_ = (i == 0 ? offset_ : 0) + n;
                    offset_in_control_ = b.control[i];
                }
                return;
            }
            n -= rest;
            offset_ = 0;
            auto& from = b.control[i] ? control_ : data_;
            const entry& e = from.front();
            mid_frame_ = !e.ends_frame;
            const bool ends_write = e.ends_write;
            if (e.shared && !b.control[i]) queued_bytes_ -= e.shared->bytes.size();
            from.pop();
            if (ends_write) finish_beast({});
        }
    }

    void finish_beast(error_code ec) {
        if (!in_message_of_beast()) data_.take(held_);
        const auto done = std::move(beast_done_);
        if (done) done->complete(ec, ec ? 0 : beast_size_);
    }

    /// The connection is of no use any more: Beast's read will end with an error and tell the session.
    void fail(error_code ec) {
        failed_ = ec;
        data_.clear();
        control_.clear();
        held_.clear();
        queued_bytes_ = 0;
        drained_ = nullptr;
        finish_beast(ec);
        close();
    }

    /// Follows the frames that Beast writes, which it splits and fragments.
    void track(std::string_view part) {
        while (!part.empty()) {
            if (frame_left_ == 0) {
                const auto byte = [&](std::size_t i) {
                    return static_cast<std::uint64_t>(static_cast<unsigned char>(part[i]));
                };
                const auto op = byte(0) & 0x0FU;
                std::uint64_t length = byte(1) & 0x7FU;
                std::uint64_t header = 2;
                const std::size_t extended = length == 126 ? 2 : length == 127 ? 8 : 0;
                if (extended > 0) {
                    length = 0;
                    for (std::size_t i = 0; i < extended; ++i) length = length << 8U | byte(2 + i);
                    header += extended;
                }
                if ((byte(1) & 0x80U) != 0) header += 4;
                if (op < 8) in_message_ = (byte(0) & 0x80U) == 0;
                if (op == 8) closing_ = true;
                frame_left_ = header + length;
            }
            const auto n = std::min<std::uint64_t>(frame_left_, part.size());
            frame_left_ -= n;
            part.remove_prefix(static_cast<std::size_t>(n));
        }
    }

    tcp::socket socket_;
    std::size_t max_bytes_;
    lane control_;
    lane data_;
    lane held_; ///< frames of ours that wait for the end of a message of Beast's
    std::size_t queued_bytes_ = 0;
    std::size_t offset_ = 0; ///< written bytes of the entry that is first in its lane
    bool offset_in_control_ = false;
    bool mid_frame_ = false; ///< what was written last does not end a frame
    bool waiting_ = false;
    bool open_ = false;
    bool closing_ = false;
    bool in_message_ = false;      ///< Beast: between the fragments of a message
    std::uint64_t frame_left_ = 0; ///< Beast: bytes that the current frame still lacks
    std::unique_ptr<beast_write> beast_done_;
    std::size_t beast_size_ = 0;
    error_code failed_;
    std::function<void()> drained_;
    std::size_t writes_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_OUTBOX_HPP
