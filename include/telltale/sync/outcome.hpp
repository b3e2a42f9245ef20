// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_OUTCOME_HPP
#define TELLTALE_SYNC_OUTCOME_HPP

#include <telltale/version.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace telltale::inline TELLTALE_ABI {

/// How one of several coroutines ended: with a value, or with an exception. What result_group, when_all_settled and
/// when_any hand out, so that neither is lost.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
template <class T>
struct outcome {
    /// T, or std::monostate for void.
    using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    std::size_t index = 0;           ///< which one: its place in the range or pack, or what spawn() returned
    std::optional<value_type> value; ///< empty if it ended with an exception
    std::exception_ptr error;        ///< null if it ended with a value
    bool cancelled = false; ///< it was asked to stop, and did: `error` is operation_aborted. Also if it never began.

    /// Whether it ended with a value.
    explicit operator bool() const noexcept { return value.has_value(); }

    /// Moves the value out, or throws the exception.
    T take() {
        if (error) std::rethrow_exception(error);
        if constexpr (!std::is_void_v<T>) return std::move(*value);
    }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_OUTCOME_HPP
