// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/job_result.hpp>

#include <telltale/beast/http_server.hpp>
#include <telltale/error.hpp>

#include "catch.hpp"

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace telltale;

namespace {

std::string packed(std::string_view text) {
    ::z_stream z{};
    REQUIRE(::deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(::deflateBound(&z, static_cast<uLong>(text.size())), '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    REQUIRE(::deflate(&z, Z_FINISH) == Z_STREAM_END);
    out.resize(out.size() - z.avail_out);
    ::deflateEnd(&z);
    return out;
}

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A folder that is gone after the test.
struct temporary_folder {
    temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "telltale-results-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~temporary_folder() { std::filesystem::remove_all(path); }

    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()));
    }

    std::filesystem::path path;
};

profile with_result() {
    profile p = telltale_profile();
    p.result.emplace();
    p.result->method = "GET";
    p.result->url = "/runs/{id}/result";
    return p;
}

/// Serves results by the id of the job.
struct results_server {
    net::io_context context{1};
    std::map<std::string, http_response, std::less<>> answers{};
    std::string seen_accept_encoding{};
    http_server server{context.get_executor()};
    http_client client{context.get_executor()};
    http_status_source api;

    results_server() : api(make_api()) {}

    http_status_source make_api() {
        server.route("GET", "/runs/{id}/result", [this](http_request r) { return answer(std::move(r)); });
        server.listen({net::ip::make_address("127.0.0.1"), 0});
        return http_status_source(client, "http://127.0.0.1:" + std::to_string(server.local_endpoint().port()),
                                  with_result());
    }

    net::awaitable<http_response> answer(http_request r) {
        const auto* accepted = find_field(r.headers, "Accept-Encoding");
        seen_accept_encoding = accepted != nullptr ? *accepted : "";
        const auto found = answers.find(r.param("id"));
        if (found == answers.end()) co_return make_response(404, "text/csv", "not,a\nresult,\"\n");
        co_return found->second;
    }

    void serve(const std::string& id, const std::string& type, std::string body, const std::string& encoding = {}) {
        auto response = make_response(200, type, std::move(body));
        if (!encoding.empty()) response.headers.emplace_back("Content-Encoding", encoding);
        answers[id] = std::move(response);
    }

    void run(net::awaitable<void> test) {
        std::exception_ptr failure;
        bool ended = false;
        net::co_spawn(context, std::move(test), [&](std::exception_ptr e) {
            failure = e;
            ended = true;
        });
        while (!ended) context.run_one();
        if (failure) std::rethrow_exception(failure);
    }

    template <class To>
    result_summary fetch(const std::string& id, To to, result_options options = {}) {
        result_summary summary;
        run(fetch_into(summary, api, id, std::move(to), std::move(options)));
        return summary;
    }

    template <class To>
    static net::awaitable<void> fetch_into(result_summary& summary, http_status_source& api, std::string id, To to,
                                           result_options options) {
        summary = co_await fetch_result(api, std::move(id), std::move(to), std::move(options));
    }

    /// The error, and what it says.
    template <class To>
    std::pair<error_code, std::string> failure(const std::string& id, To to, result_options options = {}) {
        try {
            fetch(id, std::move(to), std::move(options));
        } catch (const system_error& e) {
            return {e.code(), e.what()};
        }
        return {};
    }
};

using texts = std::vector<std::string>;

/// Puts what it is given into `seen`.
result_reader collect(texts& seen) {
    result_reader read;
    read.csv = [&seen](const csv_row& row) {
        std::string text;
        for (const auto field : row.fields) text.append(text.empty() ? "" : "|").append(field);
        seen.push_back(text);
        return true;
    };
    read.json = [&seen](const json_row& row) {
        seen.emplace_back(row.text);
        return true;
    };
    read.raw = [&seen](std::string_view piece) {
        if (seen.empty()) seen.emplace_back();
        seen.back() += piece;
        return true;
    };
    return read;
}

} // namespace

