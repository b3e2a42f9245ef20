// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_JOB_RESULT_IPP
#define TELLTALE_BEAST_DETAIL_JOB_RESULT_IPP

#include <telltale/beast/gzip.hpp>
#include <telltale/beast/job_result.hpp>
#include <telltale/detail/atomic_file.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/error.hpp>
#include <telltale/json/json_array_parser.hpp>
#include <telltale/json/ndjson_parser.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

TELLTALE_DECL std::string_view to_string(result_format f) noexcept {
    constexpr std::array<std::string_view, 5> names{"automatic", "raw", "json", "ndjson", "csv"};
    return names[static_cast<std::size_t>(f)];
}

namespace detail {

inline std::string size_text(std::uint64_t n) {
    constexpr std::array<const char*, 5> units{"B", "KB", "MB", "GB", "TB"};
    auto size = static_cast<double>(n);
    std::size_t unit = 0;
    for (; size >= 1000 && unit + 1 < units.size(); ++unit) size /= 1000;
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
    return text;
}

inline std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

/// What a result is, by what its header says.
struct result_kind {
    result_format format = result_format::raw;
    bool tabs = false;
};

inline std::optional<result_kind> kind_of_media_type(std::string_view content_type) {
    std::string type = lower_case(content_type.substr(0, content_type.find(';')));
    type.erase(type.find_last_not_of(" \t") + 1);
    if (type == "text/csv" || type == "application/csv") return result_kind{result_format::csv, false};
    if (type == "text/tab-separated-values") return result_kind{result_format::csv, true};
    for (const char* name : {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl",
                             "application/jsonlines", "application/x-jsonlines", "text/jsonl"})
        if (type == name) return result_kind{result_format::ndjson, false};
    if (type == "application/json" || type == "text/json" || type.ends_with("+json"))
        return result_kind{result_format::json, false};
    return std::nullopt;
}

inline std::optional<result_kind> kind_of_path(std::string_view url) {
    std::string path = lower_case(url.substr(0, url.find_first_of("?#")));
    if (path.ends_with(".gz")) path.resize(path.size() - 3);
    if (path.ends_with(".csv")) return result_kind{result_format::csv, false};
    if (path.ends_with(".tsv")) return result_kind{result_format::csv, true};
    if (path.ends_with(".ndjson") || path.ends_with(".jsonl")) return result_kind{result_format::ndjson, false};
    if (path.ends_with(".json")) return result_kind{result_format::json, false};
    return std::nullopt;
}

/// The way of a result from the wire to whoever wants it: unpacked, checked, row by row.
class result_intake {
public:
    result_intake(std::string url, result_reader read, std::unique_ptr<part_file> file, result_options options)
        : url_(std::move(url)), read_(std::move(read)), file_(std::move(file)), options_(std::move(options)) {}
    result_intake(const result_intake&) = delete;
    result_intake& operator=(const result_intake&) = delete;

    /// The header of a 2xx answer.
    void begin(const http_response& head) {
        summary_.content_type = head.header("Content-Type");
        const auto known = kind_of_media_type(summary_.content_type);
        result_kind kind = known ? *known : kind_of_path(url_).value_or(result_kind{});
        if (options_.format != result_format::automatic) kind.format = options_.format;
        if (kind.tabs) options_.csv.delimiter = '\t';
        const auto encoding = lower_case(head.header("Content-Encoding"));
        packed_ = encoding == "gzip" || encoding == "x-gzip";
        if (!packed_ && !encoding.empty() && encoding != "identity")
            throw system_error(make_error_code(errc::malformed_http), "Content-Encoding: " + encoding);
        if (packed_ && !options_.unpack) kind.format = result_format::raw;
        summary_.format = kind.format;
        if (!file_ || options_.check) open_parser();
        begun_ = true;
    }

    /// False: no more is wanted.
    bool take(std::string_view piece) {
        summary_.bytes_encoded += piece.size();
        if (sniffed_) return pass(piece);
        magic_ += piece; // two bytes tell
        if (magic_.size() < 2) return true;
        return sniff();
    }

