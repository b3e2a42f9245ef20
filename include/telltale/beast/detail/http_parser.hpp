// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_PARSER_HPP
#define TELLTALE_BEAST_DETAIL_HTTP_PARSER_HPP

#include <telltale/beast/detail/http_pool.hpp>
#include <telltale/beast/detail/tcp.hpp>
#include <telltale/beast/http_message.hpp>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Beast's parser, used without I/O: it writes straight into our messages, so neither a bridge nor a copy is needed.
template <bool IsRequest>
class http_parser final : public boost::beast::http::basic_parser<IsRequest> {
    using view = boost::beast::string_view;
    using boost_error = boost::system::error_code;

public:
    std::string method; ///< of a request
    std::string target; ///< of a request
    int version = 11;   ///< of a request
    unsigned status = 0;
    http_fields fields;
    std::string body;
    /// Where the body goes instead, when there is one and the status is 2xx.
    const download_sink* sink = nullptr;
    error_code sink_error;                   ///< what it returned
    std::uint64_t sink_limit = UINT64_MAX;   ///< bytes that it takes
    std::uint64_t memory_limit = UINT64_MAX; ///< bytes that `body` takes
    std::uint64_t body_size = 0;             ///< bytes so far

private:
    void on_request_impl(boost::beast::http::verb, view method_text, view target_text, int version_number,
                         boost_error&) override {
        version = version_number;
        method.assign(method_text.data(), method_text.size());
        target.assign(target_text.data(), target_text.size());
    }
    void on_response_impl(int code, view, int, boost_error&) override {
        status = static_cast<unsigned>(code);
        fields.reserve(8);
    }
    void on_field_impl(boost::beast::http::field, view name, view value, boost_error&) override {
        fields.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
    }
    void on_header_impl(boost_error&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, boost_error& ec) override {
        constexpr std::uint64_t trusted = 1 << 20;
        if (length && *length > (sunk() ? sink_limit : memory_limit)) ec = boost::beast::http::error::body_limit;
        // With room for what a parser of JSON wants behind the text (status_parser).
        if (length && !sunk()) body.reserve(static_cast<std::size_t>(std::min(*length, trusted)) + 64);
    }
    bool sunk() const noexcept { return sink && status >= 200 && status < 300; }
    std::size_t on_body_impl(view part, boost_error& ec) override {
        body_size += part.size();
        if (body_size > (sunk() ? sink_limit : memory_limit)) {
            ec = boost::beast::http::error::body_limit;
        } else if (!sunk()) {
            body.append(part.data(), part.size());
        } else {
            if (!sink_told_ && sink->on_head) sink_error = sink->on_head({status, fields, {}});
            sink_told_ = true;
            if (!sink_error) sink_error = sink->on_body({part.data(), part.size()});
            if (sink_error) ec = boost::beast::http::error::bad_value; // any: it ends the parsing
        }
        return part.size();
    }
    void on_chunk_header_impl(std::uint64_t, view, boost_error&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, view part, boost_error& ec) override {
        return on_body_impl(part, ec);
    }
    void on_finish_impl(boost_error&) override {}

    bool sink_told_ = false;
};

/// What has been received and not yet parsed.
class receive_buffer {
public:
    bool empty() const noexcept { return begin_ == end_; }
    std::size_t size() const noexcept { return end_ - begin_; }

    /// Room for at least one more byte; where nothing is left, for `first_size`.
    net::mutable_buffer prepare(std::size_t first_size = 4096) {
        if (begin_ == end_) {
            begin_ = end_ = 0;
            if (data_.size() < first_size) data_.resize(first_size);
        }
        if (end_ == data_.size()) {
            if (begin_ > 0) {
                std::copy(data_.begin() + static_cast<std::ptrdiff_t>(begin_), data_.end(), data_.begin());
                end_ -= begin_;
                begin_ = 0;
            } else {
                data_.resize(std::max(first_size, data_.size() * 2));
            }
        }
        return {data_.data() + end_, data_.size() - end_};
    }
    void commit(std::size_t n) noexcept { end_ += n; }

    /// Gives the parser what is there. Whether the message (or with `header_only` its header) is complete.
    template <bool IsRequest>
    bool parse(http_parser<IsRequest>& parser, bool header_only, boost::system::error_code& ec) {
        ec = {};
        parser.eager(!header_only);
        while (!empty()) {
            if (header_only ? parser.is_header_done() : parser.is_done()) break;
            const auto n = parser.put(boost::asio::const_buffer(data_.data() + begin_, size()), ec);
            begin_ += n;
            if (ec == boost::beast::http::error::need_more) {
                ec = {};
                break;
            }
            if (ec) return false;
            if (n == 0) break;
        }
        return header_only ? parser.is_header_done() : parser.is_done();
    }

private:
    std::vector<char> data_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_HTTP_PARSER_HPP