TEST_CASE("results: row by row, by what the API says they are") {
    results_server s;
    s.serve("csv", "text/csv; charset=utf-8", "a,b\r\n1,\"x\r\ny\"\r\n2\r\n");
    s.serve("tsv", "text/tab-separated-values", "a\tb\n1\t2,3\n");
    s.serve("ndjson", "application/x-ndjson", "{\"n\":1}\n{\"n\":2}\n");
    s.serve("json", "application/json", "[{\"n\":1},2]");
    s.serve("vendor", "application/vnd.api+json", "{\"data\":[1,2,3]}");
    s.serve("raw", "application/octet-stream", std::string("\0\x1F", 2));
    s.serve("unlabelled.csv", "", "a\n1\n");

    texts seen;
    auto summary = s.fetch("csv", collect(seen));
    CHECK(seen == texts{"a|b", "1|x\r\ny", "2"});
    CHECK(summary.format == result_format::csv);
    CHECK(summary.content_type == "text/csv; charset=utf-8");
    CHECK(summary.rows == 2);
    CHECK(summary.ragged_rows == 1);
    CHECK(summary.bytes == 18);
    CHECK(summary.bytes_encoded == 18);
    CHECK(summary.whole);
    CHECK(s.seen_accept_encoding == "gzip");
    CHECK(to_string(summary).starts_with("2 rows, 1 of them ragged, 18 B, csv, in "));

    const auto rows_of = [&](const std::string& id, result_options options = {}) {
        texts got;
        const auto sum = s.fetch(id, collect(got), std::move(options));
        CHECK(sum.rows <= got.size());
        return got;
    };
    CHECK(rows_of("tsv") == texts{"a|b", "1|2,3"});
    CHECK(rows_of("ndjson") == texts{"{\"n\":1}", "{\"n\":2}"});
    CHECK(rows_of("json") == texts{"{\"n\":1}", "2"});
    CHECK(rows_of("vendor") == texts{"{\"data\":[1,2,3]}"});
    CHECK(rows_of("vendor", {.rows = "/data"}) == texts{"1", "2", "3"});
    CHECK(rows_of("raw") == texts{std::string("\0\x1F", 2)});
    CHECK(rows_of("csv", {.format = result_format::raw}) == texts{"a,b\r\n1,\"x\r\ny\"\r\n2\r\n"});
}