    result_summary finish() {
        if (summary_.whole && !sniffed_) sniff();
        if (summary_.whole && inflater_) inflater_->finish();
        if (summary_.whole && csv_ && !csv_->finish()) fail_csv();
        if (summary_.whole && lines_) lines_->finish();
        if (summary_.whole && array_) array_->finish();
        if (summary_.whole && file_)
            if (const auto ec = file_->commit()) throw system_error(ec, "writing the file");
        if (csv_) summary_.ragged_rows = csv_->ragged_rows();
        summary_.rows = csv_ ? csv_->rows() : lines_ ? lines_->rows() : array_ ? array_->rows() : 0;
        return summary_;
    }

    bool begun() const noexcept { return begun_; }
    bool whole() const noexcept { return summary_.whole; }

private:
    bool sniff() {
        sniffed_ = true;
        const std::string first = std::exchange(magic_, {});
        if (options_.unpack && (packed_ || first.starts_with("\x1F\x8B"))) {
            gzip_options limit{options_.max_bytes};
            inflater_ = std::make_unique<gzip_inflater>([this](std::string_view piece) { return give(piece); }, limit);
        }
        return pass(first);
    }

    bool pass(std::string_view piece) {
        if (inflater_) return inflater_->push(piece);
        if (piece.size() > options_.max_bytes - summary_.bytes)
            throw system_error(make_error_code(errc::body_too_large));
        return give(piece);
    }

    void open_parser() {
        // Into a file nobody reads the rows: they are only counted.
        const auto need = [this](bool there) {
            if (!file_ && !there)
                throw system_error(make_error_code(errc::wrong_type),
                                   "the result is " + std::string(to_string(summary_.format)));
        };
        const auto all_json = [](const json_row&) { return true; };
        switch (summary_.format) {
        case result_format::csv:
            need(static_cast<bool>(read_.csv));
            csv_.emplace(file_ ? [](const csv_row&) { return true; } : std::move(read_.csv), options_.csv);
            break;
        case result_format::ndjson:
            need(static_cast<bool>(read_.json));
            lines_.emplace(file_ ? on_json_row(all_json) : std::move(read_.json), options_.json);
            break;
        case result_format::json:
            need(static_cast<bool>(read_.json));
            array_.emplace(options_.rows, file_ ? on_json_row(all_json) : std::move(read_.json), options_.json);
            break;
        default: need(static_cast<bool>(read_.raw)); break;
        }
    }

    bool give(std::string_view piece) {
        summary_.bytes += piece.size();
        if (file_) {
            file_->write(piece);
            if (const auto ec = file_->error()) throw system_error(ec, "writing the file");
        }
        bool more = true;
        if (csv_) {
            more = csv_->push(piece);
            if (!more && csv_->error().fault != csv_fault::stopped) fail_csv();
        } else if (lines_) {
            more = lines_->push(piece);
        } else if (array_) {
            more = array_->push(piece);
        } else if (!file_) {
            more = read_.raw(piece);
        }
        summary_.whole = summary_.whole && more;
        return more;
    }

    [[noreturn]] void fail_csv() const {
        const auto& e = csv_->error();
        const bool size = e.fault == csv_fault::field_too_large || e.fault == csv_fault::row_too_large;
        throw system_error(make_error_code(size ? errc::body_too_large : errc::malformed_csv), to_string(e));
    }

    std::string url_;
    result_reader read_;
    std::unique_ptr<part_file> file_;
    result_options options_;
    result_summary summary_{};
    std::string magic_{};
    std::unique_ptr<gzip_inflater> inflater_{};
    std::optional<csv_parser> csv_{};
    std::optional<ndjson_parser> lines_{};
    std::optional<json_array_parser> array_{};
    bool packed_ = false;
    bool sniffed_ = false;
    bool begun_ = false;
};

/// Between the client, which wants error codes, and the intake, which throws.
struct result_sink {
    std::shared_ptr<result_intake> intake;
    std::shared_ptr<std::exception_ptr> failure;

