// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include "settings.hpp"

#include <telltale/core/job_state.hpp>
#include <telltale/core/redaction.hpp>
#include <telltale/error.hpp>
#include <telltale/json/shipped_profiles.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

namespace watch {
namespace {

using std::chrono::nanoseconds;

/// The command line as it was written.
struct raw_settings {
    std::string profile{}, url{}, print_profile{};
    std::string job{}, state{}, list{}, list_jobs{}, list_id{}, cancel_request{};
    std::vector<std::string> done{}, words{};
    std::string percent{}, fraction{}, done_count{}, total_count{}, message{}, name{};
    std::string timeout{}, interval{}, give_up{};
    std::vector<std::string> headers{};
    std::string token{};
    bool list_profiles = false;
};

std::string file_content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw usage_error("cannot read " + path);
    return text;
}

/// "90", "90s", "15m", "2h", "1d", "250ms"; absent: it is none.
std::optional<nanoseconds> parse_duration(std::string_view text) {
    double n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || !(n > 0)) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    double seconds = 0;
    if (unit == "ms")
        seconds = n / 1000;
    else if (unit.empty() || unit == "s")
        seconds = n;
    else if (unit == "m")
        seconds = n * 60;
    else if (unit == "h")
        seconds = n * 3600;
    else if (unit == "d")
        seconds = n * 86400;
    else
        return std::nullopt;
    if (seconds < 0.001 || seconds > 1e9) return std::nullopt;
    return nanoseconds(static_cast<nanoseconds::rep>(seconds * 1e9));
}

nanoseconds duration_of(const std::string& option, const std::string& text) {
    if (const auto d = parse_duration(text)) return *d;
    throw usage_error(option + " " + text + ": not a duration; write 90s, 15m, 2h");
}

/// A secret that is not to stand in the command line, where everybody on the machine sees it: "@file" or "env:NAME".
std::string value_of(const std::string& option, std::string_view text) {
    if (text.starts_with('@')) {
        std::string value = file_content(std::string(text.substr(1)));
        while (value.ends_with('\n') || value.ends_with('\r')) value.pop_back();
        return value;
    }
    if (text.starts_with("env:")) {
        const std::string name(text.substr(4));
        const char* const value = std::getenv(name.c_str());
        if (value == nullptr) throw usage_error(option + ": the environment has no " + name);
        return value;
    }
    return std::string(text);
}

void add_secret(settings& s, const std::string& value) {
    s.secrets.push_back(value);
    if (const auto blank = value.find(' '); blank != std::string::npos) s.secrets.push_back(value.substr(blank + 1));
}

void add_header(settings& s, const std::string& text) {
    const auto colon = text.find(':');
    if (colon == std::string::npos || colon == 0)
        throw usage_error("--header: write 'Name: value'"); // not what it is: it may hold a secret
    const auto value = std::min(text.find_first_not_of(' ', colon + 1), text.size());
    const std::string name = text.substr(0, colon);
    const auto given = std::string_view(text).substr(value);
    s.headers.emplace_back(name, value_of("--header " + name, given));
    if (telltale::is_secret_name(name) || given.starts_with('@') || given.starts_with("env:"))
        add_secret(s, s.headers.back().second);
}

std::string known_profiles() {
    std::string names;
    for (const auto name : telltale::shipped_profile_names()) names.append(names.empty() ? "" : ", ").append(name);
    return names;
}

telltale::profile load_profile(const std::string& name) {
    if (auto shipped = telltale::shipped_profile(name)) return *std::move(shipped);
    const bool file = name.find_first_of("./") != std::string::npos || std::filesystem::exists(name);
    if (!file)
        throw usage_error("there is no profile \"" + name + "\"; there are " + known_profiles() + ", or a file: ./" +
                          name + ".json");
    try {
        return telltale::parse_profile(file_content(name));
    } catch (const telltale::system_error& e) {
        throw usage_error(name + ": " + e.what());
    }
}

/// "ok=succeeded,bad=failed" at the front: the first that matches counts.
void add_words(telltale::profile& api, const std::string& option, const std::vector<std::string>& texts,
               bool terminal) {
    std::vector<telltale::profile_acceptor> added;
    for (const auto& text : texts) {
        const auto equals = text.rfind('=');
        const auto state =
            equals == std::string::npos ? std::nullopt : telltale::parse_job_state(text.substr(equals + 1));
        if (!state || equals == 0)
            throw usage_error(option + " " + text + ": write WORD=STATE, as ok=succeeded,bad=failed");
        if (terminal && !telltale::is_terminal(*state))
            throw usage_error(option + " " + text + ": a job that is done is none of that; see --word");
        telltale::profile_acceptor word;
        word.word = text.substr(0, equals);
        word.state = *state;
        added.push_back(std::move(word));
    }
    api.words.insert(api.words.begin(), added.begin(), added.end());
}