TEST_CASE("results: gzip by its header, or by its first bytes") {
    results_server s;
    const std::string table = "a,b\n1,2\n3,4\n";
    s.serve("encoded", "text/csv", packed(table), "gzip");
    s.serve("file", "text/csv", packed(table));
    s.serve("members", "text/csv", packed("a,b\n1,") + packed("2\n"), "x-gzip");
    s.serve("cut", "text/csv", packed(table).substr(0, 25), "gzip");
    s.serve("lie", "text/csv", table, "gzip");
    s.serve("br", "text/csv", table, "br");
    s.serve("empty", "text/csv", "", "gzip");
    s.serve("bomb", "text/plain", packed(std::string(5'000'000, 'x')), "gzip");

    for (const char* id : {"encoded", "file"}) {
        texts seen;
        const auto summary = s.fetch(id, collect(seen));
        CHECK(seen == texts{"a|b", "1|2", "3|4"});
        CHECK(summary.bytes == table.size());
        CHECK(summary.bytes_encoded == packed(table).size());
        CHECK(to_string(summary).find(" packed)") != std::string::npos);
    }
    texts seen;
    CHECK(s.fetch("members", collect(seen)).rows == 1);
    const auto cut = s.failure("cut", collect(seen));
    CHECK(cut.first == errc::truncated_gzip);
    CHECK(cut.second.starts_with("the result of job cut: at byte 26: gzip ends too early"));
    CHECK(s.failure("lie", collect(seen)).first == errc::malformed_gzip);
    CHECK(s.failure("br", collect(seen)).first == errc::malformed_http);
    CHECK(s.failure("empty", collect(seen)).first == errc::truncated_gzip);

    seen.clear();
    CHECK(s.failure("bomb", collect(seen), {.max_bytes = 100'000}).first == errc::body_too_large);
    CHECK(seen.at(0).size() <= 100'000);

    seen.clear();
    const auto as_it_is = s.fetch("encoded", collect(seen), {.unpack = false});
    CHECK(s.seen_accept_encoding.empty());
    CHECK(seen == texts{packed(table)});
    CHECK(as_it_is.format == result_format::raw);
}

TEST_CASE("results: what is wrong names the job and the place") {
    results_server s;
    s.serve("csv", "text/csv", "a,b\n1,\"x\"y\n");
    s.serve("wide", "text/csv", "a,b\n1,12345\n");
    s.serve("ndjson", "application/jsonl", "{}\n{\"a\":\n");
    s.serve("json", "application/json", "[1,");
    s.serve("rows", "application/json", "{\"rows\":7}");
    s.serve("long", "text/plain", "12345678901");
    texts seen;
    const auto check = [&](const std::string& id, result_options options, errc why, const std::string& what) {
        CAPTURE(id);
        const auto [ec, text] = s.failure(id, collect(seen), std::move(options));
        CHECK(ec == why);
        CAPTURE(text);
        CHECK(text.starts_with("the result of job " + id + ": " + what));
    };
    check("csv", {}, errc::malformed_csv, "line 2, column 6: text after the quote that closes a field: malformed CSV");
    check("wide", {.csv = {.max_field = 4}}, errc::body_too_large, "line 2, column 7: a field over the limit");
    check("ndjson", {}, errc::truncated_json, "line 2, column 6: JSON ends too early");
    check("json", {}, errc::truncated_json, "at byte 4: ");
    check("rows", {.rows = "/rows"}, errc::wrong_type, "at byte 9, /rows: ");
    check("rows", {.rows = "/data"}, errc::missing_field, "at /data: ");
    check("long", {.max_bytes = 10}, errc::body_too_large, "");
    check("gone", {}, errc::http_status, "HTTP 404");

    // No function for what it is.
    result_reader only_json;
    only_json.json = [](const json_row&) { return true; };
    CHECK(s.failure("csv", only_json).second.starts_with("the result of job csv: the result is csv: "));

    profile has_none = with_result();
    has_none.result.reset();
    http_status_source without(s.client, "http://127.0.0.1:1", has_none);
    result_summary summary;
    error_code ec;
    try {
        s.run(results_server::fetch_into(summary, without, "1", collect(seen), {}));
    } catch (const system_error& e) {
        ec = e.code();
    }
    CHECK(ec == errc::invalid_argument);
}

TEST_CASE("results: whoever reads can stop, or throw; then it can be done again") {
    results_server s;
    std::string table = "a\n";
    for (int i = 0; i < 100'000; ++i) table += "0123456789\n";
    s.serve("1", "text/csv", table);
    int rows = 0;
    result_reader three;
    three.csv = [&](const csv_row&) { return ++rows < 3; };
    const auto summary = s.fetch("1", three);
    CHECK(rows == 3);
    CHECK_FALSE(summary.whole);
    CHECK(summary.bytes < table.size());
    CHECK(to_string(summary).ends_with("not all of it"));

    result_reader throws;
    throws.csv = [](const csv_row&) -> bool { throw std::runtime_error("the database is gone"); };
    CHECK_THROWS_WITH(s.fetch("1", throws), "the database is gone");

    rows = 0;
    result_reader all;
    all.csv = [&](const csv_row&) { return ++rows > 0; };
    CHECK(s.fetch("1", all).rows == 100'000);
    CHECK(rows == 100'001);
}

TEST_CASE("results: a file has its name only once it is whole") {
    results_server s;
    const temporary_folder folder;
    const auto path = folder.path / "result.csv";
    const std::string table = "a,b\n1,2\n3,4\n";

    s.serve("1", "text/csv", "a,b\n1,\"open\n");
    CHECK(s.failure("1", path).first == errc::malformed_csv);
    CHECK(folder.files() == 0);
    s.serve("1", "text/csv", packed(table).substr(0, 25), "gzip");
    CHECK(s.failure("1", path).first == errc::truncated_gzip);
    s.answers.clear();
    CHECK(s.failure("1", path).first == errc::http_status);
    CHECK(folder.files() == 0);

    s.serve("1", "text/csv", packed(table), "gzip"); // tried again
    const auto summary = s.fetch("1", path);
    CHECK(content_of(path) == table);
    CHECK(summary.rows == 2);
    CHECK(summary.bytes == table.size());
    CHECK(folder.files() == 1);

    s.serve("1", "text/csv", "a,b\n\"");
    CHECK(s.failure("1", path).first == errc::malformed_csv);
    CHECK(content_of(path) == table); // what was there stays
    CHECK(folder.files() == 1);
    CHECK(s.fetch("1", path, {.check = false}).rows == 0);
    CHECK(content_of(path) == "a,b\n\"");

    CHECK(s.failure("1", folder.path / "none" / "result.csv").first);
}

namespace {

net::awaitable<void> half_an_answer(net::ip::tcp::acceptor& acceptor) {
    auto socket = co_await acceptor.async_accept(net::use_awaitable);
    char request[4096];
    co_await socket.async_read_some(net::buffer(request), net::use_awaitable);
    const std::string half = "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 100\r\n\r\na,b\n1,2\n";
    co_await socket.async_write_some(net::buffer(half), net::use_awaitable); // so few bytes go at once
}

} // namespace

TEST_CASE("results: a download that is cut off is an error, not a short file") {
    results_server s;
    const temporary_folder folder;
    net::ip::tcp::acceptor acceptor(s.context, {net::ip::make_address("127.0.0.1"), 0});
    net::co_spawn(s.context, half_an_answer(acceptor), net::detached);
    http_status_source api(s.client, "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()),
                           with_result());
    result_summary summary;
    error_code ec;
    try {
        s.run(results_server::fetch_into(summary, api, "1", folder.path / "result.csv", {}));
    } catch (const system_error& e) {
        ec = e.code();
    }
    CHECK(ec == net::error::eof);
    CHECK(folder.files() == 0);
}

namespace {

net::awaitable<void> count_rows(http_status_source& api, std::uint64_t& failed) {
    telltale::result_reader read;
    read.csv = [&failed](const telltale::csv_row& row) {
        if (row.number != 0 && row.fields[1] == "failed") ++failed; // number 0: the header
        return true;
    };
    const telltale::result_summary got = co_await telltale::fetch_result(api, "42", std::move(read));
    CHECK(got.rows == 3);
}

net::awaitable<bool> download(http_status_source& api, std::filesystem::path file) {
    for (int attempt = 1; attempt <= 3; ++attempt) {
        try {
            co_await telltale::fetch_result(api, "42", file);
            co_return true;
        } catch (const telltale::system_error& e) {
            if (e.code() != telltale::condition::transient) throw;
        }
    }
    co_return false;
}

net::awaitable<void> into(net::awaitable<bool> operation, bool& result) { result = co_await std::move(operation); }

} // namespace

TEST_CASE("results: the guide's examples") {
    results_server s;
    const temporary_folder folder;
    s.serve("42", "text/csv", "id,state\n1,ok\n2,failed\n3,failed\n");
    std::uint64_t failed = 0;
    s.run(count_rows(s.api, failed));
    CHECK(failed == 2);
    bool done = false;
    s.run(into(download(s.api, folder.path / "42.csv"), done));
    CHECK(done);
    CHECK(folder.files() == 1);
}
