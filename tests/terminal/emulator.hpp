// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_TERMINAL_EMULATOR_HPP
#define TELLTALE_TESTS_TERMINAL_EMULATOR_HPP

#include <telltale/progress/detail/text.hpp>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace telltale_test {

/// A terminal in memory, with all that was scrolled away. Understands what bars are drawn with (text, CR, LF, cursor up and
/// down, erase below and to the end of the line, wrapping on and off, colours), and throws at anything else.
class terminal_emulator {
public:
    /// `reflows`: what is too long after a resize runs on in the next row, else it is cut.
    terminal_emulator(std::size_t width, std::size_t height, bool reflows = true)
        : width_(width), height_(height), reflows_(reflows) {}

    void write(std::string_view text) {
        while (!text.empty()) {
            if (text.front() == '\x1b') {
                text.remove_prefix(escape(text));
                continue;
            }
            const auto c = telltale::detail::first_code_point(text);
            if (!c.valid) throw std::runtime_error("not UTF-8");
            put(c.value, text.substr(0, c.length));
            text.remove_prefix(c.length);
        }
    }

    /// As tmux does it: what the lines need more is scrolled away at the top, even if there is room below the cursor; a
    /// terminal that is made lower loses blank lines at the bottom first.
    void resize(std::size_t width, std::size_t height) {
        if (width != width_) {
            rows_.resize(std::max(rows_.size(), top_ + height_));
            const std::size_t rows = rows_.size();
            reflows_ ? reflow(width) : truncate(width);
            const std::size_t top = top_ + rows_.size();
            top_ = top > rows ? top - rows : 0;
            if (row_ < top_) {
                row_ = top_;
                column_ = 0;
            }
        }
        if (height < height_) {
            if (row_ + 1 > top_ + height) top_ = row_ + 1 - height;
            rows_.resize(std::min(rows_.size(), top_ + height));
        } else {
            top_ -= std::min(top_, height - height_);
        }
        width_ = width;
        height_ = height;
        wrap_pending_ = false;
    }

    /// What is to be seen, or also what was scrolled away, without what is blank at the ends of lines and at the bottom.
    std::vector<std::string> screen(bool scrolled) const {
        std::vector<std::string> all;
        for (std::size_t i = scrolled ? 0 : top_; i < rows_.size(); ++i) {
            std::string line;
            for (const cell& c : rows_[i].cells) line += c.text;
            line.erase(line.find_last_not_of(' ') + 1);
            all.push_back(std::move(line));
        }
        while (!all.empty() && all.back().empty()) all.pop_back();
        return all;
    }

    bool coloured() const noexcept { return coloured_; }
    std::size_t row() const noexcept { return row_; }
    std::size_t column() const noexcept { return column_; }

private:
    struct cell {
        std::string text = " "; // empty: the right half of the one before
        std::size_t width = 1;
    };
    struct row_of_cells {
        std::vector<cell> cells{};
        bool runs_on = false; // in the next row
    };

    row_of_cells& current() {
        if (rows_.size() <= row_) rows_.resize(row_ + 1);
        return rows_[row_];
    }

    void put(char32_t c, std::string_view bytes) {
        if (c == '\r') {
            column_ = 0;
            wrap_pending_ = false;
        } else if (c == '\n') { // as the terminal's driver has it: to the first column
            line_feed();
            column_ = 0;
        } else if (c < 0x20 || (c >= 0x7F && c < 0xA0)) {
            throw std::runtime_error("control character " + std::to_string(c));
        } else {
            print(telltale::detail::columns_of(c), bytes);
        }
    }