/// "POST /v1/runs/{id}/cancel"
telltale::profile_request parse_request(const std::string& text) {
    telltale::profile_request request;
    const auto blank = text.find(' ');
    request.method = blank == std::string::npos ? "POST" : text.substr(0, blank);
    request.url = blank == std::string::npos ? text : text.substr(blank + 1);
    return request;
}

telltale::profile make_profile(const raw_settings& raw) {
    telltale::profile api;
    if (!raw.profile.empty())
        api = load_profile(raw.profile);
    else if (raw.job.empty() || raw.state.empty() || raw.done.empty())
        throw usage_error("which API? Name a --profile (" + known_profiles() +
                          ", or a file), or give --job, --state and --done");
    const auto place = [](auto& to, const std::string& pointer) {
        if (!pointer.empty()) to = pointer;
    };
    if (!raw.job.empty()) api.job.url = raw.job;
    place(api.fields.state, raw.state);
    place(api.fields.message, raw.message);
    place(api.fields.name, raw.name);
    if (!raw.percent.empty() || !raw.fraction.empty() || !raw.done_count.empty()) api.fields.progress = {};
    place(api.fields.progress.percent, raw.percent);
    place(api.fields.progress.fraction, raw.fraction);
    place(api.fields.progress.done, raw.done_count);
    place(api.fields.progress.total, raw.total_count);
    add_words(api, "--word", raw.words, false);
    add_words(api, "--done", raw.done, true);
    if (!raw.list.empty()) {
        api.list.emplace();
        api.list->url = raw.list;
        api.list->jobs = raw.list_jobs;
        if (!raw.list_id.empty()) api.list->id = raw.list_id;
    }
    if (!raw.cancel_request.empty()) api.cancel = parse_request(raw.cancel_request);
    try {
        validate(api);
    } catch (const telltale::system_error& e) {
        throw usage_error(e.what());
    }
    return api;
}

void describe(CLI::App& app, raw_settings& raw, settings& s) {
    app.add_option("ID", s.ids, "the jobs to watch");
    app.add_flag("--all", s.all, "watch all jobs of the API's list that are not over");

    const char* api = "The API";
    app.add_option("--url", raw.url, "its base URL: http://host:port/prefix")->group(api);
    app.add_option("--profile", raw.profile, "how to talk to it: a name (see --list-profiles) or a file")->group(api);
    app.add_option("--job", raw.job, "path of one job: /v1/runs/{id}")->group(api);
    app.add_option("--state", raw.state, "JSON Pointer to the word for its state: /status")->group(api);
    app.add_option("--done", raw.done, "the words that end a job: ok=succeeded,bad=failed")
        ->group(api)
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--word", raw.words, "other words: waiting=queued,busy=running")
        ->group(api)
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--progress-percent", raw.percent, "pointer to a number, 0 to 100")->group(api);
    app.add_option("--progress-fraction", raw.fraction, "pointer to a number, 0 to 1")->group(api);
    app.add_option("--progress-done", raw.done_count, "pointer to how much is done")->group(api);
    app.add_option("--progress-total", raw.total_count, "pointer to how much there is")->group(api);
    app.add_option("--message", raw.message, "pointer to a text for people")->group(api);
    app.add_option("--name", raw.name, "pointer to the name of the job")->group(api);
    app.add_option("--list", raw.list, "path of the list of jobs, for --all")->group(api);
    app.add_option("--list-jobs", raw.list_jobs, "pointer to the array in that list; default: it is the array")
        ->group(api);
    app.add_option("--list-id", raw.list_id, "pointer to the id in its elements; default /id")->group(api);
    app.add_option("--cancel-request", raw.cancel_request, "for --cancel: 'POST /v1/runs/{id}/cancel'")->group(api);
    app.add_option("--print-profile", raw.print_profile, "print a shipped profile, to begin your own with, and end")
        ->group(api);
    app.add_flag("--list-profiles", raw.list_profiles, "print the names of the shipped profiles, and end")->group(api);

    const char* watching = "Watching";
    app.add_option("--timeout", raw.timeout, "give up after so long, with exit status 124: 90s, 15m, 2h")
        ->group(watching);
    app.add_option("--interval", raw.interval, "between two looks at a job; default 15s")->group(watching);
    app.add_flag("--adaptive", s.adaptive,
                 "look when the job is likely to be over, by its progress and by earlier jobs")
        ->group(watching);
    app.add_option("--max-concurrent", s.max_concurrent, "requests at a time")
        ->group(watching)
        ->check(CLI::Range(std::size_t{1}, std::size_t{1000}))
        ->capture_default_str();
    app.add_option("--give-up", raw.give_up,
                   "on a job that nothing could be learned of for so long, with exit status 3; default 2m")
        ->group(watching);
    app.add_flag("--cancel", s.cancel, "Ctrl-C cancels the jobs at the API, and watches until they are over")
        ->group(watching);

    const char* requests = "Requests";
    app.add_option("--header", raw.headers,
                   "'Name: value'; a value env:NAME is taken from the environment, @FILE from a file. May be repeated")
        ->group(requests)
        ->allow_extra_args(false);
    app.add_option("--token", raw.token, "a bearer token, likewise: env:NAME, @FILE")->group(requests);
    app.add_option("--ca-file", s.ca_file, "trust these authorities (PEM) and no others")->group(requests);
    app.add_flag("--insecure", s.insecure, "take any certificate: whoever is on the way can read everything")
        ->group(requests);
    app.add_option("--proxy", s.proxy, "http://[user:password@]host:port; default: by the environment; none: no proxy")
        ->group(requests);

    const char* output = "Output";
    app.add_flag("--json", s.json, "one event in a line, as JSON")->group(output);
    app.add_flag("--explain", s.explain,
                 "at the end say of every job that did not succeed why; SIGUSR1 says it meanwhile")
        ->group(output);
    app.add_option("--record", s.record, "write all that was seen and decided to a file, for a replay")->group(output);
    app.set_version_flag("--version", "telltale-watch " TELLTALE_VERSION_STRING);

    app.footer(
        "Exit status: 0 all succeeded (or were skipped), 1 some did not, 2 wrong usage, 3 the API is unreachable or a "
        "job\n"
        "is lost, 124 the time is over, 130 Ctrl-C. A job that nothing is known of goes before one that failed.\n\n"
        "  telltale-watch --profile slurm --url http://head:6820/slurm/v0.0.40 --header 'X-SLURM-USER-TOKEN: "
        "env:SLURM_JWT' 17 18\n"
        "  telltale-watch --url http://host:8000 --job /v1/runs/{id} --state /status --done ok=succeeded,bad=failed "
        "17");
}

} // namespace

