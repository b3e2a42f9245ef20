// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_BRIDGE_BUFFERS_HPP
#define TELLTALE_BEAST_DETAIL_BRIDGE_BUFFERS_HPP

#include <telltale/beast/detail/tcp.hpp>

#include <boost/asio/buffer.hpp>

#if defined(TELLTALE_USE_BOOST_ASIO)

namespace telltale::inline TELLTALE_ABI::bridge {

template <class Sequence>
const Sequence& mutable_view(const Sequence& s) noexcept {
    return s;
}
template <class Sequence>
const Sequence& const_view(const Sequence& s) noexcept {
    return s;
}

} // namespace telltale::inline TELLTALE_ABI::bridge

#else

#include <asio/buffer.hpp>

#include <cstddef>
#include <iterator>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::bridge {

/// A buffer sequence of telltale::net over one of Boost; no byte is copied. See bridge_executor.hpp for the nesting.
template <class Net, class Boost, class Sequence>
struct buffer_view_ {
    class type {
        using base = decltype(boost::asio::buffer_sequence_begin(std::declval<const Sequence&>()));

    public:
        class iterator {
        public:
            using value_type = Net;
            using reference = Net;
            using pointer = const Net*;
            using difference_type = std::ptrdiff_t;
            using iterator_category = std::bidirectional_iterator_tag;

            iterator() = default;
            explicit iterator(base at) : at_(at) {}
            Net operator*() const {
                const Boost b(*at_);
                return Net(b.data(), b.size());
            }
            iterator& operator++() { return ++at_, *this; }
            iterator& operator--() { return --at_, *this; }
            iterator operator++(int) { return iterator(at_++); }
            iterator operator--(int) { return iterator(at_--); }
            friend bool operator==(const iterator& a, const iterator& b) { return a.at_ == b.at_; }
            friend bool operator!=(const iterator& a, const iterator& b) { return a.at_ != b.at_; }

        private:
            base at_{};
        };

        using value_type = Net;
        using const_iterator = iterator;

        explicit type(const Sequence& s) : sequence_(s) {}
        iterator begin() const { return iterator(boost::asio::buffer_sequence_begin(sequence_)); }
        iterator end() const { return iterator(boost::asio::buffer_sequence_end(sequence_)); }

    private:
        Sequence sequence_;
    };
};

template <class Net, class Boost, class Sequence>
auto buffer_view(const Sequence& s) {
    if constexpr (std::is_convertible_v<Sequence, Boost>) {
        const Boost b(s);
        return Net(b.data(), b.size());
    } else {
        return typename buffer_view_<Net, Boost, Sequence>::type(s);
    }
}

template <class Sequence>
auto mutable_view(const Sequence& s) {
    return buffer_view<net::mutable_buffer, boost::asio::mutable_buffer>(s);
}
template <class Sequence>
auto const_view(const Sequence& s) {
    return buffer_view<net::const_buffer, boost::asio::const_buffer>(s);
}

} // namespace telltale::inline TELLTALE_ABI::bridge

#endif

#endif // TELLTALE_BEAST_DETAIL_BRIDGE_BUFFERS_HPP
