// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef CONTROL_ROOM_COMMON_HPP
#define CONTROL_ROOM_COMMON_HPP

#include <CLI/CLI.hpp>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace control_room {

/// Writes a file so that whoever reads it sees all of it or nothing.
inline void write_file(const std::filesystem::path& path, const std::string& content) {
    std::filesystem::path part = path;
    part += ".part";
    {
        std::ofstream out(part, std::ios::binary);
        out << content;
        out.close();
        if (!out) throw std::runtime_error("cannot write " + part.string());
    }
    std::filesystem::rename(part, path);
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(in)), {});
    if (!in) throw std::runtime_error("cannot read " + path.string());
    return content;
}

/// For whoever started a program with --port 0: the port in a file.
inline void write_port_file(const std::string& path, std::uint16_t port) {
    if (!path.empty()) write_file(path, std::to_string(port) + "\n");
}

/// Parses the arguments and runs the program. Exit codes: what run() says; 1: it failed; 2: wrong arguments.
template <class Options, class Run>
int run_program(CLI::App& app, int argc, char** argv, const Options& options, Run run) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : 2;
    }
    try {
        return run(options);
    } catch (const std::exception& e) {
        std::cerr << app.get_name() << ": " << e.what() << '\n';
        return 1;
    }
}

} // namespace control_room

#endif // CONTROL_ROOM_COMMON_HPP