std::optional<settings> parse(int argc, char** argv, int& status) {
    settings s;
    raw_settings raw;
    CLI::App app("Waits for the jobs of any job API, and says how they ended.", "telltale-watch");
    describe(app, raw, s);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        status = app.exit(e) == 0 ? 0 : 2;
        return std::nullopt;
    }
    if (raw.list_profiles) {
        for (const auto name : telltale::shipped_profile_names()) std::cout << name << '\n';
        return std::nullopt;
    }
    if (!raw.print_profile.empty()) {
        const auto text = telltale::shipped_profile_text(raw.print_profile);
        if (!text)
            throw usage_error("there is no profile \"" + raw.print_profile + "\"; there are " + known_profiles());
        std::cout << *text << (text->ends_with('\n') ? "" : "\n");
        return std::nullopt;
    }
    s.api = make_profile(raw);
    s.from_flags = raw.profile.empty();
    s.url = raw.url;
    if (s.url.empty()) throw usage_error("where? Give the API's --url");
    if (!s.url.starts_with("http://") && !s.url.starts_with("https://"))
        throw usage_error("--url: neither http:// nor https://"); // not what it is: it may hold a password
    if (s.ids.empty() && !s.all) throw usage_error("which jobs? Give their ids, or --all");
    if (s.all && !s.api.list) throw usage_error("--all: the profile has no list of jobs; give --list");
    if (s.cancel && !s.api.cancel) throw usage_error("--cancel: the profile cannot cancel; give --cancel-request");
    if (std::find(s.ids.begin(), s.ids.end(), std::string{}) != s.ids.end()) throw usage_error("an id is empty");
    if (!raw.timeout.empty()) s.timeout = duration_of("--timeout", raw.timeout);
    if (!raw.interval.empty()) s.interval = duration_of("--interval", raw.interval);
    if (!raw.give_up.empty()) s.give_up = duration_of("--give-up", raw.give_up);
    for (const auto& header : raw.headers) add_header(s, header);
    if (!raw.token.empty()) {
        s.headers.emplace_back("Authorization", "Bearer " + value_of("--token", raw.token));
        add_secret(s, s.headers.back().second);
    }
    if (!s.ca_file.empty()) (void)file_content(s.ca_file);
    if (!s.proxy.empty() && s.proxy != "none" && !s.proxy.starts_with("http://"))
        throw usage_error("--proxy: write http://[user:password@]host:port, or none");
    return s;
}

} // namespace watch
