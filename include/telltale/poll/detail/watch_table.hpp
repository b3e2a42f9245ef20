// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_WATCH_TABLE_HPP
#define TELLTALE_POLL_DETAIL_WATCH_TABLE_HPP

#include <telltale/version.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Entries that have an id (`std::string_view id() const`), found by it, each with a small number that is its own as long as
/// it is in the table. Entries stay where they are. The index costs 5 to 11 bytes for each.
template <class Entry>
class watch_table {
public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    watch_table() = default;
    watch_table(const watch_table&) = delete;
    watch_table& operator=(const watch_table&) = delete;
    ~watch_table() { clear(); }

    std::size_t size() const noexcept { return size_; }

    Entry& operator[](std::uint32_t number) noexcept { return *place(number); }
    const Entry& operator[](std::uint32_t number) const noexcept { return *place(number); }

    bool has(std::uint32_t number) const noexcept { return number < next_ && live_[number]; }

    /// Its number, or none.
    std::uint32_t find(std::string_view id) const noexcept {
        if (slots_.empty()) return none;
        for (std::size_t at = home(id);; at = next(at)) {
            if (slots_[at] == none) return none;
            if (place(slots_[at])->id() == id) return slots_[at];
        }
    }

    /// Adds an entry, whose id must not be in the table.
    template <class... Arguments>
    std::uint32_t emplace(Arguments&&... arguments) {
        if ((size_ + 1) * 8 > slots_.size() * 7) grow();
        if (free_.empty() && next_ == blocks_.size() * block_size) blocks_.push_back(std::make_unique<block>());
        const std::uint32_t number = free_.empty() ? next_ : free_.back();
        if (number == live_.size()) live_.push_back(false);
        ::new (static_cast<void*>(place(number))) Entry(std::forward<Arguments>(arguments)...);
        if (free_.empty())
            ++next_;
        else
            free_.pop_back();
        live_[number] = true;
        put(number);
        ++size_;
        return number;
    }

    void erase(std::uint32_t number) noexcept {
        std::size_t hole = home(place(number)->id());
        while (slots_[hole] != number) hole = next(hole);
        // Whoever stands further on than where it belongs may stand before the hole no longer.
        for (std::size_t at = next(hole); slots_[at] != none; at = next(at)) {
            const std::size_t wanted = home(place(slots_[at])->id());
            const bool stays = hole <= at ? hole < wanted && wanted <= at : hole < wanted || wanted <= at;
            if (stays) continue;
            slots_[hole] = slots_[at];
            hole = at;
        }
        slots_[hole] = none;
        std::destroy_at(place(number));
        live_[number] = false;
        --size_;
        free_.push_back(number);
    }

    /// Calls f(number, entry) with each.
    template <class F>
    void each(F&& f) {
        for (const auto number : slots_)
            if (number != none) f(number, *place(number));
    }
    template <class F>
    void each(F&& f) const {
        for (const auto number : slots_)
            if (number != none) f(number, std::as_const(*place(number)));
    }

    void clear() noexcept {
        each([](std::uint32_t, Entry& e) { std::destroy_at(&e); });
        slots_.clear();
        blocks_.clear();
        free_.clear();
        live_.clear();
        next_ = 0;
        size_ = 0;
    }

private:
    static constexpr std::size_t block_size = 256;
    struct alignas(64) block { // of whole cache lines
        alignas(Entry) std::byte bytes[block_size * sizeof(Entry)];
    };

    Entry* place(std::uint32_t number) const noexcept {
        std::byte* const at = blocks_[number / block_size]->bytes + number % block_size * sizeof(Entry);
        return std::launder(reinterpret_cast<Entry*>(at));
    }

    std::size_t home(std::string_view id) const noexcept {
        // The hash of the standard library may be the identity of something short: spread.
        const auto h = static_cast<std::uint64_t>(std::hash<std::string_view>{}(id)) * 0x9E3779B97F4A7C15U;
        return static_cast<std::size_t>(h >> 32U) & (slots_.size() - 1);
    }
    std::size_t next(std::size_t at) const noexcept { return (at + 1) & (slots_.size() - 1); }

    void put(std::uint32_t number) noexcept {
        std::size_t at = home(place(number)->id());
        while (slots_[at] != none) at = next(at);
        slots_[at] = number;
    }

    void grow() {
        std::vector<std::uint32_t> before(slots_.empty() ? 16 : slots_.size() * 2, none);
        before.swap(slots_);
        for (const auto number : before)
            if (number != none) put(number);
    }

    std::vector<std::unique_ptr<block>> blocks_{};
    std::vector<std::uint32_t> slots_{}; // numbers, by the hashes of the ids; a power of two
    std::vector<std::uint32_t> free_{};
    std::vector<bool> live_{};
    std::uint32_t next_ = 0; // numbers from here on were never used
    std::size_t size_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_WATCH_TABLE_HPP
