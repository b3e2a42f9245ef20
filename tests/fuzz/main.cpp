// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Runs a fuzz target without libFuzzer: every file of a corpus, every beginning of it, and mutations of it, always the
// same ones. Usage: fuzz_x CORPUS_FOLDER [MUTATIONS_PER_FILE]

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void feed(const std::string& input) {
    // A copy of just this size: a sanitizer sees a read past the end.
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string mutated(std::string text, std::mt19937& random) {
    for (auto n = 1 + random() % 4; n > 0; --n) {
        const std::size_t at = text.empty() ? 0 : random() % text.size();
        switch (random() % 5) {
        case 0: text.insert(at, 1, static_cast<char>(random() % 256)); break;
        case 1: text.insert(at, 1, "{}[]\",:\\0123456789.-eE~/\n"[random() % 25]); break;
        case 2:
            if (!text.empty()) text[at] = static_cast<char>(random() % 256);
            break;
        case 3: text.erase(at, 1 + random() % 8); break;
        default: text.insert(at, text.substr(text.empty() ? 0 : random() % text.size(), 1 + random() % 16)); break;
        }
    }
    return text;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: fuzz_x CORPUS_FOLDER [MUTATIONS_PER_FILE]\n", stderr);
        return 2;
    }
    const long mutations = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 2000;
    std::mt19937 random(1);
    long inputs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        for (std::size_t size = 0; size <= text.size(); ++size, ++inputs) feed(text.substr(0, size));
        for (long i = 0; i < mutations; ++i, ++inputs) feed(mutated(text, random));
    }
    std::printf("%ld inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
