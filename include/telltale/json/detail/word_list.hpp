// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_WORD_LIST_HPP
#define TELLTALE_JSON_DETAIL_WORD_LIST_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// The words of an answer; there is hardly ever more than one.
class word_list {
public:
    void push_back(std::string_view word) {
        if (size_ == 0)
            first_ = word;
        else
            more_.push_back(word);
        ++size_;
    }

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    std::string_view front() const noexcept { return first_; }
    std::string_view operator[](std::size_t i) const { return i == 0 ? first_ : more_[i - 1]; }

    /// Takes all but the first away.
    std::vector<std::string_view> take_more() {
        size_ = 1;
        return std::exchange(more_, {});
    }

    template <class Predicate>
    bool any_of(Predicate f) const {
        return size_ > 0 && (f(first_) || std::any_of(more_.begin(), more_.end(), f));
    }

private:
    std::string_view first_{};
    std::vector<std::string_view> more_{};
    std::size_t size_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_WORD_LIST_HPP
