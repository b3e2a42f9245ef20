// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_FLIGHT_RECORDER_HPP
#define TELLTALE_POLL_FLIGHT_RECORDER_HPP

#include <telltale/core/json_writer.hpp>
#include <telltale/core/redaction.hpp>
#include <telltale/poll/detail/flight_json.hpp>
#include <telltale/poll/flight_entry.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct flight_recorder_options {
    std::size_t keep = 1000; ///< the latest entries, in memory; about 1 KB each. 0: none
    /// What must not be in a line: in its texts each is replaced by "***". Below 4 characters: not replaced. Sources put no
    /// credentials into what they say; this is for the APIs that do.
    std::vector<std::string> secrets{};
};

/// Records what a status_poller sees, decides and does: the latest entries in memory, all of them as JSON in a line each
/// to where the user wants them. flight_log_reader (json/) reads the lines, testing::replay makes the decisions again.
///
///     std::ofstream file("flight.jsonl", std::ios::app | std::ios::binary);
///     telltale::flight_recorder recorder(file);
///     telltale::status_poller poller(executor, source, sink, {.recorder = recorder});
///
/// Copies share their record. Lines are exact but for what JSON cannot say: bytes that are not UTF-8 become U+FFFD,
/// numbers that are not finite become NaN.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe; `write` is called by one thread at a time.
class flight_recorder {
public:
    using line_writer = std::function<void(std::string_view line)>;

    /// Only in memory.
    explicit flight_recorder(flight_recorder_options options = {})
        : flight_recorder(line_writer(), std::move(options)) {}

    /// `write` is called with each line, which ends in a line break, where the poller calls its recorder.
    explicit flight_recorder(line_writer write, flight_recorder_options options = {})
        : shared_(std::make_shared<shared>(std::move(write), std::move(options))) {}

    /// Lines are written to `out`, which must outlive the poller. Whether and when it is flushed is its owner's to say.
    explicit flight_recorder(std::ostream& out, flight_recorder_options options = {})
        : flight_recorder(
              [&out](std::string_view line) { out.write(line.data(), static_cast<std::streamsize>(line.size())); },
              std::move(options)) {}

    void operator()(const flight_entry& e) const {
        shared& s = *shared_;
        const std::lock_guard lock(s.mutex);
        if (s.write) s.write(s.line_of(e));
        if (s.options.keep == 0) return;
        if (s.entries.size() == s.options.keep) s.entries.pop_front();
        s.entries.push_back(e);
    }

    /// The latest entries that are kept, the oldest first; at most `most`.
    std::vector<flight_entry> last(std::size_t most) const {
        return pick(most, [](const flight_entry&) { return true; });
    }

    /// Those of one job, with the polls in which it was asked for.
    std::vector<flight_entry> last(std::size_t most, const job_id& id) const {
        return pick(most, [&id](const flight_entry& e) {
            return e.id == id || std::find(e.ids.begin(), e.ids.end(), id) != e.ids.end();
        });
    }

private:
    struct shared {
        shared(line_writer w, flight_recorder_options o) : write(std::move(w)), options(std::move(o)) {
            for (auto& secret : options.secrets) { // as it would stand in a line
                std::string quoted;
                json_writer(quoted).value(secret);
                secret = quoted.substr(1, quoted.size() - 2);
            }
            std::erase_if(options.secrets, [](const std::string& secret) { return secret.size() < 4; });
        }

        const std::string& line_of(const flight_entry& e) {
            line.clear();
            json_writer json(line);
            write_json(json, e);
            if (!options.secrets.empty()) redact();
            return line += '\n';
        }

        // Texts, not names and numbers.
        void redact() {
            std::string out;
            for (std::size_t at = 0; at < line.size();) {
                if (line[at] != '"') {
                    out += line[at++];
                    continue;
                }
                std::size_t end = at + 1;
                while (line[end] != '"') end += line[end] == '\\' ? 2U : 1U;
                std::string text = line.substr(at, ++end - at);
                if (end == line.size() || line[end] != ':')
                    for (const auto& secret : options.secrets) hide(text, secret);
                out += text;
                at = end;
            }
            line.swap(out);
        }

        static void hide(std::string& text, const std::string& secret) {
            for (auto i = text.find(secret); i != std::string::npos; i = text.find(secret, i)) {
                const auto before = text.find_last_not_of('\\', i - 1); // there is a quote
                if ((i - before) % 2 == 0) {                            // the second half of an escape
                    ++i;
                    continue;
                }
                text.replace(i, secret.size(), redaction_mark);
                i += redaction_mark.size();
            }
        }

        std::mutex mutex{};
        line_writer write;
        flight_recorder_options options;
        std::deque<flight_entry> entries{};
        std::string line{}; // kept for its memory
    };

    template <class Wanted>
    std::vector<flight_entry> pick(std::size_t most, Wanted wanted) const {
        std::vector<flight_entry> result;
        const std::lock_guard lock(shared_->mutex);
        const auto& all = shared_->entries;
        for (auto e = all.rbegin(); e != all.rend() && result.size() < most; ++e)
            if (wanted(*e)) result.push_back(*e);
        std::reverse(result.begin(), result.end());
        return result;
    }

    std::shared_ptr<shared> shared_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_FLIGHT_RECORDER_HPP