    void print(std::size_t width, std::string_view bytes) {
        if (width == 0) {
            auto& cells = current().cells;
            if (column_ > 0 && column_ <= cells.size()) cells[column_ - 1].text += bytes;
            return;
        }
        if (wrap_pending_ || column_ + width > width_) {
            if (wraps_) {
                current().runs_on = true;
                line_feed();
                column_ = 0;
            } else {
                column_ = width_ - width;
                wrap_pending_ = false;
            }
        }
        auto& cells = current().cells;
        if (cells.size() < column_ + width) cells.resize(column_ + width);
        cells[column_] = {std::string(bytes), width};
        if (width == 2) cells[column_ + 1] = {"", 0};
        column_ += width;
        if (column_ >= width_) {
            column_ = width_ - 1;
            wrap_pending_ = true;
        }
    }

    void line_feed() {
        wrap_pending_ = false;
        current();
        ++row_;
        current();
        if (row_ - top_ >= height_) ++top_;
    }

    std::size_t escape(std::string_view text) {
        const std::size_t end = text.find_first_not_of("0123456789;?", 2);
        if (text.size() < 3 || text[1] != '[' || end == std::string_view::npos) throw std::runtime_error("escape");
        const std::string argument(text.substr(2, end - 2));
        switch (text[end]) {
        case 'A': {
            const std::size_t up = std::stoul(argument);
            row_ -= std::min(up, row_ - top_);
            wrap_pending_ = false;
            break;
        }
        case 'B':
            row_ += std::min(argument.empty() ? 1 : std::stoul(argument), top_ + height_ - 1 - row_);
            current();
            wrap_pending_ = false;
            break;
        case 'J':
            if (!argument.empty()) throw std::runtime_error("erase " + argument);
            if (row_ == top_ && column_ == 0) { // as tmux: what was on the whole screen can be scrolled back to
                row_ = top_ = used_rows();
            }
            erase_line();
            rows_.resize(row_ + 1);
            break;
        case 'K':
            if (!argument.empty()) throw std::runtime_error("erase " + argument);
            erase_line();
            break;
        case 'm': coloured_ = true; break;
        case 'h':
        case 'l':
            if (argument != "?7") throw std::runtime_error("mode " + argument);
            wraps_ = text[end] == 'h';
            break;
        default: throw std::runtime_error("escape " + std::string(1, text[end]));
        }
        return end + 1;
    }

    void erase_line() {
        auto& l = current();
        if (l.cells.size() > column_) l.cells.resize(column_);
        l.runs_on = false;
    }

    std::size_t used_rows() const {
        std::size_t n = rows_.size();
        while (n > 0 && rows_[n - 1].cells.empty()) --n;
        return n;
    }

    void truncate(std::size_t width) {
        for (row_of_cells& l : rows_)
            if (l.cells.size() > width) l.cells.resize(width);
        column_ = std::min(column_, width - 1);
    }

    void reflow(std::size_t width) {
        std::vector<row_of_cells> rows;
        std::size_t row = 0;
        std::size_t column = 0;
        current();
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            if (i == 0 || !rows_[i - 1].runs_on) rows.emplace_back();
            for (std::size_t c = 0; c <= rows_[i].cells.size(); ++c) {
                const bool here = i == row_ && c == std::min(column_, rows_[i].cells.size());
                if (c < rows_[i].cells.size()) {
                    const cell& x = rows_[i].cells[c];
                    if (rows.back().cells.size() + x.width > width) {
                        rows.back().runs_on = true;
                        rows.emplace_back();
                    }
                    rows.back().cells.push_back(x);
                }
                if (here) {
                    row = rows.size() - 1;
                    column = std::min(rows.back().cells.size() - (c < rows_[i].cells.size() ? 1 : 0), width - 1);
                }
            }
        }
        rows_ = std::move(rows);
        row_ = row;
        column_ = column;
    }

    std::size_t width_;
    std::size_t height_;
    bool reflows_;
    std::vector<row_of_cells> rows_;
    std::size_t top_ = 0;
    std::size_t row_ = 0; // from the very first
    std::size_t column_ = 0;
    bool wrap_pending_ = false;
    bool wraps_ = true;
    bool coloured_ = false;
};

} // namespace telltale_test

#endif // TELLTALE_TESTS_TERMINAL_EMULATOR_HPP
