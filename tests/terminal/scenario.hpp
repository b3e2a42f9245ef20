// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_TERMINAL_SCENARIO_HPP
#define TELLTALE_TESTS_TERMINAL_SCENARIO_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale_test {

/// What happens to bars, told in lines of text: tests/terminal/scenarios/*.txt. The same file is played in the terminal
/// emulator (tests/unit/progress/bar_screen.cpp) and in tmux (tests/terminal/bars.cpp and in_tmux.py).
///
///     size 60 12                        the terminal at the beginning
///     style ascii | unicode             (ascii: C locale)
///     now 2.5                           seconds
///     job NAME STATE [WORD...]          a job is as follows; a step of one: step JOB NAME STATE [WORD...]
///         3/10 or 3    done, total      rate=2 left=5 band=4..7 started=0 finished=2 bytes note=some_text
///     forget NAME                       the job is no longer among them
///     update, finish                    the jobs are shown
///     log TEXT                          \n and \e stand for what they do in C
///     resize 40 12
///     screen                            the lines that follow, each after "|", are what is to be seen
///     all                               the same, with what was scrolled away
class scenario {
public:
    using clock = std::chrono::steady_clock;

    /// False: the line is none of those that change the jobs or the time.
    bool apply(const std::string& text) {
        std::istringstream in(text);
        std::string verb;
        std::string name;
        in >> verb;
        if (verb == "now") {
            in >> seconds_;
        } else if (verb == "job") {
            in >> name;
            telltale::job& j = find(name);
            const telltale::job_step s = read(in);
            j.state = s.state;
            j.progress = s.progress;
            j.started = s.started;
            j.finished = s.finished;
            if (!note_.empty()) j.error = telltale::job_error{.message = note_};
        } else if (verb == "step") {
            in >> name;
            telltale::job& j = find(name);
            in >> name;
            auto steps = j.steps ? *j.steps : std::vector<telltale::job_step>();
            auto found = std::find_if(steps.begin(), steps.end(), [&](const auto& s) { return s.name == name; });
            if (found == steps.end()) found = steps.insert(steps.end(), telltale::job_step{});
            *found = read(in);
            found->name = name;
            j.steps = std::make_shared<const std::vector<telltale::job_step>>(std::move(steps));
        } else if (verb == "forget") {
            in >> name;
            std::erase_if(jobs_, [&](const auto& j) { return j.id == name; });
        } else {
            return false;
        }
        return true;
    }

    std::vector<std::shared_ptr<const telltale::job>> jobs() const {
        std::vector<std::shared_ptr<const telltale::job>> all;
        for (const auto& j : jobs_) all.push_back(std::make_shared<const telltale::job>(j));
        return all;
    }

    clock::time_point now() const {
        return clock::time_point(std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(seconds_)));
    }
    telltale::timestamp calendar() const { return at(seconds_); }

    /// The text of a `log` line, with its escapes resolved.
    static std::string log_text(std::string text) {
        text.erase(0, 4);
        for (const auto& [from, to] : {std::pair{"\\n", "\n"}, std::pair{"\\e", "\x1b"}})
            for (std::size_t at = 0; (at = text.find(from)) != std::string::npos;) text.replace(at, 2, to);
        return text;
    }

private:
    static telltale::timestamp at(double seconds) {
        return telltale::timestamp(
            std::chrono::duration_cast<telltale::timestamp::duration>(std::chrono::duration<double>(seconds)));
    }

    telltale::job& find(const std::string& name) {
        const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](const auto& j) { return j.id == name; });
        if (found != jobs_.end()) return *found;
        telltale::job fresh;
        fresh.id = fresh.name = name;
        return jobs_.emplace_back(std::move(fresh));
    }

    telltale::job_step read(std::istringstream& in) {
        telltale::job_step s;
        std::string word;
        in >> word;
        const auto state = telltale::parse_job_state(word);
        if (!state) throw std::runtime_error("no state: " + word);
        s.state = *state;
        note_.clear();
        while (in >> word) {
            const std::size_t equals = word.find('=');
            const std::string value = word.substr(equals == std::string::npos ? 0 : equals + 1);
            const std::string key = equals == std::string::npos ? "" : word.substr(0, equals);
            const auto number = [&] { return std::stod(value); };
            if (key == "started") {
                s.started = at(number());
            } else if (key == "finished") {
                s.finished = at(number());
            } else if (key == "note") {
                note_ = value;
                std::replace(note_.begin(), note_.end(), '_', ' ');
            } else if (key == "rate") {
                s.progress.value().rate = number();
            } else if (key == "left") {
                s.progress.value().remaining = std::chrono::duration<double>(number());
            } else if (key == "band") {
                s.progress.value().remaining_low = std::chrono::duration<double>(number());
                s.progress.value().remaining_high =
                    std::chrono::duration<double>(std::stod(value.substr(value.find("..") + 2)));
            } else if (value == "bytes") {
                s.progress.value().unit = telltale::progress_unit::bytes;
            } else {
                s.progress.emplace().done = number();
                if (const auto slash = value.find('/'); slash != std::string::npos)
                    s.progress->total = std::stod(value.substr(slash + 1));
            }
        }
        return s;
    }

    std::vector<telltale::job> jobs_;
    double seconds_ = 0;
    std::string note_;
};

} // namespace telltale_test

#endif // TELLTALE_TESTS_TERMINAL_SCENARIO_HPP
