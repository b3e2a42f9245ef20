// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_REDACTION_HPP
#define TELLTALE_CORE_REDACTION_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What stands where a secret was.
inline constexpr std::string_view redaction_mark = "***";

/// Whether the name of a header or of a parameter looks as if its value were a secret: "Authorization", "Cookie",
/// "X-API-Key", "PRIVATE-TOKEN", "sig" and the like. Rather one too many.
inline bool is_secret_name(std::string_view name) {
    constexpr std::array whole{"key", "sig", "sas", "code", "pwd", "pass", "jwt", "otp", "pin"};
    constexpr std::array part{"auth",    "token",  "secret", "passw",     "passphrase", "credential", "signature",
                              "session", "cookie", "apikey", "accesskey", "privatekey", "userkey",    "bearer"};
    if (name.size() > 4 && (name.ends_with("-key") || name.ends_with("-Key") || name.ends_with("_key"))) return true;
    std::string bare; // small letters, without what joins words
    bare.reserve(name.size());
    for (const char c : name) {
        if (c >= 'A' && c <= 'Z')
            bare += static_cast<char>(c - 'A' + 'a');
        else if (c != '-' && c != '_' && c != '.')
            bare += c;
    }
    return std::find(whole.begin(), whole.end(), bare) != whole.end() ||
           std::any_of(part.begin(), part.end(), [&](const char* p) { return bare.find(p) != std::string::npos; });
}

/// A URL for people and logs: without user and password, without a fragment, and with `***` for the value of each
/// parameter of the query whose name is_secret_name().
inline std::string redacted_url(std::string_view url) {
    std::string out;
    if (const auto scheme = url.find("//"); scheme != std::string_view::npos && scheme <= url.find_first_of("/?#")) {
        const auto begin = scheme + 2;
        const auto end = std::min(url.find_first_of("/?#", begin), url.size());
        const auto authority = url.substr(begin, end - begin);
        auto at = authority.rfind('@');
        // A password with a slash in it: what ends at the slash is no host and port.
        const auto port = authority.substr(std::min(authority.find(':'), authority.size()));
        if (at == std::string_view::npos && !authority.starts_with('[') &&
            port.find_first_not_of("0123456789", 1) != std::string_view::npos)
            at = url.substr(begin).rfind('@');
        out.append(url.substr(0, begin));
        url.remove_prefix(begin + (at == std::string_view::npos ? 0 : at + 1));
    }
    url = url.substr(0, url.find('#'));
    const std::size_t question = std::min(url.find('?'), url.size());
    const std::string_view before = url.substr(0, question);
    out.append(before);
    std::string_view rest = url.substr(question);
    while (!rest.empty()) {
        out += rest.front(); // ? & ;
        rest.remove_prefix(1);
        const std::size_t end = std::min(rest.find_first_of("&;"), rest.size());
        const std::string_view parameter = rest.substr(0, end);
        rest.remove_prefix(end);
        const std::size_t equals = parameter.find('=');
        const std::string_view name = parameter.substr(0, equals);
        // What is written as %XX may hide a name.
        const bool secret = is_secret_name(name) || name.find('%') != std::string_view::npos;
        if (equals == std::string_view::npos || !secret)
            out.append(parameter);
        else
            out.append(name).append("=").append(redaction_mark);
    }
    return out;
}

/// The text with `***` for each place at which a secret stands. Secrets of fewer than 4 characters are left, for they
/// would be found everywhere.
inline std::string redacted(std::string text, std::string_view secret) {
    if (secret.size() < 4) return text;
    for (std::size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + redaction_mark.size()))
        text.replace(at, secret.size(), redaction_mark);
    return text;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_REDACTION_HPP