    template <class Function>
    error_code guarded(Function f) const {
        try {
            return f() ? error_code() : error_code(net::error::operation_aborted);
        } catch (...) {
            *failure = std::current_exception();
            return net::error::operation_aborted;
        }
    }
};

inline net::awaitable<result_summary> fetch_result_of(http_status_source& api, job_id id, result_reader read,
                                                      std::optional<std::filesystem::path> path,
                                                      result_options options) {
    const std::string about = "the result of job " + id;
    const auto executor = co_await net::this_coro::executor;
    const auto start = steady_now(executor);
    http_request request = api.result_request(id);
    if (options.unpack && find_field(request.headers, "Accept-Encoding") == nullptr)
        request.headers.emplace_back("Accept-Encoding", "gzip");
    std::unique_ptr<part_file> file;
    if (path) {
        file = std::make_unique<part_file>(*path);
        if (const auto ec = file->error()) throw system_error(ec, about + ": " + path->string());
    }
    const auto intake =
        std::make_shared<result_intake>(request.url, std::move(read), std::move(file), std::move(options));
    const auto failure = std::make_shared<std::exception_ptr>();
    const result_sink to{intake, failure};
    download_sink sink;
    sink.on_head = [to](const http_response& head) {
        return to.guarded([&] {
            to.intake->begin(head);
            return true;
        });
    };
    sink.on_body = [to](std::string_view piece) { return to.guarded([&] { return to.intake->take(piece); }); };
    auto [ec, response] = co_await api.client().async_download(std::move(request), std::move(sink), as_result);
    try {
        if (*failure) std::rethrow_exception(*failure);
        if (intake->whole()) {
            if (ec) throw system_error(ec);
            if (response.status < 200 || response.status >= 300)
                throw system_error(make_error_code(errc::http_status), "HTTP " + std::to_string(response.status));
            if (!intake->begun()) intake->begin(response);
        }
        result_summary summary = intake->finish();
        summary.duration = steady_now(executor) - start;
        co_return summary;
    } catch (const system_error& e) {
        // what() of a system_error ends with the message of its code, and the new one appends it again.
        std::string what = e.what();
        const std::string message = e.code().message();
        if (what.ends_with(message)) what.resize(what.size() - message.size());
        while (what.ends_with(' ') || what.ends_with(':')) what.pop_back();
        throw system_error(e.code(), what.empty() ? about : about + ": " + what);
    }
}

} // namespace detail

TELLTALE_DECL std::string to_string(const result_summary& s) {
    std::string text;
    if (s.format != result_format::raw) text = std::to_string(s.rows) + (s.rows == 1 ? " row, " : " rows, ");
    if (s.ragged_rows != 0) text += std::to_string(s.ragged_rows) + " of them ragged, ";
    text += detail::size_text(s.bytes);
    if (s.bytes_encoded != s.bytes) text += " (" + detail::size_text(s.bytes_encoded) + " packed)";
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.2f", std::chrono::duration<double>(s.duration).count());
    return text + ", " + std::string(to_string(s.format)) + ", in " + seconds + " s" +
           (s.whole ? "" : ", not all of it");
}

TELLTALE_DECL net::awaitable<result_summary> fetch_result(http_status_source& api, job_id id, result_reader read,
                                                          result_options options) {
    return detail::fetch_result_of(api, std::move(id), std::move(read), std::nullopt, std::move(options));
}

TELLTALE_DECL net::awaitable<result_summary> fetch_result(http_status_source& api, job_id id,
                                                          std::filesystem::path file, result_options options) {
    return detail::fetch_result_of(api, std::move(id), {}, std::move(file), std::move(options));
}

// No default arguments: GCC 12 destroys an aggregate that is a temporary of a co_await expression twice.
TELLTALE_DECL net::awaitable<result_summary> fetch_result(http_status_source& api, job_id id, result_reader read) {
    return fetch_result(api, std::move(id), std::move(read), result_options{});
}

TELLTALE_DECL net::awaitable<result_summary> fetch_result(http_status_source& api, job_id id,
                                                          std::filesystem::path file) {
    return fetch_result(api, std::move(id), std::move(file), result_options{});
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_DETAIL_JOB_RESULT_IPP
