// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef CONTROL_ROOM_PLAN_HPP
#define CONTROL_ROOM_PLAN_HPP

#include "hashing.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace control_room {

/// A job that is to be: which files to hash, and how long that may take.
struct planned_job {
    std::string name;
    file_list files; ///< without paths: it waits until somebody cancels it
    std::optional<std::chrono::seconds> limit{};
};

/// The folders in the roots, the `count` largest of them (0: all), by root and name. A root without folders is one itself.
inline std::vector<planned_job> plan_folders(const std::vector<std::string>& roots, std::size_t count) {
    namespace fs = std::filesystem;
    std::vector<planned_job> plan;
    for (const auto& given : roots) {
        const fs::path root = fs::weakly_canonical(given);
        if (!fs::is_directory(root)) throw std::runtime_error("--root " + given + " is not a folder");
        std::vector<fs::path> folders;
        for (const auto& entry : fs::directory_iterator(root, fs::directory_options::skip_permission_denied))
            if (entry.is_directory() && !entry.is_symlink()) folders.push_back(entry.path());
        if (folders.empty()) folders.push_back(root);
        std::sort(folders.begin(), folders.end());
        for (const auto& folder : folders)
            plan.push_back({(folder.parent_path().filename() / folder.filename()).string(), list_files(folder), {}});
    }
    if (count == 0 || plan.size() <= count) return plan;
    std::vector<std::uint64_t> sizes;
    for (const auto& job : plan) sizes.push_back(job.files.total_bytes.value_or(0));
    std::nth_element(sizes.begin(), sizes.begin() + static_cast<std::ptrdiff_t>(count - 1), sizes.end(),
                     std::greater<>());
    const std::uint64_t least = sizes[count - 1];
    std::erase_if(plan, [&](const planned_job& job) { return job.files.total_bytes.value_or(0) < least; });
    plan.resize(std::min(plan.size(), count));
    return plan;
}

/// Among the others, three jobs that do not end well, each in a way of its own.
inline std::vector<planned_job> with_trouble(std::vector<planned_job> plan, std::chrono::seconds limit) {
    std::vector<planned_job> trouble;
    trouble.push_back({"a file that cannot be read", list_files("/proc/self/mem"), {}});
    trouble.push_back({"a file without an end", list_files("/dev/zero"), limit});
    trouble.push_back({"waits to be cancelled", {}, {}});
    for (std::size_t i = 0; i < trouble.size(); ++i)
        plan.insert(plan.begin() + static_cast<std::ptrdiff_t>(std::min(2 + 3 * i, plan.size())),
                    std::move(trouble[i]));
    return plan;
}

} // namespace control_room

#endif // CONTROL_ROOM_PLAN_HPP
